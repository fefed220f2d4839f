package std_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/ir"
)

func TestATinyGPTLearnsToSortInSeconds(t *testing.T) {
	if racetest.Enabled {
		t.Skip("some two hundred steps of a transformer: too many under the race detector")
	}
	p, err := flowrun.Load("../../graphs/tiny_gpt.yaml")
	require.NoError(t, err)
	s, err := p.Start(context.Background())
	require.NoError(t, err)
	defer s.Close()
	summary, err := s.Run(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, "until", summary.Stopped)
	require.LessOrEqual(t, summary.Steps, int64(600))
	require.GreaterOrEqual(t, summary.Metrics[1], 0.99)

	// Sequences that it hasn't seen: there are a million, and it saw 8,000.
	const batch, length = 32, 6
	random := rand.New(rand.NewPCG(1, 2))
	var ids, sorted []int64
	for range batch {
		given := make([]int64, length)
		for i := range given {
			given[i] = random.Int64N(10)
		}
		ids = append(ids, given...)
		slices.Sort(given)
		ids = append(ids, given[:length-1]...)
		sorted = append(sorted, given...)
	}
	weights, err := s.Weights()
	require.NoError(t, err)
	out, err := p.Infer(context.Background(),
		map[string]*flowrun.Tensor{"ids": ir.FromInt64(flowrun.I32, flowrun.Shape{batch, 2*length - 1}, ids)}, flowrun.WithWeights(weights))
	require.NoError(t, err)
	logits, right := out["logits"].Float32s(), 0
	for i, want := range sorted {
		at := ((i/length)*(2*length-1) + length - 1 + i%length) * 10
		row := logits[at : at+10]
		if int64(slices.Index(row, slices.Max(row))) == want {
			right++
		}
	}
	require.GreaterOrEqual(t, right, batch*length*95/100)
}

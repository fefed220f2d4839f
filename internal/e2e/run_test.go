package e2e_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/ir"
)

const mathNet = "../../graphs/math_net.yaml"

// trained runs a spec to its end and returns its summary and what it learned. Under the
// race detector it ends early.
func trained(t *testing.T, load []flowrun.LoadOption, start ...flowrun.StartOption) (flowrun.Summary, map[string]*flowrun.Tensor, flowrun.Stats) {
	p, err := flowrun.Load(mathNet, load...)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), start...)
	require.NoError(t, err)
	defer s.Close()
	var options []flowrun.RunOption
	if racetest.Enabled {
		options = append(options, flowrun.MaxSteps(3000))
	}
	summary, err := s.Run(context.Background(), options...)
	require.NoError(t, err)
	weights, err := s.Weights()
	require.NoError(t, err)
	return summary, weights.Tensors, s.Stats()
}

func TestTenSeedsConverge(t *testing.T) {
	if racetest.Enabled {
		t.Skip("half a million steps: too many under the race detector")
	}
	for seed := range int64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			summary, _, _ := trained(t, []flowrun.LoadOption{flowrun.WithSeed(seed)})
			require.EqualValues(t, "until", summary.Stopped)
			require.GreaterOrEqual(t, summary.Steps, int64(20_000))
			require.LessOrEqual(t, summary.Steps, int64(120_000))
			loss, accuracy := summary.Metrics[0], summary.Metrics[1]
			require.GreaterOrEqual(t, loss, 0.01)
			require.LessOrEqual(t, loss, 0.03)
			require.GreaterOrEqual(t, accuracy, 0.995)
		})
	}
}

func TestTheSameSpecSeedAndDeviceGiveTheSameBits(t *testing.T) {
	a, aw, _ := trained(t, nil)
	b, bw, _ := trained(t, nil)
	require.Equal(t, a.Steps, b.Steps)
	require.Equal(t, a.Metrics, b.Metrics)
	require.Equal(t, aw, bw)
}

// sim runs the CPU's kernels, so it has the CPU's bits; only the memory differs.
func TestPlacementIsBitExact(t *testing.T) {
	want, weights, _ := trained(t, nil)
	for name, options := range map[string][]flowrun.StartOption{
		"all on sim":                  {flowrun.On("sim")},
		"weights at home on the host": {flowrun.On("sim"), flowrun.Place("*.weight", "cpu")},
		"one layer elsewhere":         {flowrun.Place("h2", "sim:0"), flowrun.Place("h2.weight", "sim:1")},
	} {
		t.Run(name, func(t *testing.T) {
			got, learned, _ := trained(t, nil, options...)
			require.Equal(t, want.Steps, got.Steps)
			require.Equal(t, want.Metrics, got.Metrics)
			require.Equal(t, weights, learned)
		})
	}
}

func TestARunStopsAtTheExactStepAtWhichItsConditionHolds(t *testing.T) {
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	s, err := p.Start(context.Background())
	require.NoError(t, err)
	defer s.Close()
	if racetest.Enabled {
		t.Skip("a whole run: too long under the race detector")
	}
	held := int64(0)
	summary, err := s.Run(context.Background(), flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
		if held == 0 && r.Step >= 1000 && r.Metrics[1] >= 0.995 {
			held = r.Step
		}
		return nil
	}}))
	require.NoError(t, err)
	require.Equal(t, held, summary.Steps)
	step, err := s.Get("step")
	require.NoError(t, err)
	require.Equal(t, held, step.Int(0))
}

func TestAnInterruptedRunEndsWithItsSummary(t *testing.T) {
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	s, err := p.Start(ctx)
	require.NoError(t, err)
	defer s.Close()
	summary, err := s.Run(ctx, flowrun.Observe(flowrun.Observer{Every: 500, Observe: func(r flowrun.Record) error {
		cancel()
		return nil
	}}))
	require.NoError(t, err)
	require.EqualValues(t, "interrupted", summary.Stopped)
	require.EqualValues(t, 500, summary.Steps)
}

func TestASavedModelGivesTheSameOutputs(t *testing.T) {
	if racetest.Enabled {
		t.Skip("a whole run: too long under the race detector")
	}
	file := t.TempDir() + "/w.safetensors"
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	s, err := p.Start(context.Background())
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(context.Background())
	require.NoError(t, err)
	require.NoError(t, s.SaveWeights(file))
	weights, err := flowrun.ReadTensors(file)
	require.NoError(t, err)

	right := 0
	for a := range 16 {
		for b := range 16 {
			x := make([]float32, 8)
			for i := range 4 {
				x[i], x[4+i] = float32(a>>i&1), float32(b>>i&1)
			}
			out, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{1, 8}, x)},
				flowrun.WithWeights(flowrun.Weights{Tensors: weights}))
			require.NoError(t, err)
			for i, v := range out["sum_bits"].Float32s() {
				if (v > 0.5) == ((a+b)>>i&1 == 1) {
					right++
				}
			}
		}
	}
	require.Greater(t, float64(right)/(16*16*5), 0.98)
}

func TestALayerIsPlacedWithItsGradient(t *testing.T) {
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.Place("h2", "sim:0"))
	require.NoError(t, err)
	defer s.Close()
	ops := map[string]int{}
	for _, n := range s.Plan().Graph.Nodes {
		if n.Space != 0 {
			ops[n.Op.Name]++
		}
	}
	// The product and its two gradients; its operands and the gradient's are copied in.
	require.Equal(t, 3, ops["matmul"], "%v", ops)
	require.Positive(t, ops["copy"])
}

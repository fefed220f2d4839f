package flowrun_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

func TestTrainingTakesTheMemoryThatIsPlanned(t *testing.T) {
	p, err := flowrun.Load("graphs/math_net.yaml")
	require.NoError(t, err)
	needs, err := p.TrainingMemory("cpu", 0)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	require.Len(t, needs, 1)
	require.Equal(t, "cpu", needs[0].Device)
	require.Equal(t, s.Stats().PeakBytes, needs[0].Bytes)

	_, err = p.TrainingMemory("cpu", 7)
	require.ErrorIs(t, err, flowrun.ErrGeneratedBatches)
}

func TestLargerBatchesNeedMoreMemory(t *testing.T) {
	p, err := flowrun.Load("graphs/autoencoder.yaml")
	require.NoError(t, err)
	at := func(batch int64) int64 {
		needs, err := p.TrainingMemory("cpu", batch)
		require.NoError(t, err)
		return needs[0].Bytes
	}
	require.Equal(t, at(0), at(64), "the spec's size")
	// What a batch adds is nearly proportional to its size.
	require.InEpsilon(t, 10, float64(at(100_000)-at(0))/float64(at(10_000)-at(0)), 0.05)
}

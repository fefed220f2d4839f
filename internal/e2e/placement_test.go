package e2e_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/explain"
)

func TestAutoRunsASmallProgramOnTheCPU(t *testing.T) {
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	for _, options := range [][]flowrun.StartOption{nil, {flowrun.On("auto")}} {
		s, err := p.Start(context.Background(), options...)
		require.NoError(t, err)
		require.Equal(t, "cpu", s.Device())
		require.Len(t, s.Plan().Targets, 1)
		require.NoError(t, s.Close())
	}
	var text bytes.Buffer
	require.NoError(t, p.Explain(&text, flowrun.ExplainOptions{}))
	require.Contains(t, text.String(), "auto chose cpu: ")
}

// With the weights on the host, each step copies each weight to the device and its update
// back.
func TestWeightsPinnedToTheHostAreCopiedAtEachStep(t *testing.T) {
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("sim"), flowrun.Place("*.weight", "cpu"), flowrun.Place("optimizer.*", "sim:0"))
	require.NoError(t, err)
	defer s.Close()
	const weights = 4 * (8*16 + 16*16 + 16*5)
	up, down := int64(0), int64(0)
	for _, c := range explain.Of(s.Plan()).Crossings {
		switch c.What {
		case "weights":
			up += c.Bytes
		case "updates":
			down += c.Bytes
		}
	}
	require.EqualValues(t, weights, down)
	require.EqualValues(t, weights, up)

	const steps = 10
	require.NoError(t, s.Step(context.Background()))
	before := s.Stats()
	for range steps {
		require.NoError(t, s.Step(context.Background()))
	}
	var crossed int64
	for _, c := range explain.Of(s.Plan()).Crossings {
		crossed += steps * c.Bytes
	}
	require.Equal(t, 1, s.Plan().Graph.State(ir.StoppedState).Home)
	crossed += steps * int64(ir.Bool.Size()) // Step reads whether the run has ended
	after := s.Stats()
	require.Equal(t, crossed, after.HostToDevice.Bytes+after.DeviceToHost.Bytes-before.HostToDevice.Bytes-before.DeviceToHost.Bytes)
}

func TestTheUpdateOfAWeightIsComputedOnItsLayersDevice(t *testing.T) {
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("cpu"), flowrun.Place("h2*", "sim:0"))
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, 1, s.Plan().Graph.State("h2.weight").Home)
	require.Equal(t, 1, s.Plan().Graph.State("h2.weight").Next.Space)
	require.Equal(t, 0, s.Plan().Graph.State("h1.weight").Home)
	for _, c := range explain.Of(s.Plan()).Crossings {
		require.Equal(t, "values", c.What, "no weight crosses: %v", c)
		require.Less(t, c.Bytes, int64(16*16*4), "nor its gradient: %v", c)
	}
}

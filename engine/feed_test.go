package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// A step sees the input that was written before it, and the states that the last one left,
// also after somebody else has set them.
func TestAFeedsStepsSeeTheirInputs(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		b := newBuilder()
		x := b.state("x", ir.InputState, ir.NewTensor(ir.Scalar(ir.F32)))
		sum := b.state("home.sum", ir.BufferState, scalar(0))
		out := b.state("out", ir.MetricState, scalar(0))
		sum.Next = b.op("add", sum.Read, x.Read)
		out.Next = b.op("add", b.op("mul", x.Read, 2.0), sum.Read)
		s := start(t, b.program(t), devices, lo, engine.Options{})
		f, err := s.Feed("out", "x")
		require.NoError(t, err)
		before := 0.0
		for i := range 20 {
			if i == 10 {
				before = -3
				require.NoError(t, s.Set("home.sum", scalar(-3)))
			}
			in := float64(i*i%7 + 1)
			f.Input(0).SetFloat(0, in)
			require.NoError(t, f.Step(ctx))
			require.Equal(t, 2*in+before, f.Output().Float(0), "step %d", i)
			before += in
			require.EqualValues(t, before, number(t, s, "home.sum"))
		}
		_, err = s.Feed("out", "home.sum")
		require.EqualError(t, err, "engine: there is no input home.sum")
		_, err = s.Feed("none", "x")
		require.EqualError(t, err, "engine: there is no state none")
		require.NoError(t, s.Close())
		require.ErrorIs(t, f.Step(ctx), engine.ErrClosed)
	})
}

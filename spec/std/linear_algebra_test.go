package std_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// Singular matrices and those that aren't positive definite give NaN, and nothing in the
// matrices beside them. The factors of QR have the signs that LAPACK gives them.
func TestMatricesWithoutAResultAreNaN(t *testing.T) {
	x := ir.FromFloat64(ir.F64, ir.Shape{2, 2, 2}, []float64{4, 2, 2, 10, 1, 2, 2, 4})
	b := ir.FromFloat64(ir.F64, ir.Shape{2}, []float64{8, 22})
	zero := ir.FromFloat64(ir.F64, ir.Shape{2, 2}, []float64{0, 1, 1, 1})
	got := evaluated(t, "cpu", map[string]*flowrun.Tensor{"x": x, "b": b, "zero": zero},
		"l: cholesky(x)", "s: solve(x, b)", "u: triangular_solve(zero, reshape(b, [2, 1]), false)",
		"indefinite: cholesky(-x)", "q: qr(slice(x, 0, 0, 1)).q", "r: qr(slice(x, 0, 0, 1)).r")
	nan := math.NaN()
	for name, want := range map[string][]float64{"l": {2, 0, 1, 3, nan, nan, nan, nan}, "s": {1, 2, nan, nan}, "u": {nan, nan},
		"indefinite": {nan, nan, nan, nan, nan, nan, nan, nan}} {
		for i, w := range want {
			if g := got[name].Float(i); math.IsNaN(w) {
				require.True(t, math.IsNaN(g), "%s: element %d is %v", name, i, g)
			} else {
				require.InDelta(t, w, g, 1e-14, "%s: element %d", name, i)
			}
		}
	}
	root := math.Sqrt(20)
	requireNear(t, []float64{-4 / root, -2 / root, -2 / root, 4 / root}, got["q"], 1e-15)
	requireNear(t, []float64{-root, -28 / root, 0, 36 / root}, got["r"], 1e-14)
}

func TestOpsWithoutAKernelForTheDeviceAreRefusedByName(t *testing.T) {
	runtest.NeedsOpenCL(t)
	parse := func(device string) error {
		p, err := flowrun.Parse("l.yaml", []byte("flowrun: 1\nmodel:\n  inputs: {x: \"f32[2, 2]\"}\n  nodes:\n    y: {cholesky: x"+device+"}\n    z: exp(y)\n  outputs: [z]\n"))
		require.NoError(t, err)
		_, err = p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": ir.FromFloat64(ir.F32, ir.Shape{2, 2}, []float64{1, 0, 0, 1})}, flowrun.On("opencl"))
		return err
	}
	err := parse("")
	require.ErrorContains(t, err, "l.yaml:5:")
	require.ErrorContains(t, err, "y: cholesky has no kernel on opencl:0: cholesky isn't implemented in opencl")
	require.NoError(t, parse(", device: cpu"))
}

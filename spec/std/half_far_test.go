package std_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// far are arguments where 16 bits have lost what a function does: in its tails, beyond f16's
// range of squares and exponentials, and near 0.
var far = []float64{0, 0.001, 0.5, 1, 3, 5.5, 8, 12, 17, 25, 60, 88, 100, 1000, 60000}

// Values and gradients in f16 and bf16 are those of f64, rounded once: an error of half a unit
// in the last place, and what f32 has lost on the way, 2^-18 of the largest value of the row
// (64 units of f32). At mean 1000, norms' values are as near to each other as the dtype holds:
// their sums are exact in f32, sums of their squares aren't, so only a variance of differences
// from the mean is right.
func TestHalfPrecisionIsRightFarOut(t *testing.T) {
	functions := []string{"gelu(x)", "gelu_tanh(x)", "elu(x)", "softplus(x)", "sigmoid(x)", "tanh(x)", "silu(x)", "log_sigmoid(x)", "softmax(x, -1)", "log_softmax(x, -1)"}
	for _, device := range []string{"cpu", "sim", "opencl"} {
		t.Run(device, func(t *testing.T) {
			if device == "opencl" {
				runtest.NeedsOpenCL(t)
			}
			for _, d := range halves {
				x := ir.NewArray(ir.Type{DType: d, Shape: ir.Shape{2, len(far)}})
				for i, v := range far {
					x.F[i], x.F[len(far)+i] = v, -v
				}
				requireRight(t, device, d, map[string]*ir.Array{"x": x}, functions...)
				normsAt1000(t, device, d)
				attentionAt12800(t, device, d)
			}
		})
	}
}

func normsAt1000(t *testing.T, device string, d flowrun.DType) {
	x := ir.NewArray(ir.Type{DType: d, Shape: ir.Shape{4, 16}})
	w, b := ir.NewArray(ir.Type{DType: d, Shape: ir.Shape{16}}), ir.NewArray(ir.Type{DType: d, Shape: ir.Shape{16}})
	apart := map[flowrun.DType]float64{ir.F16: 0.5, ir.BF16: 8}[d] // which they are at 1000, or at 1024
	for i := range x.F {
		x.F[i] = 1000 + apart*float64(i*i%13)
	}
	for i := range w.F {
		w.F[i], b.F[i] = 1+float64(i%4)/4, float64(i%3)/2
	}
	inputs := map[string]*ir.Array{"x": x, "w": w, "b": b}
	requireRight(t, device, d, inputs, "layer_norm(x, w, b)")
	requireRight(t, device, d, map[string]*ir.Array{"x": x, "w": w}, "rms_norm(x, w)")
	images := &ir.Array{Type: ir.Type{DType: d, Shape: ir.Shape{2, 4, 8}}, F: x.F}
	requireRight(t, device, d, map[string]*ir.Array{"x": images}, "{GroupNorm: x, num_groups: 2}",
		"{InstanceNorm: x, affine: true}", "{BatchNorm: x, track_running_stats: false}")
}

func attentionAt12800(t *testing.T, device string, d flowrun.DType) {
	operand := func(at func(i int) float64) *ir.Array {
		a := ir.NewArray(ir.Type{DType: d, Shape: ir.Shape{1, 4, 4}})
		for i := range a.F {
			a.F[i] = at(i)
		}
		return a
	}
	requireRight(t, device, d, map[string]*ir.Array{
		"q": operand(func(int) float64 { return 80 }),
		"k": operand(func(i int) float64 { return 80 + float64(i/8)/2 }), // two keys of two sizes
		"v": operand(func(i int) float64 { return float64(i%7) / 4 }),
	}, "scaled_dot_product_attention(q, k, v)")
}

// requireRight compares calls, and the gradients of their operands, with f64.
func requireRight(t *testing.T, device string, d flowrun.DType, in map[string]*ir.Array, calls ...string) {
	t.Helper()
	half, exact := map[string]*flowrun.Tensor{}, map[string]*flowrun.Tensor{}
	var nodes []string
	for i, call := range calls {
		nodes = append(nodes, fmt.Sprintf("y%d: %s", i, call))
		if strings.HasPrefix(call, "{") {
			nodes = append(nodes, fmt.Sprintf("w%d: grad(sum(%s), y%[1]d.weight)", i, weighed(in, fmt.Sprintf("y%d", i))))
		}
	}
	for _, name := range []string{"x", "w", "b", "q", "k", "v"} {
		if a := in[name]; a != nil {
			half[name] = a.Tensor()
			exact[name] = rounded(half[name], ir.F64)
			for i := range calls {
				nodes = append(nodes, fmt.Sprintf("%s%d: grad(sum(%s), %[1]s)", name, i, weighed(in, fmt.Sprintf("y%d", i))))
			}
		}
	}
	want, got := evaluated(t, "cpu", exact, nodes...), evaluated(t, device, half, nodes...)
	for name, w := range want {
		unit := map[flowrun.DType]float64{ir.F16: 0x1p-11, ir.BF16: 0x1p-8}[d] // half of one, of 1
		tiny := map[flowrun.DType]float64{ir.F16: 0x1p-25, ir.BF16: 0x1p-134}[d]
		largest := 0.0
		for i := range w.Type.Shape.Numel() {
			if v := math.Abs(ir.ScalarTensor(d, w.Float(i)).Float(0)); !math.IsInf(v, 0) {
				largest = max(largest, v)
			}
		}
		for i := range w.Type.Shape.Numel() {
			once, have := ir.ScalarTensor(d, w.Float(i)).Float(0), got[name].Float(i)
			if once == have {
				continue
			}
			require.InDelta(t, w.Float(i), have, unit*math.Abs(w.Float(i))+0x1p-18*largest+tiny, "%s: %s in %s on %s, element %d", calls, name, d, device, i)
		}
	}
}

// weighed multiplies a call with numbers that 16 bits hold, in its last dim.
func weighed(in map[string]*ir.Array, call string) string {
	d := ir.F16
	n := 0
	for _, x := range in {
		d, n = x.Type.DType, max(n, x.Type.Shape[len(x.Type.Shape)-1])
	}
	return fmt.Sprintf("cast(%s, '%s') * cast(arange(%d) %% 3 + 1, '%[2]s')", call, d.Wide(), n)
}

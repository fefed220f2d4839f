package std_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// parseIn parses a spec that lies in a folder.
func parseIn(t *testing.T, dir, text string) *flowrun.Program {
	t.Helper()
	path := filepath.Join(dir, "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	p, err := flowrun.Load(path)
	require.NoError(t, err, text)
	return p
}

// Every layer, loss and norm, in training, with small numbers and with numbers
// whose squares or sums f16 doesn't hold.
func TestModulesOn16BitsGiveWhatF32GivesRoundedOnce(t *testing.T) {
	for _, c := range moduleCases(t) {
		for _, d := range halves {
			for _, size := range []float64{1, 1000, 30000} {
				if d == ir.BF16 && size == 30000 {
					continue // it has f32's range
				}
				if racetest.Enabled && (d == ir.BF16 || size != 1000) {
					continue // numbers make no difference to races
				}
				t.Run(fmt.Sprintf("%s/%s/%v", c.name, d, size), func(t *testing.T) {
					in := c.tensors(d, size)
					wide, exact := map[string]*flowrun.Tensor{}, map[string]*flowrun.Tensor{}
					for name, x := range in {
						wide[name], exact[name] = rounded(x, ir.F32), rounded(x, ir.F64)
					}
					weights, err := c.start(t, "cpu", d, in, nil, nil).Weights()
					require.NoError(t, err)
					got := c.values(t, "cpu", d, in, weights.Tensors)
					f32 := c.values(t, "cpu", ir.F32, wide, weights.Tensors)
					f64 := c.values(t, "cpu", ir.F64, exact, weights.Tensors)
					for name := range f64 {
						what := fmt.Sprintf("%s of %s in %s", name, c.name, d)
						// Sums of up to 1000 products, each rounded; a sum of squares near the
						// end of f16's range has nothing to do with those of f32 and bf16.
						if size <= 1 || !slices.Contains(gated, c.name) {
							requireWithin(t, f64[name], f32[name], 2e-4, what+" and f32")
						}
						if slices.Contains(layered, c.name) {
							// A rounding for each of a dozen layers, forth and back.
							if size <= 1 {
								requireWithin(t, f64[name], got[name], 24*halfUnit(d), what)
							}
							continue
						}
						requireSame(t, rounded(f32[name], d), got[name], what)
					}
				})
			}
		}
	}
}

// halfUnit is half of the distance from 1 to the next number.
func halfUnit(d flowrun.DType) float64 {
	if d == ir.F16 {
		return 0x1p-11
	}
	return 0x1p-8
}

// requireWithin compares relative to the largest magnitude.
func requireWithin(t *testing.T, want, got *flowrun.Tensor, tolerance float64, what string) {
	t.Helper()
	largest := 0.0
	for i := range want.Type.Shape.Numel() {
		largest = max(largest, math.Abs(want.Float(i)))
	}
	for i := range want.Type.Shape.Numel() {
		if w, g := want.Float(i), got.Float(i); !(math.Abs(w-g) <= tolerance*largest+1e-7) {
			require.Failf(t, "not near", "%s: element %d is %v instead of %v; the largest is %v", what, i, g, w, largest)
		}
	}
}

// Slopes are finite wherever the exact ones are, and near them, for numbers of
// all sizes: f32 as far as f32 goes.
func TestSlopesOfOpsKeepTheirDigitsAtAllSizes(t *testing.T) {
	for _, expr := range []string{"elu(x)", "elu(x, 0.3)", "expm1(x)", "gelu_tanh(x)", "gelu(x)", "silu(x)", "softplus(x)", "sigmoid(x)", "tanh(x)",
		"exp(x)", "erf(x)", "leaky_relu(x)", "relu(x)", "binary_cross_entropy_with_logits(x, ones_like(x), reduction=\"none\")",
		"binary_cross_entropy_with_logits(x, zeros_like(x), reduction=\"none\")"} {
		values := spread(ir.F32)
		values = slices.DeleteFunc(values, func(v float64) bool { return v > 80 && expr[:3] == "exp" }) // beyond f32
		for v := -40.0; v <= 40; v += 0.7 {
			values = append(values, v)
		}
		nodes := []string{"out: " + expr, "g: grad(sum(out), x)"}
		x := ir.FromFloat64(ir.F32, ir.Shape{len(values)}, values)
		got := evaluated(t, "cpu", map[string]*flowrun.Tensor{"x": x}, nodes...)
		want := evaluated(t, "cpu", map[string]*flowrun.Tensor{"x": rounded(x, ir.F64)}, nodes...)
		// And f64's are those of a central difference, whose step h misses by h² times
		// a third derivative of some units, and by the precision over h.
		const h = 1e-5
		moved := func(by float64) *flowrun.Tensor {
			there := ir.NewTensor(ir.Type{DType: ir.F64, Shape: x.Type.Shape})
			for i := range values {
				there.SetFloat(i, x.Float(i)+by)
			}
			return evaluated(t, "cpu", map[string]*flowrun.Tensor{"x": there}, nodes[0])["out"]
		}
		up, down := moved(h), moved(-h)
		for i, at := range values {
			if math.Abs(at) > 2*h && math.Abs(at) < 50 { // no kink at 0
				require.InDelta(t, (up.Float(i)-down.Float(i))/(2*h), want["g"].Float(i), 1e-8*(1+math.Abs(up.Float(i))), "%s at %v", expr, at)
			}
		}
		for name := range want {
			for i, at := range values {
				// gelu and tanh are differences from 1 where they end; their slopes there
				// are as good as that 1.
				w, g := want[name].Float(i), got[name].Float(i)
				allowed := 2e-6*math.Abs(w) + 1e-37
				if expr == "gelu_tanh(x)" || expr == "gelu(x)" || expr == "tanh(x)" || expr == "sigmoid(x)" || expr == "erf(x)" || expr == "silu(x)" {
					allowed += 3e-7 * max(1, min(math.Abs(at), 16))
				}
				require.LessOrEqual(t, math.Abs(w-g), allowed, "%s of %s at %v is %v instead of %v", name, expr, at, g, w)
			}
		}
	}
}

func TestANormOfOneValueIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{BatchNorm: x}":                         "more than one value for each feature",
		"{BatchNorm: x, momentum: nil}":          "more than one value for each feature",
		"{BatchNorm: x, affine: false}":          "more than one value for each feature",
		"{GroupNorm: x, num_groups: 2}":          "more than one value to normalize",
		"{LayerNorm: \"reshape(x, [2, 1])\"}":    "",
		"{GroupNorm: x, num_groups: 1}":          "",
		"{BatchNorm: \"reshape(x, [1, 1, 2])\"}": "",
	} {
		for _, batch := range []int{1, 2} {
			spec := fmt.Sprintf("flowrun: 1\ndata: {d: {generate: {x: \"ones([%d, 2])\"}}}\nmodel:\n  inputs: {x: \"f32[%[1]d, 2]\"}\n"+
				"  nodes: {n: %s}\n  outputs: [n]\ntrain: {data: d, loss: mean(n), optimizer: {SGD: {lr: 0.1}}, max_steps: 1}\n", batch, text)
			if batch == 2 && want == "" {
				continue
			}
			_, err := flowrun.Parse("norm.yaml", []byte(spec))
			if batch == 1 && want != "" {
				require.ErrorContains(t, err, want, text)
			} else {
				require.NoError(t, err, text)
			}
		}
	}
	// In evaluation the running averages stand for the batch's.
	p, err := flowrun.Parse("norm.yaml", []byte("flowrun: 1\nmodel: {inputs: {x: \"f32[1, 2]\"}, nodes: {n: {BatchNorm: x}}, outputs: [n]}\n"))
	require.NoError(t, err)
	out, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{1, 2}, []float32{3, 4})})
	require.NoError(t, err)
	require.InDeltaSlice(t, []float32{3, 4}, out["n"].Float32s(), 1e-4)
	_, err = flowrun.Parse("norm.yaml", []byte("flowrun: 1\nmodel: {inputs: {x: \"f32[1, 2]\"}, nodes: {n: {BatchNorm: x, track_running_stats: false}}, outputs: [n]}\n"))
	require.ErrorContains(t, err, "more than one value for each feature")
}

// A module's result is in the dtype in which its inputs and parameters meet, as
// that of its operations would be.
func TestMixedDTypesOfAWideningModuleMeet(t *testing.T) {
	for _, c := range []struct{ x, dtype, want string }{
		{"f16", "f16", "f16"}, {"bf16", "bf16", "bf16"}, {"f16", "f32", "f32"}, {"f32", "f16", "f32"}, {"f16", "bf16", "f32"}, {"bf16", "f64", "f64"},
	} {
		for _, module := range []string{"{Linear: x, out_features: 2, dtype: %s}", "{GroupNorm: x, num_groups: 1, dtype: %s}", "{BatchNorm: x, dtype: %s}"} {
			p, err := flowrun.Parse("mixed.yaml", []byte(fmt.Sprintf("flowrun: 1\nmodel: {inputs: {x: \"%s[3, 4]\"}, nodes: {y: "+module+"}, outputs: [y]}\n", c.x, c.dtype)))
			require.NoError(t, err)
			d, _ := ir.ParseDType(c.x)
			out, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": ir.NewTensor(ir.Type{DType: d, Shape: ir.Shape{3, 4}})})
			require.NoError(t, err)
			require.Equal(t, c.want, out["y"].Type.DType.String(), "%s of %s with %s", module, c.x, c.dtype)
		}
	}
}

// Other devices' kernels keep to the same: reductions, products and what is fused
// between them.
func TestModulesOn16BitsAreRoundedOnceOnOpenCL(t *testing.T) {
	runtest.NeedsOpenCL(t)
	for _, c := range moduleCases(t) {
		if !slices.Contains([]string{"Linear", "GroupNorm"}, c.name) {
			continue
		}
		in := c.tensors(ir.F16, 1000)
		wide := map[string]*flowrun.Tensor{}
		for name, x := range in {
			wide[name] = rounded(x, ir.F32)
		}
		weights, err := c.start(t, "cpu", ir.F16, in, nil, nil).Weights()
		require.NoError(t, err)
		got, want := c.values(t, "opencl", ir.F16, in, weights.Tensors), c.values(t, "opencl", ir.F32, wide, weights.Tensors)
		for name := range want {
			requireSame(t, rounded(want[name], ir.F16), got[name], name+" of "+c.name)
		}
	}
}

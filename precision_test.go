package flowrun_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// precisely is a spec around a model over x and t, f32[4, 3], whose loss is mse_loss(out, t).
func precisely(model string) string {
	return `
flowrun: 1
modules:
  Own:
    inputs: {x: "f32[n, m]"}
    params: {w: {shape: [m, m], init: "normal(0, 1)"}, b: {shape: [m], init: 0.3}}
    output: matmul(x, w) + b
  Exact: {precision: f32, inputs: {x: "f32[n, m]"}, nodes: {h: {Linear: x, out_features: m}}, output: h}
data: {d: {generate: {x: "normal(0, 1, [4, 3])", t: "normal(1, 2, [4, 3])"}}}
model:
` + model + `
  inputs: {x: "f32[4, 3]"}
  outputs: [out]
train: {data: d, loss: "mse_loss(out, t)", optimizer: {Adam: {lr: 0.01}}, max_steps: 4}
`
}

// What precision stands for, written out as casts: the bits are the same.
func TestPrecisionIsCastsWrittenOut(t *testing.T) {
	const own = "cast(matmul(cast(x, 'bf16'), cast(a.w, 'bf16')) + cast(a.b, 'bf16'), 'f32')"
	// The product's value in f32, by its parts in bf16 and the rest, which has no gradient:
	// gradients are products in bf16.
	linear := func(name, x, of string) []string {
		product := "matmul(cast(" + x + ", 'bf16'), transpose(cast(" + of + ".weight, 'bf16')))"
		exact := "matmul(cast(cast(" + x + ", 'bf16'), 'f32'), transpose(cast(cast(" + of + ".weight, 'bf16'), 'f32')))"
		return []string{name + "p: " + product, name + "f: cast(" + name + "p, 'f32')",
			name + ": cast(" + name + "f + detach(" + exact + " - " + name + "f) + " + of + ".bias, 'bf16')"}
	}
	for name, c := range map[string]struct{ precise, written []string }{
		"a module of one's own is in the low dtype": {
			[]string{"precision: bf16", "a: {Own: x}", "out: gelu(a) * 2 + a"},
			[]string{"", "a: {Own: x}", "low: cast(" + own + ", 'bf16')", "out: cast(gelu(low) * 2 + low, 'f32') + 0 * a"},
		},
		"a layer adds its bias in f32, and rounds once": {
			[]string{"precision: bf16", "a: {Linear: x, out_features: 3}", "b: {Linear: tanh(a), out_features: 3}", "out: -b"},
			slices.Concat([]string{"", "a: {Linear: x, out_features: 3}", "b: {Linear: x, out_features: 3}"}, linear("low", "x", "a"),
				linear("high", "tanh(low)", "b"), []string{"out: -cast(high, 'f32') + 0 * (a + b)"}),
		},
		"a node alone": {
			[]string{"", "a: {Own: x, precision: bf16}", "b: {matmul: [a, x], transpose_b: true, precision: bf16}", "out: matmul(b, a)"},
			[]string{"", "a: {Own: x}", "l: " + own, "b: cast(matmul(cast(l, 'bf16'), cast(x, 'bf16'), transpose_b=true), 'f32')", "out: matmul(b, l) + 0 * a"},
		},
		"an island in f32": {
			[]string{"precision: bf16", "a: {Own: x, precision: f32}", "b: {Exact: a}", "out: gelu(b)"},
			[]string{"", "a: {Own: x}", "b: {Exact: a}", "out: gelu(b)"},
		},
		"softmax and reductions take f32 and give it": {
			[]string{"precision: bf16", "a: {Own: x}", "s: softmax(a, -1)", "out: s * sum(a, -1, keepdim=true) + mean(square(a))"},
			[]string{"", "a: {Own: x}", "l: " + own, "s: softmax(l, -1)", "out: s * sum(l, -1, keepdim=true) + mean(square(l)) + 0 * a"},
		},
		"a number that bf16 can't hold keeps its value": {
			[]string{"precision: bf16", "a: {Own: x}", "out: a * 0.1"},
			[]string{"", "a: {Own: x}", "out: \"cast(cast(0.1 * " + own + ", 'bf16'), 'f32') + 0 * a\""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := func(lines []string) string {
				return precisely("  " + lines[0] + "\n  nodes:\n    " + strings.Join(lines[1:], "\n    "))
			}
			precise, written := stepped(t, spec(c.precise), 3), stepped(t, spec(c.written), 3)
			require.Len(t, precise, len(written))
			for path, w := range written {
				require.Equal(t, ir.F32, precise[path].Type.DType, path)
				require.Equal(t, w.Float32s(), precise[path].Float32s(), path)
			}
		})
	}
}

// What has no room in f16, or no digits, is computed in f32.
func TestPrecisionKeepsInF32WhatF16CannotHold(t *testing.T) {
	const model = `
flowrun: 1
model:
  PRECISION
  inputs: {x: "f32[64, 64]"}
  nodes:
    low: matmul(x, eye(64, dtype="f32"))                  # the values of x, computed in f16
    sum: sum(low)
    square: square(low)
    exp: exp(low / 64)
    power: low ** 3
    softmax: softmax(low * 12, -1)                        # scores of 12,800 and more
    seen: scaled_dot_product_attention(low, low, low)     # of 8 million
    masked: softmax(where(low > 1000, low, -1e30), -1)
    layer: {LayerNorm: low}
    rms: {RMSNorm: low}
    group: {GroupNorm: low, num_groups: 4}
    batch: {BatchNorm: low}
    error: mse_loss(low, -low)
  outputs: [sum, square, exp, power, softmax, seen, masked, layer, rms, group, batch, error]
`
	values := make([]float32, 64*64)
	for i := range values {
		values[i] = 1000 + float32(i*i%97) // with all digits in f16
	}
	x := map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{64, 64}, values)}
	answers := func(precision string) map[string]*flowrun.Tensor {
		p, err := flowrun.Parse("s.yaml", []byte(strings.Replace(model, "PRECISION", precision, 1)))
		require.NoError(t, err)
		out, err := p.Infer(context.Background(), x)
		require.NoError(t, err)
		return out
	}
	want, got := answers("precision: f32"), answers("precision: f16")
	for name, w := range want {
		require.Equal(t, w.Type, got[name].Type, name)
		largest := 0.0
		for i := range w.Type.Shape.Numel() {
			largest = max(largest, math.Abs(w.Float(i)))
		}
		for i := range w.Type.Shape.Numel() {
			// The largest operand of an op here, 12 times an x, is rounded to 1 in 2^11. Rounded
			// norms are those of layers that round their results.
			require.InDelta(t, w.Float(i), got[name].Float(i), 0x1p-10*largest, "%s: element %d", name, i)
		}
	}
}

// A model in f16 whose gradient is too small for f16.
const tiny = `
flowrun: 1
data: {d: {generate: {x: "ones([4, 3])"}}}
modules: {W: {inputs: {x: "f32[n, m]"}, params: {w: {shape: [m, 2], init: 0.5}}, output: "matmul(x, w)"}}
model:
  precision: f16
  inputs: {x: "f32[4, 3]"}
  nodes: {y: {W: x}}
  outputs: [y]
train: {data: d, loss: sum(y) * 1e-8, optimizer: {SGD: {lr: 1e6, momentum: 0.5}}, max_steps: 4, metrics: {m: mean(y)}}
`

func TestF16ScalesLosses(t *testing.T) {
	p, err := flowrun.Parse("s.yaml", []byte(tiny))
	require.NoError(t, err)
	ctx := context.Background()
	s, err := p.Start(ctx)
	require.NoError(t, err)
	defer s.Close()
	get := func(name string) float64 {
		v, err := s.Get(name)
		require.NoError(t, err)
		return v.Float(0)
	}
	set := func(name string, v *flowrun.Tensor) { require.NoError(t, s.Set(name, v)) }
	const scale, steps = "optimizer.loss_scale", "optimizer.loss_scale_steps"

	// The gradient is 4e-8, of which f16 alone would have made 2^-24 or 0: the largest error of
	// the scaled one is half a unit in 11 digits.
	require.Equal(t, float64(1<<16), get(scale))
	require.NoError(t, s.Step(ctx))
	require.InEpsilon(t, 0.04, 0.5-get("y.w"), 0x1p-11)
	require.EqualValues(t, 1, get(steps))

	// An overflow leaves parameters and the optimizer's states as they are, and halves the scale.
	w, v := get("y.w"), get("optimizer.y.w.velocity")
	set(scale, ir.ScalarTensor(ir.F32, float64(1<<44)))
	require.NoError(t, s.Step(ctx))
	require.Equal(t, []float64{w, v, 1 << 43, 0, 1}, []float64{get("y.w"), get("optimizer.y.w.velocity"), get(scale), get(steps), get("step.skipped")})
	require.InDelta(t, 3*w, get("metrics.m"), 1e-3) // metrics go on

	// After 2,000 steps without one the scale grows.
	set(scale, ir.ScalarTensor(ir.F32, 1024.0))
	set(steps, ir.ScalarTensor(ir.I64, int64(1999)))
	require.NoError(t, s.Step(ctx))
	require.Equal(t, []float64{2048, 0}, []float64{get(scale), get(steps)})

}

// A step is left out because of its gradients, whatever the loss is. Nothing of it stays:
// parameters, the optimizer's states, those of modules, and what updates assign and copy.
func TestAStepThatOverflowsInF16LeavesNothing(t *testing.T) {
	p, err := flowrun.Parse("s.yaml", []byte(`
flowrun: 1
data: {d: {generate: {x: "ones([8, 3]) * where(uniform(0.0, 1.0, []) > 0.7, 1e5, 1.0)"}}}
model:
  precision: f16
  inputs: {x: "f32[8, 3]"}
  nodes: {n: {BatchNorm: "x * uniform(0.5, 1.0, [8, 3])"}, y: {Linear: x, out_features: 3}, copy: {Linear: x, out_features: 3}}
  outputs: [y]
train:
  data: d
  averages: {ema: {decay: 0.9}}
  updates:
    learn: {loss: "mean(square(y)) + 0 * mean(n + copy)", parameters: [y.*], optimizer: {Adam: {lr: 1e-3}}}
    follow: {copy: {"y.*": "copy.*"}, rate: 0.5}
    count: {assign: {n.num_batches_tracked: n.num_batches_tracked + 1}}
  max_steps: 6
`))
	require.NoError(t, err)
	s, err := p.Start(context.Background())
	require.NoError(t, err)
	defer s.Close()
	kept := func() map[string]*flowrun.Tensor {
		values := map[string]*flowrun.Tensor{}
		for _, st := range s.Plan().Graph.States {
			if st.Kind == ir.ParamState || st.Kind == ir.BufferState || st.Kind == ir.OptimState && !strings.HasPrefix(st.Name, "optimizer.loss_scale") {
				v, err := s.Get(st.Name)
				require.NoError(t, err)
				values[st.Name] = v
			}
		}
		return values
	}
	before := kept()
	overflows := int64(0)
	for range 6 {
		scale, err := s.Get("optimizer.loss_scale")
		require.NoError(t, err)
		require.NoError(t, s.Step(context.Background()))
		loss, err := s.Get("metrics.loss_step")
		require.NoError(t, err)
		after := kept()
		if math.IsInf(loss.Float(0), 0) || math.IsNaN(loss.Float(0)) {
			overflows++
			require.Equal(t, before, after)
			next, err := s.Get("optimizer.loss_scale")
			require.NoError(t, err)
			require.Equal(t, scale.Float(0)/2, next.Float(0))
		} else {
			require.NotEqual(t, before["y.weight"], after["y.weight"])
			require.NotEqual(t, before["n.running_mean"], after["n.running_mean"])
		}
		before = after
	}
	skipped, err := s.Get("step.skipped")
	require.NoError(t, err)
	require.Equal(t, overflows, skipped.Int(0))
	require.Greater(t, overflows, int64(0))
	bad, err := s.Get("step.nonfinite")
	require.NoError(t, err)
	require.Zero(t, bad.Int(0))
}

// The search for the scale goes on where a checkpoint has left it: the bits are the same.
func TestAResumedRunInF16KeepsItsScale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer("* 1e-8", "", "max_steps: 4", "max_steps: 8, checkpoint: {every: 2}").Replace(tiny)), 0o600))
	run := func(steps int64, options ...flowrun.StartOption) map[string]*flowrun.Tensor {
		p, err := flowrun.Load(path)
		require.NoError(t, err)
		s, err := p.Start(context.Background(), options...)
		require.NoError(t, err)
		defer s.Close()
		_, err = s.Run(context.Background(), flowrun.MaxSteps(steps))
		require.NoError(t, err)
		values := map[string]*flowrun.Tensor{}
		for _, st := range s.Plan().Graph.States {
			values[st.Name], err = s.Get(st.Name)
			require.NoError(t, err)
		}
		return values
	}
	half := run(2)
	require.EqualValues(t, 1<<14, half["optimizer.loss_scale"].Float(0)) // both steps overflow
	resumed := run(8, flowrun.Resume(""))
	require.NoError(t, os.RemoveAll(filepath.Join(filepath.Dir(path), "checkpoints")))
	require.Equal(t, run(8), resumed)
}

// Steps are left out until the scale is the smallest; then the run ends, and says so. A loss
// that isn't finite beside gradients that are isn't f16's matter, and ends it at once.
func TestAScaledLossDivergesWhereNoScaleHelps(t *testing.T) {
	run := func(loss string, steps int64) flowrun.Summary {
		p, err := flowrun.Parse("s.yaml", []byte(strings.Replace(tiny, "loss: sum(y) * 1e-8", "loss: "+loss, 1)))
		require.NoError(t, err)
		s, err := p.Start(context.Background())
		require.NoError(t, err)
		defer s.Close()
		summary, err := s.Run(context.Background(), flowrun.MaxSteps(steps))
		require.NoError(t, err)
		w, err := s.Get("y.w")
		require.NoError(t, err)
		require.EqualValues(t, 0.5, w.Float(0))
		return summary
	}
	for name, loss := range map[string]string{
		"the gradient of sqrt at 0 is infinite, times 0": "sum(sqrt(0 * y))",
		"the loss too": "sum(1 / sqrt(0 * y))",
	} {
		require.Nil(t, run(loss, 32).Divergence, name)
		d := run(loss, 40).Divergence
		require.NotNil(t, d, name)
		require.Equal(t, ir.SmallestLossScale, d.Scale, name)
		require.EqualValues(t, 33, d.Step, name)
	}
	d := run("sum(y) * 1e-8 + sum(log(0 * detach(y)))", 4).Divergence
	require.NotNil(t, d)
	require.EqualValues(t, 1, d.Step)
}

func TestExplainSaysWhatEachCastIsFor(t *testing.T) {
	p, err := flowrun.Parse("s.yaml", []byte(strings.NewReplacer("Adam: {lr: 0.01}}, max", "AdamW: {lr: 0.01}}, clip_grad_norm: 1, accumulate: 2, averages: {ema: {decay: 0.9}}, metrics: {m: sum(e)}, max",
		"mse_loss(out, t)", "mse_loss(out, t) + mse_loss(e, sum(t, -1, keepdim=true))").Replace(precisely(`
  precision: f16
  nodes:
    h: {TransformerBlock: "reshape(x, [1, 4, 3])", num_heads: 1, is_causal: true, checkpoint_activations: true}
    n: {BatchNorm: "reshape(h, [4, 3])"}
    c1: {Conv1d: "reshape(n, [2, 2, 3])", out_channels: 2, kernel_size: 1}
    c2: {ConvTranspose1d: c1, out_channels: 2, kernel_size: 1}
    r: {LSTM: "repeat_interleave(reshape(c2, [4, 1, 3]), 50, 0)", hidden_size: 3, bidirectional: true}     # a loop
    e: {Linear: x, out_features: 1, dtype: bf16, precision: f32}       # parameters in bf16
    out: {Linear: "gelu(reshape(slice(r.out, 0, 0, 4), [4, 6]))", out_features: 3}`))))
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, p.Explain(&b, flowrun.ExplainOptions{Format: "json", Device: "cpu"}))
	type node struct {
		Call, Why, Type string
		Parts, Body     []node
	}
	var plan struct{ Nodes []node }
	require.NoError(t, json.Unmarshal(b.Bytes(), &plan))
	casts, inLoops := 0, 0
	count := func(nodes []node, casts *int) {
		for _, n := range nodes {
			if strings.HasPrefix(n.Call, "cast(") {
				*casts++
				require.NotEmpty(t, n.Why, "%s gives %s", n.Call, n.Type) // the spec has none of its own
			}
		}
	}
	count(plan.Nodes, &casts)
	for _, n := range plan.Nodes {
		count(n.Parts, &casts)
		count(n.Body, &inLoops)
	}
	require.Greater(t, casts, 20)
	require.Greater(t, inLoops, 4)
}

// A step whose gradients overflow at the first scale leaves later updates what they had.
func TestUpdatesInF16FindTheirScale(t *testing.T) {
	p, err := flowrun.Parse("updates.yaml", []byte(`
flowrun: 1
seed: 4
data: {d: {generate: {x: "normal(0, 1, [8, 4])"}}}
model:
  precision: f16
  inputs: {x: "f32[8, 4]"}
  nodes: {a: {Linear: x, out_features: 8}, b: {Linear: tanh(a), out_features: 1}}
  outputs: [b]
train:
  data: d
  updates:
    one: {loss: "100 * mean(square(b - 1))", parameters: b.*, optimizer: {SGD: {lr: 1e-3}}}
    two: {loss: mean(square(b)), parameters: a.*, optimizer: {SGD: {lr: 1e-3}}}
  max_steps: 20
`))
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	summary, err := s.Run(context.Background())
	require.NoError(t, err)
	require.Nil(t, summary.Divergence)
	skipped, err := s.Get("step.skipped")
	require.NoError(t, err)
	// The gradients of one are some hundreds, and 2^16 of them is beyond f16's range.
	require.Greater(t, skipped.Float(0), 1.0)
	require.Less(t, skipped.Float(0), 12.0)
}

package std_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

const batchNormSpec = `
flowrun: 1
seed: 3
data:
  noise: {generate: {x: "2.0 + 3.0 * normal(0.0, 1.0, [4, 3, 5])"}}
model:
  inputs: {x: "f32[4, 3, 5]"}
  nodes:
    bn: {BatchNorm: x}
    still: {BatchNorm: x, affine: false, track_running_stats: false}
  outputs: [bn, still]
train: {data: noise, loss: mean(square(bn)), optimizer: {SGD: {lr: 0}}, max_steps: 3}
`

func get(t *testing.T, s *flowrun.Session, name string) *flowrun.Tensor {
	t.Helper()
	v, err := s.Get(name)
	require.NoError(t, err)
	return v
}

func start(t *testing.T, text string, device string) (*flowrun.Program, *flowrun.Session) {
	t.Helper()
	p, err := flowrun.Parse("train.yaml", []byte(text))
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On(device))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return p, s
}

// channel gives the feature of element i of [4, 3, 5].
func channel(i int) int { return i / 5 % 3 }

func TestBatchNormTrainsOnTheBatchAndKeepsRunningAveragesForEvaluation(t *testing.T) {
	for _, device := range []string{"cpu", "sim"} {
		p, s := start(t, batchNormSpec, device)
		means, variances := make([]float64, 3), []float64{1, 1, 1}
		var x *flowrun.Tensor
		for step := range 3 {
			x = get(t, s, "x")
			want := normalized(x.Float32s(), channel, 1e-5)
			requireNear(t, want, get(t, s, "bn"), near)
			requireNear(t, want, get(t, s, "still"), near)
			for c := range 3 {
				sum, squares := 0.0, 0.0
				for i := range 60 {
					if channel(i) == c {
						sum += x.Float(i)
					}
				}
				for i := range 60 {
					if channel(i) == c {
						squares += (x.Float(i) - sum/20) * (x.Float(i) - sum/20)
					}
				}
				means[c] = 0.9*means[c] + 0.1*sum/20
				variances[c] = 0.9*variances[c] + 0.1*squares/19 // the sample's variance
			}
			require.NoError(t, s.Step(context.Background()))
			requireNear(t, means, get(t, s, "bn.running_mean"), near)
			requireNear(t, variances, get(t, s, "bn.running_var"), 10*near)
			require.EqualValues(t, step+1, get(t, s, "bn.num_batches_tracked").Float(0))
		}
		weights, err := s.Weights()
		require.NoError(t, err)
		require.Len(t, weights.Tensors, 5, "weight, bias, running_mean, running_var, num_batches_tracked")
		out, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": x}, flowrun.WithWeights(weights), flowrun.On(device))
		require.NoError(t, err)
		for i := range 60 {
			c := channel(i)
			require.InDelta(t, (x.Float(i)-means[c])/math.Sqrt(variances[c]+1e-5), out["bn"].Float(i), near)
		}
		requireNear(t, normalized(x.Float32s(), channel, 1e-5), out["still"], near)
	}
}

const dropoutSpec = `
flowrun: 1
seed: 5
data:
  fixed: {generate: {x: "ones([100, 100])"}}
model:
  inputs: {x: "f32[100, 100]"}
  nodes:
    w: {Weight: x}
    a: {Dropout: w, p: 0.3}
    b: {Dropout: w, p: 0.3}
    none: {Dropout: w, p: 0}
    all: {Dropout: w, p: 1}
  outputs: [a, b, none, all]
modules:
  Weight:
    inputs: {x: "float[n, m]"}
    params: {weight: {shape: [n, m], init: 1}}
    output: x * weight
train: {data: fixed, loss: sum(a + all), optimizer: {SGD: {lr: 1}}, max_steps: 3}
`

func TestDropoutDropsInTrainingAndNotInEvaluation(t *testing.T) {
	for _, device := range []string{"cpu", "sim"} {
		p, s := start(t, dropoutSpec, device)
		a, b := get(t, s, "a").Float32s(), get(t, s, "b").Float32s()
		zeros, same := 0, 0
		for i := range a {
			if a[i] == 0 {
				zeros++
			} else {
				require.InDelta(t, 1/0.7, a[i], near)
			}
			if (a[i] == 0) == (b[i] == 0) {
				same++
			}
		}
		// 10,000 draws: five standard deviations are 230 and 250.
		require.InDelta(t, 3000, zeros, 230)
		require.InDelta(t, 5800, same, 250, "two Dropouts draw apart")
		require.Equal(t, get(t, s, "w").Float32s(), get(t, s, "none").Float32s())
		require.Equal(t, make([]float32, 10000), get(t, s, "all").Float32s())

		require.NoError(t, s.Step(context.Background()))
		w := get(t, s, "w.weight").Float32s()
		for i := range a {
			require.InDelta(t, 1-a[i], w[i], near, "the gradient goes where the value went")
		}
		next, differ := get(t, s, "a").Float32s(), 0
		for i := range a {
			if (a[i] == 0) != (next[i] == 0) {
				differ++
			}
		}
		require.InDelta(t, 4200, differ, 250, "each step draws anew")

		x := ir.FromFloat32(flowrun.Shape{100, 100}, floats(10000, 1))
		out, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": x}, flowrun.On(device))
		require.NoError(t, err)
		for _, name := range []string{"a", "b", "none", "all"} {
			require.Equal(t, x.Float32s(), out[name].Float32s(), name)
		}
	}
}

// A block of the library against its parts written out.
func TestATransformerBlockEqualsItsParts(t *testing.T) {
	p, err := flowrun.Parse("block.yaml", []byte(`
flowrun: 1
seed: 2
model:
  inputs: {x: "f32[2, 5, 8]"}
  nodes:
    b: {TransformerBlock: x, num_heads: 2, is_causal: true, dropout: 0.5}
    n1: layer_norm(x, b.norm1.weight, b.norm1.bias)
    qkv: matmul(n1, transpose(b.attn.qkv.weight)) + b.attn.qkv.bias
    heads: permute(reshape(qkv, [2, 5, 3, 2, 4]), [2, 0, 3, 1, 4])
    q: squeeze(slice(heads, 0, 0, 1), 0)
    k: squeeze(slice(heads, 0, 1, 2), 0)
    v: squeeze(slice(heads, 0, 2, 3), 0)
    scores: matmul(q, transpose(k)) / 2.0
    places: arange(5)
    seen: unsqueeze(places, 1) >= unsqueeze(places, 0)
    weights: exp(scores) * cast(seen, "f32")
    mixed: matmul(weights / sum(weights, -1, keepdim=true), v)
    joined: reshape(permute(mixed, [0, 2, 1, 3]), [2, 5, 8])
    middle: x + matmul(joined, transpose(b.attn.proj.weight)) + b.attn.proj.bias
    n2: layer_norm(middle, b.norm2.weight, b.norm2.bias)
    up: gelu(matmul(n2, transpose(b.mlp.fc1.weight)) + b.mlp.fc1.bias)
    by_hand: middle + matmul(up, transpose(b.mlp.fc2.weight)) + b.mlp.fc2.bias
  outputs: [b, by_hand]
`))
	require.NoError(t, err)
	x := ir.FromFloat32(flowrun.Shape{2, 5, 8}, floats(80, 1))
	out, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": x})
	require.NoError(t, err)
	want := make([]float64, 80)
	for i := range want {
		want[i] = out["by_hand"].Float(i)
	}
	requireNear(t, want, out["b"], near)
}

// What comes later in time must not show in what came before.
func TestACausalModelDoesNotSeeTheFuture(t *testing.T) {
	p, err := flowrun.Parse("causal.yaml", []byte(`
flowrun: 1
model:
  inputs: {x: "f32[1, 6, 8]"}
  nodes:
    causal: {CausalSelfAttention: x, num_heads: 4}
    open: {SelfAttention: x, num_heads: 4}
  outputs: [causal, open]
`))
	require.NoError(t, err)
	x := floats(48, 1)
	first, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{1, 6, 8}, x)})
	require.NoError(t, err)
	x[47]++
	second, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{1, 6, 8}, x)})
	require.NoError(t, err)
	require.Equal(t, first["causal"].Float32s()[:40], second["causal"].Float32s()[:40])
	require.NotEqual(t, first["causal"].Float32s()[40:], second["causal"].Float32s()[40:])
	require.NotEqual(t, first["open"].Float32s()[:40], second["open"].Float32s()[:40])
}

package std_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// These tests compare arguments of the standard library with what PyTorch gives
// for its own: testdata/reference/arguments.json, from arguments.py.

// numbers is an array of the reference.
type numbers struct {
	Shape  flowrun.Shape
	Values []float64
}

func (n numbers) f32() *flowrun.Tensor {
	values := make([]float32, len(n.Values))
	for i, v := range n.Values {
		values[i] = float32(v) // exact: the inputs are multiples of 1/64
	}
	return ir.FromFloat32(n.Shape, values)
}

func (n numbers) i64() *flowrun.Tensor {
	values := make([]int64, len(n.Values))
	for i, v := range n.Values {
		values[i] = int64(v)
	}
	return ir.FromInt64(flowrun.I64, n.Shape, values)
}

func argumentReference(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/reference/arguments.json")
	require.NoError(t, err)
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &all))
	require.NoError(t, json.Unmarshal(all[name], into))
}

// list writes numbers as a list of the language.
func list(values []float64) string { return strings.ReplaceAll(fmt.Sprint(values), " ", ", ") }

func TestCrossEntropyWeighsClassesAsPyTorchDoes(t *testing.T) {
	var cases []struct {
		X, Y, Loss, Grad numbers
		Weight           []float64
		Smoothing        float64
		Reduction        string
	}
	argumentReference(t, "cross_entropy", &cases)
	require.Len(t, cases, 12)
	for _, c := range cases {
		got := evaluate(t, map[string]*flowrun.Tensor{"x": c.X.f32(), "y": c.Y.i64()},
			fmt.Sprintf(`loss_: "cross_entropy(x, y, %s, label_smoothing=%v, reduction='%s')"`, list(c.Weight), c.Smoothing, c.Reduction),
			`slope: grad(sum(loss_), x)`)
		requireNear(t, c.Loss.Values, got["loss_"], near)
		requireNear(t, c.Grad.Values, got["slope"], near)
	}
}

func TestBinaryCrossEntropyWeighsPositivesAsPyTorchDoes(t *testing.T) {
	var cases []struct {
		X, Y, Loss, Grad numbers
		PosWeight        []float64 `json:"pos_weight"`
	}
	argumentReference(t, "bce", &cases)
	require.Len(t, cases, 2)
	for _, c := range cases {
		got := evaluate(t, map[string]*flowrun.Tensor{"x": c.X.f32(), "y": c.Y.f32()},
			fmt.Sprintf(`loss_: "binary_cross_entropy_with_logits(x, y, pos_weight=%s)"`, list(c.PosWeight)), `slope: grad(loss_, x)`)
		requireNear(t, c.Loss.Values, got["loss_"], near)
		requireNear(t, c.Grad.Values, got["slope"], near)
	}
}

func TestTheRowOfThePaddingIsZeroAndHasNoGradient(t *testing.T) {
	var cases []struct {
		Weight, Ids, Factor, Rows, Grad numbers
		Padding                         int `json:"padding_idx"`
	}
	argumentReference(t, "embedding", &cases)
	require.Len(t, cases, 2)
	for _, c := range cases {
		text := fmt.Sprintf(`
flowrun: 1
model:
  inputs: {ids: "i64%s", factor: "f32%s"}
  nodes:
    e: {Embedding: ids, num_embeddings: 5, embedding_dim: 3, padding_idx: %d}
    slope: grad(sum(e * factor), e.weight)
    first: e.weight + 0.0
  outputs: [e, slope, first]
`, c.Ids.Shape, c.Factor.Shape, c.Padding)
		p, err := flowrun.Parse("padding.yaml", []byte(text))
		require.NoError(t, err)
		inputs := map[string]*flowrun.Tensor{"ids": c.Ids.i64(), "factor": c.Factor.f32()}
		drawn, err := p.Infer(context.Background(), inputs, flowrun.On("cpu"))
		require.NoError(t, err)
		for i := range 3 {
			require.Zero(t, drawn["first"].Float((c.Padding+5)%5*3+i), "its first value is zero too")
			require.NotZero(t, drawn["first"].Float(2*3+i))
		}
		got, err := p.Infer(context.Background(), inputs, flowrun.On("cpu"), flowrun.WithWeights(flowrun.Weights{Tensors: map[string]*flowrun.Tensor{"e.weight": c.Weight.f32()}}))
		require.NoError(t, err)
		requireNear(t, c.Rows.Values, got["e"], 0) // only copied
		requireNear(t, c.Grad.Values, got["slope"], near)
	}
}

func TestOptimizersMaximizeAsPyTorchDoes(t *testing.T) {
	var cases []struct {
		Spec        string
		W, X, After numbers
	}
	argumentReference(t, "maximize", &cases)
	require.Len(t, cases, 5)
	for _, c := range cases {
		t.Run(c.Spec, func(t *testing.T) {
			// The loss is sum(w * x), so that its gradient is x.
			weights := trainedOn(t, c.X, `
modules:
  Scale: {inputs: {x: "f32[n]"}, params: {w: {shape: [n], init: 0}}, output: w * x}
model:
  inputs: {x: "f32[3]"}
  nodes: {y: {Scale: x}}
  outputs: [y]
train: {data: rows, loss: sum(y), optimizer: {`+c.Spec+`}, max_steps: 5}
`, map[string]*flowrun.Tensor{"y.w": c.W.f32()})
			requireNear(t, c.After.Values, weights["y.w"], near)
		})
	}
}

func TestWithoutMomentumBatchNormAveragesAllBatches(t *testing.T) {
	var c struct {
		X    numbers
		Mean numbers `json:"running_mean"`
		Var  numbers `json:"running_var"`
	}
	argumentReference(t, "batch_norm", &c)
	weights := trainedOn(t, c.X, `
model:
  inputs: {x: "f32[6, 2]"}
  nodes: {y: {BatchNorm: x, momentum: nil, affine: false}, z: {Linear: y, out_features: 1}}
  outputs: [z]
train: {data: rows, loss: sum(z), optimizer: {SGD: {lr: 0}}, max_steps: 4}
`, nil)
	requireNear(t, c.Mean.Values, weights["y.running_mean"], near)
	requireNear(t, c.Var.Values, weights["y.running_var"], near)
}

// trainedOn runs a spec whose data are the rows of x, and gives its weights.
func trainedOn(t *testing.T, x numbers, text string, weights map[string]*flowrun.Tensor) map[string]*flowrun.Tensor {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "rows.safetensors"), map[string]*flowrun.Tensor{"x": x.f32()}))
	head := fmt.Sprintf("flowrun: 1\ndata: {rows: {replay: rows.safetensors, fields: {x: {tensor: x, type: \"f32%s\"}}}}\n", x.Shape[1:])
	p, err := flowrun.Parse(filepath.Join(dir, "rows.yaml"), []byte(head+text))
	require.NoError(t, err)
	options := []flowrun.StartOption{flowrun.On("cpu")}
	if weights != nil {
		options = append(options, flowrun.WithWeights(flowrun.Weights{Tensors: weights}))
	}
	s, err := p.Start(context.Background(), options...)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(context.Background())
	require.NoError(t, err)
	after, err := s.Weights()
	require.NoError(t, err)
	return after.Tensors
}

package std_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// The second derivatives of a product of n numbers are the products of all but
// two; the third, of all but three.
func TestDerivativesOfProductsAreRightAtZeros(t *testing.T) {
	for _, x := range [][]float64{{2, 3, 5, 7}, {0, 3, 5, 7}, {0, 3, 0, 7}, {0, 0, 0, 7}, {0, 0, 0, 0}, {2, 3}, {0, 0}, {5}, {0}, {2, -3, 0, 4, 0.5, 1.5, -1}} {
		without := func(skip ...int) float64 {
			p := 1.0
			for i, v := range x {
				if !contains(skip, i) {
					p *= v
				}
			}
			return p
		}
		weight := func(i int) float64 { return float64(i*i + 1) }
		second, third := make([]float64, len(x)), make([]float64, len(x))
		for j := range x {
			for i := range x {
				if i == j {
					continue
				}
				second[j] += weight(i) * without(i, j)
				for k := range x {
					if k != i && k != j {
						third[j] += weight(i) * weight(k) * without(i, j, k)
					}
				}
			}
		}
		n := len(x)
		shape := map[string]string{"x": "prod(x)", "rows": fmt.Sprintf("sum(prod(reshape(x, [1, %d]), 1))", n), "columns": fmt.Sprintf("sum(prod(reshape(x, [%d, 1]), 0))", n),
			"both":    fmt.Sprintf("sum(prod(transpose(reshape(x, [1, %d, 1]), 0, 1), [0, 2]))", n),
			"meeting": fmt.Sprintf("sum(slice(scatter_reduce(ones([3], \"f64\"), 0, full([%d], 1), x, \"prod\"), 0, 1, 2))", n)}
		for what, product := range shape {
			got := evaluated(t, "cpu", map[string]*flowrun.Tensor{"x": ir.FromFloat64(ir.F64, ir.Shape{n}, x)},
				fmt.Sprintf("w: cast(square(arange(%d)) + 1, \"f64\")", n), "y: "+product, "s: sum(grad(y, x) * w)", "second: grad(s, x)",
				"third: grad(sum(second * w), x)")
			requireNear(t, second, got["second"], 1e-9)
			requireNear(t, third, got["third"], 1e-9)
			_ = what
		}
	}
}

func contains(list []int, i int) bool {
	for _, v := range list {
		if v == i {
			return true
		}
	}
	return false
}

// Where a first derivative is a special case, the second one is finite too.
func TestSecondDerivativesAtSpecialPointsAreFinite(t *testing.T) {
	for expr, at := range map[string][]float64{
		"std(x)":                      {2, 2, 2},
		"x ** stack([0.0, 1.0, 2.0])": {0, 0, 0},
		"stack([0.0, 0.0, 2.0]) ** x": {1, 2, 3},
		"elu(x)":                      {0, 1000, -1000},
		"gelu_tanh(x)":                {0, 1e30, -1e30},
		"softplus(x)":                 {0, 1000, -1000},
		"prod(x)":                     {0, 0, 3},
		"max(x)":                      {2, 2, 1},
		"maximum(x, 2.0)":             {2, 3, 1},
		"abs(x)":                      {0, 1, -1},
		"clamp(x, 0, 1)":              {0, 1, 5},
		"logsumexp(x, 0)":             {1000, 1000, -1000},
		"layer_norm(x, one, one)":     {2, 2, 2},
	} {
		in := map[string]*flowrun.Tensor{"x": ir.FromFloat64(ir.F64, ir.Shape{3}, at), "z": ir.ScalarTensor(ir.F64, 1.5)}
		got := evaluated(t, "cpu", in, "one: ones([3], \"f64\")", "f: "+expr, "y: z * f + square(f)", "g: grad(sum(y), x)",
			"s: sum(g * stack([1.0, 2.0, 4.0]))", "second: grad(s, x)", "mixed: grad(s, z)", "keep: sum(one)")
		for _, name := range []string{"second", "mixed"} {
			for i := range got[name].Type.Shape.Numel() {
				v := got[name].Float(i)
				require.False(t, math.IsNaN(v) || math.IsInf(v, 0), "%s of %s at %v: %v", name, expr, at, v)
			}
		}
	}
}

// log(e^x + e^2) is smooth where x is 2, too.
func TestTheSecondDerivativeOfLogaddexpIsThatOfASmoothFunction(t *testing.T) {
	for _, x := range []float64{1, 2, 2.5} {
		in := map[string]*flowrun.Tensor{"x": ir.ScalarTensor(ir.F64, x)}
		got := evaluated(t, "cpu", in, "g: grad(logaddexp(x, 2.0), x)", "second: grad(g, x)", "turned: grad(grad(logaddexp(2.0, x), x), x)")
		share := 1 / (1 + math.Exp(2-x))
		require.InDelta(t, share, got["g"].Float(0), 1e-12)
		require.InDelta(t, share*(1-share), got["second"].Float(0), 1e-12)
		require.InDelta(t, share*(1-share), got["turned"].Float(0), 1e-12)
	}
}

func TestNoGradientPassesThroughDetach(t *testing.T) {
	x := ir.FromFloat64(ir.F32, ir.Shape{2}, []float64{3, 5})
	got := evaluated(t, "cpu", map[string]*flowrun.Tensor{"x": x}, "y: x * detach(x)", "g: grad(sum(y), x)")
	requireNear(t, []float64{9, 25}, got["y"], 0)
	requireNear(t, []float64{3, 5}, got["g"], 0)
}

// The row of padding_idx is as any other but for its gradient: a weight that was
// loaded is looked up, and decays; a zero stays one.
func TestAPaddingRowIsNotTrainedAndDecaysAsOthers(t *testing.T) {
	for _, d := range []flowrun.DType{ir.F16, ir.F32} {
		for _, index := range []int{1, -3} { // the same row
			for _, optimizer := range []string{"SGD: {lr: 0.5, momentum: 0.9, weight_decay: 0.25}", "AdamW: {lr: 0.125, weight_decay: 0.5}", "Adam: {lr: 0.1}",
				"RMSprop: {lr: 0.1, centered: true}", "Adagrad: {lr: 0.1}", "Lion: {lr: 0.1}"} {
				text := fmt.Sprintf(`flowrun: 1
data: {d: {generate: {ids: "cast(arange(4), \"i32\")"}}}
model:
  inputs: {ids: "i32[4]"}
  nodes: {e: {Embedding: ids, num_embeddings: 4, embedding_dim: 2, padding_idx: %d, dtype: %s}}
  outputs: [e]
train: {data: d, loss: 'sum(cast(e, "f32"))', optimizer: {%s}, max_steps: 2}
`, index, d, optimizer)
				_, s := start(t, text, "cpu")
				_, err := s.Run(context.Background())
				require.NoError(t, err)
				w := get(t, s, "e.weight")
				require.Zero(t, w.Float(2), optimizer)
				require.Zero(t, w.Float(3), optimizer)
				p, err := flowrun.Parse("padding.yaml", []byte(text))
				require.NoError(t, err)
				loaded := ir.FromFloat64(d, ir.Shape{4, 2}, []float64{1, 1, 4, 8, 1, 1, 1, 1})
				s, err = p.Start(context.Background(), flowrun.On("cpu"), flowrun.WithWeights(flowrun.Weights{Tensors: map[string]*flowrun.Tensor{"e.weight": loaded}}))
				require.NoError(t, err)
				requireNear(t, []float64{1, 1, 4, 8, 1, 1, 1, 1}, get(t, s, "e"), 0)
				require.NoError(t, s.Step(context.Background()))
				kept := 1.0 // of the row, by weight decay
				switch optimizer[:5] {
				case "SGD: ":
					kept = 1 - 0.5*0.25
				case "AdamW":
					kept = 1 - 0.125*0.5
				}
				require.InDelta(t, 4*kept, get(t, s, "e.weight").Float(2), 1e-6, optimizer)
				require.InDelta(t, 8*kept, get(t, s, "e.weight").Float(3), 1e-6, optimizer)
				require.NotEqual(t, 1.0, get(t, s, "e.weight").Float(0), optimizer)
				require.NoError(t, s.Close())
			}
		}
	}
}

// Numbers that weigh classes are as exact as the logits that they meet.
func TestWeightsOfLossesAreInTheDTypeOfTheLogits(t *testing.T) {
	x := []float64{0.3, -1.1, 2.7, 0.4, 5.1, -0.2}
	in := map[string]*flowrun.Tensor{"x": ir.FromFloat64(ir.F64, ir.Shape{2, 3}, x)}
	got := evaluated(t, "cpu", in, "ids: cast(arange(2) + 1, \"i32\")", "ce: cross_entropy(x, ids, weight=[0.1, 0.3, 0.7])",
		"bce: binary_cross_entropy_with_logits(x, ones_like(x), pos_weight=[0.1, 0.3, 0.7], reduction=\"sum\")")
	row := func(x []float64, label int) float64 {
		sum := 0.0
		for _, v := range x {
			sum += math.Exp(v)
		}
		return math.Log(sum) - x[label]
	}
	require.InEpsilon(t, (0.3*row(x[:3], 1)+0.7*row(x[3:], 2))/(0.3+0.7), got["ce"].Float(0), 1e-14)
	want := 0.0
	for i, v := range x {
		want += []float64{0.1, 0.3, 0.7}[i%3] * math.Log1p(math.Exp(-v))
	}
	require.InEpsilon(t, want, got["bce"].Float(0), 1e-14)
}

// The formulas as papers and PyTorch write them, in float64, for gradients whose
// variance isn't small beside their mean square.
func TestOptimizersFollowTheirFormulas(t *testing.T) {
	slope := func(step int) float64 { return math.Sin(float64(step)*1.3) + 0.2 }
	for call, formula := range map[string]func() func(g float64, step int) float64{
		"RMSprop: {lr: 0.01, alpha: 0.9, centered: true}": func() func(float64, int) float64 {
			mean, squares := 0.0, 0.0
			return func(g float64, _ int) float64 {
				mean, squares = 0.9*mean+0.1*g, 0.9*squares+0.1*g*g
				return 0.01 * g / (math.Sqrt(squares-mean*mean) + 1e-8)
			}
		},
		"RMSprop: {lr: 0.01}": func() func(float64, int) float64 {
			squares := 0.0
			return func(g float64, _ int) float64 {
				squares = 0.99*squares + 0.01*g*g
				return 0.01 * g / (math.Sqrt(squares) + 1e-8)
			}
		},
		"Adam: {lr: 0.01, betas: [0.3, 0.99]}": func() func(float64, int) float64 {
			m, v := 0.0, 0.0
			return func(g float64, step int) float64 {
				m, v = 0.3*m+0.7*g, 0.99*v+0.01*g*g
				n := float64(step + 1)
				return 0.01 * (m / (1 - math.Pow(0.3, n))) / (math.Sqrt(v/(1-math.Pow(0.99, n))) + 1e-8)
			}
		},
		"Lion: {lr: 0.01}": func() func(float64, int) float64 {
			m := 0.0
			return func(g float64, _ int) float64 {
				way := 0.9*m + 0.1*g
				m = 0.99*m + 0.01*g
				return 0.01 * math.Copysign(1, way)
			}
		},
	} {
		_, s := start(t, `flowrun: 1
modules:
  P: {inputs: {g: "any[]"}, params: {w: {shape: [], init: 0.0}}, nodes: {o: w + 0}, output: o}
  Count: {inputs: {x: "any[]"}, state: {n: "zeros([], \"f64\")"}, update: {n: n + 1}, output: n * ones_like(x)}
data: {d: {generate: {g: "zeros([], \"f64\")"}}}
model: {inputs: {g: "f64[]"}, nodes: {n: {Count: g}, p: {P: g, dtype: f64}}, outputs: [p]}
train: {data: d, loss: "p * (sin(n * 1.3) + 0.2)", optimizer: {`+call+`}, max_steps: 200}
`, "cpu")
		want, move := 0.0, formula()
		for step := range 200 {
			require.NoError(t, s.Step(context.Background()))
			want -= move(slope(step), step)
			require.InDelta(t, want, get(t, s, "p.w").Float(0), 1e-9, "%s at step %d", call, step)
		}
	}
}

// What a sure answer still costs is small, and isn't the difference of two large
// numbers; nor is its slope.
func TestBinaryCrossEntropyKeepsTheDigitsOfItsTails(t *testing.T) {
	var x []float64
	for v := -45.0; v <= 45; v += 1.5 {
		x = append(x, v)
	}
	for d, tolerance := range map[flowrun.DType]float64{ir.F32: 1e-6, ir.F64: 1e-13} {
		got := evaluated(t, "cpu", map[string]*flowrun.Tensor{"x": ir.FromFloat64(d, ir.Shape{len(x)}, x)},
			"one: binary_cross_entropy_with_logits(x, ones_like(x), reduction=\"none\")", "zero: binary_cross_entropy_with_logits(x, zeros_like(x), reduction=\"none\")",
			"slope_one: grad(sum(one), x)", "slope_zero: grad(sum(zero), x)")
		for i, v := range x {
			require.InEpsilon(t, math.Log1p(math.Exp(-v)), got["one"].Float(i), tolerance, "%v in %s", v, d)
			require.InEpsilon(t, math.Log1p(math.Exp(v)), got["zero"].Float(i), tolerance, "%v in %s", v, d)
			require.InEpsilon(t, -1/(1+math.Exp(v)), got["slope_one"].Float(i), tolerance, "%v in %s", v, d)
			require.InEpsilon(t, 1/(1+math.Exp(-v)), got["slope_zero"].Float(i), tolerance, "%v in %s", v, d)
		}
	}
}

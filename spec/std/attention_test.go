package std_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// attended is attention written out, in float64: query [heads, queries, depth], key and
// value [heads, keys, …]; sees tells which keys a query sees.
func attended(query, key, value *flowrun.Tensor, scale float64, sees func(i, j int) bool) (out []float64) {
	q, k, v := query.Type.Shape, key.Type.Shape, value.Type.Shape
	for h := range q[0] {
		kv := h / (q[0] / k[0])
		for i := range q[1] {
			weights, sum := make([]float64, k[1]), 0.0
			for j := range weights {
				product := 0.0
				for d := range q[2] {
					product += query.Float((h*q[1]+i)*q[2]+d) * key.Float((kv*k[1]+j)*k[2]+d)
				}
				if sees(i, j) {
					weights[j] = math.Exp(product * scale)
				}
				sum += weights[j]
			}
			for f := range v[2] {
				mean := 0.0
				for j, w := range weights {
					if sum > 0 {
						mean += w / sum * value.Float((kv*k[1]+j)*v[2]+f)
					}
				}
				out = append(out, mean)
			}
		}
	}
	return out
}

func tensor(seed float64, shape ...int) *flowrun.Tensor {
	return ir.FromFloat32(shape, floats(flowrun.Shape(shape).Numel(), seed))
}

func TestAttentionSeesWhatItsArgumentsSay(t *testing.T) {
	q, k, v := tensor(1, 4, 5, 6), tensor(2, 2, 7, 6), tensor(3, 2, 7, 3)
	mask := ir.FromInt64(flowrun.I32, flowrun.Shape{5, 7}, make([]int64, 35))
	holes := func(i, j int) bool { return i != 2 && (i+j)%3 != 0 } // query 2 sees none
	for i := range 5 {
		for j := range 7 {
			if holes(i, j) {
				mask.SetFloat(i*7+j, 1)
			}
		}
	}
	for call, c := range map[string]struct {
		scale float64
		sees  func(i, j int) bool
	}{
		"":                              {1 / math.Sqrt(6), func(i, j int) bool { return true }},
		"is_causal=true, scale=0.5":     {0.5, func(i, j int) bool { return j <= i }},
		"window=2, scale=0.5":           {0.5, func(i, j int) bool { return j-i < 2 && i-j < 2 }},
		"is_causal=true, window=2":      {1 / math.Sqrt(6), func(i, j int) bool { return j <= i && i-j < 2 }},
		"is_causal=true, window=99":     {1 / math.Sqrt(6), func(i, j int) bool { return j <= i }},
		`attn_mask=cast(m, "bool")`:     {1 / math.Sqrt(6), holes},
		`attn_mask=log(cast(m, "f32"))`: {1 / math.Sqrt(6), holes},
	} {
		got := evaluate(t, map[string]*flowrun.Tensor{"q": q, "k": k, "v": v, "m": mask},
			fmt.Sprintf("y: 'scaled_dot_product_attention(q, k, v, enable_gqa=true%s)'", strings.TrimSuffix(", "+call, ", ")), "used: m")
		requireNear(t, attended(q, k, v, c.scale, c.sees), got["y"], near)
	}
}

// Scores of 12,800 are beyond f16, and leave f32 no digits for the logarithm of a sum:
// weights and gradients are those of f64 all the same, rounded once.
func TestScoresOf12800AreRightInF16(t *testing.T) {
	const depth = 64
	query, key := make([]float32, 2*depth), make([]float32, 3*depth)
	for i := range query {
		query[i] = 40
	}
	for i := range key {
		key[i] = 40
		if i%depth == 0 {
			key[i] -= float32(i/depth) / 4 // each key fits a little less
		}
	}
	value := []float32{1, -2, 0.5, 3, -1.5, 0.25}
	run := func(dtype string) map[string]*flowrun.Tensor {
		p, err := flowrun.Parse("scores.yaml", []byte(fmt.Sprintf(`
flowrun: 1
model:
  inputs: {a: "f32[2, 64]", b: "f32[3, 64]", c: "f32[3, 2]"}
  nodes:
    q: cast(a, "%[1]s")
    k: cast(b, "%[1]s")
    v: cast(c, "%[1]s")
    y: scaled_dot_product_attention(q, k, v)
    total: sum(cast(y, "f64") ** 2)
    gq: grad(total, q)
    gk: grad(total, k)
    gv: grad(total, v)
  outputs: [y, gq, gk, gv]
`, dtype)))
		require.NoError(t, err)
		got, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"a": ir.FromFloat32(flowrun.Shape{2, depth}, query),
			"b": ir.FromFloat32(flowrun.Shape{3, depth}, key), "c": ir.FromFloat32(flowrun.Shape{3, 2}, value)}, flowrun.On("cpu"))
		require.NoError(t, err)
		return got
	}
	want, got := run("f64"), run("f16")
	for name, w := range want {
		largest := 0.0
		for i := range w.Type.Shape.Numel() {
			largest = max(largest, math.Abs(w.Float(i)))
		}
		for i := range w.Type.Shape.Numel() {
			// Two roundings to f16: of y, on which the loss depends, and of the result; what
			// cancels among keys leaves that of the largest.
			require.InDelta(t, w.Float(i), got[name].Float(i), 4*0x1p-11*largest, "%s, element %d", name, i)
		}
	}
}

func TestRotaryTurnsPairsByTheirPositions(t *testing.T) {
	const time, depth = 5, 6
	x := tensor(4, 1, 2, time, depth)
	got := evaluate(t, map[string]*flowrun.Tensor{"x": x}, "halves: rotary(x, base=100)", "neighbours: rotary(x, base=100, interleaved=true)")
	for name, pair := range map[string]func(i int) (int, int){
		"halves":     func(i int) (int, int) { return i, i + depth/2 },
		"neighbours": func(i int) (int, int) { return 2 * i, 2*i + 1 },
	} {
		want := make([]float64, x.Type.Shape.Numel())
		for row := range 2 * time {
			for i := range depth / 2 {
				sin, cos := math.Sincos(float64(row%time) * math.Pow(100, -2*float64(i)/depth))
				a, b := pair(i)
				a, b = row*depth+a, row*depth+b
				want[a] = x.Float(a)*cos - x.Float(b)*sin
				want[b] = x.Float(b)*cos + x.Float(a)*sin
			}
		}
		requireNear(t, want, got[name], near)
	}
}

// What a step keeps doesn't grow with the square of the time.
func TestAttentionKeepsNoScores(t *testing.T) {
	peak := func(time int) int64 {
		p, err := flowrun.Parse("long.yaml", []byte(fmt.Sprintf(`
flowrun: 1
data:
  random: {generate: {x: "normal(0, 1, [1, %d, 8])"}}
model:
  inputs: {x: "f32[batch, time, 8]"}
  nodes:
    y: {SelfAttention: x, num_heads: 2, is_causal: true}
  outputs: [y]
train: {data: random, loss: mean(square(y)), optimizer: {SGD: {lr: 0.1}}, max_steps: 1}
`, time)))
		require.NoError(t, err)
		m, err := p.Summarize(flowrun.SummaryOptions{Device: "cpu"})
		require.NoError(t, err)
		return m.Totals.Step.Memory[0].Arena
	}
	require.Less(t, peak(2048), 9*peak(256))
}

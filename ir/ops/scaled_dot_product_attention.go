package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var ScaledDotProductAttention = ir.Register(&ir.Op{
	Name:   "scaled_dot_product_attention",
	Family: ir.Normalization,
	Doc: `softmax(query keyᵀ scale) value: each query's mean of the values, weighted by how well it fits their keys.

query is [..., heads, queries, depth], key [..., heads, keys, depth], value [..., heads, keys,
features], and the result [..., heads, queries, features]; there may be no heads, and
other dims before them. No weights are kept in memory, neither here nor for
gradients. Scores and weights are f32 for f16 and bf16. A query that sees no key gets
0. Dropout is in training only. PyTorch has no window.`,
	Compute: ir.ComputeLow,
	Example: `
query: f32[1, 2] = [[1, 0]]
key: f32[2, 2] = [[1, 0], [0, 1]]
value: f32[2, 1] = [[10], [20]]
scaled_dot_product_attention(query, key, value, scale=0.0): f32[1, 1] = [[15]]`,
	Torch:   "torch.nn.functional.scaled_dot_product_attention",
	Aliases: "sdpa flash_attention",
	Params: []ir.Param{
		kit.Tensor("query", "floats: [..., heads, queries, depth]"),
		kit.Tensor("key", "floats: [..., heads, keys, depth]"),
		kit.Tensor("value", "floats: [..., heads, keys, features]"),
		{Name: "attn_mask", Kind: ir.KOptional, Own: true, Optional: true,
			Doc: "[queries, keys], or what broadcasts to [..., heads, queries, keys]: true where a key is seen, or floats added to the scores"},
		{Name: "step", Kind: ir.KTensor, Own: true, Hidden: true, Optional: true, Default: 0, Doc: "the step counter, an integer"},
		kit.FloatOr("dropout_p", 0, "in training, the probability that a weight becomes 0; others are divided by 1 - dropout_p"),
		kit.Flag("is_causal", "whether query i sees keys 0 to i only"),
		{Name: "scale", Kind: ir.KFloat, Optional: true, Doc: "the factor of the products; by default 1 / sqrt(depth)"},
		kit.Flag("enable_gqa", "whether key and value may have fewer heads, each of which serves the same number of query's"),
		{Name: "window", Kind: ir.KInt, Optional: true,
			Doc: "query i sees only keys less than so many places from i: with is_causal, the last ones, itself included; 0 and nil: any"},
		{Name: "seed", Kind: ir.KInt, Hidden: true, Optional: true, Default: 0, Doc: "the node's key"},
		{Name: "training", Kind: ir.KBool, Hidden: true, Optional: true, Default: false, Doc: "whether there is dropout"},
	},
	Class:   ir.Other,
	Sums:    true,
	Promote: ir.PromoteAll,
	Infer:   inferScaledDotProduct,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return kit.Through(b, n.Inputs, g, func(in []*ir.Node) *ir.Node { return toAttention(b, n, in) })
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		core, operands := attentionOf(n, in)
		return Attention.Reference(core, operands)
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return toAttention(b, n, n.Inputs) },
	Sample: func(s ir.Sampler) []any {
		d := sampleAttention(s)
		var mask any
		switch s.Int(0, 2) {
		case 0:
			mask = s.Bools(s.Part(d.scores))
		case 1:
			mask = s.Tensor(s.Part(d.scores))
		}
		var window any
		if d.window > 0 {
			window = d.window
		}
		return []any{s.Tensor(d.query), s.Tensor(d.key), s.Tensor(d.value), mask, 3, d.dropout, d.causal, d.scale, true, window, 17, s.Int(0, 1) == 1}
	},
})

func inferScaledDotProduct(n *ir.Node) (ir.Type, error) {
	query := n.Inputs[0].Type
	if !query.DType.IsFloat() {
		return query, kit.Refuse("query", `cast it first: cast(x, "f32")`, "scaled_dot_product_attention requires floats; %s", kit.Named(n, 0))
	}
	if step := n.Inputs[len(n.Inputs)-1].Type; len(step.Shape) > 0 || !step.DType.IsInt() {
		return query, ir.Argf("step", "the step counter must be an integer, got %s", step)
	}
	if err := fitAttention(n, 2, n.Bool("enable_gqa")); err != nil {
		return query, err
	}
	if err := refuseProbability(n.Float("dropout_p")); err != nil {
		return query, err
	}
	if w, ok := n.Attr("window").(int); ok && w < 0 {
		return query, kit.Refuse("window", "0 lets all keys be seen", "window must be at least 0, got %d", w)
	}
	if n.Attr("scale") == nil {
		n.SetAttr("scale", 1/math.Sqrt(float64(max(1, query.Shape[len(query.Shape)-1]))))
	}
	if len(n.Inputs) > 4 { // with the step
		if d := n.Inputs[3].Type.DType; d != ir.Bool && !d.IsFloat() {
			return query, kit.Refuse("attn_mask", `write cast(mask, "bool") if it is 1 where a key is seen`,
				"a mask is bool, true where a key is seen, or floats, which are added; %s", kit.Named(n, 3))
		}
		if err := fitMask(n, 3); err != nil {
			return query, err
		}
	}
	rank := len(query.Shape)
	value := n.Inputs[2].Type.Shape
	return ir.Type{DType: query.DType, Shape: append(slices.Clone(query.Shape[:rank-1]), value[rank-1])}, nil
}

// toAttention makes the node that has kernels: a mask that isn't there is 0, and one of
// bools 0 and -inf.
func toAttention(b *ir.Builder, n *ir.Node, in []*ir.Node) *ir.Node {
	d := n.Type.DType
	mask := b.Scalar(d, 0.0)
	if len(in) > 4 {
		mask = in[3]
		if mask.Type.DType == ir.Bool {
			mask = b.Where(mask, b.Scalar(d, 0.0), b.Scalar(d, math.Inf(-1)))
		}
		mask = b.Cast(mask, d)
	}
	dropout, step, seed := n.Float("dropout_p"), b.Cast(in[len(in)-1], ir.I64), n.Int("seed")
	if !n.Bool("training") || dropout == 0 { // nothing is drawn
		dropout, step, seed = 0, b.Scalar(ir.I64, 0), 0
	}
	window, _ := n.Attr("window").(int)
	if rank := len(in[0].Type.Shape); window >= max(in[0].Type.Shape[rank-2], in[1].Type.Shape[rank-2]) {
		window = 0 // all are nearer
	}
	return b.Apply(Attention, in[0], in[1], in[2], mask, n.Float("scale"), n.Bool("is_causal"), window, dropout, step, seed)
}

// attentionOf is the same for values: the node, which is in no graph that is kept, and its operands.
func attentionOf(n *ir.Node, in []*ir.Array) (*ir.Node, []*ir.Array) {
	b := ir.NewBuilder(&ir.Graph{})
	core := toAttention(b, n, n.Inputs)
	mask := ir.NewArray(core.Inputs[3].Type)
	for i := range mask.F {
		switch {
		case len(in) <= 4:
		case in[3].F != nil:
			mask.F[i] = in[3].F[i]
		case in[3].I[i] == 0:
			mask.F[i] = math.Inf(-1)
		}
	}
	step := ir.NewArray(ir.Scalar(ir.I64))
	if core.Float("dropout_p") > 0 {
		step.I[0] = in[len(in)-1].I[0]
	}
	return core, []*ir.Array{in[0], in[1], in[2], mask, step}
}

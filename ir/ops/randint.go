package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Randint = ir.Register(&ir.Op{
	Name:   "randint",
	Family: ir.Randomness,
	Doc: `Random integers from low up to, but not including, high.

They are redrawn at each step, and depend on the seed, the step and the node's
name only. high - low is at most 2**32.`,
	Example: `
randint(0, 10, [6]): i32[6] = [8, 4, 0, 4, 1, 1]`,
	Params: kit.ParamsRandom(ir.I32,
		kit.Integer("low", "the smallest value"),
		kit.Integer("high", "one more than the largest value")),
	Class:  ir.Leaf,
	Random: true,
	Infer: func(n *ir.Node) (ir.Type, error) {
		t, err := kit.InferRandom(n)
		if err != nil {
			return t, err
		}
		low, high := n.Int("low"), n.Int("high")
		switch {
		case t.DType == ir.U8:
			return t, kit.Refuse("dtype", `cast them: cast(randint(…), "u8")`, "randint doesn't support u8")
		case !t.DType.IsInt():
			return t, kit.Refuse("dtype", "use uniform for floats", "randint produces integers, not %s", t.DType)
		case high <= low:
			return t, ir.Argf("high", "high must be more than low; low is %d, high is %d", low, high)
		case uint64(high)-uint64(low) > 1<<32:
			return t, ir.Argf("high", "randint supports ranges of at most 2**32 integers; low is %d, high is %d", low, high)
		case t.DType == ir.I32 && (int(int32(low)) != low || int(int32(high-1)) != high-1):
			return t, kit.Refuse("dtype", `use dtype="i64"`, "i32 can't represent all integers from %d to %d", low, high-1)
		}
		return t, nil
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, d := ir.NewArray(n.Type), kit.DrawsOf(n, in)
		span := uint64(n.Int("high")) - uint64(n.Int("low"))
		for i := range out.I {
			out.I[i] = int64(n.Int("low")) + int64(uint64(d.Word(i))*span>>32)
		}
		return out
	},
	Sample: func(s ir.Sampler) []any { return []any{-5, s.Int(-4, 1000), []int(s.Shape(0)), s.DType()} },
})

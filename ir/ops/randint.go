package ops

import "github.com/flowrun/flowrun/ir"

// Randint is the op randint.
var Randint = ir.Register(&ir.Op{
	Name: "randint",
	Doc: `randint(low, high, shape, dtype="i32"): random integers from low up to, not including, high.

They are drawn anew at every step; high - low is at most 2**32.

Example: randint(0, 10, [6], step=0, key=0) = [3, 8, 7, 6, 9, 3]`,
	Params: paramsRandom(ir.I32,
		integer("low", "the smallest value"),
		integer("high", "one more than the largest value")),
	Class:  ir.Leaf,
	Random: true,
	Infer: func(n *ir.Node) (ir.Type, error) {
		t, err := inferRandom(n)
		if err != nil {
			return t, err
		}
		low, high := n.Int("low"), n.Int("high")
		switch {
		case !t.DType.IsInt():
			return t, refuse("dtype", "uniform draws floats", "randint draws integers, not %s", t.DType)
		case high <= low:
			return t, ir.Argf("high", "high must be more than low; low is %d, high is %d", low, high)
		case uint64(high)-uint64(low) > 1<<32:
			return t, ir.Argf("high", "randint draws from at most 2**32 integers; low is %d, high is %d", low, high)
		case t.DType == ir.I32 && (int(int32(low)) != low || int(int32(high-1)) != high-1):
			return t, refuse("dtype", `dtype="i64" holds them`, "i32 doesn't hold all integers from %d to %d", low, high-1)
		}
		return t, nil
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, d := ir.NewArray(n.Type), drawsOf(n, in)
		span := uint64(n.Int("high")) - uint64(n.Int("low"))
		for i := range out.I {
			out.I[i] = int64(n.Int("low")) + int64(uint64(d.word(i))*span>>32)
		}
		return out
	},
})

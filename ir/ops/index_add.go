package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var IndexAdd = ir.Register(writeSlices(&ir.Op{
	Name: "index_add",
	Doc: `x with slices of source added at an index along a dim.

For dim 0, x[index[i]] += alpha * source[i]. index is one-dimensional; source has the shape of
x but for dim, where it is as long as index. x and source have one dtype. What meets is
added in the order of index, so that every run gives the same bits. What an index out of
range would add is dropped.`,
	Compute: ir.ComputeWide,
	Example: `
x: i32[2, 2] = [[1, 1], [1, 1]]
index: i32[2] = [1, 1]
source: i32[2, 2] = [[1, 2], [3, 4]]
index_add(x, 0, index, source): i32[2, 2] = [[1, 1], [5, 7]]`,
	Params: append(paramsSlices(kit.Tensor("source", "the values to add")),
		ir.Param{Name: "alpha", Kind: ir.KNumber, Default: 1, Optional: true, Doc: "what source is multiplied by"}),
	Infer: func(n *ir.Node) (ir.Type, error) {
		t, err := inferSlices("source")(n)
		if err == nil {
			err = kit.NormNumber(n, "alpha", t.DType)
		}
		return t, err
	},
	Slack: func(c ir.Computed) ir.Slack {
		n := *c.Node
		n.Attrs = slices.Clone(n.Attrs)
		if alpha := alphaOf(&n); alpha < 0 { // what is subtracted adds to the error too
			n.SetAttr("alpha", -alpha)
		}
		c.Node = &n
		return slackOfAddition(c)
	},
	Sample: func(s ir.Sampler) []any {
		args := sampleSlices(s)
		if s.Int(0, 1) == 1 {
			args = append(args, s.Int(-1, 3))
		}
		return args
	},
}, "sum"))

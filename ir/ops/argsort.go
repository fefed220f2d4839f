package ops

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Argsort = ir.Register(&ir.Op{
	Name:   "argsort",
	Family: ir.Sorting,
	Doc: `The indices that sort x along a dim.

gather(x, dim, argsort(x, dim)) is sort(x, dim). Equal elements keep their order, also
if the order is descending. NaN counts as larger than all numbers. PyTorch's result is
i64, and stable only if that is asked for.`,
	Example: `
x: f32[4] = [3, 1, 2, 1]
argsort(x): i32[4] = [1, 3, 2, 0]`,
	Params: paramsSort,
	Class:  ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		_, err := kit.NormDim(n, x.Shape)
		return ir.Type{DType: ir.I32, Shape: x.Shape}, err
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		offs, length := kit.Rows(n.Type.Shape, []int{n.Int("dim")})
		order := make([]int, length)
		for start := 0; start < len(offs); start += length {
			row := offs[start : start+length]
			sortRow(order, in[0], row, n.Bool("descending"))
			for i, at := range row {
				out.I[at] = int64(order[i])
			}
		}
		return out
	},
	Sample: sampleSort,
})

// paramsSort are those of all ops that sort.
var paramsSort = []ir.Param{
	kit.ParamX,
	kit.IntegerOr("dim", -1, "the dim to sort along"),
	kit.Flag("descending", "whether the largest element comes first"),
}

func sampleSort(s ir.Sampler) []any {
	shape := s.Shape(1)
	dim, written := s.Dim(shape)
	return []any{s.Rows(s.Long(shape, dim)), written, s.Int(0, 1) == 1}
}

// sortRow lists the elements of a row of x in their order.
func sortRow(order []int, x *ir.Array, row []int, descending bool) {
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		if descending {
			i, j = j, i
		}
		if x.F == nil {
			return cmp.Compare(x.I[row[i]], x.I[row[j]])
		}
		a, b := x.F[row[i]], x.F[row[j]]
		if a != a || b != b { // NaN comes last
			return int(kit.Truth(a != a) - kit.Truth(b != b))
		}
		return cmp.Compare(a, b)
	})
}

// orderOf lists, along a dim, the positions of an index so that equal ones are
// neighbours, in their order.
func orderOf(b *ir.Builder, index *ir.Node, dim int) *ir.Node {
	if index.Type.Shape[dim] <= 1 {
		return anyOrder(b, index.Type.Shape, dim)
	}
	return b.Op("argsort", index, dim)
}

// anyOrder is an order of positions for an index whose elements are all different.
func anyOrder(b *ir.Builder, shape ir.Shape, dim int) *ir.Node {
	return b.Reshape(b.Op("arange", 0, shape[dim], 1, ir.I32), column(shape, dim))
}

// column is a shape that has a size only along one dim.
func column(shape ir.Shape, dim int) ir.Shape {
	ones := make(ir.Shape, len(shape))
	for i := range ones {
		ones[i] = 1
	}
	ones[dim] = shape[dim]
	return ones
}

package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// ScanSlice is what a scan reads at a position. Specs can't call it.
var ScanSlice = ir.Register(&ir.Op{
	Name: "scan_slice",
	Doc: `The slice of x at an index along a dim, without that dim.

An index out of range gives NaN, or 0 in dtypes without it.`,
	Params: []ir.Param{
		kit.Tensor("x", "any tensor"),
		kit.Tensor("index", "i32[] or i64[]"),
		kit.Integer("dim", "the dim that is indexed"),
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		dim, err := inferAtIndex(n)
		if err != nil {
			return ir.Type{}, err
		}
		return ir.Type{DType: x.DType, Shape: slices.Delete(slices.Clone(x.Shape), dim, dim+1)}, nil
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		offs, ok := atIndex(n, in)
		if !ok {
			return kit.Filled(n.Type, kit.Nothing(n.Type.DType))
		}
		return kit.Pick(n.Type, in[0], offs)
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		dim, written := s.Dim(shape)
		return []any{s.Tensor(shape), s.Indices(shape[dim], ir.Shape{}), written}
	},
})

// ScanStore is what a scan keeps of a position. Specs can't call it.
var ScanStore = ir.Register(&ir.Op{
	Name: "scan_store",
	Doc: `x with another slice at an index along a dim. An index out of range changes nothing.

If in_place, the result is written over x, and its other slices aren't copied.`,
	Params: []ir.Param{
		kit.Tensor("x", "any tensor"),
		kit.Tensor("index", "i32[] or i64[]"),
		kit.Tensor("slice", "the slice, of x's shape without dim"),
		kit.Integer("dim", "the dim that is indexed"),
		{Name: "in_place", Kind: ir.KBool, Hidden: true, Optional: true, Default: false, Doc: "whether the result is written over x"},
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		dim, err := inferAtIndex(n)
		if err != nil {
			return ir.Type{}, err
		}
		want := ir.Type{DType: x.DType, Shape: slices.Delete(slices.Clone(x.Shape), dim, dim+1)}
		if have := n.Inputs[2].Type; !have.Equal(want) {
			return ir.Type{}, ir.Argf("slice", "slice must be %s, which is x without dim %d, not %s", want, dim, have)
		}
		return x, nil
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := &ir.Array{Type: n.Type, F: slices.Clone(in[0].F), I: slices.Clone(in[0].I)}
		if offs, ok := atIndex(n, in); ok {
			kit.Put(out, in[2], offs)
		}
		return out
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		dim, written := s.Dim(shape)
		return []any{s.Tensor(shape), s.Indices(shape[dim], ir.Shape{}), s.Tensor(slices.Delete(slices.Clone(shape), dim, dim+1)), written}
	},
})

// inferAtIndex checks the index of n, and gives the dim.
func inferAtIndex(n *ir.Node) (int, error) {
	if index := n.Inputs[1].Type; len(index.Shape) != 0 || index.DType != ir.I32 && index.DType != ir.I64 {
		return 0, ir.Argf("index", "index must be i32[] or i64[], not %s", index)
	}
	return kit.NormDim(n, n.Inputs[0].Type.Shape)
}

// atIndex gives the offsets of the slice in x; ok is false if the index is out of range.
func atIndex(n *ir.Node, in []*ir.Array) (offs []int, ok bool) {
	shape, dim, at := in[0].Type.Shape, n.Int("dim"), in[1].I[0]
	if at < 0 || at >= int64(shape[dim]) {
		return nil, false
	}
	strides := shape.Strides()
	start := int(at) * strides[dim]
	return kit.Offsets(slices.Delete(slices.Clone(shape), dim, dim+1), slices.Delete(strides, dim, dim+1), start), true
}

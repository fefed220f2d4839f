package lower

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// What folding counts under in Plan.Applied.
const (
	folded        = "fold"
	foldedRounded = "fold-rounded"
)

// maxFolded bounds the size of folded operands, in elements.
const maxFolded = 4096

// fold computes a node whose operands are constants by its op's reference. If the
// result has the bits that kernels give, it counts as "fold"; if it may be more
// exact, as "fold-rounded". The result is never larger than the largest operand, so
// a broadcast constant stays small.
func (s *simplifier) fold(n *ir.Node) (value *ir.Tensor, what string) {
	if n.Op.Reference == nil || n.Op.Random || n.Op == ir.ConstOp || n.Op == ir.CopyOp || n.State != nil {
		return nil, ""
	}
	largest := 1
	for _, in := range n.Inputs {
		if in.Op != ir.ConstOp {
			return nil, ""
		}
		largest = max(largest, in.Type.Shape.Numel())
	}
	if largest > maxFolded || n.Type.Shape.Numel() > largest || s.plan.placement.Predict(n) == place.Nowhere {
		return nil, ""
	}
	what = folded
	if !exactlyFolded(n) {
		what = foldedRounded
	}
	in := make([]*ir.Array, len(n.Inputs))
	for i, x := range n.Inputs {
		in[i] = x.Attr("value").(*ir.Tensor).Array()
	}
	return n.Op.Reference(n, in).Tensor(), what
}

// exactlyFolded reports whether the reference gives the bits that kernels give.
func exactlyFolded(n *ir.Node) bool {
	if n.Op.Class == ir.Move || n.Op.Class == ir.Leaf || n.Op.Exact {
		return true
	}
	floats := n.Type.DType.IsFloat()
	for _, in := range n.Inputs {
		floats = floats || in.Type.DType.IsFloat()
	}
	return !floats
}

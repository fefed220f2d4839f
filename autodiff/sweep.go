package autodiff

import (
	"fmt"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops"
)

// sweep is one pass of reverse mode: the gradients found so far, those of f16 and
// bf16 values in f32.
type sweep struct {
	b     *ir.Builder
	grads map[*ir.Node]*ir.Node
	wide  map[*ir.Node]*ir.Node // values of 16 bits -> the same in f32
}

func newSweep(g *ir.Graph, budget *diag.Budget) *sweep {
	b := ir.NewBuilder(g)
	b.Budget, b.Work = budget, diag.Deriving
	return &sweep{b: b, grads: map[*ir.Node]*ir.Node{}, wide: map[*ir.Node]*ir.Node{}}
}

// through propagates the gradient of n to those of its operands that are active.
func (s *sweep) through(n *ir.Node, active map[*ir.Node]bool) error {
	s.b.Site = n.Site
	at, gradient := n, s.grads[n]
	if n.Op.Class == ir.Contract {
		// A product accumulates in f32 and rounds once whatever the dtype of its
		// factors, so these stay small.
		gradient = s.b.Cast(gradient, n.Type.DType)
	} else {
		at = s.b.Widened(n, s.widen)
	}
	for j, part := range n.Op.Grad(s.b, at, gradient) {
		in := n.Inputs[j]
		if part == nil || !active[in] {
			continue
		}
		if !part.Type.Equal(at.Inputs[j].Type) {
			return fmt.Errorf("autodiff: the gradient of %s for its operand %d is %s instead of %s",
				n.Op.Name, j, part.Type, at.Inputs[j].Type)
		}
		part = s.b.Cast(part, in.Type.DType.Wide())
		if sum := s.grads[in]; sum != nil {
			part = s.b.Apply(ops.Add, sum, part)
		}
		s.grads[in] = part
	}
	if s.b.Err() != nil {
		return fmt.Errorf("autodiff: differentiating %s: %w", n.Op.Name, s.b.Err())
	}
	return nil
}

// widen casts a value to f32 if it is f16 or bf16.
func (s *sweep) widen(x *ir.Node) *ir.Node {
	if !x.Type.DType.IsHalf() {
		return x
	}
	if s.wide[x] == nil {
		s.wide[x] = s.b.Cast(x, x.Type.DType.Wide())
	}
	return s.wide[x]
}

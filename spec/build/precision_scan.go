package build

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Precision of scans: what a position computes is lowered like the rest, as a graph of its
// own. Slices and carries are f32. A carry goes through all positions, so a rounding in each
// of them would add up, and what is less than half a unit of it would be lost: a cell state of
// 1 in bf16 doesn't grow by 0.001. Products round what they take of it. What is kept of each
// position is in the dtype that it is computed in.

// lowerBody computes what a scan has built since from in the dtypes that it is marked with.
func (g *graph) lowerBody(s *scanning, from int) {
	around := g.lowered
	g.lowered = lowered{done: from}
	g.lower()
	body := g.lowered
	g.lowered = around
	g.lowered.begin()
	for d := range body.used {
		g.lowered.used[d] = true
	}
	s.low = body.value
	ends := map[*ir.Node]bool{}
	for i, n := range s.next {
		if exact := body.exact[n]; exact != nil {
			n = exact
			s.Next(i, n)
		}
		ends[n] = true
	}
	g.list.Budget.Spend(diag.Expanding, expandCost)
	settleNodes(g.Graph.Nodes[from:], ends, "carries and what a position gives are f32")
	for _, n := range g.Graph.Nodes[from:] {
		if n.Precision.Low.IsHalf() {
			n.Precision = ir.Precision{Low: ir.F32} // it is done
		}
	}
}

// lowStack is what a scan has kept in a low dtype, as the spec sees it.
func (g *graph) lowStack(stack *ir.Node) *ir.Node {
	n := g.CastFor(stack, ir.F32, "what a model gives to losses, metrics and outputs is f32")
	g.lowered.value[n] = stack
	return n
}

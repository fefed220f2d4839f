package build

import (
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// Precision: a model is built in f32, as its spec reads, and its nodes are marked with the
// precision that the spec asks for. Then lower gives marked nodes a counterpart in the low
// dtype, and turns each of them into a cast of its counterpart: so all types stay what the
// spec says, parameters and what is computed of the model (losses, metrics, gradients) are
// f32, and a value has a low counterpart only if that is computed:
//
//   - products take operands in the low dtype and give it, or f32 where a module computes
//     all else in f32 and rounds once;
//   - reductions, norms, softmax and functions such as exp take f32;
//   - everything else is in the low dtype if an operand has a low counterpart and each other
//     one does, too, or is a parameter or a number; otherwise in f32.
//
// Casts of f32 nodes that nothing reads are dropped in the end.

// lowered is the working state of lower.
type lowered struct {
	done  int                   // nodes before it are done
	value map[*ir.Node]*ir.Node // what is computed in a low dtype
	casts map[lowCast]*ir.Node  // what is rounded to one
	exact map[*ir.Node]*ir.Node // what is rounded alone, as it was before
	used  map[ir.DType]bool     // the low dtypes that something is rounded to

	segment *ir.Segment // of the node that operands are rounded for
}

// lowCast is a value in a dtype.
type lowCast struct {
	node  *ir.Node
	dtype ir.DType
}

// compute marks the nodes made since from, unless they are marked.
func (g *graph) compute(from int, p ir.Precision) {
	if p == (ir.Precision{}) || p.Low == ir.Invalid {
		return
	}
	for _, n := range g.Graph.Nodes[from:] {
		if n.Precision.Low == ir.Invalid {
			n.Precision = p
		}
	}
}

// computeIn gives a frame the precision of its module. A module that widens computes all but
// products in f32; rounds says that its results are rounded then.
func (f *frame) computeIn(m *syntax.Module) (rounds bool) {
	if m.Precision != ir.Invalid {
		f.precision = ir.Precision{Low: m.Precision}
		return false
	}
	if m.Widen && f.precision.Low.IsHalf() {
		f.precision.Wide = true
		return true
	}
	return false
}

// round marks the results of a module that are made since made.
func (g *graph) round(made int, v any) {
	switch v := v.(type) {
	case *ir.Node:
		if v.ID >= made && v.State == nil && v.Op != ir.ConstOp {
			v.Precision.Round = true
		}
	case outputs:
		for _, o := range v {
			g.round(made, o)
		}
	}
}

// lower computes the nodes made since the last time in the dtypes that they are marked with.
func (g *graph) lower() {
	l := &g.lowered
	l.begin()
	if g.list.HasErrors() {
		return
	}
	site := g.Site
	for _, n := range g.Graph.Nodes[l.done:] {
		if n.Precision.Low.IsHalf() && n.State == nil {
			g.list.Budget.Spend(diag.Expanding, expandCost)
			g.lowerNode(n)
		}
	}
	g.Site = site
	l.done = len(g.Graph.Nodes)
}

func (l *lowered) begin() {
	if l.value == nil {
		l.value, l.casts, l.exact, l.used = map[*ir.Node]*ir.Node{}, map[lowCast]*ir.Node{}, map[*ir.Node]*ir.Node{}, map[ir.DType]bool{}
	}
}

// lowerNode computes a node in the dtype that it is marked with, as far as its op is.
func (g *graph) lowerNode(n *ir.Node) {
	d := n.Precision.Low
	g.Site, g.lowered.segment = n.Site, n.Segment
	switch how := n.Op.Computation(); {
	case n.Op == ir.GradOp || len(n.Inputs) == 0:
	case how == ir.ComputeLow:
		inputs := make([]*ir.Node, len(n.Inputs))
		for i, in := range n.Inputs {
			if inputs[i] = in; in.Type.DType == ir.F32 {
				inputs[i] = g.inLow(in, d, fmt.Sprintf("%s computes in %s", n.Op.Name, d))
			}
		}
		if n.Precision.Wide && !n.Precision.Round && n.Op.Param(ir.WideResult) >= 0 {
			n.Inputs = inputs
			n.SetAttr(ir.WideResult, true)
			return
		}
		g.counterpart(n, inputs)
	case how == ir.ComputeAsGiven && !n.Precision.Wide:
		g.lowerAsGiven(n)
	}
	if n.Precision.Round && n.Type.DType == ir.F32 && g.lowered.value[n] == nil {
		g.rounded(n)
	}
}

// counterpart computes n on operands in a low dtype.
func (g *graph) counterpart(n *ir.Node, inputs []*ir.Node) {
	if n.Type.DType != ir.F32 { // a comparison, an index
		n.Inputs = inputs
		return
	}
	if low := g.As(n, inputs); low != nil && low.Type.DType == n.Precision.Low {
		g.becomes(n, low)
	}
}

// rounded rounds what n is in f32.
func (g *graph) rounded(n *ir.Node) {
	wide := g.As(n, n.Inputs)
	wide.Precision = n.Precision
	g.lowered.exact[n] = wide
	g.becomes(n, g.CastFor(wide, n.Precision.Low, fmt.Sprintf("%s is computed in f32, and rounded once to %s", n.Op.Name, n.Precision.Low)))
}

// becomes makes n a cast of its counterpart.
func (g *graph) becomes(n, low *ir.Node) {
	low.Precision, low.Segment = n.Precision, n.Segment
	g.lowered.value[n], g.lowered.used[n.Precision.Low] = low, true
	n.Op, n.Inputs, n.Attrs = ir.CastOp, []*ir.Node{low}, []any{ir.F32}
}

// lowerAsGiven computes n in a low dtype if its operands are.
func (g *graph) lowerAsGiven(n *ir.Node) {
	d := n.Precision.Low
	if !slices.ContainsFunc(n.Inputs, func(in *ir.Node) bool { return g.lowIn(in, d) != nil }) {
		return
	}
	exact := true
	for _, in := range n.Inputs {
		if in.Type.DType != ir.F32 || g.lowIn(in, d) != nil || g.isWeight(in) {
			continue
		}
		value, isNumber := numberOf(in)
		if !isNumber {
			return // an operand in f32
		}
		near := ir.ScalarTensor(d, value).Float(0)
		if math.IsInf(near, 0) && !math.IsInf(value, 0) {
			return // it is beyond the dtype's range, as -1e30 in a mask is in f16
		}
		exact = exact && (value != value || near == value)
	}
	if !exact { // a number keeps its value
		if n.Type.DType == ir.F32 {
			g.rounded(n)
		}
		return
	}
	inputs := make([]*ir.Node, len(n.Inputs))
	for i, in := range n.Inputs {
		if inputs[i] = in; in.Type.DType == ir.F32 {
			inputs[i] = g.inLow(in, d, fmt.Sprintf("%s computes in %s, as its other operands are", n.Op.Name, d))
		}
	}
	g.counterpart(n, inputs)
}

// computesIn reports whether the model computes something in a low dtype.
func (g *graph) computesIn(d ir.DType) bool { return g.lowered.used[d] }

// lowIn is a value's counterpart in a dtype, or nil.
func (g *graph) lowIn(n *ir.Node, d ir.DType) *ir.Node {
	if low := g.lowered.value[n]; low != nil && low.Type.DType == d {
		return low
	}
	return nil
}

// isWeight reports whether a value is a parameter, whose elements may be moved.
func (g *graph) isWeight(n *ir.Node) bool {
	for n.Op.Class == ir.Move && len(n.Inputs) == 1 {
		n = n.Inputs[0]
	}
	return n.State != nil && n.State.Kind == ir.ParamState
}

// numberOf is the number that all elements of a value are.
func numberOf(n *ir.Node) (value float64, is bool) {
	switch {
	case n.Op == ir.ConstOp && len(n.Type.Shape) == 0:
		return n.Attr("value").(*ir.Tensor).Float(0), true
	case n.Op == ir.LookupOp("zeros"):
		return 0, true
	case n.Op == ir.LookupOp("ones"):
		return 1, true
	case n.Op == ir.LookupOp("full"):
		switch v := n.Attr("value").(type) {
		case float64:
			return v, true
		case int:
			return float64(v), true
		}
	}
	return 0, false
}

// inLow is an f32 value in a low dtype: its counterpart, or rounded. Weights are rounded
// before their elements are moved, so that rewrites see the moves beside the product.
func (g *graph) inLow(n *ir.Node, d ir.DType, why string) *ir.Node {
	if low := g.lowIn(n, d); low != nil {
		return low
	}
	key := lowCast{n, d}
	if c := g.lowered.casts[key]; c != nil {
		return c
	}
	var c *ir.Node
	if n.Op.Class == ir.Move && g.isWeight(n) {
		c = g.As(n, []*ir.Node{g.inLow(n.Inputs[0], d, why)})
	}
	if c == nil {
		if n.State == nil || n.State.Kind != ir.InputState { // of an input, it is part of what needs it first
			g.Path, g.Device = n.Path, n.Device
		}
		if n.State != nil { // the weight's node isn't where it is used
			g.Device = ""
		}
		c = g.CastFor(n, d, why)
		c.Segment = g.lowered.segment
	}
	g.lowered.casts[key], g.lowered.used[d] = c, true
	return c
}

// settle says what casts back to f32 are for, and gives the names of those that nothing reads
// to their counterparts.
func settle(g *ir.Graph) {
	isRoot := map[*ir.Node]bool{}
	for _, r := range g.Roots() {
		isRoot[r] = true
	}
	settleNodes(g.Nodes, isRoot, "what a model gives to losses, metrics and outputs is f32")
}

// settleNodes is settle for some nodes, whose roots are something other.
func settleNodes(nodes []*ir.Node, isRoot map[*ir.Node]bool, why string) {
	user := map[*ir.Node]*ir.Node{}
	for _, n := range nodes {
		for _, in := range n.Inputs {
			if user[in] == nil || user[in].Op == ir.GradOp {
				user[in] = n
			}
		}
	}
	for _, n := range nodes {
		if n.Op != ir.CastOp || !n.Precision.Low.IsHalf() || n.Type.DType != ir.F32 {
			continue
		}
		low := n.Inputs[0]
		switch u := user[n]; {
		case u == nil && !isRoot[n]:
			low.Name, n.Name = n.Name, ""
		case u != nil && u.Precision.Low != ir.Invalid && u.Op != ir.GradOp: // of the model, or a loss
			n.Why = fmt.Sprintf("%s computes in f32", u.Op.Name)
		default:
			n.Why = why
		}
	}
}

package engine

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// Cause is the first node that made values which aren't finite, and with them the loss or
// a state.
type Cause struct {
	Node   *ir.Node
	Value  Spread
	Inputs []Spread // of its operands, as they are in Node.Inputs

	// Phase is where in the step it is: "loss", "gradient" or "update". It is the first
	// for all that the loss depends on.
	Phase string

	Data string // for a data source: what it read, in words

	OutOfRange *ir.OutOfRange // where the node picks elements by indices, what is wrong with those
	Constant   bool           // no node made it: an infinite constant or state of the program did
}

// Spread says what is in a tensor.
type Spread struct {
	Size, NaN, Positive, Negative int     // elements: all, NaN, infinity, minus infinity
	Min, Max                      float64 // of those that are finite; NaN if none is
	First                         int     // the first that isn't; -1: all are
}

// SpreadOf looks at every element of a tensor.
func SpreadOf(t *ir.Tensor) Spread {
	s := Spread{Size: t.Type.Shape.Numel(), Min: math.NaN(), Max: math.NaN(), First: -1}
	for i := range s.Size {
		switch v := t.Float(i); {
		case math.IsNaN(v):
			s.NaN++
		case math.IsInf(v, 1):
			s.Positive++
		case math.IsInf(v, -1):
			s.Negative++
		case math.IsNaN(s.Min):
			s.Min, s.Max = v, v
			continue
		default:
			s.Min, s.Max = min(s.Min, v), max(s.Max, v)
			continue
		}
		if s.First < 0 {
			s.First = i
		}
	}
	return s
}

// Finite reports whether all elements are.
func (s Spread) Finite() bool { return s.NaN+s.Positive+s.Negative == 0 }

// Inspector finds the node that made values which aren't finite. Its method See is for
// Options.Inspect of a session without fused kernels.
//
// A node is not to blame for what it was given, nor for infinity that the program puts
// there: that of a constant, such as a mask's, of an argument, or of a state that begins
// with it. What comes of such infinity is meant too, until it becomes NaN.
type Inspector struct {
	// Made is told, once for each node, of those that make what isn't finite, whatever
	// becomes of it. It may be nil.
	Made func(*Cause)

	seen    map[*ir.Node]seen
	indices map[*ir.Node]*ir.Tensor
	told    map[*ir.Node]bool
}

// seen is what is known of a node's value.
type seen struct {
	Spread
	meant bool // what isn't finite in it is meant
}

// NewInspector makes an inspector of a session's plan.
func NewInspector() *Inspector {
	return &Inspector{seen: map[*ir.Node]seen{}, indices: map[*ir.Node]*ir.Tensor{}, told: map[*ir.Node]bool{}}
}

// See takes a node's value into account.
func (in *Inspector) See(n *ir.Node, value *ir.Tensor) error {
	if !value.Type.DType.IsFloat() {
		in.indices[n] = value
	}
	s := seen{Spread: SpreadOf(value)}
	s.meant = !s.Finite() && in.means(n, s.Spread)
	in.seen[n] = s
	if in.Made != nil && !s.Finite() && !s.meant && n.State == nil && !in.told[n] && !in.given(n) {
		in.told[n] = true
		in.Made(in.cause(n))
	}
	return nil
}

// made is the node that makes a state's value; nil if steps don't write it.
func made(st *ir.State) *ir.Node {
	if st.Next == nil {
		return nil
	}
	return operand(st.Next)
}

// operand is what a node reads, past copies.
func operand(n *ir.Node) *ir.Node {
	for n.Op == ir.CopyOp {
		n = n.Inputs[0]
	}
	return n
}

// bad reports whether a node's value has something that isn't finite and isn't meant.
func (in *Inspector) bad(n *ir.Node) bool {
	s, known := in.seen[operand(n)]
	return known && !s.Finite() && !s.meant
}

// given reports whether a node was given what isn't finite.
func (in *Inspector) given(n *ir.Node) bool {
	if n.Op == ir.ScanResultOp { // what the scan was given, which isn't shown itself
		n = operand(n.Inputs[0])
	}
	return slices.ContainsFunc(n.Inputs, in.bad)
}

// means reports whether a value's infinity is meant.
func (in *Inspector) means(n *ir.Node, s Spread) bool {
	if s.NaN > 0 {
		return n.Op == ir.ConstOp
	}
	if n.State != nil { // what the step before has made, or the run has begun with
		before, known := in.seen[made(n.State)]
		return !known || before.Finite() || before.meant
	}
	if n.Op == ir.SourceOp || in.given(n) {
		return false
	}
	if n.Op == ir.ConstOp || slices.ContainsFunc(n.Attrs, func(a any) bool { v, ok := a.(float64); return ok && math.IsInf(v, 0) }) {
		return true
	}
	return slices.ContainsFunc(n.Inputs, func(i *ir.Node) bool { return in.seen[operand(i)].meant })
}

// cause describes a node.
func (in *Inspector) cause(n *ir.Node) *Cause {
	c := &Cause{Node: n, Value: in.seen[n].Spread}
	for _, i := range n.Inputs {
		c.Inputs = append(c.Inputs, in.seen[operand(i)].Spread)
	}
	if n.Op.Indices == nil {
		return c
	}
	from, to := n.Operand(n.Op.Indices.Param)
	for _, i := range n.Inputs[from:to] {
		if t := in.indices[operand(i)]; t != nil && c.OutOfRange == nil {
			c.OutOfRange = n.OutOfRange(t)
		}
	}
	return c
}

// Find gives the first node that made what isn't finite in the loss after a step, or
// where that is finite, in one of the named states; nil if there is none.
func (in *Inspector) Find(plan *lower.Plan, loss string, states []string) *Cause {
	var targets []*ir.Node
	lossNode := (*ir.Node)(nil)
	if st := plan.Graph.State(loss); st != nil && st.Next != nil {
		lossNode = operand(st.Next)
		if !in.seen[lossNode].Finite() {
			targets = append(targets, lossNode)
		}
	}
	if len(targets) == 0 {
		for _, name := range states {
			if st := plan.Graph.State(name); st != nil && st.Next != nil {
				targets = append(targets, operand(st.Next))
			}
		}
	}
	first := in.first(targets, in.bad)
	constant := first == nil
	if constant { // all of it is meant, but the loss must be finite nevertheless
		first = in.first(targets, func(n *ir.Node) bool {
			n = operand(n)
			return !in.seen[n].Finite() && len(n.Inputs) > 0
		})
	}
	if first == nil {
		return nil
	}
	c := in.cause(first)
	c.Constant = constant
	switch {
	case first.Update:
		c.Phase = "update"
	case lossNode != nil && !within(lossNode, first):
		c.Phase = "gradient"
	default:
		c.Phase = "loss"
	}
	return c
}

// first is the node earliest in the plan among those that have a property, have no
// operand that has it, and lead to a target through others that have it.
func (in *Inspector) first(targets []*ir.Node, has func(*ir.Node) bool) (first *ir.Node) {
	visited := map[*ir.Node]bool{}
	stack := slices.Clone(targets)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if visited[n] || !has(n) {
			continue
		}
		visited[n] = true
		origin := true
		inputs := n.Inputs
		if n.Op == ir.ScanResultOp { // what the scan was given, which isn't shown itself
			inputs = operand(n.Inputs[0]).Inputs
		}
		for _, i := range inputs {
			if has(i) {
				origin = false
				stack = append(stack, operand(i))
			}
		}
		if origin && (first == nil || before(n, first)) {
			first = n
		}
	}
	return first
}

// before reports whether a node is computed before another: in another position of the same
// scan, or by their places in the plan.
func before(n, other *ir.Node) bool {
	if n.Position != "" && other.Position != "" && n.Origin == other.Origin && n.Op == other.Op && n.Turn != other.Turn {
		return n.Turn < other.Turn
	}
	return n.ID < other.ID
}

// within reports whether a node is one that another depends on, or that itself.
func within(of, n *ir.Node) bool {
	visited := map[*ir.Node]bool{}
	stack := []*ir.Node{of}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at == n {
			return true
		}
		if visited[at] {
			continue
		}
		visited[at] = true
		stack = append(stack, at.Inputs...)
	}
	return false
}

package ir

import (
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/diag"
)

// Builder makes nodes and appends them to a graph. Gradients, decompositions
// and rewrites are written with the ops' own functions over it.
//
// They return no errors: their nodes are well-typed unless an op's own file is
// wrong. The builder keeps the first such error, and its owner checks Err at the
// end.
//
// Every node spends Budget, as Work; a nil Budget is unlimited.
type Builder struct {
	Graph  *Graph
	Site   // given to every node made
	Budget *diag.Budget
	Work   diag.Work
	err    error
}

// What a node costs: itself with its type and attributes, and each operand and
// element of a list.
const (
	nodeCost    = 700 + 300*diag.KeptByte
	operandCost = 10 + 16*diag.KeptByte
)

// NewBuilder makes a builder that appends to g, without a budget.
func NewBuilder(g *Graph) *Builder { return &Builder{Graph: g, Work: diag.Expanding} }

// Err is the first fault of Apply, or nil.
func (b *Builder) Err() error { return b.err }

func (b *Builder) fail(err error) { b.err = errors.Join(b.err, err) }

// Apply is Call for nodes that are known to be well-typed. After an error, which
// Err keeps, the node is meaningless.
func (b *Builder) Apply(op *Op, args ...any) *Node {
	n, err := b.Call(op, args)
	if err != nil {
		b.err = errors.Join(b.err, fmt.Errorf("building %s: %w", op.Name, err))
		return b.Scalar(F32, 0.0)
	}
	return n
}

// add infers the type of n and appends it.
func (b *Builder) add(n *Node) (*Node, error) {
	b.Budget.Spend(b.Work, nodeCost+operandCost*len(n.Inputs))
	t, err := n.Op.Infer(n)
	if err != nil {
		return nil, err
	}
	if err := CheckShape(t.DType, t.Shape); err != nil {
		return nil, Argf("", "%s", err)
	}
	n.Type = t
	n.ID = len(b.Graph.Nodes)
	b.Graph.Nodes = append(b.Graph.Nodes, n)
	return n, nil
}

// Widened is n computed in f32 instead of f16 and bf16, with nothing rounded.
// wide converts an operand to f32. It is n itself if no operand has 16 bits.
func (b *Builder) Widened(n *Node, wide func(*Node) *Node) *Node {
	if !slices.ContainsFunc(n.Inputs, func(in *Node) bool { return in.Type.DType.IsHalf() }) {
		return n
	}
	w := &Node{Op: n.Op, Attrs: slices.Clone(n.Attrs), Space: -1, Site: n.Site}
	for _, in := range n.Inputs {
		w.Inputs = append(w.Inputs, wide(in))
	}
	w, err := b.add(w)
	if err != nil {
		b.err = errors.Join(b.err, fmt.Errorf("widening %s: %w", n.Op.Name, err))
		return n
	}
	return w
}

// With is n on other operands of the same types, where n is.
func (b *Builder) With(n *Node, inputs []*Node) *Node {
	// Attributes of its own, as a scan's gradient changes its scan.
	w, err := b.add(&Node{Op: n.Op, Inputs: inputs, Attrs: slices.Clone(n.Attrs), Why: n.Why, Segment: n.Segment, Space: -1, Site: n.Site})
	if err != nil {
		b.err = errors.Join(b.err, fmt.Errorf("building %s again: %w", n.Op.Name, err))
		return n
	}
	return w
}

// Recompute is n on other operands of the same types, as a part of what is computed again.
func (b *Builder) Recompute(n *Node, inputs []*Node, again int) *Node {
	c := b.With(n, inputs)
	c.Segment, c.Again = nil, again
	return c
}

// NewState adds a state and the node that reads it.
func (b *Builder) NewState(name string, kind StateKind, t Type) *State {
	b.Budget.Spend(b.Work, 2*nodeCost)
	s := &State{Name: name, Kind: kind, Type: t, Home: -1, Origin: b.Origin}
	s.Read = &Node{Op: StateOp, Name: name, State: s, Type: t, Space: -1, Site: Site{Origin: b.Origin, Path: name}, ID: len(b.Graph.Nodes)}
	b.Graph.Nodes = append(b.Graph.Nodes, s.Read)
	b.Graph.States = append(b.Graph.States, s)
	return s
}

// Const makes a node whose value is known.
func (b *Builder) Const(t *Tensor) *Node {
	n, _ := b.add(&Node{Op: ConstOp, Attrs: []any{t}, Space: -1, Site: b.Site})
	return n
}

// Scalar makes a constant f32[] (or another dtype's) from an int, float64 or
// bool.
func (b *Builder) Scalar(d DType, value any) *Node { return b.Const(ScalarTensor(d, value)) }

// Cast brings x to a dtype; x itself if it has it.
func (b *Builder) Cast(x *Node, d DType) *Node {
	n, err := b.cast(x, d)
	if err != nil {
		b.err = errors.Join(b.err, fmt.Errorf("building cast: %w", err))
		return b.Scalar(d, 0)
	}
	return n
}

// CastFor is Cast for a reason, which explain shows.
func (b *Builder) CastFor(x *Node, d DType, why string) *Node {
	n := b.Cast(x, d)
	if n != x {
		n.Why = why
	}
	return n
}

// As is n computed on other operands, and of the type that follows from theirs. It is nil if
// the op doesn't take them.
func (b *Builder) As(n *Node, inputs []*Node) *Node {
	m, err := b.add(&Node{Op: n.Op, Inputs: inputs, Attrs: slices.Clone(n.Attrs), Segment: n.Segment, Space: -1, Site: n.Site})
	if err != nil {
		return nil
	}
	return m
}

// cast is Cast for values of any size: in a wider dtype, there may be none of
// that shape.
func (b *Builder) cast(x *Node, d DType) (*Node, error) {
	if x.Type.DType == d {
		return x, nil
	}
	return b.add(&Node{Op: CastOp, Inputs: []*Node{x}, Attrs: []any{d}, Space: -1, Site: b.Site})
}

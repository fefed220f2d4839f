package rewrite

import (
	"fmt"

	"github.com/flowrun/flowrun/ir"
)

// template builds what replaces a match.
type template struct {
	slot   int    // a node that the pattern bound, or -1
	number any    // a constant, or nil
	op     *ir.Op // else a call
	args   []templateArg
}

// templateArg is one argument of a call, in the order of the op's parameters:
// an operand, a list of operands, a value, or nothing.
type templateArg struct {
	operand *template
	list    []*template
	value   value
}

// template checks a replacement.
func (c *checker) template(s *syntax) (*template, error) {
	switch s.kind {
	case isName:
		i := c.find(s.name)
		switch {
		case i < 0:
			return nil, s.faultf("%s is not bound by the pattern", s.name)
		case i == outSlot:
			return nil, s.faultf("a rewrite can't replace a node by itself")
		case c.slots[i].kind != aNode:
			return nil, s.faultf("%s is %s; a node is needed here", s.name, c.slots[i].kind)
		}
		return &template{slot: i}, nil
	case isLiteral:
		if _, text := s.value.(string); !text {
			return &template{slot: -1, number: s.value}, nil
		}
	case isCall:
		return c.build(s)
	}
	return nil, s.faultf("a replacement is a name, a number or a call")
}

func (c *checker) build(s *syntax) (*template, error) {
	if s.label != "" {
		return nil, s.faultf("%s @ has no meaning in a replacement", s.label)
	}
	op, err := c.lookup(s)
	if err != nil {
		return nil, err
	}
	given, err := c.assign(op, s)
	if err != nil {
		return nil, err
	}
	t := &template{slot: -1, op: op, args: make([]templateArg, len(given))}
	for i, g := range given {
		p := op.Params[i]
		switch {
		case g == nil && !p.Optional && !p.Kind.IsTensor():
			return nil, s.faultf("%s needs the argument %s", op.Name, p.Name)
		case g == nil:
		case p.Kind == ir.KTensors:
			if g.kind != isList {
				return nil, g.faultf("%s of %s is a list: [x]", p.Name, op.Name)
			}
			for _, item := range g.args {
				x, err := c.template(item)
				if err != nil {
					return nil, err
				}
				t.args[i].list = append(t.args[i].list, x)
			}
		case p.Kind.IsTensor():
			if t.args[i].operand, err = c.template(g); err != nil {
				return nil, err
			}
		default:
			if t.args[i].value, err = c.argument(op, p, g); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// argument checks a value that is given for an op's argument.
func (c *checker) argument(op *ir.Op, p ir.Param, s *syntax) (value, error) {
	v, k, err := c.value(s)
	if err != nil {
		return nil, err
	}
	if !k.fits(p.Kind) {
		return nil, s.faultf("%s of %s is %s, not %s", p.Name, op.Name, kindOf[p.Kind], k)
	}
	if s.kind == isLiteral || s.kind == isList {
		converted, err := convert(s, op, p, k, v(nil))
		return constant(converted), err
	}
	return v, nil
}

// Build makes the replacement. Its nodes are appended to the builder's graph,
// operands first; a replacement that is one of the matched nodes appends nothing. If
// the replacement doesn't have the type of the node that it replaces, ok is false and
// nothing is appended.
func (m *Match) Build(b *ir.Builder) (n *ir.Node, ok bool) {
	before := len(b.Graph.Nodes)
	arg, err := m.build(b, m.rewrite.result)
	out := m.nodes[outSlot]
	n, isNode := arg.(*ir.Node)
	if err != nil || !isNode || !n.Type.Equal(out.Type) {
		clear(b.Graph.Nodes[before:])
		b.Graph.Nodes = b.Graph.Nodes[:before]
		return nil, false
	}
	return n, true
}

// build gives an argument for Builder.Call: a node or a number.
func (m *Match) build(b *ir.Builder, t *template) (any, error) {
	switch {
	case t.slot >= 0:
		return m.nodes[t.slot], nil
	case t.op == nil:
		return t.number, nil
	}
	args := make([]any, len(t.args))
	for i, a := range t.args {
		switch {
		case a.operand != nil:
			v, err := m.build(b, a.operand)
			if err != nil {
				return nil, err
			}
			args[i] = v
		case a.list != nil:
			var list []any
			for _, item := range a.list {
				v, err := m.build(b, item)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			args[i] = list
		case a.value != nil:
			args[i] = a.value(m)
		}
	}
	n, err := b.Call(t.op, args)
	if err != nil {
		return nil, fmt.Errorf("rewrite %s: %w", m.rewrite.Name, err)
	}
	return n, nil
}

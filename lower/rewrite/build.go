package rewrite

import (
	"github.com/flowrun/flowrun/ir"
)

// template gives an argument for [ir.Builder.Call]: a node, which is built or was
// matched, a list of nodes, a number or another value.
type template func(m *Match, b *ir.Builder) (any, error)

// template checks a replacement.
func (c *checker) template(s *syntax) (template, error) {
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
		return func(m *Match, _ *ir.Builder) (any, error) { return m.nodes[i], nil }, nil
	case isLiteral:
		if _, text := s.value.(string); !text {
			return constant(s.value).template, nil
		}
	case isCall:
		return c.build(s)
	}
	return nil, s.faultf("a replacement is a name, a number or a call")
}

func (c *checker) build(s *syntax) (template, error) {
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
	args := make(templates, len(given))
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
			items := make(templates, len(g.args))
			for j, item := range g.args {
				if items[j], err = c.template(item); err != nil {
					return nil, err
				}
			}
			args[i] = func(m *Match, b *ir.Builder) (any, error) { return items.build(m, b) }
		case p.Kind.IsTensor():
			if args[i], err = c.template(g); err != nil {
				return nil, err
			}
		default:
			v, err := c.argument(op, p, g)
			if err != nil {
				return nil, err
			}
			args[i] = v.template
		}
	}
	return func(m *Match, b *ir.Builder) (any, error) {
		values, err := args.build(m, b)
		if err != nil {
			return nil, err
		}
		return b.Call(op, values)
	}, nil
}

// templates are a call's arguments, nil where none is given, or a list's items.
type templates []template

func (t templates) build(m *Match, b *ir.Builder) ([]any, error) {
	values := make([]any, len(t))
	for i, f := range t {
		if f == nil {
			continue
		}
		var err error
		if values[i], err = f(m, b); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// template gives a value that isn't a node.
func (v value) template(m *Match, _ *ir.Builder) (any, error) { return v(m), nil }

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
	arg, err := m.rewrite.result(m, b)
	out := m.nodes[outSlot]
	n, isNode := arg.(*ir.Node)
	if err != nil || !isNode || !n.Type.Equal(out.Type) {
		clear(b.Graph.Nodes[before:])
		b.Graph.Nodes = b.Graph.Nodes[:before]
		return nil, false
	}
	return n, true
}

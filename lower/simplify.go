package lower

import (
	"fmt"

	"github.com/flowrun/flowrun/ir"
)

// decompose writes ops without a kernel in terms of simpler ones, until all
// have one. What replaces a node runs where the node was to run.
func decompose(p *Plan) error {
	b := ir.NewBuilder(p.Graph)
	var expand func(n *ir.Node) (*ir.Node, error)
	expand = func(n *ir.Node) (*ir.Node, error) {
		if n.Op.Decompose == nil {
			return n, nil
		}
		b.Site = n.Site
		before := len(p.Graph.Nodes)
		r := n.Op.Decompose(b, n)
		if err := b.Err(); err != nil {
			return nil, fmt.Errorf("lower: decomposing %s: %w", n.Op.Name, err)
		}
		if !r.Type.Equal(n.Type) {
			return nil, fmt.Errorf("lower: %s is %s, but its decomposition is %s", n.Op.Name, n.Type, r.Type)
		}
		// The new nodes may have to be decomposed too; they are in order.
		made := p.Graph.Nodes[before:]
		replaced := map[*ir.Node]*ir.Node{}
		for _, m := range made {
			for i, in := range m.Inputs {
				if to := replaced[in]; to != nil {
					m.Inputs[i] = to
				}
			}
			to, err := expand(m)
			if err != nil {
				return nil, err
			}
			if to != m {
				replaced[m] = to
			}
		}
		if to := replaced[r]; to != nil {
			r = to
		}
		return r, nil
	}
	return rewrite(p.Graph, expand)
}

// share merges nodes that compute the same from the same operands. Nodes with
// different names or placements stay apart, so that both can be asked for.
func share(p *Plan) error {
	seen := map[string]*ir.Node{}
	return rewrite(p.Graph, func(n *ir.Node) (*ir.Node, error) {
		if n.Op == ir.StateOp {
			return n, nil
		}
		key := shareKey(n)
		first := seen[key]
		if first == nil {
			seen[key] = n
			return n, nil
		}
		if n.Name != "" && first.Name != "" && n.Name != first.Name {
			return n, nil
		}
		return first, nil
	})
}

// shareKey is equal for nodes that compute the same.
func shareKey(n *ir.Node) string {
	key := make([]byte, 0, 64)
	key = append(key, n.Op.Name...)
	for _, in := range n.Inputs {
		key = fmt.Appendf(key, ",%p", in)
	}
	for _, a := range n.Attrs {
		if t, ok := a.(*ir.Tensor); ok {
			key = fmt.Appendf(key, ";%s:%x", t.Type, t.Data)
			continue
		}
		key = fmt.Appendf(key, ";%T:%v", a, a)
	}
	key = fmt.Appendf(key, "@%s?%s", n.Device, n.Prefer)
	return string(key)
}

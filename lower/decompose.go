package lower

import (
	"fmt"

	"github.com/flowrun/flowrun/ir"
)

// decompose replaces ops without a kernel by simpler ones until all have one. A
// replacement runs where the node would have run.
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
	return replaceNodes(p.Graph, expand)
}

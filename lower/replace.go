package lower

import (
	"fmt"

	"github.com/flowrun/flowrun/ir"
)

// replaceNodes replaces each node n by f(n), which may be n. When f is called,
// n's operands have been replaced already; f isn't called for nodes that it makes.
//
// Names are preserved: a value that can be read by name before a pass can be read
// by it afterwards. A replacement takes the name of the node that it replaces. If
// it already has one, or is a state, or if a named node is no longer used, the
// name becomes an output of the graph. Steps don't run nodes that only outputs
// need.
func replaceNodes(g *ir.Graph, f func(n *ir.Node) (*ir.Node, error)) error {
	if err := g.Sort(); err != nil {
		return err
	}
	nodes := g.Nodes
	replaced := make([]*ir.Node, len(nodes)) // by ID
	resolve := func(n *ir.Node) *ir.Node {
		for n.ID < len(nodes) && replaced[n.ID] != nil {
			n = replaced[n.ID]
		}
		return n
	}
	var named []ir.Output
	for _, n := range nodes {
		for i, in := range n.Inputs {
			n.Inputs[i] = resolve(in)
		}
		if n.Name != "" && n.State == nil {
			named = append(named, ir.Output{Name: n.Name, Node: n})
		}
		r, err := f(n)
		if err != nil {
			return err
		}
		if r != n {
			if r.Name == "" && r.State == nil {
				r.Name = n.Name
			}
			replaced[n.ID] = r
		}
	}
	for _, s := range g.States {
		if s.Next != nil {
			s.Next = resolve(s.Next)
		}
	}
	for i, o := range g.Outputs {
		g.Outputs[i].Node = resolve(o.Node)
	}
	for i := range named {
		named[i].Node = resolve(named[i].Node)
	}
	if err := g.Sort(); err != nil {
		return err
	}
	return keepNames(g, named)
}

// keepNames makes outputs of names that would be lost otherwise.
func keepNames(g *ir.Graph, named []ir.Output) error {
	outputs := make(map[string]bool, len(g.Outputs))
	for _, o := range g.Outputs {
		outputs[o.Name] = true
	}
	lost := len(g.Outputs)
	for _, o := range named {
		there := o.Node.ID < len(g.Nodes) && g.Nodes[o.Node.ID] == o.Node
		if !(there && o.Node.Name == o.Name) && !outputs[o.Name] {
			outputs[o.Name] = true
			g.Outputs = append(g.Outputs, o)
		}
	}
	if lost == len(g.Outputs) {
		return nil
	}
	return g.Sort()
}

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

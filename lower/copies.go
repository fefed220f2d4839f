package lower

import "github.com/flowrun/flowrun/ir"

// copies inserts a copy on every edge between two spaces, and where a state's next
// value is another state: a commit writes a computed value, it never reads a home
// that another commit writes. A state whose next value is itself isn't written.
func copies(p *Plan) error {
	type crossing struct {
		value *ir.Node
		space int
	}
	b := ir.NewBuilder(p.Graph)
	made := map[crossing]*ir.Node{}
	carry := func(value *ir.Node, space int) (*ir.Node, error) {
		key := crossing{value, space}
		if c := made[key]; c != nil {
			return c, nil
		}
		b.Site = value.Site
		c, err := b.Call(ir.CopyOp, []any{value})
		if err != nil {
			return nil, err
		}
		c.Space = space
		p.placement.Reasons[c] = "copied for its users"
		if value.Space == space {
			p.placement.Reasons[c] = "the value before the step"
		}
		made[key] = c
		return c, nil
	}
	nodes := p.Graph.Nodes
	for _, n := range nodes {
		for i, in := range n.Inputs {
			if in.Space == n.Space {
				continue
			}
			c, err := carry(in, n.Space)
			if err != nil {
				return err
			}
			n.Inputs[i] = c
		}
	}
	for _, s := range p.Graph.States {
		if s.Next == s.Read {
			s.Next = nil
		}
		if s.Next == nil || s.Next.State == nil && s.Next.Space == s.Home {
			continue
		}
		c, err := carry(s.Next, s.Home)
		if err != nil {
			return err
		}
		s.Next = c
	}
	return p.Graph.Sort()
}

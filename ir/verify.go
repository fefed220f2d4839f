package ir

import (
	"fmt"
)

// Verify checks the invariants of the package's doc. Passes are checked with it
// one after another, so a fault is found where it was made. With types, every
// type rule is run again.
func Verify(g *Graph, types bool) error {
	for i, n := range g.Nodes {
		if n.ID != i {
			return fmt.Errorf("ir: node %s is at %d but has number %d", n.Label(), i, n.ID)
		}
		for _, in := range n.Inputs {
			switch {
			case in == nil:
				return fmt.Errorf("ir: node %s has no value for an operand", n.Label())
			case in.ID >= len(g.Nodes) || g.Nodes[in.ID] != in:
				return fmt.Errorf("ir: node %s uses %s, which is not in the graph", n.Label(), in.Label())
			case in.ID >= i:
				return fmt.Errorf("ir: node %s comes before its operand %s", n.Label(), in.Label())
			}
		}
		if (n.Op == StateOp) != (n.State != nil) {
			return fmt.Errorf("ir: node %s: only the op state has a state", n.Label())
		}
		if n.Op == ScanOp {
			if err := Verify(n.ScanBody().Graph, types); err != nil {
				return fmt.Errorf("in the body of %s: %w", n.Label(), err)
			}
		}
		if types {
			c := *n
			c.Attrs = append([]any(nil), n.Attrs...)
			t, err := n.Op.Infer(&c)
			if err != nil {
				return fmt.Errorf("ir: node %s: %w", n.Label(), err)
			}
			if !t.Equal(n.Type) {
				return fmt.Errorf("ir: node %s is %s, but its op gives %s", n.Label(), n.Type, t)
			}
		}
	}
	inGraph := func(n *Node) bool { return n != nil && n.ID < len(g.Nodes) && g.Nodes[n.ID] == n }
	names := make(map[string]bool, len(g.States))
	for _, s := range g.States {
		switch {
		case names[s.Name]:
			return fmt.Errorf("ir: duplicate state %s", s.Name)
		case !inGraph(s.Read) || s.Read.State != s:
			return fmt.Errorf("ir: state %s is not read by its own node", s.Name)
		case s.Next != nil && !inGraph(s.Next):
			return fmt.Errorf("ir: the next value of state %s is not in the graph", s.Name)
		case s.Next != nil && !s.Next.Type.Equal(s.Type):
			return fmt.Errorf("ir: state %s is %s but its next value is %s", s.Name, s.Type, s.Next.Type)
		}
		names[s.Name] = true
	}
	for _, o := range g.Outputs {
		if !inGraph(o.Node) {
			return fmt.Errorf("ir: output %s is not in the graph", o.Name)
		}
	}
	return nil
}

// Clone copies the graph, so that passes may change it. Constants' tensors are
// shared: nobody writes them.
func (g *Graph) Clone() *Graph {
	c := &Graph{Nodes: make([]*Node, len(g.Nodes)), Inside: g.Inside}
	index := make(map[*Node]*Node, len(g.Nodes))
	states := make(map[*State]*State, len(g.States))
	for _, s := range g.States {
		t := *s
		states[s] = &t
		c.States = append(c.States, &t)
	}
	block := make([]Node, len(g.Nodes))
	for i, n := range g.Nodes {
		m := &block[i]
		*m = *n
		m.Attrs = append([]any(nil), n.Attrs...)
		m.Inputs = make([]*Node, len(n.Inputs))
		if n.State != nil {
			m.State = states[n.State]
		}
		index[n] = m
		c.Nodes[i] = m
	}
	for i, n := range g.Nodes {
		for j, in := range n.Inputs {
			c.Nodes[i].Inputs[j] = index[in]
		}
	}
	for _, s := range c.States {
		s.Read, s.Next = index[s.Read], index[s.Next]
	}
	for _, o := range g.Outputs {
		c.Outputs = append(c.Outputs, Output{o.Name, index[o.Node]})
	}
	return c
}

// Users lists, per node ID, the nodes that have it as an operand, once per use.
func (g *Graph) Users() [][]*Node {
	count := make([]int, len(g.Nodes))
	total := 0
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			count[in.ID]++
			total++
		}
	}
	all := make([]*Node, total)
	users := make([][]*Node, len(g.Nodes))
	for i, c := range count {
		users[i], all = all[:0:c], all[c:]
	}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			users[in.ID] = append(users[in.ID], n)
		}
	}
	return users
}

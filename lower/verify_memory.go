package lower

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// verifyMemory simulates the plan's reads and writes in order, on intervals of
// addresses. Every read, and every commit, must find what its producer wrote; kept
// values must not overlap; and all values must be within their spaces.
func verifyMemory(p *Plan) error {
	kept, arenas := make([]extents, len(p.Targets)), make([]extents, len(p.Targets))
	for _, n := range p.Graph.Nodes {
		v := p.Value(n)
		for _, in := range n.Inputs {
			if !arenas[p.original(in).Space].holds(p, p.original(in)) {
				return fmt.Errorf("node %s reads %s after its memory was given to another value", n.Label(), in.Label())
			}
		}
		size := p.Spaces[n.Space].Arena
		if v.Storage != Transient {
			size = p.Spaces[n.Space].Kept
		}
		switch {
		case v.Alias && v.Offset != p.Value(n.Inputs[0]).Offset:
			return fmt.Errorf("node %s is an alias, but lies elsewhere than %s", n.Label(), n.Inputs[0].Label())
		case v.Alias || v.Storage == InPlace || v.Bytes == 0 || isGiven(n):
		case v.Offset < 0 || v.Offset%Alignment != 0 || v.Offset+v.Bytes > size:
			return fmt.Errorf("node %s has bytes %d to %d of the %d on %s", n.Label(), v.Offset, v.Offset+v.Bytes, size, p.Targets[n.Space].Name)
		case v.Storage != Transient:
			if over := kept[n.Space].write(p, n); over != nil {
				return fmt.Errorf("nodes %s and %s are kept in the same memory", over.Label(), n.Label())
			}
		default:
			for _, in := range n.Inputs { // read while n is written
				o := p.original(in)
				if w := p.Value(o); o.Space == n.Space && w.Storage == Transient && overlap(v, w) && (v.Offset != w.Offset || !p.mayOverwriteAll(n, in)) {
					return fmt.Errorf("node %s is written over its operand %s", n.Label(), in.Label())
				}
			}
			arenas[n.Space].write(p, n)
		}
	}
	for _, s := range p.Graph.States {
		if s.Next != nil && !arenas[s.Next.Space].holds(p, s.Next) {
			return fmt.Errorf("state %s becomes %s, whose memory was given to another value", s.Name, s.Next.Label())
		}
	}
	return nil
}

// original is the node in whose memory a value lies.
func (p *Plan) original(n *ir.Node) *ir.Node {
	if p.Value(n).Alias {
		return n.Inputs[0]
	}
	return n
}

func overlap(a, b *Value) bool { return a.Offset < b.Offset+b.Bytes && b.Offset < a.Offset+a.Bytes }

// extents are the values in a memory, by their addresses. No two overlap.
type extents []*ir.Node

// find gives the index of the first value that ends after an address.
func (e extents) find(p *Plan, offset int64) int {
	at, _ := slices.BinarySearchFunc(e, offset, func(n *ir.Node, offset int64) int {
		if v := p.Value(n); v.Offset+v.Bytes <= offset {
			return -1
		}
		return 1
	})
	return at
}

// write replaces the values that n overlaps by n, and gives one of them.
func (e *extents) write(p *Plan, n *ir.Node) (over *ir.Node) {
	v := p.Value(n)
	from := e.find(p, v.Offset)
	to := from
	for to < len(*e) && overlap(p.Value((*e)[to]), v) {
		over = (*e)[to]
		to++
	}
	*e = slices.Replace(*e, from, to, n)
	return over
}

// holds tells whether a transient value is still there. Others always are.
func (e extents) holds(p *Plan, n *ir.Node) bool {
	v := p.Value(n)
	if v.Storage != Transient || v.Bytes == 0 {
		return true
	}
	at := e.find(p, v.Offset)
	return at < len(e) && e[at] == n
}

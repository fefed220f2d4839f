package autodiff

import (
	"github.com/flowrun/flowrun/ir"
)

// recomputer computes values of segments again, so that a backward pass keeps only what
// enters a segment. Gradients of a segment's nodes are made of copies of its nodes: the
// first use of a value copies what it depends on, up to what is kept.
//
// Segments may be inside of one another. Seen from a node of segment s, a value that is in
// segment v is computed again for the innermost segment around both: if that is none, it
// has been kept; if it is s itself, for the gradients in s alone. So while the outer
// segment's gradients are computed, only what enters an inner one is kept in turn.
type recomputer struct {
	b      *ir.Builder
	last   *int // the last mark that was given, in all backward passes
	marks  map[*ir.Segment]int
	copies map[copyOf]*ir.Node
}

// copyOf is a node, and the segment for whose gradients it is computed again.
type copyOf struct {
	node *ir.Node
	in   *ir.Segment
}

func newRecomputer(b *ir.Builder, last *int) *recomputer {
	return &recomputer{b: b, last: last, marks: map[*ir.Segment]int{}, copies: map[copyOf]*ir.Node{}}
}

// of is n as its own gradient sees it: with operands that were kept or are computed again.
func (r *recomputer) of(n *ir.Node) *ir.Node { return r.in(n.Segment, n) }

// in is n as gradients in a segment see it. Chains of nodes may be long, so it doesn't
// recurse along them.
func (r *recomputer) in(s *ir.Segment, n *ir.Node) *ir.Node {
	root := r.copyOf(s, n)
	stack := []copyOf{root}
	for len(stack) > 0 {
		c := stack[len(stack)-1]
		if r.kept(c) || r.copies[c] != nil {
			stack = stack[:len(stack)-1]
			continue
		}
		inputs := make([]*ir.Node, len(c.node.Inputs))
		waiting := len(stack)
		for i, in := range c.node.Inputs {
			of := r.copyOf(c.in, in)
			if inputs[i] = r.value(of); inputs[i] == nil {
				stack = append(stack, of)
			}
		}
		if len(stack) > waiting {
			continue
		}
		stack = stack[:len(stack)-1]
		r.copies[c] = r.b.Recompute(c.node, inputs, r.mark(c.in))
	}
	return r.value(root)
}

// copyOf says which copy of n gradients in a segment use.
func (r *recomputer) copyOf(s *ir.Segment, n *ir.Node) copyOf { return copyOf{n, around(s, n.Segment)} }

// kept reports whether a value is that of the forward pass: that of a node in no common
// segment, or of one without operands, which costs nothing.
func (r *recomputer) kept(c copyOf) bool { return c.in == nil || len(c.node.Inputs) == 0 }

// value is a copy's node, or nil if there is none yet.
func (r *recomputer) value(c copyOf) *ir.Node {
	if r.kept(c) {
		return c.node
	}
	return r.copies[c]
}

// mark is that of the nodes computed again for the gradients in a segment.
func (r *recomputer) mark(s *ir.Segment) int {
	if r.marks[s] == 0 {
		*r.last++
		r.marks[s] = *r.last
	}
	return r.marks[s]
}

// around is the innermost segment around both, or nil.
func around(a, b *ir.Segment) *ir.Segment {
	for ; a != nil; a = a.Outer {
		for c := b; c != nil; c = c.Outer {
			if a == c {
				return a
			}
		}
	}
	return nil
}

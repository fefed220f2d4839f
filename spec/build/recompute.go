package build

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// together is how many repetitions of a node the backward pass computes again at a time; 0
// if it keeps their values. What is wrong with it was reported if it isn't ok.
func (ex *expander) together(def *syntax.Node) (n int, ok bool) {
	switch r := def.Recompute; {
	case r == nil:
		return 0, true
	case r.Every == nil:
		return 1, true
	default:
		every := ex.constant(r.Every)
		n, ok := every.(int)
		if !syntax.IsBad(every) && (!ok || n < 1) {
			ex.fail(ex.f, diag.InvalidArgument, r.Every.At(), syntax.KindHelp(every, syntax.ArgInt), "every must be an int of at least 1, got %s", ir.Describe(every))
		}
		return n, ok && n >= 1
	}
}

// beginSegment lets calls from a frame begin a new segment, inside of that of the node.
func (ex *expander) beginSegment(outer *frame, together int) {
	if together > 0 {
		outer.segment = &ir.Segment{Outer: ex.f.segment}
	}
}

// inSegment puts the nodes that a module has made since from into its segment, unless an
// inner one has them.
func (ex *expander) inSegment(f *frame, from int) {
	if f.segment == nil {
		return
	}
	for _, n := range ex.Graph.Nodes[from:] {
		if n.Segment == nil {
			n.Segment = f.segment
		}
	}
}

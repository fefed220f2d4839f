package build

import (
	"fmt"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// warnUntrained warns of parameters that the loss doesn't depend on, once for each cause:
// for all, if it depends on none; else for each part of the graph that it doesn't need.
// trained is the number of the other parameters, needed are the nodes that the loss needs.
func (t *training) warnUntrained(states []*ir.State, trained int, needed map[*ir.Node]bool) {
	if len(states) > 0 && trained == 0 {
		t.report(t.root, diag.Diagnostic{Rule: diag.NoGradient, Range: t.program.Loss,
			Message: fmt.Sprintf("the loss depends on none of the %s, so nothing is trained", diag.Count(len(states), "parameter")),
			Help:    "compare the model's output with a target, as in mse_loss(y, target)"})
		return
	}
	parts := t.unneeded(needed)
	seen := map[*ir.Node]int{} // by part: how many parameters
	var first []*ir.State
	for _, s := range states {
		part := parts.find(s.Read)
		if seen[part]++; seen[part] == 1 {
			first = append(first, s)
		}
	}
	shown := t.shown(parts)
	for _, s := range first {
		part := parts.find(s.Read)
		if !shown[part] {
			continue // a node of it is unused, which is reported
		}
		d := diag.Diagnostic{Rule: diag.NoGradient, Range: s.Origin,
			Message: fmt.Sprintf("the loss doesn't depend on the parameter %s, so it isn't trained", s.Name)}
		if n := seen[part]; n > 1 {
			d.Message = fmt.Sprintf("the loss doesn't depend on the parameter %s and %s, so they aren't trained", s.Name, diag.Count(n-1, "related parameter"))
		}
		t.report(t.root, d)
	}
}

// disjoint are sets of nodes, each under one of its nodes.
type disjoint map[*ir.Node]*ir.Node

func (d disjoint) find(n *ir.Node) *ir.Node {
	for d[n] != nil && d[n] != n {
		if up := d[d[n]]; up != nil {
			d[n] = up
		}
		n = d[n]
	}
	return n
}

func (d disjoint) join(a, b *ir.Node) {
	if a, b = d.find(a), d.find(b); a != b {
		d[a] = b
	}
}

// unneeded are the parts of the graph that the loss doesn't need, each in one set.
func (t *training) unneeded(needed map[*ir.Node]bool) disjoint {
	parts := disjoint{}
	for _, n := range t.Graph.Nodes {
		if needed[n] {
			continue
		}
		for _, in := range n.Inputs {
			if !needed[in] {
				parts.join(in, n)
			}
		}
	}
	return parts
}

// shown are the parts that an output or a metric needs.
func (t *training) shown(parts disjoint) map[*ir.Node]bool {
	shown := map[*ir.Node]bool{}
	for _, out := range t.Graph.Outputs {
		shown[parts.find(out.Node)] = true
	}
	for _, s := range t.Graph.States {
		if s.Next != nil {
			shown[parts.find(s.Next)] = true
		}
	}
	return shown
}

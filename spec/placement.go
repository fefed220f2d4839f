package spec

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// place records which placement rules match a node or a state; lowering applies
// them, by the same paths.
func (g *graph) place(p placementDef, matched map[*ruleDef]bool) {
	for _, n := range g.Graph.Nodes {
		if n.Op == ir.ConstOp || n.Path == "" {
			continue
		}
		for _, r := range p.rules {
			if ir.MatchPath(r.match, n.Path) {
				matched[r] = true
			}
		}
	}
}

// public is the placement as the program tells it.
func (p placementDef) public() Placement {
	out := Placement{Default: p.fallback}
	for _, r := range p.rules {
		out.Rules = append(out.Rules, PlacementRule{r.match, r.device, r.prefer, r.at})
	}
	return out
}

// unmatched reports rules that did nothing.
func (p placementDef) unmatched(list *diag.List, matched map[*ruleDef]bool) {
	for _, r := range p.rules {
		if !matched[r] {
			list.Add(diag.Diagnostic{Rule: diag.UnmatchedRule, Range: r.at,
				Message: "the rule matches no node and no state", Help: "paths are like h1, h1.weight, optimizer.h1.weight.m"})
		}
	}
}

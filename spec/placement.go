package spec

import (
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// place records which placement rules match a node or a state; lowering applies
// them, by the same paths.
func (g *graph) place(p placementDef, matched map[*ruleDef]bool) {
	for _, n := range g.Graph.Nodes {
		if n.Op == ir.ConstOp {
			continue
		}
		for _, r := range p.rules {
			if glob(r.match, n.Path) {
				matched[r] = true
			}
		}
	}
}

// glob reports whether a pattern, in which * stands for any text, matches all of
// a name.
func glob(pattern, name string) bool {
	if name == "" {
		return false
	}
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, pieces[0])
	if !ok {
		return false
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		i := strings.Index(rest, piece)
		if i < 0 {
			return false
		}
		rest = rest[i+len(piece):]
	}
	return strings.HasSuffix(rest, pieces[len(pieces)-1])
}

// public is the placement as the program tells it.
func (p placementDef) public() Placement {
	out := Placement{Default: p.fallback}
	for _, r := range p.rules {
		out.Rules = append(out.Rules, PlacementRule{r.match, r.device, r.prefer})
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

package build

import (
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// placing finds out which placement rules match anything; lowering applies them,
// by the same paths.
type placing struct {
	rules    []ir.PlacementRule
	patterns []ir.Pattern
	matched  []bool
	seen     map[string]bool // paths
	budget   *diag.Budget
}

func newPlacing(p ir.Placement, budget *diag.Budget) *placing {
	m := &placing{rules: p.Rules, matched: make([]bool, len(p.Rules)), seen: map[string]bool{}, budget: budget}
	for _, r := range p.Rules {
		m.patterns = append(m.patterns, ir.NewPattern(ir.PlainPath(r.Match)))
	}
	return m
}

// see matches the paths of a graph with the rules that have matched nothing yet.
func (m *placing) see(g *ir.Graph) {
	if len(m.rules) == 0 {
		return
	}
	for _, n := range g.Nodes {
		if n.Op == ir.ConstOp || n.Path == "" || m.seen[n.Path] {
			continue
		}
		m.seen[n.Path] = true
		m.budget.Spend(diag.Naming, nameCost*len(n.Path)*(1+strings.Count(n.Path, ".")))
		for _, path := range g.Around(n.Path) {
			if !m.seen[path] || path == n.Path {
				m.seen[path] = true
				m.match(path)
			}
		}
	}
}

func (m *placing) match(path string) {
	for i, r := range m.rules {
		if m.matched[i] {
			continue
		}
		m.budget.At(r.Origin)
		m.budget.Spend(diag.Matching, m.patterns[i].Cost(path))
		m.matched[i] = m.patterns[i].Match(path)
	}
}

// unmatched reports rules that did nothing.
func (m *placing) unmatched(list *diag.List) {
	for i, r := range m.rules {
		if !m.matched[i] {
			list.Add(diag.Diagnostic{Rule: diag.UnmatchedRule, Range: r.Origin,
				Message: "the rule matches no node or state", Help: "example paths: h1, h1.weight, optimizer.h1.weight.m"})
		}
	}
}

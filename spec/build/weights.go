package build

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// weights takes over the files of weights that the spec names, and reports names and
// patterns of parameters that the program doesn't have.
func (p *Program) weights(list *diag.List) {
	if w := p.def.Weights; w != nil {
		p.Weights = w.Decl
		checkParams(list, w.Params, p.Train, p.Infer)
	}
	if p.def.Train != nil && p.def.Train.Weights != nil {
		p.Loop.Weights = p.def.Train.Weights.Decl
		checkParams(list, p.def.Train.Weights.Params, p.Train, p.Infer)
	}
}

// checkParams reports names and patterns that fit no parameter or buffer of the graphs.
func checkParams(list *diag.List, names []syntax.ParamName, graphs ...*ir.Graph) {
	if list.HasErrors() || len(names) == 0 {
		return
	}
	var known []string
	is := map[string]bool{}
	for _, g := range graphs {
		if g == nil {
			continue
		}
		for _, s := range g.States {
			if (s.Kind == ir.ParamState || s.Kind == ir.BufferState) && !is[s.Name] {
				is[s.Name] = true
				known = append(known, s.Name)
			}
		}
	}
	for _, n := range names {
		if name := ir.PlainPath(n.Name); !is[name] && !fitsAny(list, name, known) {
			list.Add(diag.Diagnostic{Rule: diag.UnknownName, Range: n.At, Help: list.Suggestion(name, known),
				Message: fmt.Sprintf("the model has no parameter `%s`", diag.Cut(name))})
		}
	}
}

// fitsAny reports whether a pattern fits one of the names.
func fitsAny(list *diag.List, pattern string, names []string) bool {
	if !strings.Contains(pattern, "*") {
		return false
	}
	p := ir.NewPattern(pattern)
	for _, name := range names {
		list.Budget.Spend(diag.Matching, p.Cost(name))
		if p.Match(name) {
			return true
		}
	}
	return false
}

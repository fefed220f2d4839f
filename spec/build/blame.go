package build

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax"
)

// A var of the wrong kind is rejected wherever it is used. If every use is rejected, the
// var is wrong, and is reported once, at its value. If some use is fine, the other uses
// are reported.

// varUses are the positions at which vars are used, and the errors there.
type varUses struct {
	vars   map[diag.Range]*syntax.Var // by the position of the use
	uses   map[*syntax.Var][]diag.Range
	wrong  map[*syntax.Var][]diag.Diagnostic
	blamed map[*syntax.Var]bool
}

// used notes that a var is used at a position.
func (u *varUses) used(v *syntax.Var, at diag.Range) {
	if u.vars == nil {
		u.vars, u.uses = map[diag.Range]*syntax.Var{}, map[*syntax.Var][]diag.Range{}
		u.wrong, u.blamed = map[*syntax.Var][]diag.Diagnostic{}, map[*syntax.Var]bool{}
	}
	if u.vars[at] == nil {
		u.vars[at] = v
		u.uses[v] = append(u.uses[v], at)
	}
}

// refused keeps an error about the value of a var, and reports whether it is one.
func (u *varUses) refused(d diag.Diagnostic) bool {
	v := u.vars[d.Range]
	if v == nil || !slices.Contains(valueRules, d.Rule) || !strings.Contains(d.Message, ", got ") {
		return false
	}
	if v.Overridden && !v.Node.Range.Known() || u.blamed[v] {
		return u.blamed[v]
	}
	if !slices.ContainsFunc(u.wrong[v], func(old diag.Diagnostic) bool { return old.Range == d.Range }) {
		u.wrong[v] = append(u.wrong[v], d)
	}
	return true
}

// valueRules are the lint rules that a value of the wrong kind violates.
var valueRules = []diag.Rule{diag.InvalidArgument, diag.TypeMismatch, diag.InvalidOperation}

// report reports what was kept: at the var, or at the uses.
func (u *varUses) report(list *diag.List, vars []*syntax.Var) {
	for _, v := range vars {
		wrong := u.wrong[v]
		delete(u.wrong, v)
		if len(wrong) == 0 {
			continue
		}
		if len(wrong) < len(u.uses[v]) {
			for _, d := range wrong {
				list.Add(d)
			}
			continue
		}
		u.blamed[v] = true
		first := wrong[0]
		expected, got, _ := strings.Cut(first.Message, ", got ")
		d := diag.Diagnostic{Rule: first.Rule, Range: v.Node.Range, Help: first.Help,
			Message: fmt.Sprintf("the var %s is %s, but %s", v.Name, got, expected),
			Notes:   []diag.Note{{Message: "used here", Range: first.Range}}}
		if len(wrong) > 1 {
			d.Message += " (and at " + diag.Count(len(wrong)-1, "other use") + ")"
		}
		if text, ok := syntax.NearestNumber(v.Node.Text); ok && !isNumber(v.Value) {
			d.Help = "write " + text
		}
		list.Add(d)
	}
}

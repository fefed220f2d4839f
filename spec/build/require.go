package build

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// required checks what a module requires of a call's arguments and dimensions.
func (ex *expander) required(f *frame, c *expr.Call) bool {
	in := &expander{graph: ex.graph, f: f, to: ex.to, path: f.path}
	for _, req := range f.mod.Require {
		v := in.constant(req.Cond)
		holds, ok := v.(bool)
		switch {
		case syntax.IsBad(v):
			return false
		case !ok:
			ex.fail(f, diag.InvalidArgument, req.Cond.At(), "", "a requirement must be a bool, got %s", ir.Describe(v))
			return false
		case !holds:
			ex.fail(ex.f, diag.InvalidArgument, c.At(), "", "%s requires that %s, but %s", f.mod.Name, req.Text, f.named(req.Cond))
			return false
		}
	}
	return true
}

// named lists the names in a compile-time expression with their values.
func (f *frame) named(e expr.Expr) string {
	var all []string
	expr.Walk(e, func(e expr.Expr) bool {
		if n, ok := e.(*expr.Name); ok {
			if text := n.Name + " is " + brief(f.consts[n.Name]); !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
		return true
	})
	return strings.Join(all, " and ")
}

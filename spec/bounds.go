package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/tree"
)

// bounds decodes min, max and values of an argument. ok is false if they don't
// go with its type.
func (d *decoder) bounds(a *argDef, fields map[string]*tree.Node) bool {
	number := a.kind == argInt || a.kind == argFloat || a.kind == argScalar
	for _, b := range []struct {
		key string
		to  *any
	}{{"min", &a.min}, {"max", &a.max}} {
		n := fields[b.key]
		if n == nil {
			continue
		}
		limit := d.constant(n, b.key)
		if isBad(limit) {
			return false
		}
		if _, fits := ofKind(limit, argScalar); !number || !fits {
			d.report(diag.InvalidValue, n.Range, "", "%s is a number that bounds a number; the argument %s is %s", b.key, a.name, article(a.kind))
			return false
		}
		*b.to = limit
	}
	n := fields["values"]
	if n == nil {
		return true
	}
	list, ok := d.constant(n, "values").([]any)
	for _, v := range list {
		text, isText := v.(string)
		ok = ok && isText
		a.values = append(a.values, text)
	}
	if !n.Broken && (!ok || a.kind != argString) {
		d.report(diag.InvalidValue, n.Range, "write type: string, values: [mean, sum]", "values is a list of strings that a string can be")
		return false
	}
	return ok
}

// refuses says what is wrong with a value of an argument's kind: that it is out
// of bounds. It is "" for one that is fine, or that no bound applies to.
func (a *argDef) refuses(v any) string {
	if text, ok := v.(string); ok && a.values != nil && !slices.Contains(a.values, text) {
		return fmt.Sprintf("must be one of %s, got %q", strings.Join(a.values, ", "), shorten(text))
	}
	outside := func(op string, limit any) bool {
		if limit == nil {
			return false
		}
		is, err := expr.Apply(op, v, limit)
		return err == nil && is == true
	}
	switch {
	case outside("<", a.min):
		return fmt.Sprintf("must be at least %v, got %v", a.min, v)
	case outside(">", a.max):
		return fmt.Sprintf("must be at most %v, got %v", a.max, v)
	}
	return ""
}

package syntax

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// bounds decodes min, max, length and values of an argument. ok is false if they don't
// fit its type.
func (d *decoder) bounds(a *Arg, fields map[string]*tree.Node) bool {
	number := a.Kind == ArgInt || a.Kind == ArgFloat || a.Kind == ArgScalar || a.Kind == ArgNumbers
	a.Length = -1
	a.Nil, _ = d.boolean(fields["nil"], "nil")
	if n := fields["length"]; n != nil {
		v, ok := d.integer(n, "length")
		if !ok {
			return false
		}
		if v < 0 || v > maxLength || a.Kind != argList && a.Kind != ArgNumbers {
			d.report(diag.InvalidValue, n.Range, "", "length must be from 0 to %d and applies only to lists and numbers; the argument %s is %s", maxLength, a.Name, Article(a.Kind))
			return false
		}
		a.Length = int(v)
	}
	for _, b := range []struct {
		key string
		to  *any
	}{{"min", &a.Min}, {"max", &a.Max}} {
		n := fields[b.key]
		if n == nil {
			continue
		}
		limit := d.limit(n, b.key)
		if IsBad(limit) {
			return false
		}
		if _, fits := OfKind(limit, ArgScalar); !number || !fits {
			d.report(diag.InvalidValue, n.Range, "", "%s must be a number and applies only to numbers; the argument %s is %s", b.key, a.Name, Article(a.Kind))
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
	if !n.Broken && (!ok || a.Kind != argString && a.Kind != ArgNumbers) {
		d.report(diag.InvalidValue, n.Range, "write type: string, values: [mean, sum]", "values must be a list of strings, for an argument of type string, or of numbers that can also be words")
		return false
	}
	return ok
}

// words are what an argument can be instead of numbers.
func (a *Arg) words() []string {
	if a.Kind == ArgNumbers {
		return a.values
	}
	return nil
}

// Accept brings a value to an argument's kind; ok is false if it can't be.
func (a *Arg) Accept(v any) (value any, ok bool) {
	if _, isText := v.(string); isText && a.words() != nil {
		return v, true // Refuses knows which
	}
	if list, isList := v.([]any); isList && a.Kind == ArgNumbers && a.Nil {
		_, ok := numbers(slices.DeleteFunc(slices.Clone(list), func(item any) bool { return item == nil }))
		return v, ok
	}
	return OfKind(v, a.Kind)
}

// Article names what an argument must be.
func (a *Arg) Article() string {
	if words := a.words(); words != nil {
		return Article(a.Kind) + ", or one of " + strings.Join(words, ", ")
	}
	return Article(a.Kind)
}

// maxLength bounds what an argument can ask of a list's length.
const maxLength = 1 << 20

// Refuses says which bound a value of an argument's kind violates; "" if none.
func (a *Arg) Refuses(v any) string {
	if text, ok := v.(string); ok && a.values != nil && !slices.Contains(a.values, text) {
		return fmt.Sprintf("must be one of %s, got %q", strings.Join(a.values, ", "), diag.Cut(text))
	}
	list, isList := v.([]any)
	if isList && a.Length >= 0 && len(list) != a.Length {
		return fmt.Sprintf("must have %s, got %d", diag.Count(a.Length, "element"), len(list))
	}
	if a.Kind != ArgNumbers {
		list = []any{v}
	}
	for _, v := range list {
		switch {
		case beyond("<", v, a.Min):
			return fmt.Sprintf("must be at least %v, got %v", a.Min, v)
		case beyond(">", v, a.Max):
			return fmt.Sprintf("must be at most %v, got %v", a.Max, v)
		}
	}
	return ""
}

// beyond reports whether a number is outside a limit, if there is one. NaN is outside
// every limit.
func beyond(op string, v, limit any) bool {
	if limit == nil {
		return false
	}
	is, err := comptime.Apply(op, v, limit)
	return err == nil && (is == true || isNaN(v))
}

func isNaN(v any) bool {
	f, ok := v.(float64)
	return ok && math.IsNaN(f)
}

// limit decodes a min or max. It is bad if that fails, as it does for NaN.
func (d *decoder) limit(n *tree.Node, key string) any {
	v := d.constant(n, key)
	if isNaN(v) {
		d.report(diag.InvalidValue, n.Range, "omit it for no bound", "%s must not be NaN", key)
		return Bad{}
	}
	return v
}

// requirements decodes what a module requires.
func (d *decoder) requirements(n *tree.Node) []*Requirement {
	help := "write {num_heads divides the width: width % num_heads == 0}"
	if !d.is(n, tree.Map, help, "require must be a mapping of sentences to conditions") {
		return nil
	}
	var all []*Requirement
	for _, e := range n.Entries {
		if cond := d.expression(e.Value, "the requirement"); cond != nil {
			all = append(all, &Requirement{e.Key.Text, cond})
		}
	}
	return all
}

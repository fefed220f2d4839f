package syntax

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// constant decodes a plain value: an int, float64, bool or string, or a list of
// them. It is bad if that fails.
func (d *decoder) constant(n *tree.Node, what string) any {
	if n.Broken {
		return Bad{}
	}
	d.list.Budget.Spend(diag.Listing, ElementCost+numberCost*len(n.Text)) // aliases are met again and again
	switch n.Kind {
	case tree.Int, tree.Float:
		if v, ok := d.number(n, what); ok {
			return v
		}
		return Bad{}
	case tree.Bool:
		return strings.EqualFold(n.Text, "true")
	case tree.String:
		if d.placeholder(n) {
			return Bad{}
		}
		return n.Text
	case tree.List:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = d.constant(item, what)
			if _, isBad := list[i].(Bad); isBad {
				return Bad{}
			}
		}
		return list
	case tree.Null:
		d.report(diag.WrongType, n.Range, "add a value, or remove the key", "%s has no value", what)
		return Bad{}
	}
	d.report(diag.WrongType, n.Range, "", "%s must be a value or a list of values, not %s", what, n.Kind)
	return Bad{}
}

// OfKind brings a value to a kind; ok is false if it is of another.
func OfKind(v any, k argKind) (value any, ok bool) {
	if k == ArgNumbers {
		return numbers(v)
	}
	switch x := v.(type) {
	case int:
		if k == ArgFloat {
			return float64(x), true
		}
		return v, k == ArgInt || k == ArgScalar
	case float64:
		return v, k == ArgFloat || k == ArgScalar
	case bool:
		return v, k == ArgBool
	case string:
		return v, k == argString
	case []any:
		return v, k == argList
	}
	return v, false
}

// numbers makes a list of a number; a list must hold numbers only.
func numbers(v any) (value any, ok bool) {
	switch v := v.(type) {
	case int, float64:
		return []any{v}, true
	case []any:
		return v, !slices.ContainsFunc(v, func(item any) bool { _, ok := OfKind(item, ArgScalar); return !ok })
	}
	return v, false
}

// KindOf is the kind that a value has by itself.
func KindOf(v any) argKind {
	switch v.(type) {
	case int:
		return ArgInt
	case float64:
		return ArgFloat
	case bool:
		return ArgBool
	case string:
		return argString
	}
	return argList
}

// foreignKinds are kinds as other languages call them.
var foreignKinds = map[string]argKind{
	"integer": ArgInt, "number": ArgFloat, "double": ArgFloat, "boolean": ArgBool, "str": argString, "text": argString, "array": argList, "tuple": argList,
}

func (d *decoder) kind(n *tree.Node) (argKind, bool) {
	text, ok := d.text(n, "type")
	if !ok {
		return 0, false
	}
	for k, name := range argKinds {
		if name == text {
			return argKind(k), true
		}
	}
	help := "the types are " + strings.Join(argKinds[:], ", ")
	meant, known := foreignKinds[text]
	switch {
	case text == "tensor" || text == "Tensor":
		help = "declare tensors under inputs; arguments are known at compile time"
	case known:
		help = fmt.Sprintf("did you mean %q?", meant)
	case strings.ContainsAny(text, "+-*/("):
		help = "use the long form for a default that is an expression: {type: int, default: " + diag.Cut(text) + "}"
	}
	d.report(diag.InvalidValue, n.Range, help, "unknown type `%s`", diag.Cut(text))
	return meant, false
}

// Bad is the value of what was reported: whatever uses it is bad too, silently.
type Bad struct{}

func IsBad(v any) bool { _, is := v.(Bad); return is }

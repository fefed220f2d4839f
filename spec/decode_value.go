package spec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/tree"
)

// constant decodes a plain value: an int, float64, bool or string, or a list of
// them. It is bad if that fails.
func (d *decoder) constant(n *tree.Node, what string) any {
	if n.Broken {
		return bad{}
	}
	d.list.Budget.Spend(diag.Listing, elementCost+lookCost*len(n.Text)) // aliases are met again and again
	switch n.Kind {
	case tree.Int:
		if v, ok := d.integer(n, what); ok {
			return int(v)
		}
		return bad{}
	case tree.Float:
		if v, ok := specialFloat(n.Text); ok {
			return v
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(n.Text, "_", ""), 64)
		if err != nil {
			d.report(diag.InvalidValue, n.Range, "", "%s: %s is not a number that a float64 can hold", what, shorten(n.Text))
			return bad{}
		}
		return v
	case tree.Bool:
		return strings.EqualFold(n.Text, "true")
	case tree.String:
		if v, err := strconv.ParseFloat(n.Text, 64); err == nil && n.Plain && !math.IsInf(v, 0) && !math.IsNaN(v) {
			return v // 1e-3, which is a string to YAML 1.1
		}
		return n.Text
	case tree.List:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = d.constant(item, what)
			if _, isBad := list[i].(bad); isBad {
				return bad{}
			}
		}
		return list
	case tree.Null:
		d.report(diag.WrongType, n.Range, "", "%s has no value", what)
		return bad{}
	}
	d.report(diag.WrongType, n.Range, "", "%s is a value or a list of values, not %s", what, n.Kind)
	return bad{}
}

// specialFloat reads YAML's own floats, which no expression can say.
func specialFloat(s string) (float64, bool) {
	switch strings.ToLower(s) {
	case ".inf", "+.inf":
		return math.Inf(1), true
	case "-.inf":
		return math.Inf(-1), true
	case ".nan":
		return math.NaN(), true
	}
	return 0, false
}

// ofKind brings a value to a kind; ok is false if it is of another.
func ofKind(v any, k argKind) (value any, ok bool) {
	if k == argNumbers {
		return numbers(v)
	}
	switch x := v.(type) {
	case int:
		if k == argFloat {
			return float64(x), true
		}
		return v, k == argInt || k == argScalar
	case float64:
		return v, k == argFloat || k == argScalar
	case bool:
		return v, k == argBool
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
		return v, !slices.ContainsFunc(v, func(item any) bool { _, ok := ofKind(item, argScalar); return !ok })
	}
	return v, false
}

// kindOf is the kind that a value has by itself.
func kindOf(v any) argKind {
	switch v.(type) {
	case int:
		return argInt
	case float64:
		return argFloat
	case bool:
		return argBool
	case string:
		return argString
	}
	return argList
}

// foreignKinds are kinds as other languages call them.
var foreignKinds = map[string]argKind{
	"integer": argInt, "number": argFloat, "double": argFloat, "boolean": argBool, "str": argString, "text": argString, "array": argList, "tuple": argList,
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
		help = "tensors are inputs of a module; its arguments are known at compile time"
	case known:
		help = fmt.Sprintf("did you mean %q?", meant)
	case strings.ContainsAny(text, "+-*/("):
		help = "a default that is an expression stands in the long form: {type: int, default: " + shorten(text) + "}"
	}
	d.report(diag.InvalidValue, n.Range, help, "there is no type `%s`", shorten(text))
	return meant, false
}

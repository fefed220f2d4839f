package syntax

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
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
			if IsBad(list[i]) {
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

// kindOf is the kind that a value has by itself.
func kindOf(v any) argKind {
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
	if k := slices.Index(argKinds[:], text); k >= 0 {
		return argKind(k), true
	}
	help := "the types are " + strings.Join(argKinds[:], ", ")
	meant, known := foreignKinds[text]
	switch {
	case text == "Tensor":
		help = `did you mean "tensor"?`
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

// How messages speak of the kinds of arguments.

// KindHelp says how to write the value of a kind that another value was probably meant
// to be.
func KindHelp(v any, k argKind) string {
	switch v := v.(type) {
	case string:
		switch {
		case k == ArgBool:
			return boolHelp(v)
		case strings.EqualFold(v, "none") || strings.EqualFold(v, "null"):
			return "give a value, or omit the argument"
		}
		if number, ok := NearestNumber(v); ok && k != argString && (k != ArgInt || strings.Trim(number, "0123456789-") == "") {
			return "write " + number
		}
		if strings.ContainsAny(v, "+-*/") {
			return fmt.Sprintf("vars can't be expressions, such as %q", v)
		}
	case []any:
		if len(v) == 1 && k != argList {
			if value, ok := OfKind(v[0], k); ok {
				return fmt.Sprintf("write %v", value)
			}
		}
	case int:
		if k == ArgBool && (v == 0 || v == 1) {
			return "write " + strconv.FormatBool(v == 1)
		}
	case float64:
		if k == ArgInt && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return "write " + strconv.Itoa(int(v))
		}
	}
	return ""
}

func Article(k argKind) string {
	switch k {
	case ArgInt:
		return "an int"
	case ArgNumbers:
		return "a number or a list of numbers"
	}
	return "a " + k.String()
}

// TypeNames are the dtypes of types: those of values, and classes of them.
var TypeNames = append(ir.DTypeNames(), "float", "int", "any")

// AcceptsDType reports whether a type's dtype admits a value's.
func AcceptsDType(name string, d ir.DType) bool {
	switch name {
	case "any":
		return true
	case "float":
		return d.IsFloat()
	case "int":
		return d.IsInt()
	}
	return d.String() == name
}

// What some work costs: binding a name, keeping an element of a list, looking at
// one, reading a character that may be a number's.
const (
	BindCost    = 120
	ElementCost = 30 + 16*diag.KeptByte
	LookCost    = 5
	numberCost  = 40
)

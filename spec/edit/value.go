package edit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// literal is the value of a default that depends on nothing.
func literal(e expr.Expr) (v any, ok bool) {
	switch e := e.(type) {
	case *expr.Literal:
		return e.Value, e.Value != nil
	case *expr.Unary:
		if v, ok = literal(e.X); !ok || e.Op != "-" && e.Op != "+" {
			return nil, false
		}
		v, err := comptime.Negate(e.Op, v)
		return v, err == nil
	case *expr.List:
		list := make([]any, len(e.Items))
		for i, item := range e.Items {
			if list[i], ok = literal(item); !ok {
				return nil, false
			}
		}
		return list, true
	}
	return nil, false
}

// asYAML writes a value as that of an argument in a mapping, where a string is
// its text, and all else an expression.
func asYAML(v any) (string, bool) {
	if s, ok := v.(string); ok {
		return stringText(s), true
	}
	if list, ok := v.([]any); ok {
		return inBrackets(list, func(item any) (string, bool) {
			text, ok := asExpression(item, "'")
			if strings.ContainsAny(text, "'[") {
				text = quoteYAML(text)
			}
			return text, ok
		})
	}
	return asExpression(v, "'")
}

// inBrackets writes a list whose items can all be written.
func inBrackets(list []any, write func(item any) (string, bool)) (string, bool) {
	items := make([]string, len(list))
	for i, item := range list {
		text, ok := write(item)
		if !ok {
			return "", false
		}
		items[i] = text
	}
	return "[" + strings.Join(items, ", ") + "]", true
}

// asExpression writes a value as an expression. Strings with quotes have none.
func asExpression(v any, quote string) (string, bool) {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v), true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		switch {
		case math.IsInf(v, 1):
			return "inf", true
		case math.IsInf(v, -1):
			return "-inf", true
		case math.IsNaN(v):
			return "nan", true
		}
		return decimal(v), true
	case ir.DType:
		return quote + v.String() + quote, true
	case string:
		return quote + v + quote, !strings.ContainsAny(v, "'\"\\\n")
	case []any:
		return inBrackets(v, func(item any) (string, bool) { return asExpression(item, quote) })
	}
	return "", false
}

// decimal writes a float that reads back as a float.
func decimal(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	s = strings.Replace(s, "e-0", "e-", 1)
	s = strings.Replace(s, "e+", "e", 1)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// flowText writes a value as YAML on one line, in a form that fits anywhere.
func flowText(n *tree.Node) string {
	switch n.Kind {
	case tree.List:
		parts := make([]string, len(n.Items))
		for i, item := range n.Items {
			parts[i] = flowText(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case tree.Map:
		parts := make([]string, len(n.Entries))
		for i, e := range n.Entries {
			parts[i] = stringText(e.Key.Text) + ": " + flowText(e.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case tree.Null:
		return "null"
	case tree.String:
		return stringText(n.Text)
	}
	return n.Text
}

// blockText writes a mapping with a line for each entry that isn't one.
func blockText(n *tree.Node, margin string) string {
	var b strings.Builder
	for _, e := range n.Entries {
		b.WriteString(margin + stringText(e.Key.Text) + ":")
		if e.Value.Kind == tree.Map && len(e.Value.Entries) > 0 {
			b.WriteString("\n" + blockText(e.Value, margin+"  "))
		} else {
			b.WriteString(" " + flowText(e.Value) + "\n")
		}
	}
	return b.String()
}

// stringText writes a string as YAML, without quotes where it is but a word.
func stringText(s string) string {
	if expr.IsName(s) {
		if n := tree.Parse("", "- "+s, &diag.List{}); n != nil && n.Kind == tree.List && n.Items[0].Kind == tree.String {
			return s
		}
	}
	return quoteYAML(s)
}

// quoteYAML writes a string with YAML's double quotes.
func quoteYAML(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(c):
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, `\U%08x`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
)

func source(text string) expr.Source {
	return expr.Source{File: "e", Text: text, Position: func(i int) diag.Pos { return diag.Pos{Line: 1, Col: i + 1} }}
}

func parse(text string) (expr.Expr, diag.List) {
	var list diag.List
	list.AddSource("e", text)
	return expr.Parse(source(text), &list), list
}

// show writes a tree with all its brackets.
func show(e expr.Expr) string {
	many := func(list []expr.Expr) string {
		var parts []string
		for _, x := range list {
			parts = append(parts, show(x))
		}
		return strings.Join(parts, " ")
	}
	switch e := e.(type) {
	case *expr.Name:
		return e.Name
	case *expr.Literal:
		return fmt.Sprintf("%#v", e.Value)
	case *expr.List:
		return "[" + many(e.Items) + "]"
	case *expr.Index:
		return "(at " + show(e.X) + " " + show(e.Index) + ")"
	case *expr.Member:
		return "(. " + show(e.X) + " " + e.Name + ")"
	case *expr.Unary:
		return "(" + e.Op + " " + show(e.X) + ")"
	case *expr.Binary:
		return "(" + e.Op + " " + show(e.X) + " " + show(e.Y) + ")"
	case *expr.Cond:
		return "(? " + show(e.Test) + " " + show(e.Then) + " " + show(e.Else) + ")"
	case *expr.Call:
		s := "(" + e.Name + "() " + many(e.Args)
		for _, n := range e.Named {
			s += " " + n.Name + "=" + show(n.Value)
		}
		return s + ")"
	}
	return "?"
}

func TestExpressionsParse(t *testing.T) {
	for text, want := range map[string]string{
		"a + b * c":                  "(+ a (* b c))",
		"(a + b) * c":                "(* (+ a b) c)",
		"-a ** 2":                    "(- (** a 2))",
		"a ** -b ** c":               "(** a (- (** b c)))",
		"a - b - c":                  "(- (- a b) c)",
		"a and not b or c":           "(or (and a (not b)) c)",
		"!a && b || c":               "(or (and (not a) b) c)",
		"a < b and c >= d":           "(and (< a b) (>= c d))",
		"t ? a : b + 1":              "(? t a (+ b 1))",
		"sum(x, -1, true)":           "(sum() x (- 1) true)",
		"any(x)":                     "(any() x)",
		"len(x) + max(a, b)":         "(+ (len() x) (max() a b))",
		"f(x, dim=-1, keep=a == b)":  "(f() x dim=(- 1) keep=(== a b))",
		"f(x, {dim: -1})":            "(f() x dim=(- 1))",
		"f(x, {\"dim\": -1})":        "(f() x dim=(- 1))",
		"f(a=g(x, b=1), c=[2, h()])": "(f()  a=(g() x b=1) c=[2 (h() )])",
		"betas[0] * x.y.z":           "(* (at betas 0) (. (. x y) z))",
		"h[0].weight":                "(. (at h 0) weight)",
		"'a' == \"b\"":               `(== "a" "b")`,
		"1e-3 + .5 + 0x10 + 1_000":   "(+ (+ (+ 0.001 0.5) 16) 1000)",
		"x < inf ? -inf : nan":       "(? (< x +Inf) (- +Inf) NaN)",
		"nil":                        "<nil>",
		" f (x)":                     "(f() x)",
		"f(x,)":                      "(f() x)",
		"f(x, a=1,)":                 "(f() x a=1)",
	} {
		e, list := parse(text)
		require.NotNil(t, e, list.Text())
		require.Equal(t, want, show(e), text)
	}
}

func TestEveryPartHasItsPosition(t *testing.T) {
	for _, c := range []struct {
		text  string
		parts []string // of the tree, outside in
	}{
		{"silu(matmul(x, w))", []string{"silu(matmul(x, w))", "matmul(x, w)", "x", "w"}},
		{"-(a + b) * c", []string{"-(a + b) * c", "-(a + b)", "a + b", "a", "b", "c"}},
		{"((a)) + f((b), k = 1)", []string{"((a)) + f((b), k = 1)", "a", "f((b), k = 1)", "b", "1"}},
		{"é + ü[1].ö", []string{"é + ü[1].ö", "é", "ü[1].ö", "ü[1]", "ü", "1"}},
		{"f(x, dim=-1) + 10", []string{"f(x, dim=-1) + 10", "f(x, dim=-1)", "x", "-1", "1", "10"}},
		{"a ? [b, 'c'] : (d)", []string{"a ? [b, 'c'] : (d)", "a", "[b, 'c']", "b", "'c'", "d"}},
	} {
		e, list := parse(c.text)
		require.NotNil(t, e, list.Text())
		var parts []string
		runes := []rune(c.text)
		expr.Walk(e, func(x expr.Expr) bool {
			r := x.At()
			parts = append(parts, string(runes[r.Start.Col-1:r.End.Col-1]))
			return true
		})
		require.Equal(t, c.parts, parts)
	}
}

func TestNamedArgumentsKeepTheirNames(t *testing.T) {
	e, _ := parse("f(x, dim=-1, keepdim=true)")
	c := e.(*expr.Call)
	require.Equal(t, "keepdim", c.Named[1].Name)
	require.Equal(t, 14, c.Named[1].NameAt.Start.Col)
	require.Equal(t, 21, c.Named[1].NameAt.End.Col)
	require.Equal(t, 2, c.NameAt.End.Col)
}

func TestTextIsBounded(t *testing.T) {
	_, list := parse(strings.Repeat("a + ", expr.MaxBytes/4) + "a")
	require.Equal(t, diag.ExpressionTooLarge, list.Items[0].Rule)
	_, list = parse(strings.Repeat("(", expr.MaxDepth+1) + "a")
	require.Equal(t, diag.ExpressionTooLarge, list.Items[0].Rule)
	e, list := parse(strings.Repeat("(", expr.MaxDepth) + "a" + strings.Repeat(")", expr.MaxDepth))
	require.NotNil(t, e, list.Text())
}

func TestTypesParse(t *testing.T) {
	var list diag.List
	typ := expr.ParseType(source("float[..., 2 * n, f(a, b)]"), &list)
	require.NotNil(t, typ, list.Text())
	require.Equal(t, "float", typ.DType)
	require.True(t, typ.Any)
	require.Equal(t, "(* 2 n)", show(typ.Dims[0]))
	require.Equal(t, "(f() a b)", show(typ.Dims[1]))
	require.Equal(t, 12, typ.Dims[0].At().Start.Col)
	typ = expr.ParseType(source("f32[batch, ...size, n]"), &list)
	require.NotNil(t, typ, list.Text())
	require.Equal(t, 1, typ.AnyAt)
	require.Equal(t, "size", typ.AnyName)
	require.Len(t, typ.Dims, 2)
	require.Empty(t, expr.ParseType(source("f32[]"), &list).Dims)
	require.Empty(t, expr.ParseType(source("f32[ ]"), &list).Dims)
}

// FuzzExpr feeds texts to the parser: it must end, with a tree whose parts lie
// inside of their wholes, or with one error at a place in the text.
func FuzzExpr(f *testing.F) {
	for _, text := range []string{"a + b", "f(x, dim=-1)", "x[0].y ? 'a' : {b: 1}", "((", "a //", "not a < b", "f32[..., n]", "é(ü=1)", "`a``b`", "1.", "$f(x)", "f(=1)", "a = b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var list diag.List
		if typ := expr.ParseType(source(text), &list); typ == nil {
			require.Len(t, list.Items, 1)
		}
		e, list := parse(text)
		_ = list.Text()
		if e == nil {
			require.Len(t, list.Items, 1)
			require.False(t, list.Items[0].Range.End.Before(list.Items[0].Range.Start))
			return
		}
		require.Empty(t, list.Items)
		n := len([]rune(text))
		expr.Walk(e, func(x expr.Expr) bool {
			r := x.At()
			require.Less(t, r.Start.Col, r.End.Col)
			require.LessOrEqual(t, r.End.Col, n+1)
			return true
		})
	})
}

package ops_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// decomposable are calls of ops that are made of others, in forms that are seldom or
// never drawn.
var decomposable = map[string][]string{
	"mean": {"mean(x)", "mean(x, 1)", "mean(x, [0, 2], keepdim=true)", "mean(x < 0.5, -1)", "mean(slice(x, 0, 0, 0))"},
	"var":  {"var(x, correction=1)", "var(x, 1, false, 3)", "var(x)", "var(x, 1)", "var(x, [0, 2], keepdim=true)", "var(slice(x, 0, 0, 0))"},
	"std":  {"std(x)", "std(x, 1)", "std(x, [0, 2], keepdim=true)"},
	"prod_of_others": {"prod_of_others(x)", "prod_of_others(x, 1)", "prod_of_others(x, [0, 2])",
		"prod_of_others(where(abs(x) < 1.5, 0.0, x), 1)", "prod_of_others(sum(x))"},
	"sort":        {"sort(x)", "sort(where(abs(x) < 1, 0.0 / (x - x), x), 0, true)"},
	"nan_to_num":  {"nan_to_num(x)", "nan_to_num(where(x < 0, x / 0.0, 0.0 / (x - x)))", "nan_to_num(x / 0.0, 1, -2, 3)", `nan_to_num(cast(x, "i32"))`},
	"logaddexp":   {"logaddexp(x, x)", "logaddexp(x / 0.0, x)", "logaddexp(x / 0.0, x / 0.0)", "logaddexp(0.0 / (x - x), x)", "logaddexp(x * 1000, 3)"},
	"xlogy":       {"xlogy(where(x < 0, 0.0, x), x)", "xlogy(0.0, x / 0.0)", "xlogy(x - x, 0.0 / (x - x))", "xlogy(x, 0.0)"},
	"log_sigmoid": {"log_sigmoid(x * 400)", "log_sigmoid(x / 0.0)", "log_sigmoid(0.0 / (x - x))"},
	"scatter":     {`scatter(x, -1, cast(abs(x), "i32"), 7)`, `scatter(x, 0, cast(x, "i64"), x)`, `scatter(cast(x, "i32"), 1, cast(x, "i32"), 2)`},
	"index_fill":  {`index_fill(x, 1, cast(slice(reshape(x, [-1]), 0, 0, 1), "i32"), 0)`},
	"flatten":     {"flatten(x)", "flatten(x, 1)", "flatten(x, -3, 1)", "flatten(sum(x))"},
	"squeeze":     {"squeeze(sum(x, [0, 2], keepdim=true))", "squeeze(sum(x, [0, 2], keepdim=true), -1)", "squeeze(x)"},
	"unsqueeze":   {"unsqueeze(x, 0)", "unsqueeze(x, -1)", "unsqueeze(sum(x), 0)"},
	"transpose":   {"transpose(x)", "transpose(x, 0, -1)", "transpose(x, 1, 1)"},
	"stack":       {"stack([x, x + 1])", "stack([x, x + 1, x], -1)", "stack([sum(x), prod(x)])"},
	"zeros":       {"zeros([2, 3])", `zeros([], "bool")`},
	"ones":        {"ones([2, 3])", `ones([2], "i64")`, `ones([2], "bool")`},
	"zeros_like":  {"zeros_like(x)", "zeros_like(x < 1)"},
	"ones_like":   {"ones_like(x)", "ones_like(x < 1)"},
	"type_as":     {`type_as(x, 1.0)`, `type_as(x < 1, x)`, `type_as(x, 3)`},
	"detach":      {"detach(x)", "detach(sum(x))"},
	"full_like":   {"full_like(x, 3)", "full_like(x < 1, true)", `full_like(cast(x, "i32"), -7)`},
}

func TestDecompositionsHaveTheValueOfTheirOp(t *testing.T) {
	for name, op := range languageOps() {
		if op.Decompose == nil {
			continue
		}
		check := func(name string, draw func(*rapid.T, ir.DType) *program) {
			t.Run(name, func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					d := rapid.SampledFrom([]ir.DType{ir.F16, ir.BF16, ir.F32, ir.F64}).Draw(rt, "dtype")
					checkDecomposition(rt, name, draw(rt, d))
				})
			})
		}
		check(name, func(rt *rapid.T, d ir.DType) *program { return draw(rt, op, d) })
		for _, expr := range decomposable[name] {
			check(expr, func(rt *rapid.T, d ir.DType) *program {
				s := newSampler(rt, d)
				return compile(rt, expr, map[string]*ir.Array{"x": s.numbers(-3, 3, s.OfRank(3))})
			})
		}
	}
}

func checkDecomposition(t *rapid.T, what string, p *program) {
	before := len(p.b.Graph.Nodes)
	parts := p.out.Op.Decompose(p.b, p.out)
	p.verify()
	require.Equal(t, p.out.Type, parts.Type)
	for _, n := range p.b.Graph.Nodes[before:] {
		require.Nil(t, n.Op.Decompose, "%s is made of %s, which has no kernel either", what, n.Op.Name)
		if !n.Type.DType.IsFloat() {
			continue
		}
		if n.Op.Class == ir.Reduce || n.Op.Name == "div" || n.Op.Name == "sqrt" {
			require.GreaterOrEqual(t, n.Type.DType, ir.F32, "%s: %s is computed in %s", what, n.Op.Name, n.Type.DType)
		}
	}
	values := p.eval(p.out, parts)
	// Both are sums of up to 27 float64 numbers of size 10, in different orders.
	requireClose(t, values[0], values[1], 1e-13, what)
}

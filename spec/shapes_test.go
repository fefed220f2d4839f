package spec_test

import (
	"fmt"
	"strings"
)

// shape is a way in which a spec can grow. text makes it of about n bytes or n
// entries, whatever the shape is bounded by first.
type shape struct {
	name string
	n    int // the size at which it is tried
	text func(n int) string
}

// each joins what f gives for 0 to n-1.
func each(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

const (
	head  = "flowrun: 1\nmodel:\n  inputs: {x: \"f32[1]\"}\n  nodes:\n    x0: x + 1\n"
	tail0 = "  outputs: [x0]\n"
	step  = "M:\n    inputs: {x: \"f32[1]\"}\n    output: x + 1\n"
)

// listArgs makes a module with list arguments, each from the one before.
func listArgs(n int, format, output string) string {
	return "flowrun: 1\nmodules:\n  M:\n    inputs: {x: \"f32[1]\"}\n    args:\n      a0: {type: list, default: \"[1, 2]\"}\n" +
		each(n, func(i int) string {
			return fmt.Sprintf("      a%d: {type: list, default: %q}\n", i+1, fmt.Sprintf(format, i, i))
		}) + fmt.Sprintf("    output: %s\nmodel: {inputs: {x: \"f32[1]\"}, nodes: {y: M(x)}, outputs: [y]}\n", fmt.Sprintf(output, n))
}

// trainedOn makes a training of n layers.
func trainedOn(n int, layer, train string) string {
	return "flowrun: 1\ndata: {d: {generate: {x: \"normal(0, 1, [2, 4])\"}}}\nmodel:\n  inputs: {x: \"f32[2, 4]\"}\n  nodes:\n    h0: {Linear: x, out_features: 4}\n" +
		each(n, func(i int) string { return fmt.Sprintf("    h%d: "+layer+"\n", i+1, i) }) +
		fmt.Sprintf("  outputs: [h%d]\ntrain:\n  data: d\n  loss: mean(h%d * h%d)\n  max_steps: 1\n", n, n, n) + train
}

const adam = "  optimizer: {AdamW: {lr: 0.1, amsgrad: true}}\n"

var shapes = []shape{
	{"lists in lists", 60, func(n int) string { return listArgs(n, "[a%d, a%d]", "x + len(a%d)") }},
	{"lists joined", 60, func(n int) string { return listArgs(n, "a%d + a%d", "x + len(a%d)") }},
	{"lists in lists as an argument of an operation", 40, func(n int) string { return listArgs(n, "[a%d, a%d]", "concat(a%d)") }},
	{"lists in lists as a shape", 40, func(n int) string { return listArgs(n, "[a%d, a%d]", "zeros(a%d)") }},
	{"one long expression, many aliases", 1000, func(n int) string {
		return "flowrun: 1\nmodel:\n  nodes:\n    n0: &e \"zeros([1])" + strings.Repeat(" + 1", 4000) + "\"\n" + each(n, func(i int) string { return fmt.Sprintf("    n%d: *e\n", i+1) }) + "  outputs: [n0]\n"
	}},
	{"a long text, many aliases", 20_000, func(n int) string {
		return "flowrun: 1\nvars:\n  a: &e \"" + strings.Repeat("1", 1_000_000) + "\"\n" + each(n, func(i int) string { return fmt.Sprintf("  v%d: *e\n", i) }) + head[11:] + tail0
	}},
	{"a long doc, many aliases", 2000, func(n int) string {
		return "flowrun: 1\nmodules:\n  L: {doc: &e \"" + strings.Repeat("word ", 200_000) + "\", inputs: {x: \"f32[1]\"}, output: x}\n" +
			each(n, func(i int) string { return fmt.Sprintf("  M%d: {doc: *e, inputs: {x: \"f32[1]\"}, output: x}\n", i) }) + head[11:] + tail0
	}},
	{"a long number, many aliases", 20_000, func(n int) string {
		return "flowrun: 1\nvars:\n  a: &e " + strings.Repeat("1", 1_000_000) + "\n" + each(n, func(i int) string { return fmt.Sprintf("  v%d: *e\n", i) }) + head[11:] + tail0
	}},
	{"gradients of gradients", 17, func(n int) string {
		return "flowrun: 1\nmodel:\n  inputs: {x: \"f32[]\"}\n  nodes:\n    g0: sin(x) * exp(x) / (1 + x ** 2)\n" +
			each(n, func(i int) string { return fmt.Sprintf("    g%d: grad(g%d, x)\n", i+1, i) }) + fmt.Sprintf("  outputs: [g%d]\n", n)
	}},
	{"many gradients of one scalar each", 20_000, func(n int) string {
		return "flowrun: 1\nmodel:\n  inputs: {x: \"f32[]\"}\n  nodes:\n" +
			each(n, func(i int) string { return fmt.Sprintf("    g%d: grad(x * %d, x)\n", i, i) }) + "  outputs: [g0]\n"
	}},
	{"stars against long paths", 1000, func(n int) string {
		return "flowrun: 1\nplacement:\n  rules:\n" + each(n, func(i int) string {
			return fmt.Sprintf("    - {match: \"%sb%d\", device: cpu}\n", strings.Repeat("*a", 2000), i)
		}) +
			"modules:\n  " + step + "model:\n  inputs: {x: \"f32[1]\"}\n  nodes: {" + strings.Repeat("a", 1000) + ": {M: x, repeat: 1000}}\n  outputs: [" + strings.Repeat("a", 1000) + "]\n"
	}},
	{"rules against many nodes", 1000, func(n int) string {
		return "flowrun: 1\nplacement:\n  rules:\n" + each(n, func(i int) string { return fmt.Sprintf("    - {match: \"*z%d*\", device: cpu}\n", i) }) + head[11:] +
			each(20_000, func(i int) string { return fmt.Sprintf("    y%d: x0\n    z%d: x + %d\n", i, i, i) }) + tail0
	}},
	{"groups against many parameters", 1000, func(n int) string {
		return trainedOn(300, "{Linear: h%d, out_features: 4}", adam+"  param_groups:\n"+each(n, func(i int) string {
			return fmt.Sprintf("    - {match: \"%sz%d\", lr: 0.1}\n", strings.Repeat("*e", 500), i)
		}))
	}},
	{"a long name that is repeated", 1_000_000, func(n int) string {
		return "flowrun: 1\nmodules:\n  " + step + "model:\n  inputs: {x: \"f32[1]\"}\n  nodes: {" + strings.Repeat("y", n) + ": {M: x, repeat: 1000}}\n  outputs: [" + strings.Repeat("y", n) + "]\n"
	}},
	{"a long path with many dots", 400_000, func(n int) string {
		return "flowrun: 1\nplacement: {rules: [{match: z, device: cpu}]}\nmodules:\n  L:\n    inputs: {x: \"f32[1]\"}\n    params: {w: {shape: [1], init: 0}}\n    output: x + w\n" +
			"model:\n  inputs: {x: \"f32[1]\"}\n  nodes: {y: {L: x, name: " + strings.Repeat("a.", n) + "a}}\n  outputs: [y]\n"
	}},
	{"many nodes under a long name", 20_000, func(n int) string {
		return "flowrun: 1\nmodules:\n  M:\n    inputs: {x: \"f32[1]\"}\n    nodes:\n" + each(n, func(i int) string { return fmt.Sprintf("      n%d: x\n", i) }) + "    output: n0\n" +
			"model:\n  inputs: {x: \"f32[1]\"}\n  nodes: {" + strings.Repeat("y", 100_000) + ": {M: x}}\n  outputs: [" + strings.Repeat("y", 100_000) + "]\n"
	}},
	{"thousands of faults on a line", 20_000, func(n int) string {
		return "flowrun: 1\nmodel: {nodes: {" + each(n, func(i int) string { return fmt.Sprintf("n%d: zork%d, ", i, i) }) + "}, outputs: [n0]}\n"
	}},
	{"faults behind a line of megabytes", 20_000, func(n int) string {
		return "flowrun: 1\nmodel: {nodes: {a: \"" + strings.Repeat("é", 3_000_000) + "\", " + each(n, func(i int) string { return fmt.Sprintf("n%d: zork%d, ", i, i) }) + "}, outputs: [n0]}\n"
	}},
	{"unknown keys that are alike", 90_000, func(n int) string {
		return each(n, func(i int) string { return fmt.Sprintf("placement%d: 1\n", i) })
	}},
	{"typos among long names", 1800, func(n int) string {
		return "flowrun: 1\nmodel:\n  inputs: {x: \"f32[1]\"}\n  nodes:\n" + each(n, func(i int) string {
			return fmt.Sprintf("    %s%d: %sq%d\n", strings.Repeat("ab", 28), i, strings.Repeat("ba", 28), i)
		}) + "  outputs: [x]\n"
	}},
	{"faults that quote a long name", 2000, func(n int) string {
		return "flowrun: 1\nmodel:\n  inputs: {" + strings.Repeat("x", 500_000) + ": \"f32[1]\"}\n  nodes:\n" + each(n, func(i int) string {
			return fmt.Sprintf("    n%d: {add: [1, 2], %s%d: 1}\n", i, strings.Repeat("k", 2000), i)
		}) + "  outputs: [n0]\n"
	}},
	{"modules that double", 40, func(n int) string { return doubling(n, "x + 1") }},
	{"modules that double and hold nothing", 40, func(n int) string { return doubling(n, "x") }},
	{"many arguments, many calls", 9000, func(n int) string {
		return "flowrun: 1\nmodules:\n  M:\n    inputs: {x: \"f32[1]\"}\n    args:\n" + each(n, func(i int) string { return fmt.Sprintf("      a%d: %d\n", i, i) }) + "    output: x + a0\n" +
			head[11:] + each(n, func(i int) string { return fmt.Sprintf("    y%d: M(x)\n", i) }) + tail0
	}},
	{"defaults that name all others", 3000, func(n int) string {
		return "flowrun: 1\nmodules:\n  M:\n    inputs: {x: \"f32[1]\"}\n    args:\n      a0: 1\n" + each(n, func(i int) string {
			return fmt.Sprintf("      a%d: {type: int, default: \"a0%s\"}\n", i+1, strings.Repeat(fmt.Sprintf(" + a%d", i), 40))
		}) + "    output: x + a0\n" +
			head[11:] + each(2000, func(i int) string { return fmt.Sprintf("    y%d: M(x)\n", i) }) + tail0
	}},
	{"comparisons in comparisons", 90, func(n int) string {
		return node("\"" + strings.Repeat("1 < (", n) + "1" + strings.Repeat(") < 1", n) + "\"")
	}},
	{"conditions in conditions", 90, func(n int) string {
		return node("\"" + strings.Repeat("(true ? 1 : ", n) + "1" + strings.Repeat(")", n) + "\"")
	}},
	{"many parameters", 8000, func(n int) string { return trainedOn(n, "{Linear: h%d, out_features: 4}", adam) }},
	{"renames of many parameters", 20_000, func(n int) string {
		return trainedOn(500, "{Linear: h%d, out_features: 4}", adam+"  init:\n    safetensors: w\n    rename:\n"+each(n, func(i int) string { return fmt.Sprintf("      t%d: n%d.weight\n", i, i) }))
	}},
	{"evaluations of many states", 3000, func(n int) string {
		return trainedOn(n, "{Linear: h%d, out_features: 4}", "  optimizer: {SGD: {lr: 0.1}}\n  eval: {data: d, every: 1, metrics: {l: loss}}\n")
	}},
	{"the longest texts", 90_000, func(n int) string {
		return "flowrun: 1\nname: \"" + each(n, func(int) string { return strings.Repeat("\\t", 40) + "\n" }) + "\"\n"
	}},
	{"one list of entries", 90_000, func(n int) string {
		return "flowrun: 1\nvars: {a: [" + each(n, func(int) string { return "1, " }) + "]}\n" + head[11:] + tail0
	}},
	{"anchors", 45_000, func(n int) string {
		return "flowrun: 1\nvars:\n" + each(n, func(i int) string { return fmt.Sprintf("  v%d: &a%d %d\n", i, i, i) }) + head[11:] + tail0
	}},
	{"comments that accept warnings", 90_000, func(n int) string {
		return strings.Repeat("# flowrun:ignore unused-vra why\n", n) + head + tail0
	}},
	{"brackets cut by commas", 45_000, func(n int) string {
		return "flowrun: 1\nvars: {a: [" + strings.Repeat("(a, ", n) + strings.Repeat("b), ", n) + "]}\n"
	}},
	{"one line of expressions", 30_000, func(n int) string {
		return "flowrun: 1\nmodel: {inputs: {x: \"f32[1]\"}, nodes: {" + each(n, func(i int) string { return fmt.Sprintf("n%d: x + %d, ", i, i) }) + "}, outputs: [n0]}\n"
	}},
	{"many symbolic dimensions", 9_000, func(n int) string {
		return "flowrun: 1\nmodules:\n" + each(n, func(i int) string { return fmt.Sprintf("  M%d: {inputs: {x: \"f32[a, b, ...c]\"}, output: x}\n", i) }) + head[11:] + tail0
	}},
	{"modules that call each other in rings", 9_000, func(n int) string {
		return "flowrun: 1\nmodules:\n" + each(n, func(i int) string {
			return fmt.Sprintf("  M%d: {inputs: {x: \"f32[1]\"}, output: M%d(M%d(x))}\n", i, (i+1)%n, i/2)
		}) + head[11:] + tail0
	}},
	{"a repeat in a repeat", 1000, func(n int) string {
		return "flowrun: 1\nmodules:\n  Row:\n    inputs: {x: \"f32[1]\"}\n    nodes: {h: {M: x, repeat: 1000}}\n    output: h\n  " + step + fmt.Sprintf("model: {inputs: {x: \"f32[1]\"}, nodes: {y: {Row: x, repeat: %d}}, outputs: [y]}\n", n)
	}},
	{"outputs and metrics", 15_000, func(n int) string {
		return trainedOn(1, "{Linear: h%d, out_features: 4}", adam+"  metrics:\n"+each(n, func(i int) string { return fmt.Sprintf("    m%d: loss + %d\n", i, i) })+"  until: m0 < 1\n")
	}},
}

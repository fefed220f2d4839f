package spec_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/spec"
)

// renderFiles renders the spec a.yaml of some files.
func renderFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return rendersToItself(t, filepath.Join(folder, "a.yaml"), files["a.yaml"], spec.Options{})
}

const importing = `flowrun: 1
name: n
seed: 0
# What others have written.
imports:
  - lib/blocks.yaml
  - {from: lib/more.yaml, names: {Twice: Double}} # one of them
modules:
  Own:
    override: false
    inputs: {x: "f32[...]"}
    output: x + 1
model:
  inputs: {x: "f32[2, 2]"}
  nodes:
    a: {Block: x}
    b: {Double: a}
    c: {Own: b}
  outputs: [c]
placement: {default: auto}
`

func TestRenderWritesImportedModulesIntoTheSpec(t *testing.T) {
	got := renderFiles(t, map[string]string{"a.yaml": importing,
		"lib/blocks.yaml": "flowrun: 1\nimports: [more.yaml]\nmodules:\n" +
			"    Block:\n        inputs: {x: \"f32[..., n]\"}\n        # a comment\n        nodes:\n            y: {Linear: x, out_features: n}\n        output: Twice(y)  # why\n" +
			"    Unused:\n        inputs: {x: \"f32[...]\"}\n        output: x\n",
		"lib/more.yaml": "flowrun: 1\nmodules:\n  Twice: {inputs: {x: \"f32[...]\"}, output: x * 2}\n",
	})
	require.Equal(t, `flowrun: 1  # standard library: Linear
name: n
seed: 0
# What others have written.
modules:
  Own:
    override: false
    inputs: {x: "f32[...]"}
    output: x + 1
    widen: false  # default
  # from lib/blocks.yaml
  Block:
      inputs: {x: "f32[..., n]"}
      # a comment
      nodes:
          y: {Linear: x, out_features: n, bias: true, dtype: inherit, trainable: true}  # default: bias, dtype, trainable
      output: Twice(y)  # why
      override: false  # default
      widen: false  # default
  # from lib/more.yaml: Twice
  Double: {inputs: {x: "f32[...]"}, output: x * 2, override: false, widen: false}  # default: override, widen
  # from lib/more.yaml
  Twice: {inputs: {x: "f32[...]"}, output: x * 2, override: false, widen: false}  # default: override, widen
model:
  inputs: {x: "f32[2, 2]"}
  nodes:
    a: {Block: x, dtype: f32, trainable: true}  # default: dtype, trainable
    b: {Double: a}
    c: {Own: b}
  outputs: [c]
placement: {default: auto}
`, got)
}

// Where a file's name means something else in the spec, the module gets another
// one, and its parameters keep theirs.
func TestRenderRenamesAmbiguousModules(t *testing.T) {
	got := renderFiles(t, map[string]string{
		"a.yaml": strings.Replace(importing, "- lib/blocks.yaml", "- {from: lib/blocks.yaml, names: [Block]}", 1),
		"lib/blocks.yaml": "flowrun: 1\nmodules:\n  Block: {inputs: {x: \"f32[...]\"}, nodes: {m: {Own: x}}, output: Own(x) + Own(m)}\n" +
			"  Own:\n    inputs: {x: \"f32[..., n]\"}\n    params: {w: {shape: [n], init: \"normal(0, 1)\"}}\n    output: x * w  # scaled\n",
		"lib/more.yaml": "flowrun: 1\nmodules:\n  Twice: {inputs: {x: \"f32[...]\"}, output: x * 2}\n",
	})
	require.Contains(t, got, "  # from lib/blocks.yaml\n"+
		"  Block: {inputs: {x: \"f32[...]\"}, nodes: {m: {Own_2: x, dtype: inherit, trainable: true}}, output: Own_2(x) + Own_2(m), override: false, widen: false}")
	require.Contains(t, got, "  # from lib/blocks.yaml: Own\n  Own_2:\n    inputs: {x: \"f32[..., n]\"}\n"+
		"    params: {w: {shape: [n], init: \"normal(0, 1, dtype='f32')\", when: true}}  # default: when, dtype\n"+
		"    output: x * w  # scaled\n    path: Own  # its original name\n")
}

// The standard library's modules keep their names where they have them, and are
// written into the spec where those mean others.
func TestRenderTellsTheStandardLibrarysModulesFromOnesThatReplaceThem(t *testing.T) {
	const model = "model:\n  inputs: {x: \"f32[2, 3]\"}\n  nodes:\n    a: {Block: x}\n    b: LayerNorm(a) + Linear(a, 3)\n  outputs: [b]\n"
	const scaled = "    override: true\n    inputs: {x: \"float[..., n]\"}\n    params: {weight: {shape: [n], init: 2}}\n    output: x * weight\n"
	t.Run("replaced in a file", func(t *testing.T) {
		got := renderFiles(t, map[string]string{
			"a.yaml":   "flowrun: 1\nimports: [{from: lib.yaml, names: [Block]}]\n" + model,
			"lib.yaml": "flowrun: 1\nmodules:\n  Block: {inputs: {x: \"f32[...]\"}, output: x + LayerNorm(x)}\n  LayerNorm:\n" + scaled,
		})
		require.Contains(t, got, "# from lib.yaml: LayerNorm\n  LayerNorm_2:\n    override: false\n")
	})
	t.Run("replaced in the spec", func(t *testing.T) {
		got := renderFiles(t, map[string]string{
			"a.yaml": "flowrun: 1\nimports: [lib.yaml]\n" + model + "modules:\n  Linear:\n" +
				strings.Replace(scaled, "params:", "args: {k: int}\n    params:", 1),
			"lib.yaml": "flowrun: 1\nmodules:\n  Block: {inputs: {x: \"f32[...]\"}, output: \"Linear(MLP(x, 4), 3)\"}\n",
		})
		require.Contains(t, got, "# from the standard library: Linear\n  Linear_2:\n")
		require.Regexp(t, `^flowrun: 1  # standard library: LayerNorm, MLP`, got)
	})
	t.Run("replaced by an import", func(t *testing.T) {
		got := renderFiles(t, map[string]string{
			"a.yaml":     "flowrun: 1\nimports: [lib.yaml, {from: other.yaml, names: {LayerNorm: Scale}}]\n" + strings.Replace(model, "b: L", "b: Scale(a) + L", 1),
			"lib.yaml":   "flowrun: 1\nmodules:\n  Block: {inputs: {x: \"f32[...]\"}, output: x + LayerNorm(x)}\n  LayerNorm:\n" + scaled,
			"other.yaml": "flowrun: 1\nmodules:\n  LayerNorm:\n" + scaled,
		})
		require.Contains(t, got, "# from lib.yaml\n  LayerNorm:\n    override: true\n")
		require.Contains(t, got, "# from other.yaml: LayerNorm\n  Scale:\n    override: false\n")
	})
}

func TestRenderResolvesImportsInAnyYAMLStyle(t *testing.T) {
	const lib = "flowrun: 1\nmodules:\n  Block:\n    doc: |\n      adds\n\n        a bias\n    inputs: {x: \"f32[..., n]\"}\n" +
		"    nodes:\n      h: >-\n        Linear(x,\n        n)\n    output: x + h\n"
	const flow = `{"flowrun": 1, "modules": {"Block": {"inputs": {"x": "f32[..., n]"}, "nodes": {"h": "Linear(x, n)"}, "output": "x + h"}}}`
	const anchored = "flowrun: 1\nmodules:\n  Block:\n    inputs: {x: &t \"f32[..., n]\"}\n    nodes: &n {h: \"Linear(x, n)\"}\n    output: x + h\n" +
		"  Other: {inputs: {x: *t}, nodes: *n, output: h}\n"
	const rest = "model:\n  inputs: {x: \"f32[2, 3]\"}\n  nodes:\n    a: {Block: x}\n  outputs: [a]\n"
	const both = "model:\n  inputs: {x: \"f32[2, 3]\"}\n  nodes:\n    a: {Block: x}\n    b: Other(a)\n  outputs: [b]\n"
	const optimizer = "optimizers:\n  Down:\n    args: {lr: 0.1, twice: {type: float, default: 2 * 0.1}}\n    update: {param: param - Scaled(grad) * lr}\n" +
		"modules:\n  Scaled: {inputs: {x: \"float[...]\"}, output: x * 2}\n"
	for name, c := range map[string]struct{ spec, lib string }{
		"blocks of text":          {"flowrun: 1\nimports: [lib.yaml]\n" + rest, lib},
		"imports at the end":      {"flowrun: 1\n" + rest + "imports:\n  - lib.yaml", lib},
		"modules in brackets":     {"flowrun: 1\nimports: [lib.yaml]\nmodules: {Mine: {inputs: {x: \"f32[...]\"}, output: x}}\n" + strings.Replace(rest, "Block: x", "Block: Mine(x)", 1), lib},
		"no modules":              {"flowrun: 1\nimports: [lib.yaml]\nmodules: {}\n" + rest, lib},
		"a spec of JSON":          {`{"flowrun": 1, "imports": ["lib.yaml"], "model": {"inputs": {"x": "f32[2, 3]"}, "nodes": {"a": {"Block": "x"}}, "outputs": ["a"]}}`, lib},
		"modules of JSON":         {"flowrun: 1\nimports: [lib.yaml]\n" + rest, flow},
		"JSON and JSON":           {`{"flowrun": 1, "imports": ["lib.yaml"], "model": {"inputs": {"x": "f32[2, 3]"}, "nodes": {"a": {"Block": "x"}}, "outputs": ["a"]}}`, flow},
		"anchors in modules":      {"flowrun: 1\nimports: [lib.yaml]\n" + both, anchored},
		"anchors in imports":      {"flowrun: 1\nimports: &i [&f lib.yaml]\nname: *f\n" + rest, lib},
		"carriage returns":        {strings.ReplaceAll("flowrun: 1\nimports: [lib.yaml]\n"+rest, "\n", "\r\n"), strings.ReplaceAll(lib, "\n", "\r\n")},
		"a byte order mark":       {"flowrun: 1\nimports: [lib.yaml]\n" + rest, "\ufeff" + lib},
		"an import without use":   {"flowrun: 1\nimports: [lib.yaml]\n" + strings.Replace(rest, "{Block: x}", "x + 1", 1), lib},
		"no line feed at its end": {"flowrun: 1\nimports: [lib.yaml]\n" + rest, strings.TrimSuffix(lib, "\n")},
		"optimizers": {"flowrun: 1\nimports: [{from: lib.yaml, names: [Down]}]\n" + strings.Replace(rest, "Block: x", "Linear: x, out_features: 2", 1) +
			"data: {d: {generate: {x: \"ones([2, 3])\"}}}\nmodules:\n  Scaled: {inputs: {x: \"float[...]\"}, output: x}\n" +
			"train:\n  data: d\n  loss: mean(Scaled(a))\n  max_steps: 1\n  optimizer:\n    Down:  # slowly\n", "flowrun: 1\n" + optimizer},
	} {
		t.Run(name, func(t *testing.T) { renderFiles(t, map[string]string{"a.yaml": c.spec, "lib.yaml": c.lib}) })
	}
}

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
	path := filepath.Join(folder, "a.yaml")
	got := render(t, path, files["a.yaml"], spec.Options{})
	require.Equal(t, got, render(t, path, got, spec.Options{}), "rendering again changes nothing")
	return got
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
	require.Equal(t, `flowrun: 1
name: n
seed: 0
# What others have written.
modules:
  Own:
    override: false
    inputs: {x: "f32[...]"}
    output: x + 1
  # from lib/blocks.yaml
  Block:
      inputs: {x: "f32[..., n]"}
      # a comment
      nodes:
          y: {Linear: x, out_features: n, bias: true}  # default: bias
      output: Twice(y)  # why
      override: false  # default
  # from lib/more.yaml
  Double: {inputs: {x: "f32[...]"}, output: x * 2, override: false}  # default: override
  # from lib/more.yaml
  Twice: {inputs: {x: "f32[...]"}, output: x * 2, override: false}  # default: override
model:
  inputs: {x: "f32[2, 2]"}
  nodes:
    a: {Block: x}
    b: {Double: a}
    c: {Own: b}
  outputs: [c]
placement: {default: auto}
`, got)
}

func TestRenderKeepsImportsWhoseNamesMeanTwoThings(t *testing.T) {
	got := renderFiles(t, map[string]string{
		"a.yaml":          strings.Replace(importing, "- lib/blocks.yaml", "- {from: lib/blocks.yaml, names: [Block]}", 1),
		"lib/blocks.yaml": "flowrun: 1\nmodules:\n  Block: {inputs: {x: \"f32[...]\"}, output: Own(x)}\n  Own: {inputs: {x: \"f32[...]\"}, output: x * 3}\n",
		"lib/more.yaml":   "flowrun: 1\nmodules:\n  Twice: {inputs: {x: \"f32[...]\"}, output: x * 2}\n",
	})
	require.Contains(t, got, "names: [Block]}  # kept: Own means two modules\n")
}

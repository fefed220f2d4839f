package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

const user = `flowrun: 1
imports: %s
model:
  inputs: {x: "f32[2, 3]"}
  nodes:
    y: {%s: x}
  outputs: [y]
`

const scale = `flowrun: 1
modules:
  Scale:
    inputs: {x: "float[..., n]"}
    params:
      weight: {shape: [n], init: 1}
    output: x * weight
  Twice:
    inputs: {x: "float[...]"}
    nodes: {a: {Scale: x}}
    output: a + a
`

// folder makes files, and gives the path of spec.yaml among them.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	}
	return filepath.Join(dir, "spec", "spec.yaml")
}

// found loads a spec and gives its findings as "rule file:line:col".
func found(t *testing.T, path string, o spec.Options) (*spec.Program, []string) {
	t.Helper()
	p, list := spec.Load(path, o)
	var all []string
	for _, d := range list.Items {
		all = append(all, fmt.Sprintf("%s %s:%s", d.Rule, filepath.Base(d.Range.File), d.Range.Start))
	}
	return p, all
}

func TestImportedModulesAreUsedByNameOrAlias(t *testing.T) {
	for imports, called := range map[string]string{
		"[lib/scale.yaml]":                                "Twice",
		"[{from: lib/scale.yaml, names: [Twice]}]":        "Twice",
		"[{from: ./lib/scale.yaml, names: {Twice: Two}}]": "Two",
		"[lib/all.yaml]":                                  "Four",
	} {
		path := folder(t, map[string]string{"spec/spec.yaml": fmt.Sprintf(user, imports, called), "spec/lib/scale.yaml": scale,
			"spec/lib/all.yaml": "flowrun: 1\nimports: [{from: scale.yaml, names: {Twice: Two}}]\nmodules:\n" +
				"  Four:\n    inputs: {x: \"float[...]\"}\n    nodes: {a: {Two: x}}\n    output: a + a\n"})
		p, list := spec.Load(path, spec.Options{})
		require.Empty(t, list.Items, list.Text())
		verify(t, p)
		want := "y.a.weight"
		if called == "Four" {
			want = "y.a.a.weight"
		}
		require.Contains(t, stateNames(p.Infer), want)
	}
}

func TestAnImportedModuleSeesOnlyItsOwnFile(t *testing.T) {
	text := fmt.Sprintf(user, "[lib.yaml]", "Use") + "modules:\n  Own:\n    inputs: {x: \"float[...]\"}\n    output: x + 1\n"
	_, got := found(t, folder(t, map[string]string{"spec/spec.yaml": text,
		"spec/lib.yaml":  "flowrun: 1\nimports: [deep.yaml]\nmodules:\n  Use:\n    inputs: {x: \"float[...]\"}\n    output: Own(x) + Deep(x)\n",
		"spec/deep.yaml": "flowrun: 1\nmodules:\n  Deep:\n    inputs: {x: \"float[...]\"}\n    output: x + 1\n"}), spec.Options{})
	require.Equal(t, []string{"unknown-function lib.yaml:6:13"}, got)

	_, got = found(t, folder(t, map[string]string{"spec/spec.yaml": fmt.Sprintf(user, "[lib.yaml]", "Scale"),
		"spec/lib.yaml": "flowrun: 1\nimports: [scale.yaml]\n", "spec/scale.yaml": scale}), spec.Options{})
	require.Equal(t, []string{"unknown-function spec.yaml:6:9"}, got, "imports aren't passed on")
}

func TestProblemsOfAnImportedFileAreShownInIt(t *testing.T) {
	broken := "flowrun: 1\nmodules:\n  Scale:\n    inputs: {x: \"float[..., n]\"}\n    output: x + ones([n + 1])\n  Bad:\n    inputs: {x: \"float[...]\"}\n    output: nothing\n"
	path := folder(t, map[string]string{"spec/spec.yaml": fmt.Sprintf(user, "[lib.yaml]", "Scale"), "spec/lib.yaml": broken})
	_, got := found(t, path, spec.Options{})
	require.Equal(t, []string{"shape-mismatch lib.yaml:5:13", "unknown-name lib.yaml:8:13"}, got)
	_, list := spec.Load(path, spec.Options{})
	require.Contains(t, list.Text(), "    5 |     output: x + ones([n + 1])\n")
	require.Contains(t, list.Text(), "in the call of Scale (")
}

func TestImpossibleImportsAreRejected(t *testing.T) {
	other := "flowrun: 1\nmodules:\n  Linear:\n    inputs: {x: \"float[...]\"}\n    output: x\n    override: true\n  M:\n    inputs: {x: \"float[...]\"}\n    output: x\n"
	for _, c := range []struct{ name, imports, called, want string }{
		{"not there", "[nowhere.yaml]", "Scale", "unreadable spec.yaml:2:11"},
		{"a folder", "[lib]", "Scale", "unreadable spec.yaml:2:11"},
		{"outside", "[../outside.yaml]", "Scale", "path-outside spec.yaml:2:11"},
		{"absolute", "[/etc/passwd]", "Scale", "path-outside spec.yaml:2:11"},
		{"a link out of the folder", "[link.yaml]", "Scale", "unreadable spec.yaml:2:11"},
		{"itself", "[spec.yaml]", "Scale", "cycle spec.yaml:2:11"},
		{"in a ring", "[ring.yaml]", "Scale", "cycle ring.yaml:2:11"},
		{"no list", "lib/scale.yaml", "Scale", "wrong-type spec.yaml:2:10"},
		{"an unknown name", "[{from: lib/scale.yaml, names: [Skale]}]", "Scale", "unknown-name spec.yaml:2:42"},
		{"a bad alias", "[{from: lib/scale.yaml, names: {Scale: 1x}}]", "Twice", "invalid-name spec.yaml:2:49"},
		{"over the standard library", "[{from: lib/scale.yaml, names: {Scale: Linear}}]", "Linear", "shadowed-module spec.yaml:2:49"},
		{"over an operation", "[{from: lib/scale.yaml, names: {Scale: relu}}]", "relu", "reserved-name spec.yaml:2:49"},
		{"twice", "[lib/scale.yaml, {from: lib/scale.yaml, names: [Scale]}]", "Scale", "duplicate-name spec.yaml:2:58"},
		{"settings", "[settings.yaml]", "Scale", "unknown-key settings.yaml:12:1"},
		{"an unknown key", "[{from: lib/scale.yaml, as: S}]", "Scale", "unknown-key spec.yaml:2:34"},
		{"unused", "[lib/scale.yaml, {from: other.yaml, names: [M]}]", "Scale", "unused-module spec.yaml:2:54"},
		{"unused as a whole", "[lib/scale.yaml, other.yaml]", "Scale", "unused-module spec.yaml:2:27"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := folder(t, map[string]string{"spec/spec.yaml": fmt.Sprintf(user, c.imports, c.called), "spec/lib/scale.yaml": scale,
				"outside.yaml": scale, "spec/ring.yaml": "flowrun: 1\nimports: [lib/ring.yaml]\n", "spec/lib/ring.yaml": "flowrun: 1\nimports: [../ring.yaml]\n",
				"spec/settings.yaml": scale + "vars: {lr: 1}\n", "spec/other.yaml": other})
			require.NoError(t, os.Symlink("../outside.yaml", filepath.Join(filepath.Dir(path), "link.yaml")))
			_, got := found(t, path, spec.Options{})
			require.Contains(t, got, c.want)
			for _, g := range got {
				require.NotContains(t, g, string(diag.UnknownFunction), "one cause, one diagnostic")
			}
		})
	}
}

func TestAnAllowedFolderCanBeImportedFrom(t *testing.T) {
	path := folder(t, map[string]string{"spec/spec.yaml": fmt.Sprintf(user, "[../shared/scale.yaml]", "Scale"), "shared/scale.yaml": scale})
	_, got := found(t, path, spec.Options{})
	require.Equal(t, []string{"path-outside spec.yaml:2:11"}, got)
	_, got = found(t, path, spec.Options{AllowRead: []string{filepath.Join(filepath.Dir(path), "..", "shared")}})
	require.Empty(t, got)
}

func TestAnOverrideInAnImportedFileTakesEffect(t *testing.T) {
	mine := "flowrun: 1\nmodules:\n  Linear:\n    override: true\n    inputs: {x: \"float[...]\"}\n    output: x + 1\n"
	p, got := found(t, folder(t, map[string]string{"spec/spec.yaml": fmt.Sprintf(user, "[mine.yaml]", "Linear"), "spec/mine.yaml": mine}), spec.Options{})
	require.Empty(t, got)
	require.Equal(t, []string{"x"}, stateNames(p.Infer))
}

func TestTooManyImportsEndInADiagnostic(t *testing.T) {
	files := map[string]string{"spec/spec.yaml": fmt.Sprintf(user, "[f0.yaml]", "Scale")}
	for i := range 250 {
		files[fmt.Sprintf("spec/f%d.yaml", i)] = fmt.Sprintf("flowrun: 1\nimports: [f%d.yaml]\n", i+1)
	}
	_, got := found(t, folder(t, files), spec.Options{})
	require.Equal(t, []string{"too-large f199.yaml:2:11"}, got)
}

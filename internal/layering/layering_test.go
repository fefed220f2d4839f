// Package layering holds the project's layout as a test: which folder may import
// which, and which may import what from outside. docs/architecture.md says why.
package layering

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/flowrun/flowrun"

// root stands for the root package, whose files are in no folder.
const root = "flowrun"

// registry is the only package that knows the drivers below device/.
const registry = "device/registry"

// layers says which of our folders each folder may import, besides itself. Those
// that docs/architecture.md lists, it lists with the same imports.
var layers = map[string][]string{
	root:         {"spec", "diag", "sampling", "ir", "autodiff", "lower", "engine", "kernels", "device", "data", "checkpoint", "weights", "report", "runs", "internal"},
	"cmd":        {root, "weights", "spec", "diag", "ir", "lower", "engine", "kernels", "report", "runs", "docs", "foreign", "internal"},
	"spec":       {"diag", "ir", "data", "foreign", "internal"},
	"diag":       {},
	"foreign":    {"diag", "ir"},
	"sampling":   {},
	"ir":         {"diag"},
	"autodiff":   {"ir", "diag"},
	"lower":      {"ir", "diag", "kernels", "device"},
	"engine":     {"ir", "diag", "lower", "device"},
	"kernels":    {"internal"},
	"device":     {"kernels", "internal"},
	"data":       {"ir", "diag", "foreign", "internal"},
	"checkpoint": {"ir", "diag", "engine", "data", "internal"},
	"weights":    {"ir", "diag", "checkpoint", "data", "foreign", "internal"},
	"report":     {"diag", "engine", "ir", "runs"},
	"runs":       {"ir", "diag", "internal"},
	"docs":       {},
	"graphs":     {},
	"internal":   {},
	"scripts":    {},
	"examples":   {root},
	"bench":      {root, "spec", "diag", "ir", "autodiff", "lower", "engine", "kernels", "device", "data", "report"},
}

// below says which packages below spec each of them may import, and spec itself. Other
// folders import spec alone.
var below = map[string][]string{
	"spec":             {"build", "check", "edit", "schema", "syntax", "syntax/tree"},
	"spec/edit":        {"build", "check", "expr", "syntax", "syntax/tree"},
	"spec/build":       {"check", "expr", "syntax", "syntax/tree"},
	"spec/check":       {"expr", "syntax"},
	"spec/schema":      {"syntax"},
	"spec/syntax":      {"expr", "std", "syntax/tree"},
	"spec/syntax/tree": {},
	"spec/expr":        {},
	"spec/std":         {},
}

// outside says which folders may import a dependency. In tests any may use any.
var outside = map[string][]string{
	"go.yaml.in/yaml":               {"spec", "kernels"},
	"github.com/expr-lang/expr":     {"spec", "kernels"},
	"github.com/bmatcuk/doublestar": {"cmd"},
	"github.com/ebitengine/purego":  {"device"},
	"github.com/spf13/cobra":        {"cmd"},
	"github.com/spf13/pflag":        {"cmd"},
	"golang.org/x/sys":              {"device", "internal", "kernels"},
	"golang.org/x/term":             {"report"},
	"google.golang.org/protobuf":    {"report"},
}

// use is an import in a file.
type use struct {
	file string // relative to the module's root, with slashes
	line int
	path string
}

// fault says what is wrong with an import, or nothing.
func (u use) fault() string {
	from := topOf(path.Dir(u.file))
	may, known := layers[from]
	if !known {
		return fmt.Sprintf("the folder %s isn't listed; add it to the table in docs/architecture.md and to internal/layering", from)
	}
	if u.path == "C" {
		return "there is no cgo in this project; load libraries at run time"
	}
	if u.path == module || strings.HasPrefix(u.path, module+"/") {
		folder := strings.TrimPrefix(strings.TrimPrefix(u.path, module), "/")
		if forTests(folder) {
			return fmt.Sprintf("%s imports %s, which is for tests", from, u.path)
		}
		other := topOf(folder)
		if other == "device" && folder != "device" && from != "device" && (folder != registry || from != root) {
			return fmt.Sprintf("%s imports %s; drivers are known to %s alone, which the root package imports", from, folder, registry)
		}
		if inner, ok := strings.CutPrefix(folder, "spec/"); ok && !slices.Contains(below[path.Dir(u.file)], inner) {
			return fmt.Sprintf("%s imports %s, which is for the packages of spec above it", path.Dir(u.file), folder)
		}
		if other == from || slices.Contains(may, other) {
			return ""
		}
		allowed := "nothing of ours"
		if len(may) > 0 {
			allowed = strings.Join(may, ", ")
		}
		return fmt.Sprintf("%s imports %s; %s may import %s", from, other, from, allowed)
	}
	if first, _, _ := strings.Cut(u.path, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for dependency, users := range outside {
		if u.path != dependency && !strings.HasPrefix(u.path, dependency+"/") {
			continue
		}
		if slices.Contains(users, from) {
			return ""
		}
		return fmt.Sprintf("%s imports %s, which is for %s", from, u.path, strings.Join(users, ", "))
	}
	return fmt.Sprintf("%s imports %s, which no folder may; add it to docs/dependencies.md and to internal/layering", from, u.path)
}

// topOf gives the top folder of a folder that is relative to the module's root.
func topOf(folder string) string {
	first, _, _ := strings.Cut(folder, "/")
	if first == "." || first == "" {
		return root
	}
	return first
}

// testOnly lists the folders whose packages only tests may import.
var testOnly = []string{"internal/fakegpu", "internal/drivertest", "internal/drawtest", "internal/goldentest", "internal/racetest", "internal/runtest", "internal/tabletest"}

// forTests reports whether a folder, relative to the module's root, is for tests.
func forTests(folder string) bool {
	return slices.ContainsFunc(testOnly, func(f string) bool { return folder == f || strings.HasPrefix(folder, f+"/") })
}

// uses lists the imports of every file of the project, for whatever system and
// with whatever tags it is built, in tests too if tests is true.
func uses(t *testing.T, top string, tests bool) []use {
	t.Helper()
	var all []use
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); d.IsDir() && name != top && (base == "testdata" || base[0] == '.' || base[0] == '_') {
			return filepath.SkipDir
		}
		if d.IsDir() && name != top {
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
				return filepath.SkipDir // a module of its own, of which the program has nothing
			}
		}
		relative, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		isTest := strings.HasSuffix(name, "_test.go") || forTests(filepath.ToSlash(filepath.Dir(relative)))
		if d.IsDir() || !strings.HasSuffix(name, ".go") || isTest != tests {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all = append(all, use{filepath.ToSlash(relative), files.Position(spec.Pos()).Line, imported})
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

const top = "../.."

func TestEveryImportKeepsToTheTable(t *testing.T) {
	all := uses(t, top, false)
	require.NotEmpty(t, all)
	for _, u := range all {
		if fault := u.fault(); fault != "" {
			t.Errorf("%s:%d: %s", u.file, u.line, fault)
		}
	}
}

// A row of the table: | `spec/` | what it owns | `diag`, `ir` |
var (
	row    = regexp.MustCompile("(?m)^\\| `([a-z]+)[^|]*\\|[^|]*\\|([^|]*)\\|$")
	quoted = regexp.MustCompile("`([a-z]+)`|the root package")
)

func TestTheDocsHaveTheTableThatIsTested(t *testing.T) {
	docs, err := os.ReadFile(filepath.Join(top, "docs", "architecture.md"))
	require.NoError(t, err)
	rows := row.FindAllStringSubmatch(string(docs), -1)
	require.NotEmpty(t, rows)
	for _, r := range rows {
		from, text := r[1], r[2]
		if from == root {
			continue // it may import all below
		}
		imports := []string{}
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if m[1] == "" {
				m[1] = root
			}
			imports = append(imports, m[1])
		}
		require.ElementsMatch(t, layers[from], imports, "the row of %s in docs/architecture.md", from)
	}
}

// A package below the root package that needs it even in tests is upside down. The
// standard library's tests are runs of specs.
func TestNoTestBelowTheRootNeedsTheWholeProject(t *testing.T) {
	for _, u := range uses(t, top, true) {
		if from := topOf(path.Dir(u.file)); u.path == module && path.Dir(u.file) != "spec/std" && !slices.Contains([]string{root, "cmd", "bench", "examples", "internal"}, from) {
			t.Errorf("%s:%d: a test of %s imports the root package, which composes it", u.file, u.line, from)
		}
	}
}

func TestAWrongImportIsNamedWithItsRule(t *testing.T) {
	for want, u := range map[string]use{
		"ir imports spec; ir may import diag":                               {"ir/ops/add.go", 1, module + "/spec"},
		"engine imports kernels; engine may import ir, diag, lower, device": {"engine/run.go", 1, module + "/kernels/cpu"},
		"diag imports flowrun; diag may import nothing of ours":             {"diag/range.go", 1, module},
		"cmd imports device; cmd may import flowrun, weights, spec, diag, ir, lower, engine, kernels, report, runs, docs, foreign, internal": {"cmd/flowrun/main.go", 1, module + "/device"},
		"flowrun imports cmd; flowrun may import " + all:                                                        {"session.go", 1, module + "/cmd/flowrun"},
		"ir imports go.yaml.in/yaml/v3, which is for spec, kernels":                                             {"ir/graph.go", 1, "go.yaml.in/yaml/v3"},
		"ir imports example.org/x, which no folder may; " + enter:                                               {"ir/graph.go", 1, "example.org/x"},
		"device imports " + module + "/internal/drivertest, which is for tests":                                 {"device/cuda/device.go", 1, module + "/internal/drivertest"},
		"engine imports " + module + "/internal/fakegpu/cuda, which is for tests":                               {"engine/run.go", 1, module + "/internal/fakegpu/cuda"},
		"engine imports device/cpu; drivers are known to device/registry alone, which the root package imports": {"engine/run.go", 1, module + "/device/cpu"},
		"spec/syntax imports spec/check, which is for the packages of spec above it":                            {"spec/syntax/node.go", 1, module + "/spec/check"},
		"engine imports spec/syntax, which is for the packages of spec above it":                                {"engine/run.go", 1, module + "/spec/syntax"},
		"there is no cgo in this project; load libraries at run time":                                           {"device/cuda/driver.go", 1, "C"},
		"the folder utils isn't listed; add it to the table in docs/architecture.md and to internal/layering":   {"utils/utils.go", 1, "fmt"},
	} {
		require.Equal(t, want, u.fault())
	}
	for _, u := range []use{
		{"ir/ops/add.go", 1, module + "/ir"},
		{"session.go", 1, module + "/spec"},
		{"spec/check/names.go", 1, module + "/spec/syntax"},
		{"spec/load.go", 1, "go.yaml.in/yaml/v3"},
		{"device/cpu/cpu.go", 1, "math/bits"},
	} {
		require.Empty(t, u.fault())
	}
}

func TestAnImportOfAFakeIsFoundInProductionCodeAlone(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"device/cuda/load.go", "device/cuda/load_test.go", "internal/drivertest/fixture.go", "internal/fakegpu/build/build.go"} {
		name = filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(`package p; import _ "`+module+`/internal/fakegpu/emulator"`), 0o644))
	}
	found := uses(t, folder, false)
	require.Len(t, found, 1)
	require.Equal(t, "device/cuda/load.go", found[0].file)
	require.Equal(t, "device imports "+module+"/internal/fakegpu/emulator, which is for tests", found[0].fault())
}

const (
	all   = "spec, diag, sampling, ir, autodiff, lower, engine, kernels, device, data, checkpoint, weights, report, runs, internal"
	enter = "add it to docs/dependencies.md and to internal/layering"
)

// direct matches a requirement of go.mod that isn't marked as indirect.
var direct = regexp.MustCompile(`(?m)^\s*(?:require\s+)?([a-z0-9.-]+\.[a-z]+/\S+) v\S+$`)

func TestEveryDependencyHasItsLineInTheDocs(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	require.NoError(t, err)
	docs, err := os.ReadFile(filepath.Join(top, "docs", "dependencies.md"))
	require.NoError(t, err)
	for _, m := range direct.FindAllStringSubmatch(string(mod), -1) {
		require.Contains(t, string(docs), "`"+m[1]+"`", "go.mod requires it; docs/dependencies.md must say what for")
	}
}

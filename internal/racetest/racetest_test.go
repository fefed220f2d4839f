package racetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/goldentest"
)

// elsewhere are packages in which goroutines run, but whose races are looked for
// elsewhere.
var elsewhere = map[string]string{
	"kernels": "it only waits for others: goroutines that compile for the emulator, of internal/fakegpu/emulator; " +
		"those of the drivers, of device/...; tests that run in parallel, in processes of their own",
	"kernels/cuda/ptxgen": "it waits for compilers, which kernels/compile starts",
	"spec/std":            "it runs sessions from one goroutine; those of sessions run in the root package and internal/e2e",
}

// The race detector sees nothing where one goroutine runs. So scripts/test runs it on the
// packages where there may be several: those whose code or tests start goroutines, and
// those that use a package whose code does, and so may be called by one.
func TestPackagesInWhichGoroutinesRunAreTestedForRaces(t *testing.T) {
	all := packagesOf(t, "../..")
	require.NotEmpty(t, all)
	for folder := range elsewhere {
		require.True(t, all.severalRunIn(folder), "%s needs no exception", folder)
	}
	var text strings.Builder
	for _, folder := range all.sorted() {
		if all[folder].tested && elsewhere[folder] == "" && all.severalRunIn(folder) {
			text.WriteString(path.Join(module, folder) + "\n")
		}
	}
	goldentest.Equal(t, "packages.txt", text.String())
}

// One package of each kind.
func TestWhereGoroutinesRunIsFound(t *testing.T) {
	const in = `"` + module + `/a"`
	all := packages{}
	for file, text := range map[string]string{
		"a/a.go":            "package a\nfunc f() { go f() }",
		"a/a_test.go":       "package a",
		"calls/c.go":        "package c\nimport _ " + in,
		"calls/c_test.go":   "package c",
		"tests/c_test.go":   "package c\nimport _ " + in,
		"r.go":              "package r\nfunc f() { go f() }",
		"root/r.go":         "package r\nimport _ \"" + module + "\"",
		"indirect/i.go":     "package i\nimport _ \"" + module + "/calls\"",
		"waits/w_test.go":   "package w\nfunc f() { all.Go(f) }",
		"timer/w_test.go":   "package w\nfunc f() { time.AfterFunc(1, f) }",
		"testing/t.go":      "package t",
		"testing/t_test.go": "package t\nfunc f() { t.Parallel() }",
		"user/u.go":         "package u\nimport _ \"" + module + "/testing\"",
		"server/s.go":       "package s\nfunc f() { http.Serve(l, h) }",
	} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
		require.NoError(t, err)
		all.add(file, parsed)
	}
	var found []string
	for _, folder := range all.sorted() {
		if all.severalRunIn(folder) {
			found = append(found, folder)
		}
	}
	require.Equal(t, []string{".", "a", "calls", "root", "server", "testing", "tests", "timer", "waits"}, found)
}

const module = "github.com/flowrun/flowrun"

// pkg is what matters of a package.
type pkg struct {
	starts, testsStart bool     // goroutines
	imports            []string // folders of the module, of its tests too
	tested             bool     // it has tests
}

// packages are those of a module by folder.
type packages map[string]*pkg

func (all packages) sorted() (folders []string) {
	for folder := range all {
		folders = append(folders, folder)
	}
	slices.Sort(folders)
	return folders
}

// severalRunIn says whether several goroutines may run in a package.
func (all packages) severalRunIn(folder string) bool {
	p := all[folder]
	return p.starts || p.testsStart || slices.ContainsFunc(p.imports, func(used string) bool { return all[used] != nil && all[used].starts })
}

// packagesOf reads a module's sources, for whatever system they are.
func packagesOf(t *testing.T, top string) packages {
	t.Helper()
	all := packages{}
	require.NoError(t, filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); d.IsDir() && name != top && (base == "testdata" || base[0] == '.' || base[0] == '_') {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(top, name)
		all.add(filepath.ToSlash(relative), file)
		return err
	}))
	return all
}

// add notes a file of a package.
func (all packages) add(name string, file *ast.File) {
	folder := path.Dir(name)
	if all[folder] == nil {
		all[folder] = &pkg{}
	}
	p, test := all[folder], strings.HasSuffix(name, "_test.go")
	p.tested = p.tested || test
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if below, ok := strings.CutPrefix(imported+"/", module+"/"); ok && err == nil {
			p.imports = append(p.imports, path.Clean(below))
		}
	}
	switch {
	case !startsGoroutines(file):
	case test:
		p.testsStart = true
	default:
		p.starts = true
	}
}

// starters are functions of other modules that run others in goroutines.
var starters = []string{"Go", "Parallel", "RunParallel", "AfterFunc", "SetFinalizer", "AddCleanup", "NewServer", "Serve", "ListenAndServe"}

// startsGoroutines finds statements and calls that do.
func startsGoroutines(file *ast.File) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.CallExpr:
			called, ok := n.Fun.(*ast.SelectorExpr)
			found = found || ok && slices.Contains(starters, called.Sel.Name)
		}
		return !found
	})
	return found
}

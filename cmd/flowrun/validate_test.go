package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
)

const (
	misspelt = "flowrun: 1\nmodel:\n  nodes: {y: \"onse([2])\"}\n  outputs: [y]\n"
	warned   = "flowrun: 1\nvars: {a: 1}\nmodel:\n  nodes: {y: \"ones([2])\"}\n  outputs: [y]\n"
	noSpec   = "services:\n  web:\n    flowrun: 1\n"
)

// tree makes a folder with files, goes there and gives its path.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	t.Chdir(dir)
	return dir
}

// checked validates and gives the exit code and the files that were looked at,
// in the report's order, those with problems marked by "!".
func checked(t *testing.T, args ...string) (code int, files []string, skipped int) {
	t.Helper()
	code, out, errors := flowrunWith(t, append([]string{"validate", "--format", "json"}, args...)...)
	var report struct {
		Files []struct {
			File  string
			Valid bool
		}
		Summary struct{ Skipped int }
	}
	if out == "" {
		require.NotEmpty(t, errors)
		return code, nil, 0
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	for _, f := range report.Files {
		mark := ""
		if !f.Valid {
			mark = "!"
		}
		files = append(files, mark+filepath.ToSlash(f.File))
	}
	return code, files, report.Summary.Skipped
}

func TestPathsAreFilesFoldersAndGlobs(t *testing.T) {
	tree(t, map[string]string{
		"b.yaml": noModel, "a.yml": misspelt, "compose.yaml": noSpec, "notes.md": "# notes\n",
		"sub/deep/c.YAML": noModel, "sub/d.yaml": "\ufeff\"flowrun\": 1\nmodel: [\n",
		".hidden/e.yaml": misspelt, "sub/[1].yaml": noModel, "empty/readme.txt": "",
	})
	for _, c := range []struct {
		args    string
		code    int
		files   string
		skipped int
	}{
		{".", 1, "!a.yml b.yaml sub/[1].yaml !sub/d.yaml sub/deep/c.YAML", 1},
		{"sub", 1, "sub/[1].yaml !sub/d.yaml sub/deep/c.YAML", 0},
		{"b.yaml . b.yaml ./b.yaml", 1, "b.yaml !a.yml sub/[1].yaml !sub/d.yaml sub/deep/c.YAML", 1},
		{"compose.yaml", 1, "!compose.yaml", 0}, // it is named
		{"--only-specs compose.yaml b.yaml", 0, "b.yaml", 1},
		{"--only-specs compose.yaml", 0, "", 1},
		{"*.yaml", 1, "b.yaml !compose.yaml", 0},
		{"**/*.yaml", 1, "b.yaml !compose.yaml sub/[1].yaml !sub/d.yaml", 0},
		{"sub/**", 1, "sub/[1].yaml !sub/d.yaml sub/deep/c.YAML", 0},
		{"{a,b}.y*ml", 1, "!a.yml b.yaml", 0},
		{"sub/[1].yaml", 0, "sub/[1].yaml", 0}, // a name before it is a pattern
		{".hidden", 1, "!.hidden/e.yaml", 0},
		{"empty", 3, "", 0},
		{"x*.yaml", 3, "!x*.yaml", 0},
		{"[a-", 2, "![a-", 0},
		{"gone.yaml b.yaml", 3, "!gone.yaml b.yaml", 0},
		{"x*.yaml [a- b.yaml gone.yaml y?.yml sub/[1].yaml", 2, "!x*.yaml ![a- b.yaml !gone.yaml !y?.yml sub/[1].yaml", 0},
		{"b.yaml x*.yaml a.yml", 3, "b.yaml !x*.yaml !a.yml", 0},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, files, skipped := checked(t, strings.Fields(c.args)...)
			require.Equal(t, c.files, strings.Join(files, " "))
			require.Equal(t, c.code, code)
			require.Equal(t, c.skipped, skipped)
		})
	}
}

func TestAnAbsoluteFolderGivesURIsRelativeToTheWorkingFolder(t *testing.T) {
	dir := tree(t, map[string]string{"specs/a.yaml": misspelt})
	code, out, _ := flowrunWith(t, "validate", "--format", "sarif", filepath.Join(dir, "specs"))
	require.Equal(t, exitProblems, code)
	require.Contains(t, out, `"uri": "specs/a.yaml"`)
	require.NotContains(t, out, dir)
	require.Contains(t, out, `"markdown": "# unknown-function\n`)
}

func TestLinksToFoldersAreNotFollowedButLinksToFilesAre(t *testing.T) {
	tree(t, map[string]string{"specs/a.yaml": noModel, "other.yaml": noModel})
	require.NoError(t, os.Symlink("..", "specs/up"))
	require.NoError(t, os.Symlink("../other.yaml", "specs/b.yaml"))
	require.NoError(t, os.Symlink("gone.yaml", "specs/c.yaml"))
	require.NoError(t, os.Symlink("specs", "link"))
	code, files, _ := checked(t, "link")
	require.Equal(t, []string{"link/a.yaml", "link/b.yaml", "!link/c.yaml"}, files)
	require.Equal(t, exitFailed, code, "a file that can't be read was not checked")
}

func TestStandardInputIsASpec(t *testing.T) {
	for text, want := range map[string]int{noModel: exitDone, misspelt: exitProblems, "": exitProblems} {
		var out, errors bytes.Buffer
		code := execute(context.Background(), []string{"validate", "-"}, streams{strings.NewReader(text), &out, &errors})
		require.Equal(t, want, code)
		require.Empty(t, errors.String())
		if want == exitProblems {
			require.Contains(t, out.String(), "<stdin>:")
		}
	}
}

// Whatever can't be read or found among the paths, in whatever format: the other
// findings are all there.
func TestUnreadableFilesDoNotHideOtherFindings(t *testing.T) {
	tree(t, map[string]string{"a.yaml": misspelt, "b/c.yaml": warned, "shut/d.yaml": noModel, "vars.yaml": "a: 2\n"})
	shut := os.Geteuid() != 0 && os.Chmod("shut", 0) == nil // root reads it anyway
	t.Cleanup(func() { _ = os.Chmod("shut", 0o755) })
	for _, format := range diag.Formats() {
		code, out, errors := flowrunWith(t, "validate", "--format", format, "no*.yaml", "a.yaml", "gone.yaml", "b/[", "b", "shut")
		require.Equal(t, exitUsage, code, "the pattern b/[")
		require.Contains(t, errors, `"b/[": invalid glob`)
		for _, want := range []string{"unknown-function", "a.yaml", "unused-var", "b/c.yaml", "gone.yaml", "no*.yaml"} {
			if format == "sarif" {
				want = strings.ReplaceAll(want, "*", "%2A")
			}
			require.Contains(t, strings.ReplaceAll(out, "%2A", "*"), strings.ReplaceAll(want, "%2A", "*"), format)
		}
		require.Equal(t, shut, strings.Contains(out, "permission denied"))
	}
	code, out, errors := flowrunWith(t, "validate", "no*.yaml", "a.yaml", "gone.yaml")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "flowrun: 2 files could not be read, among them no*.yaml\n", errors)
	require.Contains(t, out, "unknown-function")
	code, out, errors = flowrunWith(t, "validate", "a.yaml", "b/c.yaml", "--vars", "missing.yaml") // which the spec isn't blamed for
	require.Equal(t, exitFailed, code)
	require.Equal(t, "flowrun: missing.yaml could not be read\n", errors)
	require.Contains(t, out, "unknown-function")
	code, out, _ = flowrunWith(t, "validate", "b", "a.yaml", "--on", "sim:99")
	require.NotEqual(t, exitDone, code)
	require.Contains(t, out, "unknown-function")
	require.Contains(t, out, "unused-var")
}

func TestStandardInputUsesTheGivenName(t *testing.T) {
	const modules = "flowrun: 1\nmodules:\n  Double: {inputs: {x: \"float[...]\"}, output: 2 * x}\n"
	const importing = "flowrun: 1\nimports: [blocks.yaml]\nmodel:\n  inputs: {x: \"f32[2]\"}\n  nodes: {y: Double(x)}\n  outputs: [y]\n"
	tree(t, map[string]string{"sub/blocks.yaml": modules, "sub/spec.yaml": "flowrun: [\n"})
	validate := func(text string, args ...string) (int, string, string) {
		var out, errors bytes.Buffer
		code := execute(context.Background(), append([]string{"validate"}, args...), streams{strings.NewReader(text), &out, &errors})
		return code, out.String(), errors.String()
	}
	code, out, _ := validate(importing, "-", "--stdin-filename", "sub/new.yaml")
	require.Equal(t, exitDone, code, out)
	code, out, _ = validate(importing, "-")
	require.Equal(t, exitFailed, code, "beside the working folder there is no blocks.yaml")
	require.Contains(t, out, "<stdin>:2:11")
	code, out, _ = validate(misspelt, "-", "--stdin-filename=sub/new.yaml", "--format", "sarif")
	require.Equal(t, exitProblems, code)
	require.Contains(t, out, `"uri": "sub/new.yaml"`)
	for _, args := range [][]string{{"-", "sub"}, {"sub", "-"}, {"./sub/spec.yaml", "-"}} { // not the file, which is broken
		code, out, _ = validate(importing, append(args, "--stdin-filename", "sub/spec.yaml")...)
		require.Equal(t, exitDone, code, out)
	}
	code, _, errors := validate(importing, "sub", "--stdin-filename", "sub/new.yaml")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, "no path is -")
}

func TestWarningsAreErrorsOnlyWithStrict(t *testing.T) {
	tree(t, map[string]string{"w.yaml": warned})
	code, out, _ := flowrunWith(t, "validate", "w.yaml")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "warning[unused-var]")
	require.Contains(t, out, "1 spec valid (1 warning)\n")
	code, out, _ = flowrunWith(t, "validate", "w.yaml", "--strict")
	require.Equal(t, exitProblems, code)
	require.Contains(t, out, "0 specs valid, 1 with problems (1 warning)\n")
}

func TestEveryFormatGoesToStandardOutput(t *testing.T) {
	tree(t, map[string]string{"a.yaml": misspelt, "b.yaml": noModel})
	for _, format := range diag.Formats() {
		code, out, errors := flowrunWith(t, "validate", "--format", format, ".")
		require.Equal(t, exitProblems, code, format)
		require.Contains(t, out, "unknown-function", format)
		require.NotContains(t, out, "\x1b", format)
		require.Empty(t, errors, format)
	}
	code, _, errors := flowrunWith(t, "validate", "--format", "xml", ".")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, "text, json, jsonl, sarif, github, junit")
}

func TestAFileOfModulesIsChecked(t *testing.T) {
	const double = "flowrun: 1\nmodules:\n  Double:\n    inputs: {x: \"float[...]\"}\n    output: 2 * x\n"
	tree(t, map[string]string{
		"right.yaml": double, "wrong.yaml": strings.Replace(double, "2 * x", "2 * y", 1),
		"spec.yaml": "flowrun: 1\nimports: [right.yaml]\nmodel:\n  inputs: {x: \"f32[2]\"}\n  nodes: {y: Double(x)}\n  outputs: [y]\n",
	})
	code, files, _ := checked(t, ".")
	require.Equal(t, []string{"right.yaml", "spec.yaml", "!wrong.yaml"}, files)
	require.Equal(t, exitProblems, code)
}

func TestManyFilesAreReportedInOrder(t *testing.T) {
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("s/%03d.yaml", i)] = misspelt
	}
	tree(t, files)
	_, first, _ := flowrunWith(t, "validate", "--format", "jsonl", "s")
	lines := strings.Split(strings.TrimSpace(first), "\n")
	require.Len(t, lines, 200)
	for i, line := range lines {
		require.Contains(t, line, fmt.Sprintf("%03d.yaml", i))
	}
	_, again, _ := flowrunWith(t, "validate", "--format", "jsonl", "s")
	require.Equal(t, first, again)
}

func TestCtrlCEndsAValidation(t *testing.T) {
	tree(t, map[string]string{"a.yaml": noModel})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	code, out, _ := inContext(t, ctx, "validate", ".")
	require.Equal(t, exitInterrupted, code)
	require.Empty(t, out)
}

func TestAnIgnoredWarningIsNotReported(t *testing.T) {
	tree(t, map[string]string{"w.yaml": strings.Replace(warned, "\nmodel", "  # flowrun:ignore unused-var set by a sweep\nmodel", 1)})
	code, out, _ := flowrunWith(t, "validate", "--strict", "w.yaml")
	require.Equal(t, exitDone, code)
	require.Equal(t, "1 spec valid\n", out)
}

func TestRulesAreListedAndExplained(t *testing.T) {
	code, out, _ := flowrunWith(t, "rules")
	require.Equal(t, exitDone, code)
	for _, r := range diag.Rules() {
		require.Contains(t, out, string(r)+" ")
		code, page, _ := flowrunWith(t, "rules", string(r))
		require.Equal(t, exitDone, code)
		require.Contains(t, page, "# "+string(r)+"\n")
	}
	code, _, errors := flowrunWith(t, "rules", "unknwon-key")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, `did you mean "unknown-key"?`)
}

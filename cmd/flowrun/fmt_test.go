package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const untidy = "flowrun:   1\nmodel:\n    nodes: {y:   1.0 + 2.0 }   # why\n    outputs: [ y ]\n"
const tidy = "flowrun: 1\nmodel:\n  nodes: {y: 1.0 + 2.0}      # why\n  outputs: [y]\n"

func TestFmtWritesFilesInPlaceAndListsThem(t *testing.T) {
	path := file(t, "a.yaml", untidy)
	code, out, _ := flowrunWith(t, "fmt", path)
	require.Equal(t, exitDone, code)
	require.Equal(t, path+"\n", out)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, tidy, string(got))

	code, out, _ = flowrunWith(t, "fmt", path)
	require.Equal(t, exitDone, code)
	require.Empty(t, out, "the second time there is nothing to do")
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file is left")
}

func TestFmtCheckListsUnformattedFilesAndWritesNothing(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"a.yaml": untidy, "b.yaml": tidy, "other.yaml": "key:    value\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	code, out, _ := flowrunWith(t, "fmt", "--check", folder)
	require.Equal(t, exitProblems, code)
	require.Equal(t, filepath.Join(folder, "a.yaml")+"\n", out)
	got, err := os.ReadFile(filepath.Join(folder, "a.yaml"))
	require.NoError(t, err)
	require.Equal(t, untidy, string(got))

	code, out, _ = flowrunWith(t, "fmt", folder)
	require.Equal(t, exitDone, code)
	require.Equal(t, filepath.Join(folder, "a.yaml")+"\n", out)
	code, out, _ = flowrunWith(t, "fmt", "--check", folder)
	require.Equal(t, exitDone, code)
	require.Empty(t, out)
}

func TestFmtReadsStandardInput(t *testing.T) {
	var out, errors bytes.Buffer
	code := execute(context.Background(), []string{"fmt", "-"}, streams{strings.NewReader(untidy), &out, &errors})
	require.Equal(t, exitDone, code, errors.String())
	require.Equal(t, tidy, out.String())
}

func TestFmtSkipsFilesThatAreNotYAML(t *testing.T) {
	path := file(t, "a.yaml", "flowrun:   1\nmodel: {\n")
	other := file(t, "b.yaml", untidy)
	code, out, errors := flowrunWith(t, "fmt", path, other)
	require.Equal(t, exitProblems, code)
	require.Contains(t, errors, "yaml-syntax")
	require.Equal(t, other+"\n", out, "the others are formatted")
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "flowrun:   1\nmodel: {\n", string(got))
}

func TestFmtFormatsTheOtherFilesIfOneIsMissing(t *testing.T) {
	path := file(t, "a.yaml", untidy)
	code, out, errors := flowrunWith(t, "fmt", filepath.Join(t.TempDir(), "absent.yaml"), path)
	require.Equal(t, exitFailed, code)
	require.Equal(t, path+"\n", out)
	require.Contains(t, errors, "absent.yaml")
}

func TestFmtReportsPathsWithoutSpecs(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "other.yaml"), []byte("a:   1\n"), 0o600))
	code, _, errors := flowrunWith(t, "fmt", "--check", folder)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errors, "there is no spec in "+folder)
	code, _, _ = flowrunWith(t, "fmt", "--check", "--only-specs", folder)
	require.Equal(t, exitDone, code)
}

func TestFmtExpandsGlobs(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a/b/c.yaml", "d.yml"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(untidy), 0o600))
	}
	_, out, _ := flowrunWith(t, "fmt", "--check", filepath.Join(folder, "**/*.y*ml"))
	require.Equal(t, filepath.Join(folder, "a/b/c.yaml")+"\n"+filepath.Join(folder, "d.yml")+"\n", out)
}

func TestFmtWithoutPathsIsBadUsage(t *testing.T) {
	code, _, _ := flowrunWith(t, "fmt")
	require.Equal(t, exitUsage, code)
	code, _, _ = flowrunWith(t, "fmt", filepath.Join(t.TempDir(), "absent.yaml"))
	require.Equal(t, exitFailed, code)
}

func TestSchemaPrintsJSON(t *testing.T) {
	code, out, errors := flowrunWith(t, "schema")
	require.Equal(t, exitDone, code)
	require.Empty(t, errors)
	require.True(t, json.Valid([]byte(out)))
	code, _, _ = flowrunWith(t, "schema", "x")
	require.Equal(t, exitUsage, code)
}

// formattedInput formats a text on standard input.
func formattedInput(text string, args ...string) (code int, out, errors string) {
	var o, e bytes.Buffer
	code = execute(context.Background(), append([]string{"fmt", "-"}, args...), streams{strings.NewReader(text), &o, &e})
	return code, o.String(), e.String()
}

func TestFmtUsesTheNameGivenForStandardInput(t *testing.T) {
	code, out, _ := formattedInput(untidy, "--stdin-filename", "sub/a.yaml")
	require.Equal(t, exitDone, code)
	require.Equal(t, tidy, out)
	code, out, _ = formattedInput(untidy, "--stdin-filename", "sub/a.yaml", "--check")
	require.Equal(t, exitProblems, code)
	require.Equal(t, "sub/a.yaml\n", out)
	code, out, errors := formattedInput("a: [\n", "--stdin-filename", "sub/a.yaml")
	require.Equal(t, exitProblems, code)
	require.Empty(t, out)
	require.Contains(t, errors, "sub/a.yaml:2:1: error[yaml-syntax]")
	code, out, _ = formattedInput(noSpec, "--only-specs")
	require.Equal(t, exitDone, code)
	require.Equal(t, noSpec, out, "what is passed over isn't lost")
}

func TestFmtNamesTheFilesItCannotFormat(t *testing.T) {
	const marked = "flowrun:   1\nmodel: {nodes: {y: 1.0 + 2.0}, outputs: [y]}\n...\n"
	dir := tree(t, map[string]string{"a.yaml": marked, "b.yaml": untidy, "other.yaml": noSpec})
	code, out, errors := flowrunWith(t, "fmt", ".")
	require.Equal(t, exitDone, code)
	require.Equal(t, "b.yaml\n", out)
	require.Equal(t, "a.yaml: left as it is: the document ends with ...\n1 YAML file without a top-level `flowrun:` skipped\n", errors)
	text, err := os.ReadFile(filepath.Join(dir, "a.yaml"))
	require.NoError(t, err)
	require.Equal(t, marked, string(text))
	code, out, errors = formattedInput(marked)
	require.Equal(t, exitDone, code)
	require.Equal(t, marked, out)
	require.Contains(t, errors, "<stdin>: left as it is")
}

func TestFmtFormatsTheOtherFilesIfOneFails(t *testing.T) {
	tree(t, map[string]string{"a.yaml": untidy, "broken.yaml": "flowrun: [\n"})
	code, out, errors := flowrunWith(t, "fmt", "no*.yaml", "broken.yaml", "gone.yaml", "a.yaml")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "a.yaml\n", out)
	for _, want := range []string{"no*.yaml: no file matches", "broken.yaml:2:1", "gone.yaml"} {
		require.Contains(t, errors, want)
	}
	code, _, errors = flowrunWith(t, "fmt", "a[", "a.yaml")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, "a[: invalid glob")
}

func TestFmtKeepsModeOwnerAndLinksOfAFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and owners are Unix's")
	}
	for _, mode := range []os.FileMode{0o600, 0o640, 0o664, 0o777, 0o644 | os.ModeSetgid, 0o755 | os.ModeSticky} {
		path := file(t, "a.yaml", untidy)
		require.NoError(t, os.Chmod(path, mode))
		other := filepath.Join(filepath.Dir(path), "other")
		if mode == 0o640 {
			require.NoError(t, os.Link(path, other))
		}
		owned := os.Geteuid() == 0 // else nobody can be given a file
		if owned {
			require.NoError(t, os.Chown(path, 12345, 23456))
			require.NoError(t, os.Chmod(path, mode))
		}
		code, _, errors := flowrunWith(t, "fmt", path)
		require.Equal(t, exitDone, code, errors)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, tidy, string(text))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode())
		if owned {
			require.Equal(t, []any{uint64(12345), uint64(23456)}, ownerOf(info))
		}
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		if mode == 0o640 {
			linked, err := os.Stat(other)
			require.NoError(t, err)
			require.True(t, os.SameFile(info, linked), "both names are of one file still")
			require.Len(t, entries, 2)
			continue
		}
		require.Len(t, entries, 1)
	}
}

// ownerOf gives a file's user and group.
func ownerOf(info os.FileInfo) []any {
	s := reflect.ValueOf(info.Sys()).Elem()
	return []any{s.FieldByName("Uid").Uint(), s.FieldByName("Gid").Uint()}
}

// A file of somebody else's that may be written, in a folder that may be too: it
// stays theirs. The test runs itself as another user.
func TestFmtDoesNotTakeOverAnotherUsersFile(t *testing.T) {
	if os.Getenv("FLOWRUN_TEST_FMT") != "" {
		code, _, errors := flowrunWith(t, "fmt", os.Getenv("FLOWRUN_TEST_FMT"))
		require.Equal(t, exitDone, code, errors)
		return
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs to be somebody else: Linux, as root")
	}
	program, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "flowrun-fmt-")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o777))
	test, path := filepath.Join(dir, "test"), filepath.Join(dir, "a.yaml")
	require.NoError(t, os.WriteFile(test, program, 0o755))
	require.NoError(t, os.WriteFile(path, []byte(untidy), 0o666))
	require.NoError(t, os.Chmod(path, 0o666))
	require.NoError(t, os.Chmod(test, 0o755))
	c := exec.Command("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", test, "-test.run=TestFmtDoesNotTakeOverAnotherUsersFile")
	c.Dir, c.Env = dir, append(os.Environ(), "FLOWRUN_TEST_FMT="+path, "HOME="+dir)
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("needs setpriv")
	}
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, tidy, string(text))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, []any{uint64(0), uint64(0)}, ownerOf(info))
	require.Equal(t, os.FileMode(0o666), info.Mode())
	left, err := filepath.Glob(filepath.Join(dir, ".flowrun-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestFmtDoesNotChangeWriteProtectedFiles(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everything")
	}
	path := file(t, "a.yaml", untidy)
	require.NoError(t, os.Chmod(path, 0o444))
	code, _, errors := flowrunWith(t, "fmt", path)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errors, "permission denied")
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
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

func TestFmtCheckListsWhatDiffersAndWritesNothing(t *testing.T) {
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

func TestFmtLeavesWhatIsNotYAMLAlone(t *testing.T) {
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

func TestFmtFormatsWhatItCanWhereAFileIsMissing(t *testing.T) {
	path := file(t, "a.yaml", untidy)
	code, out, errors := flowrunWith(t, "fmt", filepath.Join(t.TempDir(), "absent.yaml"), path)
	require.Equal(t, exitFailed, code)
	require.Equal(t, path+"\n", out)
	require.Contains(t, errors, "absent.yaml")
}

func TestFmtSaysWhereThereIsNoSpec(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "other.yaml"), []byte("a:   1\n"), 0o600))
	code, _, errors := flowrunWith(t, "fmt", "--check", folder)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errors, "there is no spec in "+folder)
	code, _, _ = flowrunWith(t, "fmt", "--check", "--only-specs", folder)
	require.Equal(t, exitDone, code)
}

func TestFmtTakesGlobs(t *testing.T) {
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

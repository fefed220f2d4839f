package kernels_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// page is what docs/add-a-kernel.md says to write: files whole, and entries to put
// behind others.
type page struct {
	files   map[string]string
	outputs []string
}

var (
	wholeFile = regexp.MustCompile("(?m)^`([\\w./]+)`[^\n]*\n\n```\\w+\n((?s:.*?))```\n")
	addition  = regexp.MustCompile("(?m)^In `([\\w./]+)`, after `(\\w+)`:\n\n```yaml\n((?s:.*?))```\n")
	printed   = regexp.MustCompile("prints? `([^`]+)`")
)

// readPage takes the page's blocks, each after the name of its file.
func readPage(t *testing.T) page {
	t.Helper()
	text, err := os.ReadFile("../docs/add-a-kernel.md")
	require.NoError(t, err)
	p := page{files: map[string]string{}}
	for _, m := range wholeFile.FindAllStringSubmatch(string(text), -1) {
		p.files[m[1]] = m[2]
	}
	for _, m := range addition.FindAllStringSubmatch(string(text), -1) {
		before, ok := p.files[m[1]]
		if !ok {
			content, err := os.ReadFile(filepath.Join("..", m[1]))
			require.NoError(t, err)
			before = string(content)
		}
		entry := regexp.MustCompile(`(?m)^  ` + m[2] + `:\n(    .*\n)+`).FindStringIndex(before)
		require.NotNil(t, entry, "%s has no entry %s", m[1], m[2])
		p.files[m[1]] = before[:entry[1]] + m[3] + before[entry[1]:]
	}
	for _, m := range printed.FindAllStringSubmatch(string(text), -1) {
		p.outputs = append(p.outputs, m[1])
	}
	return p
}

// TestThePageOnAddingAKernelIsTrue does what docs/add-a-kernel.md says, block by block,
// in a copy of the tree that only the compiler sees: the ops and kernels that it adds
// build, pass the check and agree with their references.
func TestThePageOnAddingAKernelIsTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program anew: not with -short")
	}
	p := readPage(t)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	replaced := map[string]string{}
	var added []string
	for name, text := range p.files {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		if strings.Contains(name, "/") {
			replaced[filepath.Join(root, name)] = path
		}
		if op, ok := strings.CutPrefix(name, "kernels/cpu/"); ok {
			added = append(added, strings.TrimSuffix(op, ".go"))
		}
	}
	require.ElementsMatch(t, []string{"softsign", "hypot"}, added)
	for _, op := range added {
		for _, name := range []string{"ir/ops/" + op + ".go", "kernels/opencl/" + op + ".cl", "kernels/cuda/" + op + ".cu", "kernels/metal/" + op + ".metal"} {
			require.Contains(t, p.files, name)
			require.NoFileExists(t, filepath.Join(root, name))
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	require.NoError(t, err)
	overlay := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, text, 0o600))
	run := func(name string, args ...string) string {
		c := exec.Command(name, args...)
		c.Dir = root
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s %v: %s", name, args, out)
		return string(out)
	}

	program := filepath.Join(dir, "flowrun")
	run("go", "build", "-overlay", overlay, "-o", program, "./cmd/flowrun")
	require.Contains(t, run(program, "kernels", "check"), "kernels match the manifest")
	for _, op := range added {
		require.Contains(t, run(program, "kernels", op), "generated/"+op+".cl")
	}
	for i, spec := range []string{"softsign.yaml", "hypot.yaml"} {
		require.Contains(t, p.files, spec)
		require.Contains(t, run(program, "eval", filepath.Join(dir, spec)), p.outputs[i])
	}
	run("go", "test", "-overlay", overlay, "-vet=off", "./ir/ops")
	out := run("go", "test", "-overlay", overlay, "-vet=off", "-v", "-short", "-run", "^(TestKernelsAgreeWithTheReference|TestKernelsAreRightWhateverTheShapes)$/.*/^("+strings.Join(added, "|")+")$", "./kernels")
	for _, op := range added {
		require.Contains(t, out, "TestKernelsAgreeWithTheReference/cpu/"+op)
	}
}

//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/racetest"
)

// beforehand makes the files that the examples take: what a user of them has.
const beforehand = `
flowrun graphs/iris.yaml --max-steps 9 --save iris.safetensors --out runs/a
flowrun graphs/iris.yaml --max-steps 9 --seed 2 --out runs/b
flowrun graphs/math_net.yaml --max-steps 3 --save math_net.safetensors
mkdir -p experiments mine/opencl
cp iris.safetensors before.safetensors
cp iris.safetensors after.safetensors
cp graphs/math_net.yaml experiments
cp graphs/two_flowers.csv flowers.csv
cp graphs/nine_plus_five.safetensors x.safetensors
cp graphs/iris.yaml big.yaml
cp graphs/iris.csv .
sed 's|^train:|&\n  checkpoint: {every: 1, best: {metric: eval.loss}}|; s|every: epoch|every: 1|' graphs/iris.yaml > kept.yaml
flowrun kept.yaml --max-steps 2
sed 's|{goroot}/src/strings/\*.go|graphs/*.yaml|' graphs/char_gpt.yaml > spec.yaml
flowrun spec.yaml --max-steps 1 --save spec.safetensors
echo '{"weight_map": {"scores.bias": "iris.safetensors", "scores.weight": "iris.safetensors", "h.bias": "iris.safetensors", "h.weight": "iris.safetensors"}}' > model.safetensors.index.json
echo "func " > prompt.txt
`

// Every example of a command's help works as it stands, in a shell, in a folder with
// graphs/ and the files that the example takes; so do the commands that char_gpt.yaml
// begins with, but for the length of the training.
func TestTheExamplesOfTheHelpWork(t *testing.T) {
	if racetest.Enabled {
		t.Skip("runs other programs")
	}
	sh := newExampleShell(t)
	out, code := sh(beforehand)
	require.Equal(t, exitDone, code, out)
	header := regexp.MustCompile(`(?m)^#   (.*)$`).FindAllStringSubmatch(content(t, "../../graphs/char_gpt.yaml"), -1)
	require.Len(t, header, 3)
	script := header[0][1] + "\n" + header[1][1] + " --max-steps 1\n" + header[2][1]
	out, code = sh(script)
	require.Equal(t, exitDone, code, "%s\n%s", script, out)
	var tested int
	var all func(c *cobra.Command)
	all = func(c *cobra.Command) {
		if c.Example != "" {
			tested++
			before := "" // lines that aren't commands of flowrun, for those that are
			for line := range strings.Lines(c.Example) {
				if !strings.Contains(line, "flowrun") {
					before += line
					continue
				}
				out, code := sh(before + line)
				if strings.Contains(line, "opencl:0") && strings.Contains(out, "no-device") {
					continue // nothing else is amiss
				}
				require.Equal(t, exitDone, code, "flowrun %s --help:\n%s\n%s", c.Name(), line, out)
			}
		}
		for _, sub := range c.Commands() {
			all(sub)
		}
	}
	all(newRoot(streams{strings.NewReader(""), io.Discard, io.Discard}))
	require.GreaterOrEqual(t, tested, 12)
}

// newExampleShell gives a shell in a new folder with graphs/, where flowrun and
// generate-spec, which writes a spec, are commands.
func newExampleShell(t *testing.T) func(script string) (out string, code int) {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "graphs"), os.DirFS("../../graphs")))
	program, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(program, filepath.Join(bin, "flowrun")))
	generate := fmt.Sprintf("#!/bin/sh\nexec cat %q\n", filepath.Join(dir, "graphs/math_net.yaml"))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "generate-spec"), []byte(generate), 0o700))
	return func(script string) (string, int) {
		c := exec.Command("sh", "-euc", script)
		c.Dir = dir
		c.Env = append(os.Environ(), asProgram+"=1", "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
		out, _ := c.CombinedOutput()
		return string(out), c.ProcessState.ExitCode()
	}
}

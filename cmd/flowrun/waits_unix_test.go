//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program starts this test's binary as the program.
func program(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.Command(self, args...)
	c.Env = append(os.Environ(), asProgram+"=1")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	t.Cleanup(func() {
		if c.Process != nil {
			_ = c.Process.Kill()
		}
	})
	return c, &out
}

// ends waits for a process, and fails if it runs on: for as long as a busy machine
// may take, and not forever.
func ends(t *testing.T, c *exec.Cmd) {
	t.Helper()
	done := make(chan struct{})
	go func() { _ = c.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		_ = c.Process.Kill()
		<-done
		t.Fatal("it runs on")
	}
}

const trained = `flowrun: 1
data: {d: {generate: {x: "normal(0, 1, [2, 4])"}}}
model: {inputs: {x: "f32[2, 4]"}, nodes: {h: {Linear: x, out_features: 2}}, outputs: [h]}
train: {data: d, loss: mean(h * h), optimizer: {SGD: {lr: 0.1}}, max_steps: 3%s}
`

// In every place that names a file to read, what isn't one is refused at once: it
// would be waited for, or never end. (A test that hangs here fails after a while.)
func TestOnlyRegularFilesAreAcceptedWhereAFileIsNamed(t *testing.T) {
	specs := map[string]string{
		"good.yaml":   strings.Replace(trained, "%s", "", 1),
		"init.yaml":   strings.Replace(trained, "%s", ", init: {safetensors: pipe}", 1),
		"import.yaml": "imports: [pipe]\n" + noModel,
		"eval.yaml":   "flowrun: 1\nmodel: {inputs: {x: \"f32[1]\"}, nodes: {y: x + 1}, outputs: [y]}\n",
		"replay.yaml": "flowrun: 1\ndata: {d: {replay: pipe, fields: {x: {tensor: x, type: \"f32[2, 4]\"}}}}\n" +
			"model: {inputs: {x: \"f32[2, 4]\"}, nodes: {h: {Linear: x, out_features: 2}}, outputs: [h]}\n" +
			"train: {data: d, loss: mean(h * h), optimizer: {SGD: {lr: 0.1}}, max_steps: 3}\n",
		"alone.yaml": "flowrun: 1\nmodel: {nodes: {x: \"ones([2, 4])\", h: {Linear: x, out_features: 2}}, outputs: [h]}\n",
		"vars.yaml":  "flowrun: 1\nvars: {a: 1}\nmodel: {nodes: {y: a + 1}, outputs: [y]}\n",
	}
	for kind, make := range map[string]func() error{
		"a pipe":   func() error { return syscall.Mkfifo("pipe", 0o600) },
		"a device": func() error { return os.Symlink("/dev/zero", "pipe") },
		"a folder": func() error { return os.Mkdir("pipe", 0o700) },
	} {
		t.Run(kind, func(t *testing.T) {
			tree(t, specs)
			require.NoError(t, make())
			require.NoError(t, os.MkdirAll("kernels/opencl", 0o700))
			require.NoError(t, os.Symlink("../../pipe", "kernels/opencl/silu.cl"))
			for _, args := range [][]string{
				{"validate", "pipe"}, {"fmt", "pipe"}, {"render", "pipe"}, {"run", "pipe"}, {"eval", "pipe"}, {"explain", "pipe"},
				{"validate", "import.yaml"}, {"run", "import.yaml"},
				{"validate", "vars.yaml", "--vars", "pipe"}, {"render", "vars.yaml", "--vars", "pipe"},
				{"validate", "init.yaml", "--data"}, {"run", "init.yaml"},
				{"validate", "replay.yaml", "--data"}, {"run", "replay.yaml"},
				{"run", "good.yaml", "--weights", "pipe"}, {"run", "good.yaml", "--resume=pipe"},
				{"eval", "alone.yaml", "--weights", "pipe"}, {"eval", "eval.yaml", "--in", "pipe"},
				{"kernels", "silu", "--kernels", "kernels"},
			} {
				if kind == "a folder" && len(args) == 2 && (args[0] == "validate" || args[0] == "fmt") {
					continue // they look for specs in it
				}
				c, out := program(t, args...)
				require.NoError(t, c.Start())
				ends(t, c)
				require.NotZero(t, c.ProcessState.ExitCode(), "%v", args)
				want := "not a regular file but " + kind
				if strings.Contains(out.String(), "escapes from parent") || strings.Contains(out.String(), "outside the spec's folder") {
					continue // the link to the device
				}
				require.Contains(t, out.String(), want, "%v", args)
			}
		})
	}
}

// Standard input that nobody writes to is waited for; any signal ends that.
func TestAnySignalEndsAnyWait(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			c, out := program(t, "validate", "-")
			in, err := c.StdinPipe()
			require.NoError(t, err)
			require.NoError(t, c.Start())
			_, err = in.Write(bytes.Repeat([]byte("#\n"), 1<<16)) // more than a pipe holds: once it is written, the program reads
			require.NoError(t, err)
			require.NoError(t, c.Process.Signal(signal))
			ends(t, c)
			require.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), out.String())
		})
	}
}

// A file is one spec by whatever names it is found, and links that lead in circles
// are no way on.
func TestAFileIsCheckedOnceHoweverItIsFound(t *testing.T) {
	tree(t, map[string]string{"a.yaml": noModel, "sub/b.yaml": noModel})
	for link, to := range map[string]string{"ring": ".", "sub/up": "..", "sub/again": "../sub", "a_link.yaml": "a.yaml", "sub/c.yaml": "b.yaml"} {
		require.NoError(t, os.Symlink(to, link))
	}
	full, err := filepath.Abs("a.yaml")
	require.NoError(t, err)
	for _, args := range [][]string{
		{"."}, {"**/*.yaml"}, {"*", "**/*"}, {"a.yaml", "./a.yaml", full, "a_link.yaml", "ring/a.yaml", "sub/../sub/b.yaml"},
		{".", "**/*.yaml", "sub/up", "ring"}, {"ring"}, {"{a,sub/b}.yaml", "ring/ring/ring"},
	} {
		c, out := program(t, append([]string{"validate"}, args...)...)
		require.NoError(t, c.Start())
		ends(t, c)
		require.Equal(t, "2 specs valid\n", out.String(), "%v", args)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// large is a spec that auto looks for devices for: a step takes long by estimate.
const large = `
flowrun: 1
data: {rows: {generate: {x: "uniform(-1, 1, [256, 256])"}}}
model:
  inputs: {x: "f32[n, 256]"}
  nodes: {h: {Linear: x, out_features: 512}, y: {Linear: h, out_features: 8}}
  outputs: [y]
train: {data: rows, loss: "mean(y * y)", optimizer: {SGD: {lr: 0.1}}, max_steps: 1}
`

// TestACrashingDriverDoesNotEndTheRun runs the program itself where a driver aborts as
// soon as it is opened. Whoever opens it leaves a mark.
func TestACrashingDriverDoesNotEndTheRun(t *testing.T) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		compiler, err = exec.LookPath("clang-19")
	}
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("needs Linux and a C compiler")
	}
	folder := t.TempDir()
	program, mark, spec := filepath.Join(folder, "flowrun"), filepath.Join(folder, "mark"), filepath.Join(folder, "large.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(large), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "x.c"), []byte(`
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) void begin(void) { fclose(fopen(getenv("MARK"), "a")); fprintf(stderr, "no such GPU\n"); abort(); }
`), 0o600))
	for _, build := range [][]string{
		{compiler, "-shared", "-fPIC", "-o", filepath.Join(folder, "libOpenCL.so.1"), filepath.Join(folder, "x.c")},
		{compiler, "-shared", "-fPIC", "-o", filepath.Join(folder, "libcuda.so.1"), filepath.Join(folder, "x.c")},
		{"go", "build", "-o", program, "."},
	} {
		out, err := exec.Command(build[0], build[1:]...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	const died = "in a trial process, listing its devices, it was killed by a signal: SIGABRT (abort); its last output: no such GPU"
	for _, c := range []struct {
		what   string
		args   []string
		code   int
		looks  bool
		output string
	}{
		{"a small program", []string{"../../graphs/math_net.yaml", "--max-steps", "1"}, exitDone, false, ""},
		{"a program on the CPU", []string{spec, "--device", "cpu"}, exitDone, false, ""},
		{"a check", []string{"validate", spec}, exitDone, false, ""},
		{"a check for the CPU", []string{"validate", spec, "--on", "cpu"}, exitDone, false, ""},
		{"a large program", []string{spec}, exitDone, true, ""},
		{"the same again", []string{spec}, exitDone, false, ""},
		{"a plan of it", []string{"explain", spec}, exitDone, false, ""},
		{"a program on OpenCL", []string{spec, "--device", "opencl"}, exitFailed, false, died + " (flowrun devices tries again)"},
		{"a program on CUDA", []string{spec, "--device", "cuda:0"}, exitFailed, false, died},
		{"the list of devices", []string{"devices"}, exitDone, true, died},
	} {
		t.Run(c.what, func(t *testing.T) {
			os.Remove(mark)
			command := exec.Command(program, c.args...)
			command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+folder, "MARK="+mark, "FLOWRUN_CACHE="+filepath.Join(folder, "cache"))
			out, err := command.CombinedOutput()
			code := 0
			if exit := new(exec.ExitError); errors.As(err, &exit) {
				code = exit.ExitCode()
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, c.code, code, "%s", out)
			require.Contains(t, string(out), c.output)
			_, err = os.Stat(mark)
			require.Equal(t, c.looks, err == nil, "it looks for devices")
		})
	}
	command := exec.Command(program, "devices", "--json")
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+folder, "MARK="+mark, "FLOWRUN_CACHE="+filepath.Join(folder, "cache"))
	out, err := command.Output()
	require.NoError(t, err)
	var reports []flowrun.DeviceInfo
	require.NoError(t, json.Unmarshal(out, &reports))
	missing := map[string]string{}
	for _, r := range reports {
		missing[r.Name] = r.Missing
	}
	require.Empty(t, missing["cpu"])
	for _, name := range []string{"cuda", "opencl"} {
		require.Contains(t, missing[name], died)
	}
}

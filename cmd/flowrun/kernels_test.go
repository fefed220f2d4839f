package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
)

func TestKernelsListsEachWithItsOpsAndDTypes(t *testing.T) {
	code, out, _ := flowrunWith(t, "kernels")
	require.Equal(t, exitDone, code)
	require.Regexp(t, `(?m)^silu +silu +T: f16 bf16 f32 f64 +go opencl`, out)
	require.Regexp(t, `(?m)^sum_int +sum +T: bool u8 i32 +go opencl`, out)
}

func TestKernelsWithANameShowsTheEntryAndTheSource(t *testing.T) {
	dir := overlaid(t, "silu.cl", "// mine\n")
	for want, flags := range map[string][]string{"kernels": nil, dir: {"--kernels", dir}} {
		code, out, _ := flowrunWith(t, append([]string{"kernels", "silu"}, flags...)...)
		require.Equal(t, exitDone, code)
		require.Contains(t, out, "kernels/cpu/silu.go\n")
		require.Contains(t, out, "flowrun_silu(global const T *x, global T *out, int n)\n")
		require.Contains(t, out, "\n==> "+want+"/opencl/silu.cl\n// ")
	}
	code, _, errors := flowrunWith(t, "kernels", "sillu")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, `there is no kernel "sillu"; did you mean "silu"?`)
	code, _, errors = flowrunWith(t, "kernels", "silu", "exp")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, "takes one kernel")
}

func TestKernelsCheckReportsProblemsInAFolder(t *testing.T) {
	code, out, errors := flowrunWith(t, "kernels", "check")
	require.Equal(t, exitDone, code, errors)
	require.Regexp(t, `^\d+ kernels match the manifest \(go, opencl`, out)

	code, out, errors = flowrunWith(t, "kernels", "check", "--kernels", overlaid(t, "silu.cl", "kernel void flowrun_silu(global const T *x) {}"))
	require.Equal(t, exitProblems, code)
	require.Empty(t, out)
	require.Contains(t, errors, `opencl/silu.cl:1: flowrun_silu lacks the parameter "global T *out", number 2 in the manifest`)

	code, _, errors = flowrunWith(t, "kernels", "check", "--kernels", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, errors, "none")
	code, _, _ = flowrunWith(t, "kernels", "check", "all")
	require.Equal(t, exitUsage, code)
}

func TestKernelsAreCompiledWithTheCompilersThatAreThere(t *testing.T) {
	m, err := kernels.Parse("m.yaml", "dtypes:\n  float: f32\nkernels:\n  silu:\n    doc: d\n    types: T float\n    inputs: x T\n    output: T\n    body: map\n")
	require.NoError(t, err)
	compiled := func(sources *kernels.Sources) (string, string, error) {
		var out, errors bytes.Buffer
		err := compileKernels(streams{out: &out, errors: &errors}, m, sources)
		return out.String(), errors.String(), err
	}
	out, errors, err := compiled(kernels.Embedded())
	require.NoError(t, err, errors)
	for _, language := range kernels.Languages {
		require.Regexp(t, "(?m)^"+language+": (1 sources compile|not compiled; there is no )", out)
	}
	if strings.Contains(out, "opencl: not compiled") {
		t.Skip("needs clang")
	}
	sources, err := kernels.Overlay(overlaid(t, "silu.cl", "DEVICE C BODY(silu)(C x) { return nonsense(x); }\n"))
	require.NoError(t, err)
	out, errors, err = compiled(sources)
	require.ErrorIs(t, err, errProblems)
	require.NotContains(t, out, "opencl: ")
	require.Contains(t, errors, "opencl/silu.cl:1:")
	require.Contains(t, errors, "nonsense")
}

// overlaid is a folder with one OpenCL source.
func overlaid(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "opencl"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "opencl", name), []byte(text), 0o600))
	return dir
}

package compile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
)

// few is a manifest of one kernel, whose sources are in a folder.
func few(t *testing.T, body string) (*kernels.Manifest, *kernels.Sources) {
	t.Helper()
	m, err := kernels.Parse("m.yaml", "dtypes:\n  float: f32 f64\nkernels:\n  twice:\n    doc: d\n    types: T float\n    inputs: x T\n    output: T\n    body: map\n")
	require.NoError(t, err)
	dir := t.TempDir()
	for _, file := range []string{"opencl/twice.cl", "cuda/twice.cu", "metal/twice.metal"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, filepath.Dir(file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte("// twice: a kernel.\n\n"+body+"\n"), 0o600))
	}
	s, err := kernels.Overlay(dir)
	require.NoError(t, err)
	return m, s
}

func TestACallOfAFunctionThatDoesntExistIsFound(t *testing.T) {
	right, wrong := "DEVICE C BODY(twice)(C x) { return fabs(x) + x; }", "DEVICE C BODY(twice)(C x) { return hypot3(x) + x; }"
	found := 0
	m, sources := few(t, right)
	for _, r := range Check(m.Kernels(), sources) {
		require.NoError(t, r.Problems, r.Language)
		if r.Compiler != "" {
			found++
			require.Positive(t, r.Compiled, r.Language)
		}
	}
	if found == 0 {
		t.Skip("needs a compiler")
	}
	m, sources = few(t, wrong)
	for _, r := range Check(m.Kernels(), sources) {
		if r.Compiler == "" {
			require.Contains(t, []string{"clang++-19, clang++", "xcrun"}, r.Looked)
			continue
		}
		require.ErrorContains(t, r.Problems, "kernel twice in "+r.Language+", with DTYPE_T=f32 GROUP=256: exit status 1")
		require.ErrorContains(t, r.Problems, "twice."+map[string]string{"opencl": "cl", "cuda": "cu", "metal": "metal"}[r.Language]+":3:")
		require.ErrorContains(t, r.Problems, "hypot3")
	}
}

func TestBuiltInSourcesCompile(t *testing.T) {
	m, err := kernels.Load()
	require.NoError(t, err)
	for _, r := range Check([]*kernels.Kernel{m.Kernel("add"), m.Kernel("sum"), m.Kernel("softmax"), m.Kernel("matmul")}, kernels.Embedded()) {
		require.NoError(t, r.Problems)
	}
}

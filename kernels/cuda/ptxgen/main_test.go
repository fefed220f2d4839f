package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
)

const dir = "../ptx"

func TestPTXIsCurrent(t *testing.T) {
	version, err := os.ReadFile(filepath.Join(dir, "compiler"))
	require.NoError(t, err)
	all, err := texts(strings.TrimSpace(string(version)))
	require.NoError(t, err)
	names := []string{"compiler"}
	require.Empty(t, stale(all, dir))
	for _, f := range all {
		names = append(names, f.name)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.Contains(t, names, e.Name(), "no kernel has this file")
	}
}

// stale says which kernels have no PTX in a folder that is of their sources, and how it
// is made.
func stale(all []file, dir string) string {
	var names []string
	for _, f := range all {
		if !f.isCurrent(dir) {
			names = append(names, strings.TrimSuffix(f.name, ".gz"))
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("kernels/cuda/ptx has no current PTX of %s; with %s, `go generate ./kernels` makes it", strings.Join(names, ", "), compiler)
}

func TestAKernelWithoutPTXIsNamedWithTheCommandThatMakesIt(t *testing.T) {
	all, err := texts("clang")
	require.NoError(t, err)
	two := []file{{name: "hypot.gz"}, {name: "softsign.gz"}}
	require.Equal(t, "kernels/cuda/ptx has no current PTX of hypot, softsign; with clang++-19, `go generate ./kernels` makes it", stale(two, t.TempDir()))
	require.Contains(t, stale(all, dir), "exp, ", "made by another compiler")
}

// Every kernel compiles, in all the dtypes that are kept, and gives what is kept.
func TestKeptPTXIsWhatTheCompilerGives(t *testing.T) {
	version, err := compilerVersion()
	if err != nil {
		t.Skip("needs ", err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, "compiler")); err != nil || strings.TrimSpace(string(kept)) != version {
		t.Skipf("needs the compiler that made what is kept: %s(%v); this is %s", kept, err, version)
	}
	if testing.Short() {
		t.Skip("takes long: not with -short")
	}
	all, err := texts(version)
	require.NoError(t, err)
	m, err := kernels.Load()
	require.NoError(t, err)
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range f.all {
				want, err := s.compile()
				require.NoError(t, err)
				k := m.Kernel(strings.TrimSuffix(f.name, ".gz")).For("cuda")
				got, ok := kernels.PTX(k, s.defines)
				require.True(t, ok, "%v", s.defines)
				require.True(t, want == string(got), "%v: it gives something else", s.defines)
				require.Contains(t, want, ".entry "+k.Entry()+"(")
				require.NotContains(t, want, ".extern", "it needs a library")
			}
		})
	}
}

func TestASourceThatDoesNotCompileIsAnErrorWithItsPlace(t *testing.T) {
	if _, err := compilerVersion(); err != nil {
		t.Skip("needs ", err)
	}
	s := specialisation{source: "#line 1 \"kernels/cuda/k.cu\"\nint x;\nextern \"C\" __global__ void k() { y = 1; }\n"}
	_, err := s.compile()
	require.ErrorContains(t, err, "kernels/cuda/k.cu:2:")
	require.ErrorContains(t, err, "undeclared identifier 'y'")
}

func TestPTXOfWhatIsNotKeptIsNotThere(t *testing.T) {
	m, err := kernels.Load()
	require.NoError(t, err)
	_, ok := kernels.PTX(m.Kernel("exp"), []string{"DTYPE_T=f16", "GROUP=256"})
	require.False(t, ok)
	_, ok = kernels.PTX(&kernels.Kernel{Name: "frobnicate"}, nil)
	require.False(t, ok)
}

package asm

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASetThatIsUnknownOrMissingIsAnError(t *testing.T) {
	all := []Set{AVX512, AVX2, Go}
	for name, want := range map[string]Set{"": AVX512, "avx512": AVX512, "avx2": AVX2, "go": Go} {
		got, err := choose(name, all)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := choose("sse9", all)
	require.EqualError(t, err, "FLOWRUN_CPU=sse9: there is no such instruction set; choose one of go, avx2, avx512")
	_, err = choose("avx512", []Set{AVX2, Go})
	require.EqualError(t, err, "FLOWRUN_CPU=avx512: this processor, or its system, lacks it; it has avx2, go")
}

// scripts/test asks by it whether a set can be forced.
func TestTheForcedSetIsThere(t *testing.T) {
	if Err != nil {
		t.Fatal(Err)
	}
}

func TestTheCommittedAssemblyIsWhatTheGeneratorWrites(t *testing.T) {
	sources, err := filepath.Glob("gen/*.go")
	require.NoError(t, err)
	for _, name := range append(sources, "gen/go.mod", "gen/go.sum", "arguments.go") { // so that the test's cache knows of them
		_, err := os.ReadFile(name)
		require.NoError(t, err)
	}
	if out, err := exec.Command("go", "mod", "download", "-C", "gen").CombinedOutput(); err != nil {
		t.Skipf("the generator's modules can't be fetched: %s", out)
	}
	folder := t.TempDir()
	generator := exec.Command("go", "run", "-C", "gen", ".", folder)
	generator.Env = append(os.Environ(), "GOOS=", "GOARCH=") // it runs here, whatever the test is built for
	out, err := generator.CombinedOutput()
	require.NoError(t, err, "%s", out)
	written, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, written)
	generated, err := filepath.Glob("*_amd64.s")
	require.NoError(t, err)
	for _, name := range generated {
		require.FileExists(t, filepath.Join(folder, name), "no generator writes it any more")
	}
	for _, name := range written {
		want, err := os.ReadFile(name)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Base(name))
		require.NoError(t, err)
		if string(want) != string(got) {
			t.Errorf("%s isn't what the generator writes: go generate ./kernels/cpu/asm", filepath.Base(name))
		}
	}
}

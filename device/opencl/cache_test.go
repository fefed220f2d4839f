package opencl

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// negate binds and runs neg on a new device, and tells how often programs were
// made from their source and from a binary.
func negate(t *testing.T) (built, loaded int) {
	t.Helper()
	l := loader(t)
	counts := l.calls()
	d := open(t, l, Options{})
	x := tensor(t, d, 1, 2)
	require.NoError(t, bindNeg(t, x, x).Run())
	require.NoError(t, bindNeg(t, x, x).Run(), "the same program once more")
	require.Equal(t, f32(1, 2), read(t, x.Slice))
	return counts[clCreateProgramWithSource], counts[clCreateProgramWithBinary]
}

// ownCache gives the test a cache of its own, and lists its files.
func ownCache(t *testing.T) (entries func() []string) {
	dir := t.TempDir()
	t.Setenv("FLOWRUN_CACHE", dir)
	return func() []string {
		files, err := filepath.Glob(filepath.Join(dir, "opencl", "*"))
		require.NoError(t, err)
		return files
	}
}

func TestAProgramIsBuiltOnceAndThenLoaded(t *testing.T) {
	entries := ownCache(t)
	built, loaded := negate(t)
	require.Equal(t, []int{1, 0}, []int{built, loaded})
	require.Len(t, entries(), 1)
	built, loaded = negate(t)
	require.Equal(t, []int{0, 1}, []int{built, loaded})
	require.Len(t, entries(), 1)
}

func TestADamagedEntryIsBuiltAnew(t *testing.T) {
	entries := ownCache(t)
	negate(t)
	entry := entries()[0]
	whole, err := os.ReadFile(entry)
	require.NoError(t, err)
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 1
	other := make([]byte, 100)
	sum := sha256.Sum256(other)
	for name, c := range map[string]struct {
		contents []byte
		tried    int
	}{
		"empty":                      {nil, 0},
		"torn":                       {whole[:len(whole)/2], 0},
		"a flipped bit":              {flipped, 0},
		"whole, but no such program": {append(sum[:], other...), 1},
	} {
		require.NoError(t, os.WriteFile(entry, c.contents, 0o600))
		built, loaded := negate(t)
		require.Equal(t, []int{1, c.tried}, []int{built, loaded}, name)
		built, loaded = negate(t)
		require.Equal(t, []int{0, 1}, []int{built, loaded}, "%s: it was repaired", name)
	}
}

func TestACacheThatCantBeWrittenIsDoneWithout(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	t.Setenv("FLOWRUN_CACHE", file) // no folder
	for range 2 {
		built, loaded := negate(t)
		require.Equal(t, []int{1, 0}, []int{built, loaded})
	}
}

func TestAnEditedKernelIsBuiltAnew(t *testing.T) {
	entries := ownCache(t)
	for range 2 {
		for _, factor := range []string{"-2", "-3"} {
			sources, _ := overlay(t, "neg.cl", negSource(factor))
			d := open(t, loader(t), Options{Sources: sources})
			x := tensor(t, d, 1)
			require.NoError(t, bindNeg(t, x, x).Run())
			require.Equal(t, map[string][]byte{"-2": f32(-2), "-3": f32(-3)}[factor], read(t, x.Slice))
		}
	}
	require.NotEmpty(t, entries())
}

// negSource is neg with another factor.
func negSource(factor string) string {
	return "__kernel void flowrun_neg(__global const float *x, __global float *out, int n) {\n" +
		"  int i = get_global_id(0);\n  if (i < n) out[i] = x[i] * " + factor + ";\n}\n"
}

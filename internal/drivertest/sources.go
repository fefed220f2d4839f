package drivertest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
)

// brokenKernel binds a kernel with an error in its third line: twice, since nothing of it
// may be kept.
func brokenKernel(t *testing.T, d Driver) {
	sources, file := Overlay(t, d.Kind, "neg", d.Neg("out[i] = nonsense;"))
	dev := openOn(t, d.start(t), sources)
	x := Tensor(t, dev, 1)
	for range 2 {
		_, err := dev.Bind(Neg(t, x, x))
		require.ErrorContains(t, err, "device "+dev.Name()+": kernel neg: ")
		require.Regexp(t, regexp.QuoteMeta(filepath.ToSlash(file))+`[:(]3[:)]`, err.Error())
		require.ErrorContains(t, err, "nonsense")
		for _, want := range d.Broken {
			require.ErrorContains(t, err, want)
		}
	}
}

func mismatches(t *testing.T, d Driver) {
	for source, want := range d.Mismatches {
		sources, _ := Overlay(t, d.Kind, "neg", source)
		dev := openOn(t, d.start(t), sources)
		x := Tensor(t, dev, 1)
		_, err := dev.Bind(Neg(t, x, x))
		require.ErrorContains(t, err, "device "+dev.Name()+": kernel neg: ")
		require.ErrorContains(t, err, want)
	}
}

// negate binds and runs neg on a new device, twice, with sources in which it may have
// another factor. It returns how often a kernel was compiled.
func (d Driver) negate(t *testing.T, sources *kernels.Sources, factor float32) (compiled int) {
	t.Helper()
	l := d.start(t)
	dev, err := l.Open(0, sources)
	require.NoError(t, err)
	defer func() { require.NoError(t, dev.Close()) }()
	x, y, z := Tensor(t, dev, 1, 2), Tensor(t, dev, 0, 0), Tensor(t, dev, 0, 0)
	calls := Counts(l)
	require.NoError(t, BindNeg(t, x, y).Run())
	require.NoError(t, BindNeg(t, y, z).Run(), "the same kernel once more")
	require.Equal(t, F32(factor, 2*factor), Read(t, y.Slice))
	require.Equal(t, F32(factor*factor, 2*factor*factor), Read(t, z.Slice))
	return calls[d.Compile]
}

// ownCache gives the test its own cache, and lists its files.
func (d Driver) ownCache(t *testing.T) (entries func() []string) {
	dir := t.TempDir()
	t.Setenv("FLOWRUN_CACHE", dir)
	return func() []string {
		files, err := filepath.Glob(filepath.Join(dir, d.Kind, "*"))
		require.NoError(t, err)
		return files
	}
}

func compiledOnce(t *testing.T, d Driver) {
	entries := d.ownCache(t)
	require.Equal(t, 1, d.negate(t, nil, -1))
	if !d.Cached {
		require.Empty(t, entries())
		require.Equal(t, 1, d.negate(t, nil, -1), "once for each device that is opened")
		return
	}
	require.Len(t, entries(), 1)
	require.Zero(t, d.negate(t, nil, -1), "it was kept on disk")
	require.Len(t, entries(), 1)
}

func editedKernel(t *testing.T, d Driver) {
	d.ownCache(t)
	sources, file := Overlay(t, d.Kind, "neg", "")
	for round, factor := range []float32{-2, -3, -2} {
		body := fmt.Sprintf("out[i] = x[i] * %g;", factor)
		require.NoError(t, os.WriteFile(file, []byte(d.Neg(body)), 0o600))
		compiled := d.negate(t, sources, factor)
		require.Equal(t, round < 2 || !d.Cached, compiled == 1, "round %d: what was compiled before is found again", round)
	}
}

func damagedEntry(t *testing.T, d Driver) {
	entries := d.ownCache(t)
	d.negate(t, nil, -1)
	entry := entries()[0]
	whole, err := os.ReadFile(entry)
	require.NoError(t, err)
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 1
	signed := func(contents []byte) []byte { // as a valid entry of this name
		sum := sha256.Sum256(append([]byte(filepath.Base(entry)+"\n"), contents...))
		return append(sum[:], contents...)
	}
	require.Equal(t, whole, signed(whole[sha256.Size:]))
	another := d.anotherKernel(t, entry)
	for name, contents := range map[string][]byte{
		"empty":                  nil,
		"torn":                   whole[:len(whole)/2],
		"a flipped bit":          flipped,
		"whole, but no kernel":   signed(make([]byte, 100)),
		"another kernel's":       another,
		"another kernel, signed": signed(another[sha256.Size:]),
	} {
		require.NoError(t, os.WriteFile(entry, contents, 0o600))
		require.Equal(t, 1, d.negate(t, nil, -1), name)
		require.Zero(t, d.negate(t, nil, -1), "%s: it was repaired", name)
	}
}

// anotherKernel returns the cache entry of a different kernel.
func (d Driver) anotherKernel(t *testing.T, entry string) []byte {
	t.Helper()
	dev := openOn(t, d.start(t), nil)
	call := Neg(t, Tensor(t, dev, 1), Tensor(t, dev, 0))
	call.Kernel = Kernel(t, "abs")
	_, err := dev.Bind(call)
	require.NoError(t, err)
	all, err := filepath.Glob(filepath.Join(filepath.Dir(entry), "*"))
	require.NoError(t, err)
	require.Len(t, all, 2)
	if all[0] == entry {
		all = all[1:]
	}
	text, err := os.ReadFile(all[0])
	require.NoError(t, err)
	require.NoError(t, os.Remove(all[0]))
	return text
}

func noCache(t *testing.T, d Driver) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	t.Setenv("FLOWRUN_CACHE", file) // not a folder
	for range 2 {
		require.Equal(t, 1, d.negate(t, nil, -1))
	}
}

package cuda

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cuda/fake"
	"github.com/flowrun/flowrun/kernels"
)

// TestMain gives the tests a cache of their own.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "flowrun-cuda")
	if err == nil {
		ownCache = folder
		defer os.RemoveAll(folder)
	}
	m.Run()
}

var ownCache string

// loader gives the libraries with handle counts and faults of their own. A test
// that asks for it is skipped where there is no CUDA device. At its end no handle
// may be left.
func loader(t testing.TB) *library {
	t.Helper()
	fake.Need(t)
	if os.Getenv("FLOWRUN_CACHE") == "" || !strings.HasPrefix(os.Getenv("FLOWRUN_CACHE"), os.TempDir()) {
		t.Setenv("FLOWRUN_CACHE", ownCache)
	}
	shared, err := load()
	require.NoError(t, err)
	l := shared.faulty(nil)
	t.Cleanup(func() {
		for f := range l.live {
			require.Zero(t, l.live[f].Load(), "handles that %s should have had", function(f))
		}
	})
	return l
}

// open opens the first GPU; it is closed at the end of the test.
func open(t testing.TB, l *library, o Options) *Device { return openNumber(t, l, 0, o) }

func openNumber(t testing.TB, l *library, index int, o Options) *Device {
	t.Helper()
	d, err := l.start(index, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func kernel(t testing.TB, name string) *kernels.Kernel {
	t.Helper()
	m, err := kernels.Load()
	require.NoError(t, err)
	k := m.Kernel(name)
	require.NotNil(t, k)
	return k
}

// f32 gives the bytes of numbers.
func f32(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func alloc(t testing.TB, d device.Device, bytes int64) device.Slice {
	t.Helper()
	b, err := d.Alloc(bytes)
	require.NoError(t, err)
	return device.Slice{Buffer: b, Bytes: bytes}
}

func write(t testing.TB, s device.Slice, contents []byte) {
	t.Helper()
	up, err := s.Buffer.Device().BindFromHost(s, contents)
	require.NoError(t, err)
	require.NoError(t, up.Run())
}

func read(t testing.TB, s device.Slice) []byte {
	t.Helper()
	contents := make([]byte, s.Bytes)
	down, err := s.Buffer.Device().BindToHost(contents, s)
	require.NoError(t, err)
	require.NoError(t, down.Run())
	return contents
}

// tensor allocates a vector of f32 and fills it.
func tensor(t testing.TB, d device.Device, values ...float32) device.Arg {
	t.Helper()
	s := alloc(t, d, int64(4*len(values)))
	write(t, s, f32(values...))
	return device.Arg{Slice: s, DType: "f32", Shape: []int{len(values)}}
}

func neg(t testing.TB, x, out device.Arg) *device.Call {
	return &device.Call{Kernel: kernel(t, "neg"), Buffers: []device.Arg{x, out}}
}

// bindNeg binds out = -x.
func bindNeg(t testing.TB, x, out device.Arg) device.Command {
	t.Helper()
	run, err := x.Slice.Buffer.Device().Bind(neg(t, x, out))
	require.NoError(t, err)
	return run
}

// overlay is a folder of sources with one kernel replaced.
func overlay(t testing.TB, name, text string) (*kernels.Sources, string) {
	t.Helper()
	folder := t.TempDir()
	file := filepath.Join(folder, "cuda", name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	sources, err := kernels.Overlay(folder)
	require.NoError(t, err)
	return sources, file
}

// calls counts the calls of each function, from now on.
func (l *library) calls() map[function]int {
	counts := map[function]int{}
	l.fault = func(f function) int32 {
		counts[f]++
		return 0
	}
	return counts
}

// fail makes the calls of some functions fail.
func (l *library) fail(code int32, functions ...function) {
	l.fault = func(f function) int32 {
		if slices.Contains(functions, f) {
			return code
		}
		return 0
	}
}

package drivertest

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
)

// Kernel returns a kernel of the manifest.
func Kernel(t testing.TB, name string) *kernels.Kernel {
	t.Helper()
	m, err := kernels.Load()
	require.NoError(t, err)
	k := m.Kernel(name)
	require.NotNil(t, k, name)
	return k
}

// F32 encodes numbers.
func F32(values ...float32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// Alloc allocates a buffer and returns all of it as a slice.
func Alloc(t testing.TB, d device.Device, bytes int64) device.Slice {
	t.Helper()
	b, err := d.Alloc(bytes)
	require.NoError(t, err)
	return device.Slice{Buffer: b, Bytes: bytes}
}

// Write copies from the host.
func Write(t testing.TB, s device.Slice, contents []byte) {
	t.Helper()
	up, err := s.Buffer.Device().BindFromHost(s, contents)
	require.NoError(t, err)
	require.NoError(t, up.Run())
}

// Read copies to the host.
func Read(t testing.TB, s device.Slice) []byte {
	t.Helper()
	contents := make([]byte, s.Bytes)
	down, err := s.Buffer.Device().BindToHost(contents, s)
	require.NoError(t, err)
	require.NoError(t, down.Run())
	return contents
}

// Vector makes a slice a vector of f32.
func Vector(s device.Slice) device.Arg {
	return device.Arg{Slice: s, DType: "f32", Shape: []int{int(s.Bytes / 4)}}
}

// Part is a vector of f32 in a buffer, the at-th of parts spaced as the device's kernels
// require.
func Part(b device.Buffer, at, elements int) device.Arg {
	return Vector(device.Slice{Buffer: b, Offset: int64(at) * Step(b.Device()), Bytes: int64(4 * elements)})
}

// Step is the distance between parts of a buffer in bytes that kernels require.
func Step(d device.Device) int64 { return max(d.Info().Alignment, device.Alignment) }

// Tensor allocates an f32 vector and fills it.
func Tensor(t testing.TB, d device.Device, values ...float32) device.Arg {
	t.Helper()
	s := Alloc(t, d, int64(4*len(values)))
	Write(t, s, F32(values...))
	return Vector(s)
}

// Neg returns the call out = -x.
func Neg(t testing.TB, x, out device.Arg) *device.Call {
	t.Helper()
	return &device.Call{Kernel: Kernel(t, "neg"), Buffers: []device.Arg{x, out}}
}

// BindNeg binds out = -x.
func BindNeg(t testing.TB, x, out device.Arg) device.Command {
	t.Helper()
	run, err := x.Slice.Buffer.Device().Bind(Neg(t, x, out))
	require.NoError(t, err)
	return run
}

// Overlay returns sources in which a kernel is replaced in one language, and its file.
func Overlay(t testing.TB, language, kernel, text string) (*kernels.Sources, string) {
	t.Helper()
	source, err := kernels.Embedded().Source(language, &kernels.Kernel{Name: kernel}) // its own file is last
	require.NoError(t, err)
	folder := t.TempDir()
	file := filepath.Join(folder, language, path.Base(source.Files[len(source.Files)-1].Name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	sources, err := kernels.Overlay(folder)
	require.NoError(t, err)
	return sources, file
}

// Faults converts the suite's function to one for a library of C functions: a failing
// call returns the code.
func Faults[F fmt.Stringer](code int32, fails func(call string) bool) func(F) int32 {
	if fails == nil {
		return nil
	}
	return func(function F) int32 {
		if fails(function.String()) {
			return code
		}
		return 0
	}
}

// Failing is a fault for a driver's library: these functions fail with that code.
func Failing[F comparable](code int32, functions ...F) func(F) int32 {
	return func(function F) int32 {
		if slices.Contains(functions, function) {
			return code
		}
		return 0
	}
}

// Live names the counts of unreleased objects, for [Library].
func Live(counts []atomic.Int64, name func(i int) string) map[string]int64 {
	live := map[string]int64{}
	for i := range counts {
		live[name(i)] = counts[i].Load()
	}
	return live
}

// Opened converts the result of opening a device, for [Library].
func Opened[D Device](d D, err error) (Device, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Counts counts the calls of a library by name, from now on.
func Counts(l Library) map[string]int {
	n := map[string]int{}
	l.Fault(func(call string) bool {
		n[call]++
		return false
	})
	return n
}

// callsOf lists the calls that a function makes, each once.
func callsOf(l Library, run func() error) ([]string, error) {
	var calls []string
	l.Fault(func(call string) bool {
		if !slices.Contains(calls, call) {
			calls = append(calls, call)
		}
		return false
	})
	defer l.Fault(nil)
	err := run()
	return calls, err
}

// failing makes some calls fail.
func failing(l Library, calls ...string) {
	l.Fault(func(call string) bool { return slices.Contains(calls, call) })
}

// makeCapture makes a capture if the device can.
func makeCapture(t testing.TB, d device.Device, commands ...device.Command) (device.Capture, bool) {
	t.Helper()
	capturer, ok := d.(device.Capturer)
	if !ok {
		return nil, false
	}
	r, err := capturer.Capture(commands)
	require.NoError(t, err)
	return r, true
}

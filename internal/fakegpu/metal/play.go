package metal

import "testing"

// Machine is the Mac that the fake imitates. Zero fields have defaults: one GPU of the
// family Apple7, with unified memory, under macOS 15.
type Machine struct {
	Devices  int   // number of GPUs; -1 for none
	MacOS    int   // the major version: 13, 14 or 15
	Discrete bool  // GPUs with their own memory
	NoMatrix bool  // no simdgroup_matrix: not in an Apple family
	Threads  int   // limit per threadgroup of a pipeline
	Width    int   // threads per simdgroup, as reported by pipelines; kernels run only with 32
	Warnings bool  // the compiler warns of every source: its libraries come with an NSError
	Memory   int64 // bytes of a GPU's working set
	Buffer   int64 // bytes of the largest buffer
}

// Play configures the devices until the test ends. On a real Mac the test is skipped, as
// by all functions here.
func Play(t testing.TB, m Machine) {
	t.Helper()
	for _, v := range []struct {
		name  string
		value int64
	}{
		{"devices", int64(m.Devices)}, {"macos", int64(m.MacOS)}, {"threads", int64(m.Threads)}, {"width", int64(m.Width)},
		{"memory", m.Memory}, {"buffer", m.Buffer},
	} {
		if v.value != 0 {
			set(t, v.name, max(0, v.value))
		}
	}
	if m.Discrete {
		set(t, "unified", 0)
	}
	if m.NoMatrix {
		set(t, "matrix", 0)
	}
	if m.Warnings {
		set(t, "warnings", 1)
	}
}

// Pace is when the GPU executes committed work.
type Pace int64

// The paces. A correct program has the same results at each.
const (
	Late  Pace = iota // when something waits for it or polls it often
	Eager             // immediately
	Mixed             // immediately, later, or when something waits, at random
)

// Work sets the pace until the test ends; the default is Late.
func Work(t testing.TB, p Pace) {
	t.Helper()
	set(t, "pace", int64(p))
}

// The MTLCommandBufferErrors of a failing command buffer.
const (
	Internal      = 1
	Timeout       = 2
	PageFault     = 3
	AccessRevoked = 4 // the device runs nothing afterwards
	OutOfMemory   = 8
	DeviceRemoved = 11 // the device runs nothing afterwards
)

// FailCommandBuffer makes the n-th command buffer committed from now on fail, after about
// half of it has run. A device that runs nothing afterwards is restored when the test
// ends.
func FailCommandBuffer(t testing.TB, n, code int) {
	t.Helper()
	set(t, "failure", int64(code))
	set(t, "command_buffer_fails", int64(n))
	t.Cleanup(func() { call(t, "fake_metal_restore", "", 0) })
}

// FailAllocation makes the n-th buffer from now on nil.
func FailAllocation(t testing.TB, n int) {
	t.Helper()
	set(t, "allocation_fails", int64(n))
}

// Count is the number of live objects of a class: "MTLBuffer", "NSString".
func Count(t testing.TB, class string) int {
	t.Helper()
	return int(call(t, "fake_metal_count", class, 0))
}

// set sets a parameter of the fake until the test ends.
func set(t testing.TB, name string, value int64) {
	t.Helper()
	before := call(t, "fake_metal_play", name, value)
	t.Cleanup(func() { call(t, "fake_metal_play", name, before) })
}

// call calls one of the fake's functions for tests.
func call(t testing.TB, function, name string, value int64) int64 {
	t.Helper()
	if !Loaded() {
		t.Skip("needs the fake Metal: call Need first, and not on a Mac")
	}
	result, err := invoke(function, name, value)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

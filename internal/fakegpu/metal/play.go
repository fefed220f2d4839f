package metal

import "testing"

// Machine is a Mac, as the fake pretends to be one. What is 0 stays as it is by itself: one GPU
// of the family Apple7, with unified memory, under macOS 15.
type Machine struct {
	Devices  int   // GPUs; -1 for none
	MacOS    int   // its major version: 13, 14 or 15
	Discrete bool  // memory of its own
	NoMatrix bool  // no simdgroup_matrix: it is of no family of Apple's
	Threads  int   // the most that a pipeline takes in a threadgroup
	Width    int   // threads of a simdgroup, as pipelines tell; kernels run with 32 only
	Warnings bool  // the compiler warns of every source: its libraries come with an NSError
	Memory   int64 // bytes of a GPU's working set
	Buffer   int64 // bytes of the largest buffer
}

// Play makes the devices those of a machine until the test ends. On a real Mac the
// test is skipped, as it is by all functions here.
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

// Pace is when the GPU works at what has been committed.
type Pace int64

// The paces. None changes what a right program sees.
const (
	Late  Pace = iota // when something waits for it, or looks at it often
	Eager             // at once
	Mixed             // at once, later, or when something waits: each time another
)

// Work sets the pace until the test ends; it is Late otherwise.
func Work(t testing.TB, p Pace) {
	t.Helper()
	set(t, "pace", int64(p))
}

// The MTLCommandBufferErrors with which a command buffer may fail.
const (
	Internal      = 1
	Timeout       = 2
	PageFault     = 3
	AccessRevoked = 4 // from then on the device runs nothing
	OutOfMemory   = 8
	DeviceRemoved = 11 // from then on the device runs nothing
)

// FailCommandBuffer lets the n-th command buffer that is committed from now on fail,
// when about half of it has run. A device that runs nothing any more does again when
// the test ends.
func FailCommandBuffer(t testing.TB, n, code int) {
	t.Helper()
	set(t, "failure", int64(code))
	set(t, "command_buffer_fails", int64(n))
	t.Cleanup(func() { call(t, "fake_metal_restore", "", 0) })
}

// FailAllocation lets the n-th buffer from now on be nil.
func FailAllocation(t testing.TB, n int) {
	t.Helper()
	set(t, "allocation_fails", int64(n))
}

// Count is how many objects of a class are alive: "MTLBuffer", "NSString".
func Count(t testing.TB, class string) int {
	t.Helper()
	return int(call(t, "fake_metal_count", class, 0))
}

// set sets a value of the fake's, until the test ends.
func set(t testing.TB, name string, value int64) {
	t.Helper()
	before := call(t, "fake_metal_play", name, value)
	t.Cleanup(func() { call(t, "fake_metal_play", name, before) })
}

// call calls a function that the fake has for tests.
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

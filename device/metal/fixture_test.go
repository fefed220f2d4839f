package metal

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/queue"
	"github.com/flowrun/flowrun/internal/drivertest"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
	"github.com/flowrun/flowrun/kernels"
)

// loader returns the library with its own object counts and faults. The test is skipped
// without a Metal device, and fails if an object or a pool is left at its end.
func loader(t testing.TB) *library {
	t.Helper()
	fakemetal.Need(t)
	shared, err := load()
	require.NoError(t, err)
	l := shared.faulty(nil)
	t.Cleanup(func() {
		drivertest.RequireNothingLeft(t, l)
		require.Zero(t, l.pools.Load(), "autorelease pools")
	})
	return l
}

// open opens the first GPU; it is closed at the end of the test.
func open(t testing.TB, l *library, sources *kernels.Sources) *Device {
	t.Helper()
	d, err := l.start(0, device.Options{Sources: sources})
	require.NoError(t, err)
	t.Cleanup(func() {
		l.fault = nil
		require.NoError(t, d.Close())
	})
	return d
}

// Open opens a device, for the common driver suite.
func (l *library) Open(index int, sources *kernels.Sources) (drivertest.Device, error) {
	return drivertest.Opened(l.start(index, device.Options{Sources: sources}))
}

// Fault calls fails with each message's selector.
func (l *library) Fault(fails func(call string) bool) {
	l.fault = nil
	if fails != nil {
		l.fault = func(m message) bool { return fails(m.String()) }
	}
}

// Live counts owned objects by the message that returned them.
func (l *library) Live() map[string]int64 {
	return drivertest.Live(l.live[:], func(m int) string { return message(m).String() })
}

// failing makes some messages fail.
func (l *library) failing(messages ...message) {
	l.fault = func(m message) bool { return slices.Contains(messages, m) }
}

// counts counts messages that can fail, from now on.
func (l *library) counts() map[message]int {
	n := map[message]int{}
	l.fault = func(m message) bool {
		n[m]++
		return false
	}
	return n
}

// negSource is a source of neg with the given body.
func negSource(body string) string {
	return `struct arguments { int n; };
kernel void flowrun_neg(device const float *x [[buffer(0)]], device float *out [[buffer(1)]], constant arguments &with [[buffer(2)]], uint at [[thread_position_in_grid]]) {
    int n = with.n; for (int i = at; i < n; i += n) { ` + body + ` }
}
`
}

func TestTheDriverDoesWhatEveryDriverMust(t *testing.T) {
	drivertest.Run(t, drivertest.Driver{
		Kind:      "metal",
		Library:   func(t testing.TB) drivertest.Library { return loader(t) },
		Neg:       negSource,
		Failure:   "it failed, and Metal gave no reason",
		Waits:     []string{"status"},
		Compile:   "newLibraryWithSource:options:error",
		Sizes:     []int{stagingBytes},
		Queued:    func(d device.Device) int { return d.(*Device).queue.Len() },
		MaxQueued: queue.Max,
	})
}

func BenchmarkLaunch(b *testing.B) {
	d := open(b, loader(b), nil)
	x := drivertest.Tensor(b, d, 1)
	run := drivertest.BindNeg(b, x, x)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, run.Run())
	}
	require.NoError(b, d.Sync())
}

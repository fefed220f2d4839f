package metal

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
)

func TestLaunchesAreBatchedUpToALimit(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, 1, 2)
	run := drivertest.BindNeg(t, x, x)
	n := l.counts()
	for i := range 10 * batchLaunches {
		require.NoError(t, run.Run())
		require.Equal(t, 1+i/batchLaunches, n[commandBuffer])
		require.Equal(t, n[commandBuffer], n[computeCommandEncoder], "an encoder stays open")
		require.LessOrEqual(t, len(d.flight), maxFlight)
	}
	require.Zero(t, d.open.buffer, "the last batch was full")
	require.NoError(t, d.Sync())
	require.Empty(t, d.flight)
	require.Equal(t, drivertest.F32(1, 2), drivertest.Read(t, x.Slice))
}

func TestLargeLaunchesEndTheirBatchEarly(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	s := drivertest.Alloc(t, d, batchBytes/4)
	big := drivertest.Vector(s)
	run := drivertest.BindNeg(t, big, big) // reads and writes it
	n := l.counts()
	for i := range 3 {
		require.NoError(t, run.Run())
		require.Equal(t, 1+i/2, n[commandBuffer])
	}
	require.NoError(t, d.Sync())
}

func TestWaitingTwiceSendsNothingMore(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, 1, 2)
	require.NoError(t, drivertest.BindNeg(t, x, x).Run())
	require.NoError(t, d.Sync())
	n := l.counts()
	require.NoError(t, d.Sync())
	drivertest.Read(t, x.Slice)
	require.Empty(t, n)
}

// Copies to buffers that are idle, in use, and idle again: only those in use involve the
// device.
func TestTheHostWritesIdleBuffersDirectly(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	x, y, out := drivertest.Tensor(t, d, 1, 2), drivertest.Tensor(t, d, 3, 4), drivertest.Tensor(t, d, 0, 0)
	run := drivertest.BindNeg(t, x, out)
	staged := func(to device.Arg, values ...float32) bool {
		before := d.queue.Len()
		drivertest.Write(t, to.Slice, drivertest.F32(values...))
		return d.queue.Len() > before
	}
	require.NoError(t, run.Run())
	require.False(t, staged(y, 5, 6), "other work is queued")
	require.True(t, staged(x, 7, 8), "a kernel reads it")
	require.True(t, staged(out, 9, 9), "a kernel writes it")
	require.True(t, staged(x, 10, 11), "a copy writes it")
	require.NoError(t, d.Sync())
	require.Equal(t, drivertest.F32(9, 9), drivertest.Read(t, out.Slice))
	require.Equal(t, drivertest.F32(10, 11), drivertest.Read(t, x.Slice))
	require.False(t, staged(x, 12, 13), "nothing is queued")
	require.NoError(t, run.Run())
	require.Equal(t, drivertest.F32(-12, -13), drivertest.Read(t, out.Slice))
}

// Copies of several sizes exceed all staging memory while the device is busy.
func TestStagingMemoryIsReusedAndBounded(t *testing.T) {
	for _, pace := range []fakemetal.Pace{fakemetal.Late, fakemetal.Eager, fakemetal.Mixed} {
		l := loader(t)
		if fakemetal.Loaded() {
			fakemetal.Work(t, pace)
		}
		d := open(t, l, nil)
		const size = 700 << 10 // one per piece
		x, out := drivertest.Alloc(t, d, size), drivertest.Alloc(t, d, size)
		first := device.Slice{Buffer: x.Buffer, Bytes: 4}
		run := drivertest.BindNeg(t, drivertest.Vector(x), drivertest.Vector(out))
		source := make([]byte, size)
		up, err := d.BindFromHost(x, source)
		require.NoError(t, err)
		for i := range 3 * stagingPieces {
			copy(source, drivertest.F32(float32(i)))
			copy(source[size-4:], drivertest.F32(float32(2*i)))
			require.NoError(t, up.Run())
			require.NoError(t, run.Run())
			drivertest.Write(t, first, drivertest.F32(0.5))
			require.LessOrEqual(t, len(d.staging.pieces), stagingPieces)
			if i%7 != 0 {
				continue
			}
			result := drivertest.Read(t, out)
			require.Equal(t, drivertest.F32(-float32(i)), result[:4], "copy %d", i)
			require.Equal(t, drivertest.F32(-float32(2*i)), result[size-4:], "copy %d", i)
			require.Equal(t, drivertest.F32(0.5), drivertest.Read(t, first), "copy %d", i)
		}
		require.NoError(t, d.Sync())
	}
}

func TestACopyThatIsTooLargeForStagingWaits(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	big := drivertest.Alloc(t, d, stagingBytes+4)
	v := drivertest.Vector(big)
	run := drivertest.BindNeg(t, v, v)
	require.NoError(t, run.Run())
	contents := make([]byte, big.Bytes)
	copy(contents[stagingBytes:], drivertest.F32(7))
	drivertest.Write(t, big, contents)
	require.Empty(t, d.flight)
	require.Empty(t, d.staging.pieces)
	require.NoError(t, run.Run())
	require.Equal(t, drivertest.F32(-7), drivertest.Read(t, big)[stagingBytes:])
}

// A kernel with more bytes of arguments than setBytes allows, while others are queued.
func TestArgumentsBeyondFourKilobytesArePassed(t *testing.T) {
	d := open(t, loader(t), nil)
	const count = 1500
	require.NoError(t, d.enter())
	p, err := d.build(`#include <metal_stdlib>
using namespace metal;
struct arguments { int values[1500]; };
kernel void flowrun_many(device int *out [[buffer(0)]], constant arguments &with [[buffer(1)]], uint at [[thread_position_in_grid]]) {
    if (at < 1500) { out[at] = with.values[at] + 1; }
}
`, "flowrun_many")
	d.leave()
	require.NoError(t, err)
	defer d.objc.give(newPipelineState, &p.state)
	out := drivertest.Alloc(t, d, 4*count)
	b := out.Buffer.(*buffer)
	run := &launch{device: d, names: []string{"many"}, what: "kernel many", pipeline: p.state, buffers: []*buffer{b},
		objects: []object{b.object}, offsets: []uintptr{0}, sizes: [2]size{{6, 1, 1}, {256, 1, 1}}}
	want := make([]byte, 4*count)
	for round := range 3 {
		run.values = make([]byte, 4*count)
		for i := range count {
			run.values[4*i], run.values[4*i+1] = byte(i), byte(i>>8)
			next := i + 1
			want[4*i], want[4*i+1] = byte(next), byte(next>>8)
		}
		require.NoError(t, run.Run())
		clear(run.values) // queued work has its own copy
		require.Equal(t, want, drivertest.Read(t, out), "round %d", round)
	}
}

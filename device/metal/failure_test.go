package metal

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
	"github.com/flowrun/flowrun/kernels"
)

// fakeMachine configures the fake as that machine. The test is skipped on a Mac.
func fakeMachine(t testing.TB, m fakemetal.Machine) *library {
	t.Helper()
	l := loader(t)
	fakemetal.Play(t, m)
	return l
}

func TestAFailedCommandBufferIsReportedByName(t *testing.T) {
	l := fakeMachine(t, fakemetal.Machine{})
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, 1, 2)
	run := drivertest.BindNeg(t, x, x)
	for code, name := range map[int]string{
		fakemetal.Internal:    "MTLCommandBufferErrorInternal (1)",
		fakemetal.Timeout:     "MTLCommandBufferErrorTimeout (2)",
		fakemetal.PageFault:   "MTLCommandBufferErrorPageFault (3)",
		fakemetal.OutOfMemory: "MTLCommandBufferErrorOutOfMemory (8)",
	} {
		require.NoError(t, run.Run())
		fakemetal.FailCommandBuffer(t, 1, code)
		err := d.Sync()
		late := new(device.Late)
		require.ErrorAs(t, err, &late, name)
		require.Equal(t, []string{"neg"}, late.Work)
		require.ErrorContains(t, err, "device metal:0: one of neg has failed: status: "+name+": ")
		drivertest.Write(t, x.Slice, drivertest.F32(3, 4))
		require.NoError(t, run.Run(), "it takes work again")
		require.Equal(t, drivertest.F32(-3, -4), drivertest.Read(t, x.Slice))
	}
}

// A batch fails that nobody waits for explicitly.
func TestTheFailureOfAnOlderBatchIsReported(t *testing.T) {
	l := fakeMachine(t, fakemetal.Machine{})
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, 1, 2)
	run := drivertest.BindNeg(t, x, x)
	up, err := d.BindFromHost(x.Slice, drivertest.F32(3, 4))
	require.NoError(t, err)
	for name, notice := range map[string]func() error{
		"a launch, as there are too many batches": func() (err error) {
			for range (maxFlight + 2) * batchLaunches {
				if err = run.Run(); err != nil {
					return err
				}
			}
			return nil
		},
		"a copy from the host that looks": func() (err error) {
			for range 1000 {
				if err = up.Run(); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		fakemetal.FailCommandBuffer(t, 1, fakemetal.PageFault)
		for range batchLaunches {
			require.NoError(t, run.Run())
		}
		err := notice()
		require.ErrorAs(t, err, new(*device.Late), name)
		require.ErrorContains(t, err, "PageFault", name)
		require.Empty(t, d.flight, name)
		require.NoError(t, d.Sync(), "it is reported once")
		drivertest.Write(t, x.Slice, drivertest.F32(5, 6))
		require.NoError(t, run.Run())
		require.Equal(t, drivertest.F32(-5, -6), drivertest.Read(t, x.Slice), name)
	}
}

func TestALostDeviceReportsItAndReleasesEverything(t *testing.T) {
	for _, code := range []int{fakemetal.AccessRevoked, fakemetal.DeviceRemoved} {
		l := fakeMachine(t, fakemetal.Machine{})
		d := open(t, l, nil)
		x := drivertest.Tensor(t, d, 1, 2)
		run := drivertest.BindNeg(t, x, x)
		for range 3*batchLaunches + 1 {
			require.NoError(t, run.Run())
		}
		fakemetal.FailCommandBuffer(t, 1, code)
		err := d.Sync()
		require.ErrorAs(t, err, new(*device.Late))
		require.ErrorContains(t, err, "; the device is lost")
		for _, err := range []error{run.Run(), d.Sync(), func() error { _, err := d.Alloc(1); return err }()} {
			require.ErrorContains(t, err, "device metal:0: is lost; restart flowrun to use it again: status: MTLCommandBufferError")
			require.NotErrorAs(t, err, new(*device.Late), "nothing is in doubt that wasn't before")
		}
		require.NoError(t, x.Slice.Buffer.Free())
		require.Zero(t, d.Usage().Live)
		require.NoError(t, d.Close())
	}
}

// The messages that open a batch fail.
func TestAFailedMessageLeavesNothingBehind(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, 1, 2)
	run := drivertest.BindNeg(t, x, x)
	for _, m := range []message{commandBuffer, computeCommandEncoder} {
		l.failing(m)
		require.EqualError(t, run.Run(), "device metal:0: kernel neg: "+m.String()+": it failed, and Metal gave no reason")
		require.Zero(t, d.open.buffer)
		l.fault = nil
		require.NoError(t, run.Run())
		require.NoError(t, run.Run())
		require.Equal(t, drivertest.F32(1, 2), drivertest.Read(t, x.Slice))
	}
}

func TestAFailedAllocationIsAnError(t *testing.T) {
	l := fakeMachine(t, fakemetal.Machine{Buffer: 1 << 20, Memory: 3 << 20})
	d := open(t, l, nil)
	_, err := d.Alloc(1<<20 + 1)
	require.EqualError(t, err, "device metal:0: out of memory: 1048577 bytes requested in one allocation; the limit is 1048576 (maxBufferLength)")
	fakemetal.FailAllocation(t, 1)
	_, err = d.Alloc(100)
	require.EqualError(t, err, "device metal:0: out of memory: 100 bytes requested, 3145728 of 3145728 not in use here: newBufferWithLength:options: it failed, and Metal gave no reason")
	drivertest.Alloc(t, d, 100)
}

func TestLimitsAreCheckedBeforeMetalDropsWork(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, make([]float32, 64)...)
	at := x
	at.Slice.Offset, at.Slice.Bytes, at.Shape = 8, 8, []int{2}
	_, err := d.Bind(drivertest.Neg(t, at, at))
	require.ErrorContains(t, err, "kernel neg: f32[2] begins at byte 8 of its buffer; Metal requires a multiple of 16")
	const inputs = maxBuffers // plus the output
	many := &device.Call{Kernel: drivertest.Kernel(t, "neg"), Buffers: slices.Repeat([]device.Arg{x}, inputs+1)}
	_, err = d.launch(many, &pipeline{group: 1024}, kernels.Launch{Inputs: make([]int, inputs), Global: []int{1}, Local: []int{1}})
	require.ErrorContains(t, err, "it has 32 buffers; Metal allows 31")
	for _, c := range []struct{ source, want string }{
		{"threadgroup float much[10000]; much[at] = x[0]; threadgroup_barrier(mem_flags::mem_threadgroup); out[0] = much[0];", "32768"},
		{"nonsense", "nonsense"},
	} {
		sources, _ := drivertest.Overlay(t, "metal", "neg", `struct arguments { int n; };
kernel void flowrun_neg(device const float *x [[buffer(0)]], device float *out [[buffer(1)]], constant arguments &with [[buffer(2)]], uint at [[thread_position_in_grid]]) {
    `+c.source+`
}
`)
		d := open(t, l, sources)
		_, err := d.Bind(drivertest.Neg(t, drivertest.Tensor(t, d, 1), drivertest.Tensor(t, d, 1)))
		require.ErrorContains(t, err, "device metal:0: kernel neg: ")
		if fakemetal.Loaded() { // Apple's compiler words it differently
			require.ErrorContains(t, err, c.want)
		}
	}
}

func TestGroupsRespectThePipelinesLimit(t *testing.T) {
	l := fakeMachine(t, fakemetal.Machine{Threads: 64})
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, make([]float32, 1000)...)
	run := drivertest.BindNeg(t, x, x).(*launch)
	require.Equal(t, [2]size{{16, 1, 1}, {64, 1, 1}}, run.sizes)
	require.NoError(t, run.Run())
	require.NoError(t, d.Sync())
	p := &pipeline{group: 64}
	for _, c := range []struct {
		global, local []int
		want          string
	}{
		{[]int{128}, []int{128}, "groups of 128 threads, but the device allows at most 64 for it"},
		{[]int{1, 1 << 20}, []int{1, 1 << 20}, "the device allows 1024 in dimension 1"},
		{[]int{64 << 30}, []int{64}, "Metal counts them in 32 bits"},
		{nil, nil, "can't be"},
		{[]int{1, 1, 1, 1}, []int{1, 1, 1, 1}, "can't be"},
	} {
		require.ErrorContains(t, run.size(p, partOf(c.global, c.local)), c.want)
	}
}

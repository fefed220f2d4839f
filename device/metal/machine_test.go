package metal

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
	"github.com/flowrun/flowrun/kernels"
)

func partOf(global, local []int) kernels.Launch { return kernels.Launch{Global: global, Local: local} }

func TestDevicesAreNumberedTheDefaultOneFirst(t *testing.T) {
	l := loader(t)
	if fakemetal.Loaded() {
		fakemetal.Play(t, fakemetal.Machine{Devices: 3})
	}
	devices, missing := l.discover()
	require.Empty(t, missing)
	for i, d := range devices {
		require.Equal(t, "metal:"+string(rune('0'+i)), d.Name)
		require.Equal(t, "metal", d.Kind)
		require.NotEmpty(t, d.Description)
		require.Positive(t, d.Memory)
		require.Equal(t, []string{"f64"}, d.Lacks)
		opened, err := l.start(i, device.Options{})
		require.NoError(t, err)
		require.Equal(t, d, opened.info.Info)
		require.NoError(t, opened.Close())
	}
	if fakemetal.Loaded() {
		require.Len(t, devices, 3)
	}
	_, err := l.start(len(devices), device.Options{})
	require.ErrorContains(t, err, "the last is metal:"+string(rune('0'+len(devices)-1)))
}

func TestAMacWithoutAGPUSaysSo(t *testing.T) {
	l := fakeMachine(t, fakemetal.Machine{Devices: -1})
	devices, missing := l.discover()
	require.Empty(t, devices)
	require.Equal(t, noDevice, missing)
	_, err := l.start(0, device.Options{})
	require.EqualError(t, err, "there is no device metal:0: "+noDevice)
}

// The fake imitates AMD's GPUs, whose kernels run in groups of 64 threads.
func TestAGPUWithAnotherSimdgroupSizeIsRefused(t *testing.T) {
	l := fakeMachine(t, fakemetal.Machine{Width: 64, NoMatrix: true})
	devices, missing := l.discover()
	require.Empty(t, missing)
	require.Equal(t, device.Speed{}, devices[0].Speed, "auto doesn't choose it")
	_, err := l.start(0, device.Options{})
	require.ErrorContains(t, err, "device metal:0: "+devices[0].Description+" can't be used: it runs threads 64 at a time (threadExecutionWidth), and the kernels are written for 32")
	fakemetal.Play(t, fakemetal.Machine{Width: 32})
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, 1)
	fakemetal.Play(t, fakemetal.Machine{Width: 16})
	_, err = d.Bind(drivertest.Neg(t, x, x))
	require.ErrorContains(t, err, "kernel neg: the device would run it 16 threads at a time, and it is written for 32", "each kernel may differ")
}

// The fake imitates machines that differ in properties the driver queries.
func TestOtherMacsRunTheSameKernels(t *testing.T) {
	for name, m := range map[string]fakemetal.Machine{
		"macOS 13, which has no math modes": {MacOS: 13},
		"a GPU without simdgroup_matrix":    {NoMatrix: true},
		"a GPU with memory of its own":      {Discrete: true},
		"small threadgroups":                {Threads: 128},
		"threadgroups of no power of two":   {Threads: 832},
		"smaller ones of no power of two":   {Threads: 192},
		"a compiler that warns":             {Warnings: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := fakeMachine(t, m)
			d := open(t, l, nil)
			require.Equal(t, !m.Discrete, d.Info().Unified)
			definition := "SIMDGROUP_MATRIX=1"
			if m.NoMatrix {
				definition = "SIMDGROUP_MATRIX=0"
			}
			require.Equal(t, definition, d.info.definition())
			x := drivertest.Tensor(t, d, 1, 2)
			require.NoError(t, drivertest.BindNeg(t, x, x).Run())
			require.Equal(t, drivertest.F32(-1, -2), drivertest.Read(t, x.Slice))
		})
	}
}

// The fake counts its objects, including those that the driver doesn't own (strings,
// errors, arrays), over successful and failing uses.
func TestNoObjectsAreLeaked(t *testing.T) {
	l := fakeMachine(t, fakemetal.Machine{Devices: 2})
	broken, _ := drivertest.Overlay(t, "metal", "neg", negSource("nonsense"))
	live := func() map[string]int {
		counts := map[string]int{}
		for _, class := range []string{"NSString", "NSArray", "NSError", "MTLCompileOptions", "MTLLibrary", "MTLFunction",
			"MTLComputePipelineState", "MTLBuffer", "MTLCommandQueue", "MTLCommandBuffer", "MTLComputeCommandEncoder"} {
			counts[class] = fakemetal.Count(t, class)
		}
		return counts
	}
	before := live()
	for _, sources := range []*kernels.Sources{nil, broken} {
		_, missing := l.discover()
		require.Empty(t, missing)
		d, err := l.start(1, device.Options{Sources: sources})
		require.NoError(t, err)
		x := drivertest.Tensor(t, d, 1, 2)
		run, err := d.Bind(drivertest.Neg(t, x, x))
		require.Equal(t, sources != nil, err != nil)
		if err == nil {
			require.NoError(t, run.Run())
			drivertest.Write(t, x.Slice, drivertest.F32(3, 4))
			fakemetal.FailCommandBuffer(t, 1, fakemetal.Timeout)
			require.Error(t, d.Sync())
		}
		require.NotEqual(t, before, live())
		require.NoError(t, d.Close())
		require.Equal(t, before, live())
	}
}

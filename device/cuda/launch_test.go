package cuda

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
	"github.com/flowrun/flowrun/kernels"
)

func TestWithoutACompilerThePrecompiledKernelsRun(t *testing.T) {
	full := loader(t)
	builder := open(t, full, nil)
	source, err := kernels.Embedded().Source("cuda", drivertest.Kernel(t, "neg"))
	require.NoError(t, err)
	k := drivertest.Kernel(t, "neg").For("cuda")
	target, ptx := builder.info.target()
	options := []string{"--std=c++17", "--gpu-architecture=" + target, "-fmad=false"}
	for _, d := range k.Defines([]string{"f32"}, "f32") {
		options = append(options, "-D"+d)
	}
	image, err := builder.compile("neg.cu", source.Joined(), options, ptx)
	require.NoError(t, err)

	bare := loader(t)
	bare.compiler, bare.missing = "", "libnvrtc.so.13 (no such file)"
	var asked []string
	d := open(t, bare, nil)
	d.precompiled = func(k *kernels.Kernel, definitions []string) ([]byte, bool) {
		asked = append(asked, k.Name)
		return image, k.Name == "neg"
	}
	require.False(t, d.Info().Fuses)
	require.Contains(t, d.Info().Description, "no compiler of kernels (no NVRTC was found: libnvrtc.so.13 (no such file))")
	y := drivertest.Tensor(t, d, 3)
	require.NoError(t, drivertest.BindNeg(t, y, y).Run())
	require.Equal(t, drivertest.F32(-3), drivertest.Read(t, y.Slice))
	_, err = d.Bind(&device.Call{Kernel: drivertest.Kernel(t, "abs"), Buffers: []device.Arg{y, y}})
	require.ErrorContains(t, err, "device cuda:0: kernel abs: with "+strings.Join(k.Defines([]string{"f32"}, "f32"), " ")+" it is not among the precompiled kernels, and it can't be compiled: no NVRTC was found")
	require.Equal(t, []string{"neg", "abs"}, asked)
}

func TestWithoutACompilerTheEmbeddedPTXRuns(t *testing.T) {
	l := loader(t)
	if fakeDevices() {
		t.Skip("needs a GPU: the fake doesn't know PTX")
	}
	l.compiler, l.missing = "", "none"
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, 3, -4)
	require.NoError(t, drivertest.BindNeg(t, x, x).Run())
	require.Equal(t, drivertest.F32(-3, 4), drivertest.Read(t, x.Slice))
}

func TestNVRTCIsAskedForTheDevicesOwnArchitecture(t *testing.T) {
	for _, c := range []struct {
		capability int
		known      []int
		want       string
		ptx        bool
	}{
		{90, []int{75, 80, 90, 100}, "sm_90", false},
		{89, []int{75, 80, 86, 90}, "compute_86", true},
		{120, []int{75, 80, 90}, "compute_90", true},
	} {
		target, ptx := (&properties{capability: c.capability, architectures: c.known}).target()
		require.Equal(t, c.want, target)
		require.Equal(t, c.ptx, ptx)
	}
}

func TestSpeedIsKnownOnlyIfTheGPUReportsItsClocks(t *testing.T) {
	s := speed(132, 1_980_000, 2_619_000, 5120, false) // an H100: 67 Tflop/s and 3.35 TB/s in its data sheet
	require.InEpsilon(t, 22e12, s.Flops, 0.1)
	require.InEpsilon(t, 2.35e12, s.Bytes, 0.1)
	require.Zero(t, speed(132, 1_980_000, 0, 5120, false))
	require.Equal(t, s.Bytes, speed(132, 1_980_000, 2_619_000, 5120, true).Link)
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

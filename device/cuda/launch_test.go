package cuda

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/queue"
	"github.com/flowrun/flowrun/kernels"
)

func TestAKernelRunsOnPartsOfABuffer(t *testing.T) {
	d := open(t, loader(t), Options{})
	whole := alloc(t, d, 3*alignment)
	write(t, whole, make([]byte, 3*alignment))
	part := func(i int64) device.Arg {
		return device.Arg{Slice: device.Slice{Buffer: whole.Buffer, Offset: i * alignment, Bytes: 12}, DType: "f32", Shape: []int{3}}
	}
	write(t, part(1).Slice, f32(1, -2, 3))
	require.NoError(t, bindNeg(t, part(1), part(2)).Run())
	require.Equal(t, f32(-1, 2, -3), read(t, part(2).Slice))
	require.NoError(t, bindNeg(t, part(1), part(1)).Run(), "over its input")
	require.Equal(t, f32(-1, 2, -3), read(t, part(1).Slice))
	require.Equal(t, make([]byte, 12), read(t, part(0).Slice), "and nothing else is touched")
}

func TestAKernelOfNothingDoesNothing(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	empty := device.Arg{Slice: alloc(t, d, 0), DType: "f32", Shape: []int{0}}
	run := bindNeg(t, empty, empty)
	counts := l.calls()
	require.NoError(t, run.Run())
	require.Empty(t, counts)
}

func TestLaunchesRunInOrderHoweverMany(t *testing.T) {
	d := open(t, loader(t), Options{})
	a, b := tensor(t, d, 1, 2, 3), tensor(t, d, 0, 0, 0)
	there, back := bindNeg(t, a, b), bindNeg(t, b, a)
	for range queue.Max/2 + 1 { // of each: more than may be queued
		require.NoError(t, there.Run())
		require.NoError(t, back.Run())
		require.LessOrEqual(t, d.queued.Len(), queue.Max)
	}
	require.NoError(t, there.Run())
	require.Equal(t, f32(1, 2, 3), read(t, a.Slice))
	require.Equal(t, f32(-1, -2, -3), read(t, b.Slice))
	require.Zero(t, d.queued.Len(), "a read waits for all of it")
}

func TestALaunchAllocatesNothing(t *testing.T) {
	d := open(t, loader(t), Options{})
	x := tensor(t, d, 1)
	run := bindNeg(t, x, x)
	recording, err := d.Record([]device.Command{run, run})
	require.NoError(t, err)
	for _, c := range []device.Command{run, recording} {
		require.Zero(t, testing.AllocsPerRun(200, func() { require.NoError(t, c.Run()) }))
	}
}

func TestAKernelThatDoesntCompileIsShownWithFileAndLine(t *testing.T) {
	sources, file := overlay(t, "neg.cu", "\n\nextern \"C\" __global__ void flowrun_neg(float *out) { out[0] = nonsense; }\n")
	d := open(t, loader(t), Options{Sources: sources})
	x := tensor(t, d, 1)
	_, err := d.Bind(neg(t, x, x))
	require.ErrorContains(t, err, "device cuda:0: kernel neg: it doesn't compile with --std=c++17 --gpu-architecture=")
	require.ErrorContains(t, err, "nvrtcCompileProgram: NVRTC_ERROR_COMPILATION (6)")
	require.Regexp(t, file+`[:(]3[:)]`, err.Error())
	require.ErrorContains(t, err, "nonsense")
	require.Empty(t, d.modules)
}

func TestAKernelThatDiffersFromTheManifestIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"extern \"C\" __global__ void flowrun_neg(float *out) { }\n":                           "flowrun_neg has 1 parameters in its source, and 3 by the manifest",
		"extern \"C\" __global__ void neg(float *out) { }\n":                                   "its entry point flowrun_neg: cuModuleGetFunction: CUDA_ERROR_NOT_FOUND (500)",
		"extern \"C\" __global__ void flowrun_neg(const float *x, float *out, double n) { }\n": "parameter 3 of flowrun_neg has 8 bytes in its source, and 4 by the manifest",
	} {
		sources, _ := overlay(t, "neg.cu", text)
		l := loader(t)
		if !l.has(cuFuncGetParamInfo) {
			t.Skip("needs a driver for CUDA 12.4 or newer")
		}
		d := open(t, l, Options{Sources: sources})
		x := tensor(t, d, 1)
		_, err := d.Bind(neg(t, x, x))
		require.ErrorContains(t, err, "device cuda:0: kernel neg: "+want)
	}
}

func TestWithoutACompilerThePrecompiledKernelsRun(t *testing.T) {
	full := loader(t)
	builder := open(t, full, Options{})
	source, err := kernels.Embedded().Source("cuda", kernel(t, "neg"))
	require.NoError(t, err)
	k := kernel(t, "neg").For("cuda")
	target, ptx := builder.info.target()
	options := []string{"--std=c++17", "--gpu-architecture=" + target, "-fmad=false"}
	for _, d := range k.Defines([]string{"f32"}, "f32") {
		options = append(options, "-D"+d)
	}
	image, err := builder.compile("neg.cu", join(source.Files), options, ptx)
	require.NoError(t, err)

	bare := loader(t)
	bare.compiler, bare.missing = "", "libnvrtc.so.13 (no such file)"
	var asked []string
	d := open(t, bare, Options{Precompiled: func(k *kernels.Kernel, definitions []string) ([]byte, bool) {
		asked = append(asked, k.Name)
		return image, k.Name == "neg"
	}})
	require.False(t, d.Info().Compiles)
	require.Contains(t, d.Info().Description, "no compiler of kernels (no NVRTC was found: libnvrtc.so.13 (no such file))")
	y := tensor(t, d, 3)
	require.NoError(t, bindNeg(t, y, y).Run())
	require.Equal(t, f32(-3), read(t, y.Slice))
	_, err = d.Bind(&device.Call{Kernel: kernel(t, "abs"), Buffers: []device.Arg{y, y}})
	require.ErrorContains(t, err, "device cuda:0: kernel abs: with "+strings.Join(k.Defines([]string{"f32"}, "f32"), " ")+" it is not among the precompiled kernels, and it can't be compiled: no NVRTC was found")
	require.Equal(t, []string{"neg", "abs"}, asked)
}

func TestWithoutACompilerThePTXThatIsBuiltInRuns(t *testing.T) {
	l := loader(t)
	if fakeDevices() {
		t.Skip("needs a GPU: the fake doesn't know PTX")
	}
	l.compiler, l.missing = "", "none"
	d := open(t, l, Options{Precompiled: kernels.PTX})
	x := tensor(t, d, 3, -4)
	require.NoError(t, bindNeg(t, x, x).Run())
	require.Equal(t, f32(-3, 4), read(t, x.Slice))
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
		target, ptx := (&Info{Capability: c.capability, architectures: c.known}).target()
		require.Equal(t, c.want, target)
		require.Equal(t, c.ptx, ptx)
	}
}

func TestASpeedIsToldOnlyOfAGPUThatTellsItsClocks(t *testing.T) {
	s := speed(132, 1_980_000, 2_619_000, 5120, false) // an H100: 67 Tflop/s and 3.35 TB/s by its data sheet
	require.InEpsilon(t, 22e12, s.Flops, 0.1)
	require.InEpsilon(t, 2.35e12, s.Bytes, 0.1)
	require.Zero(t, speed(132, 1_980_000, 0, 5120, false))
	require.Equal(t, s.Bytes, speed(132, 1_980_000, 2_619_000, 5120, true).Link)
}

func TestAKernelIsCompiledOnceAndThenLoaded(t *testing.T) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	for round, want := range []int{1, 0} {
		l := loader(t)
		counts := l.calls()
		d := open(t, l, Options{})
		x := tensor(t, d, 1, 2)
		require.NoError(t, bindNeg(t, x, x).Run())
		require.NoError(t, bindNeg(t, x, x).Run(), "the same kernel once more")
		require.Equal(t, f32(1, 2), read(t, x.Slice))
		require.Equal(t, []int{want, 1}, []int{counts[nvrtcCompileProgram], counts[cuModuleLoadDataEx]}, "start %d", round)
	}
}

func BenchmarkLaunch(b *testing.B) {
	d := open(b, loader(b), Options{})
	x := tensor(b, d, 1)
	run := bindNeg(b, x, x)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, run.Run())
	}
	require.NoError(b, d.Sync())
}

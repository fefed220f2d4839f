package emulator

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
)

// run builds a kernel k and runs it in two blocks of 64 threads. x contains the ints 0 to
// 127; out is its output.
func run(t *testing.T, sanitizer Sanitizer, body string, how How) ([]int32, error) {
	t.Helper()
	if _, err := Compiler(); err != nil {
		t.Skip("needs the emulator's compiler: ", err)
	}
	source := kernels.Source{Files: []kernels.File{{Name: "k.cu", Text: `extern "C" __global__ void k(const int *x, int *out, int n) {
    __shared__ int s[64];
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
` + body + "\n}\n"}}}
	modules, err := Build([]Unit{{Name: "k", Source: source, Entry: "k"}}, sanitizer)
	require.NoError(t, err)
	p, err := Start(sanitizer)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	require.NoError(t, p.Load(modules[0]))
	const n = 128
	x, err := p.Alloc(4 * n)
	require.NoError(t, err)
	out, err := p.Alloc(4 * n)
	require.NoError(t, err)
	var numbers []byte
	for i := range uint32(n) {
		numbers = binary.LittleEndian.AppendUint32(numbers, i)
	}
	require.NoError(t, p.Write(x, numbers))
	le := binary.LittleEndian
	parameters := [][]byte{le.AppendUint64(nil, x), le.AppendUint64(nil, out), le.AppendUint32(nil, n)}
	if err := p.Launch("k", []int{2}, []int{64}, parameters, how); err != nil {
		return nil, err
	}
	bytes := make([]byte, 4*n)
	require.NoError(t, p.Read(bytes, out))
	got := make([]int32, n)
	for i := range got {
		got[i] = int32(le.Uint32(bytes[4*i:]))
	}
	return got, nil
}

func TestThreadsMeetAtBarriers(t *testing.T) {
	for _, sanitizer := range []Sanitizer{None, Undefined, Thread} {
		for _, how := range []How{0, Backwards} {
			got, err := run(t, sanitizer, `
    s[t] = x[i];
    __syncthreads();
    out[i] = s[63 - t];`, how)
			require.NoError(t, err, sanitizer)
			require.EqualValues(t, 63, got[0])
			require.EqualValues(t, 64, got[127])
		}
	}
}

func TestLanesExchangeValues(t *testing.T) {
	for body, want := range map[string]func(lane int) int{
		"out[i] = __shfl_xor_sync(~0u, t % 32, 5);":                        func(lane int) int { return lane ^ 5 },
		"out[i] = __shfl_sync(~0u, t % 32, 7);":                            func(int) int { return 7 },
		"out[i] = __shfl_up_sync(~0u, t % 32, 3);":                         func(lane int) int { return lane - 3*min(1, lane/3) },
		"out[i] = __shfl_down_sync(~0u, t % 32, 30);":                      func(lane int) int { return lane + 30*(1-min(1, lane/2)) },
		"out[i] = __ballot_sync(~0u, t % 32 == 3 || t % 32 == 4);":         func(int) int { return 0x18 },
		"s[t] = t % 32; __syncwarp(); out[i] = s[(t & 32) + 31 - t % 32];": func(lane int) int { return 31 - lane },
	} {
		got, err := run(t, None, body, 0)
		require.NoError(t, err)
		for i, v := range got {
			require.EqualValues(t, want(i%32), v, "%s: thread %d", body, i)
		}
	}
}

func TestSharedMemoryStartsAsGarbage(t *testing.T) {
	got, err := run(t, None, "out[i] = s[t]; s[t] = 7;", 0)
	require.NoError(t, err)
	for _, v := range got {
		require.EqualValues(t, -1, v)
	}
}

func TestPlantedFaultsAreFound(t *testing.T) {
	for _, c := range []struct {
		name, body string
		sanitizer  Sanitizer
		want       []string
	}{
		{"a barrier that some don't reach", "if (t < 3) { return; }\n__syncthreads();\nout[i] = 0;", None,
			[]string{"k: block 0,0,0: divergence: 3 of 64 threads have ended, and 61 wait for them at the barrier at k.cu:5"}},
		{"two barriers", "if (t < 3) { __syncthreads(); }\nelse { __syncthreads(); }\nout[i] = 0;", None,
			[]string{"some wait at the barrier at k.cu:4 and others at k.cu:5"}},
		{"a shuffle that some lanes don't reach", "if (t % 32 != 9) { out[i] = __shfl_xor_sync(~0u, t, 1); }", None,
			[]string{"1 of 32 threads have ended, and 31 wait for them at the collective operation of the warp at k.cu:4"}},
		{"a barrier inside a warp", "if (t < 32) { __syncthreads(); }\nout[i] = __shfl_xor_sync(~0u, t, 1);\nif (t >= 32) { __syncthreads(); }", None,
			[]string{"some wait at the barrier at k.cu:4 and others at k.cu:6"}},
		{"a mask without some lanes", "out[i] = __shfl_xor_sync(15u, t, 1);", None, []string{"the mask 0xf at k.cu:4 leaves out some of the warp's 32 lanes"}},
		{"a null pointer", "*(volatile int *)nullptr = 1;", None, []string{"the kernel ended its process", "kernel k"}},
		{"an access beyond the output", "out[i + 1] = 0;", Undefined, []string{"heap-buffer-overflow", "k.cu:4", "0 bytes after 512-byte region"}},
		{"an access beyond shared memory", "int *p = s;\np[t + 1] = 0;\nout[i] = s[t];", Undefined, []string{"global-buffer-overflow", "k.cu:5"}},
		{"a missing barrier", "s[t] = x[i];\nout[i] = s[63 - t];", Thread, []string{"data race", "k.cu:4", "k.cu:5"}},
		{"two writers of one address", "out[i / 2] = t;", Thread, []string{"data race", "k.cu:4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := run(t, c.sanitizer, c.body, 0)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestBackwardsExposesAMissingBarrierInAWarp(t *testing.T) {
	body := "s[t] = x[i];\nout[i] = s[63 - t];"
	forwards, err := run(t, None, body, 0)
	require.NoError(t, err)
	backwards, err := run(t, None, body, Backwards)
	require.NoError(t, err)
	require.NotEqual(t, forwards, backwards)
}

func TestACompileErrorHasItsPosition(t *testing.T) {
	if _, err := Compiler(); err != nil {
		t.Skip("needs the emulator's compiler: ", err)
	}
	prelude := kernels.File{Name: "prelude.h", Text: "typedef float T;"}
	for text, want := range map[string]string{
		"extern \"C\" __global__ void k(T *x) {\n    x[0] = 2.0h;\n}": "k.cu:2:15: error:",
		"extern \"C\" __global__ void k(T *x) { x[0] = y; }":          "undeclared identifier 'y'",
	} {
		source := kernels.Source{Files: []kernels.File{prelude, {Name: "k.cu", Text: text}}}
		_, err := Build([]Unit{{Name: "k", Source: source, Entry: "k"}}, None)
		require.ErrorContains(t, err, want)
	}
}

func TestAnInvalidLaunchIsRejected(t *testing.T) {
	if _, err := Compiler(); err != nil {
		t.Skip("needs the emulator's compiler: ", err)
	}
	source := kernels.Source{Files: []kernels.File{{Name: "k.cu", Text: "extern \"C\" __global__ void k(int n) {}"}}}
	modules, err := Build([]Unit{{Name: "k", Source: source, Entry: "k"}}, None)
	require.NoError(t, err)
	p, err := Start(None)
	require.NoError(t, err)
	require.NoError(t, p.Load(modules[0]))
	one := [][]byte{{1, 0, 0, 0}}
	require.NoError(t, p.Launch("k", []int{1}, []int{1024}, one, 0))
	require.ErrorContains(t, p.Launch("k", []int{1}, []int{1025}, one, 0), "1025x1x1 threads")
	require.ErrorContains(t, p.Launch("k", []int{1}, []int{1}, nil, 0), "k doesn't take these parameters")
	require.ErrorContains(t, p.Launch("l", []int{1}, []int{1}, one, 0), "there is no kernel l")
	require.ErrorContains(t, p.Load("/nowhere"), "/nowhere")
	_, err = p.Alloc(math.MaxInt64)
	require.ErrorContains(t, err, strings.ToLower("cannot allocate")[1:])
	require.NoError(t, p.Close())
}

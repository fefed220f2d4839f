package emulator

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
)

// metal builds a Metal kernel k and runs it in two threadgroups of 64 threads. x contains
// the floats 0 to 127; out is its output. The statements begin on line 6.
func metal(t *testing.T, sanitizer Sanitizer, statements string, how How) ([]float32, error) {
	t.Helper()
	if _, err := Compiler(); err != nil {
		t.Skip("needs the emulator's compiler: ", err)
	}
	text := `#include <metal_stdlib>
using namespace metal;
struct arguments { int n; };
kernel void k(device const float *x [[buffer(0)]], device float *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
              uint i [[thread_position_in_grid]], uint t [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
` + statements + "\n}\n"
	unit := Unit{Name: "k", Language: "metal", Entry: "k", Source: kernels.Source{Files: []kernels.File{{Name: "k.metal", Text: text}}}}
	require.NoError(t, Check([]Unit{unit}), "the test's own kernel")
	modules, err := Build([]Unit{unit}, sanitizer)
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
	le := binary.LittleEndian
	var numbers []byte
	for i := range n {
		numbers = le.AppendUint32(numbers, math.Float32bits(float32(i)))
	}
	require.NoError(t, p.Write(x, numbers))
	parameters := [][]byte{le.AppendUint64(nil, x), le.AppendUint64(nil, out), le.AppendUint32(nil, n)}
	if err := p.Launch("k", []int{2}, []int{64}, parameters, how); err != nil {
		return nil, err
	}
	bytes := make([]byte, 4*n)
	require.NoError(t, p.Read(bytes, out))
	got := make([]float32, n)
	for i := range got {
		got[i] = math.Float32frombits(le.Uint32(bytes[4*i:]))
	}
	return got, nil
}

func TestMetalThreadsShareMemoryAndMeetAtBarriers(t *testing.T) {
	for _, sanitizer := range []Sanitizer{None, Undefined, Thread} {
		for _, how := range []How{0, Backwards} {
			got, err := metal(t, sanitizer, `
    threadgroup float s[64];
    s[t] = x[i];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[i] = s[63 - t];`, how)
			require.NoError(t, err, sanitizer)
			require.EqualValues(t, 63, got[0])
			require.EqualValues(t, 64, got[127])
		}
	}
}

func TestThreadgroupMemoryStartsAsGarbage(t *testing.T) {
	got, err := metal(t, None, "threadgroup float s[64], last; out[i] = s[t] + last; s[t] = 7; last = 7;", 0)
	require.NoError(t, err)
	for _, v := range got {
		require.True(t, math.IsNaN(float64(v)))
	}
}

func TestMetalLanesExchangeValues(t *testing.T) {
	for statement, want := range map[string]func(i int) float64{
		"out[i] = simd_shuffle_xor(x[i], 5);":                        func(i int) float64 { return float64(i ^ 5) },
		"out[i] = simd_shuffle((half)lane, 7);":                      func(int) float64 { return 7 },
		"out[i] = simd_shuffle_up((ushort)lane, 3);":                 func(i int) float64 { return float64(i%32 - 3*min(1, i%32/3)) },
		"out[i] = simd_shuffle_down((int)lane, 30);":                 func(i int) float64 { return float64(i%32 + 30*(1-min(1, i%32/2))) },
		"out[i] = simd_shuffle_xor(uint2(lane, i), 1).y;":            func(i int) float64 { return float64(i ^ 1) },
		"out[i] = simd_broadcast(x[i], 9);":                          func(i int) float64 { return float64(i&^31 + 9) },
		"out[i] = simd_sum((int)lane);":                              func(int) float64 { return 31 * 16 },
		"out[i] = simd_max(x[i]);":                                   func(i int) float64 { return float64(i | 31) },
		"out[i] = simd_min(x[i]);":                                   func(i int) float64 { return float64(i &^ 31) },
		"out[i] = simd_all(i < 96) ? 1 : simd_any(i < 100) ? 2 : 3;": func(i int) float64 { return float64(1 + i/96) },
		"threadgroup float s[64]; s[t] = lane; simdgroup_barrier(mem_flags::mem_threadgroup); out[i] = s[t ^ 31];": func(i int) float64 {
			return float64(i%32 ^ 31)
		},
	} {
		for _, sanitizer := range []Sanitizer{None, Thread} {
			got, err := metal(t, sanitizer, statement, Backwards)
			require.NoError(t, err, statement)
			for i, v := range got {
				require.EqualValues(t, want(i), v, "%s: thread %d", statement, i)
			}
		}
	}
}

// A matrix product: 0 to 63 in row-major order times the same in column-major order,
// which is read transposed.
const product = `
    threadgroup float s[64];
    s[t] = t;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    simdgroup_float8x8 a, b, c = make_filled_simdgroup_matrix<float, 8, 8>(1);
    simdgroup_load(a, x, 8, ulong2(0, 0));
    simdgroup_load(b, s, 8, ulong2(0, 0), true);
    simdgroup_multiply_accumulate(c, a, b, c);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (t < 32) {
        simdgroup_store(c, s, 8);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[i] = s[t];`

func TestSimdgroupsMultiplyMatrices(t *testing.T) {
	for _, sanitizer := range []Sanitizer{None, Undefined, Thread} {
		got, err := metal(t, sanitizer, product, 0)
		require.NoError(t, err)
		for i, v := range got {
			row, column, want := i%64/8, i%8, 1
			for k := range 8 {
				want += (8*row + k) * (8*column + k)
			}
			require.EqualValues(t, want, v, "element %d", i)
		}
	}
}

func TestMetalBuiltInsReturnTheThreadsPosition(t *testing.T) {
	if _, err := Compiler(); err != nil {
		t.Skip("needs the emulator's compiler: ", err)
	}
	unit := metalUnit(`kernel void k(device uint *out [[buffer(0)]], uint3 at [[thread_position_in_grid]], ushort3 in [[thread_position_in_threadgroup]],
    uint3 group [[threadgroup_position_in_grid]], uint3 size [[threads_per_threadgroup]], uint3 groups [[threadgroups_per_grid]],
    uint3 all [[threads_per_grid]], uint index [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],
    uint simdgroup [[simdgroup_index_in_threadgroup]], uint width [[threads_per_simdgroup]], uint simdgroups [[simdgroups_per_threadgroup]]) {
    uint i = (at.z * all.y + at.y) * all.x + at.x;
    bool right = at.x == group.x * size.x + in.x && at.y == group.y * size.y + in.y && at.z == group.z * size.z + in.z;
    right = right && index == (in.z * size.y + in.y) * size.x + in.x && lane == index % width && simdgroup == index / width;
    right = right && width == 32 && simdgroups == (size.x * size.y * size.z + 31) / 32 && all.x == groups.x * size.x;
    out[i] = right ? i : 0xffffffffu;
}`)
	modules, err := Build([]Unit{unit}, None)
	require.NoError(t, err)
	p, err := Start(None)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	require.NoError(t, p.Load(modules[0]))
	const n = 2 * 8 * 3 * 4 * 5 * 2
	out, err := p.Alloc(4 * n)
	require.NoError(t, err)
	require.NoError(t, p.Launch("k", []int{2, 3, 5}, []int{8, 4, 2}, [][]byte{binary.LittleEndian.AppendUint64(nil, out)}, Backwards))
	bytes := make([]byte, 4*n)
	require.NoError(t, p.Read(bytes, out))
	for i := range n {
		require.EqualValues(t, i, binary.LittleEndian.Uint32(bytes[4*i:]))
	}
}

// A device may flush subnormals, as operands and results.
func TestFlushingFlushesSubnormals(t *testing.T) {
	const tiny, small = 0x1p-149, 0x1p-126
	statement := "float least = as_type<float>((uint)with.n / 128); out[i] = t == 0 ? least * (float)0x1p100 : t == 1 ? (x[1] * (float)0x1p-126) / 2 : x[1] * (float)0x1p-126;"
	got, err := metal(t, None, statement, 0)
	require.NoError(t, err)
	require.Equal(t, []float32{tiny * 0x1p100, small / 2, small}, got[:3])
	got, err = metal(t, None, statement, Flushing)
	require.NoError(t, err)
	require.Equal(t, []float32{0, 0, small}, got[:3])
}

// Metal rounds 0.1 to f32 once, and halves at every step.
func TestNumbersHaveMetalsPrecision(t *testing.T) {
	got, err := metal(t, None, "half big = (half)(2048 + x[0]); out[i] = t == 0 ? 0.1 + x[0] : t == 1 ? (float)(big + (half)1 + (half)1) : x[0] + 0x1p-149;", 0)
	require.NoError(t, err)
	require.Equal(t, []float32{0.1, 2048, 0x1p-149}, got[:3])
}

func TestFaultsPlantedInMetalAreFound(t *testing.T) {
	for _, c := range []struct {
		name, statements string
		sanitizer        Sanitizer
		want             []string
	}{
		{"a barrier that some don't reach", "if (t < 3) { return; }\nthreadgroup_barrier(mem_flags::mem_threadgroup);\nout[i] = 0;", None,
			[]string{"k: block 0,0,0: divergence: 3 of 64 threads have ended, and 61 wait for them at the barrier at k.metal:7"}},
		{"an exchange that some lanes don't reach", "if (lane != 9) { out[i] = simd_shuffle_xor(x[i], 1); }", None,
			[]string{"1 of 32 threads have ended, and 31 wait for them at the collective operation of the warp at k.metal:6"}},
		{"matrices that some lanes don't reach", "simdgroup_float8x8 m;\nif (lane > 3) { simdgroup_load(m, x); simdgroup_store(m, out); }", None,
			[]string{"4 of 32 threads have ended", "k.metal:7"}},
		{"matrices at different addresses", "simdgroup_float8x8 m;\nsimdgroup_load(m, x + t);\nsimdgroup_store(m, out);", None,
			[]string{"the simdgroup's threads don't all pass the same address of a matrix at k.metal:7"}},
		{"an access beyond the output", "out[i + 1] = 0;", Undefined, []string{"heap-buffer-overflow", "k.metal:6", "0 bytes after 512-byte region"}},
		{"a matrix beyond the input", "simdgroup_float8x8 m;\nsimdgroup_load(m, x + 65);\nout[i] = 0;", Undefined, []string{"heap-buffer-overflow", "k.metal:7"}},
		{"an access beyond threadgroup memory", "threadgroup float s[64];\n(s + 1)[t] = 0;\nout[i] = s[t];", Undefined, []string{"global-buffer-overflow", "k.metal:7"}},
		{"a missing barrier", "threadgroup float s[64];\ns[t] = x[i];\nout[i] = s[63 - t];", Thread, []string{"data race", "k.metal:7", "k.metal:8"}},
		{"an exchange for a barrier", "threadgroup float s[64];\ns[t] = x[i];\nsimd_shuffle(x[i], 0);\nout[i] = s[t ^ 1];", Thread, []string{"data race", "k.metal:7", "k.metal:9"}},
		{"a matrix stored and loaded without a barrier", "threadgroup float s[128];\nsimdgroup_float8x8 m;\nsimdgroup_load(m, x);\nsimdgroup_store(m, s + t / 32 * 64);\nsimdgroup_load(m, s + t / 32 * 64);\nout[i] = 0;",
			Thread, []string{"data race", "k.metal:9", "k.metal:10"}},
		{"two writers of one address", "out[i / 2] = t;", Thread, []string{"data race", "k.metal:6"}},
		{"signed overflow", "int n = with.n;\nout[i] = n * 0x7fffffff;", Undefined, []string{"k.metal:7:12: runtime error: signed integer overflow: 128 * 2147483647"}},
		{"a shift too far", "out[i] = 1u << (with.n + (int)t);", Undefined, []string{"k.metal:6:13: runtime error: shift exponent 128 is too large"}},
		{"a float out of the range of int", "out[i] = (int)(x[i] * (float)1e30);", Undefined, []string{"k.metal:6", "runtime error", "is outside the range of representable values of type 'int'"}},
		{"an index beyond an array", "float v[3] = {1, 2, 3};\nout[i] = v[t];", Undefined, []string{"k.metal:7:10: runtime error: index 3 out of bounds for type 'float[3]'"}},
		{"a misaligned access", "out[i] = *(device const float *)((device const char *)x + 1);", Undefined, []string{"k.metal:6:10: runtime error: load of misaligned address"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := metal(t, c.sanitizer, c.statements, 0)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

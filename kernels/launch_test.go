package kernels_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/kernels"
)

// tensor is a Tensor of f32.
func tensor(shape ...int) kernels.Tensor { return kernels.Tensor{DType: "f32", Shape: shape} }

// ints reads an argument's 32-bit integers.
func ints(arg []byte) []int {
	var all []int
	for i := 0; i < len(arg); i += 4 {
		all = append(all, int(int32(binary.LittleEndian.Uint32(arg[i:]))))
	}
	return all
}

func launches(t *testing.T, kernel string, inputs []kernels.Tensor, output kernels.Tensor, scalars []any, limits kernels.Limits) []kernels.Launch {
	t.Helper()
	all, err := load(t).Kernel(kernel).Launches(inputs, output, scalars, limits)
	require.NoError(t, err)
	return all
}

func TestWorkItemsAreRoundedUpToGroups(t *testing.T) {
	all := launches(t, "neg", []kernels.Tensor{tensor(3, 100)}, tensor(3, 100), nil, kernels.Limits{})
	require.Equal(t, []kernels.Launch{{Inputs: []int{0}, Args: [][]byte{{44, 1, 0, 0}}, Global: []int{512}, Local: []int{256}}}, all)
}

func TestGroupsFitTheDevice(t *testing.T) {
	all := launches(t, "neg", []kernels.Tensor{tensor(300)}, tensor(300), nil, kernels.Limits{Group: 100})
	require.Equal(t, []int{64}, all[0].Local)
	require.Equal(t, []int{320}, all[0].Global)
	square := []kernels.Tensor{tensor(64, 64), tensor(64, 64)}
	_, err := load(t).Kernel("matmul").Launches(square, tensor(64, 64), []any{false, false}, kernels.Limits{Group: 32})
	require.EqualError(t, err, "kernel matmul needs groups of 64 work-items, but the device allows at most 32")
}

func TestProductsInMetalTakeSmallSquaresWhereThreadgroupsAreSmall(t *testing.T) {
	for _, c := range []struct{ limit, group, squares int }{{1024, 128, 13 * 13}, {128, 128, 13 * 13}, {64, 64, 25 * 25}} {
		operands := []kernels.Tensor{tensor(400, 30), tensor(30, 400)}
		all, err := load(t).Kernel("matmul").For("metal").Launches(operands, tensor(400, 400), []any{false, false}, kernels.Limits{Group: c.limit})
		require.NoError(t, err)
		require.Equal(t, []int{c.group}, all[0].Local)
		require.Equal(t, []int{c.squares * c.group}, all[0].Global)
	}
}

func TestAnEmptyOutputTakesNoLaunch(t *testing.T) {
	require.Empty(t, launches(t, "neg", []kernels.Tensor{tensor(0, 3)}, tensor(0, 3), nil, kernels.Limits{}))
}

func TestTooManyElementsAreRefusedByName(t *testing.T) {
	big := tensor(1<<16, 1<<15)
	_, err := load(t).Kernel("neg").Launches([]kernels.Tensor{big}, big, nil, kernels.Limits{})
	require.ErrorContains(t, err, "kernel neg: f32[65536 32768] has 2147483648 elements")
}

func TestAVariadicKernelIsLaunchedOncePerOperandThatHasElements(t *testing.T) {
	all := launches(t, "concat", []kernels.Tensor{tensor(2, 3), tensor(2, 0), tensor(2, 5)}, tensor(2, 8), []any{1}, kernels.Limits{})
	require.Len(t, all, 2)
	require.Equal(t, []int{0}, all[0].Inputs)
	require.Equal(t, []int{2}, all[1].Inputs)
	last := func(l kernels.Launch) []int { return ints(l.Args[len(l.Args)-1]) }
	require.Equal(t, []int{0}, last(all[0]), "the first starts at 0")
	require.Equal(t, []int{3}, last(all[1]), "the third after the first")
}

func TestLaunchesFollowOneAnother(t *testing.T) {
	index, order := kernels.Tensor{DType: "i64", Shape: []int{7, 6}}, kernels.Tensor{DType: "i32", Shape: []int{7, 6}}
	all := launches(t, "scatter_ordered", []kernels.Tensor{tensor(50, 6), index, order, tensor(7, 6)}, tensor(50, 6), []any{0, 0, true}, kernels.Limits{Group: 64})
	require.Len(t, all, 2)
	require.Equal(t, []int{320}, all[0].Global, "the copy")
	require.Equal(t, []int{64}, all[1].Global, "the additions")
	for _, l := range all {
		require.Equal(t, []int{0, 1, 2, 3}, l.Inputs)
	}
}

// How often a kernel is launched may depend on its shapes.
func TestALongRowTakesMoreLaunches(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2048: 1, 2049: 3, 4097: 6, 1 << 20: 55} {
		x := kernels.Tensor{DType: "f32", Shape: []int{n, 3}}
		all := launches(t, "argsort", []kernels.Tensor{x}, kernels.Tensor{DType: "i32", Shape: x.Shape}, []any{0, false}, kernels.Limits{})
		require.Len(t, all, want, "%d elements", n)
	}
}

// Broadcasting a row over a matrix has two dimensions, and equal shapes one,
// however many they had.
func TestDimensionsAreMergedAndInnermostFirst(t *testing.T) {
	walk := func(a, b, out kernels.Tensor) [][]int {
		args := launches(t, "add", []kernels.Tensor{a, b}, out, nil, kernels.Limits{})[0].Args
		return [][]int{ints(args[1]), ints(args[2]), ints(args[3])}
	}
	one := []int{1, 0, 0, 0, 0, 0, 0, 0}
	require.Equal(t, [][]int{{120, 1, 1, 1, 1, 1, 1, 1}, one, one}, walk(tensor(2, 3, 4, 5), tensor(2, 3, 4, 5), tensor(2, 3, 4, 5)))
	require.Equal(t, [][]int{{20, 6, 1, 1, 1, 1, 1, 1}, {1, 20, 0, 0, 0, 0, 0, 0}, one}, walk(tensor(2, 3, 4, 5), tensor(4, 5), tensor(2, 3, 4, 5)))
	require.Equal(t, [][]int{{1, 1, 1, 1, 1, 1, 1, 1}, make([]int, 8), make([]int, 8)}, walk(tensor(), tensor(1), tensor(1)))
}

// A walk through merged dimensions comes by the same places as one through those
// that were given.
func TestMergingKeepsEveryPlace(t *testing.T) {
	k := load(t).Kernel("permute")
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(1, 4), 0, 5).Draw(t, "shape")
		dims := rapid.Permutation(indicesUpTo(len(shape))).Draw(t, "dims")
		out, strides := make([]int, len(shape)), make([]int, len(shape))
		for i, d := range dims {
			out[i], strides[i] = shape[d], kernels.Numel(shape[d+1:])
		}
		all, err := k.Launches([]kernels.Tensor{tensor(shape...)}, tensor(out...), []any{dims}, kernels.Limits{})
		require.NoError(t, err)
		merged, mergedSteps := ints(all[0].Args[1]), ints(all[0].Args[2])
		for i := range kernels.Numel(out) {
			want, rest := 0, i
			for d := len(out) - 1; d >= 0; d-- {
				want += rest % out[d] * strides[d]
				rest /= out[d]
			}
			got, rest := 0, i
			for d := range merged {
				got += rest % merged[d] * mergedSteps[d]
				rest /= merged[d]
			}
			require.Equal(t, want, got)
		}
	})
}

func indicesUpTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestNumbersArePassedInTheTypeOfComputation(t *testing.T) {
	value := func(dtype string, v any) []byte {
		out := kernels.Tensor{DType: dtype, Shape: []int{1}}
		return launches(t, "full", nil, out, []any{v}, kernels.Limits{})[0].Args[0]
	}
	le := binary.LittleEndian
	require.Equal(t, le.AppendUint32(nil, 1), value("bool", 2.5))
	for v, want := range map[any]uint32{0: 0, 1: 1, 127: 127, 128: 128, 255: 255, 256: 255, -1: 0, 254.9: 254, math.Inf(1): 255} {
		require.Equal(t, le.AppendUint32(nil, want), value("u8", v), "%v", v)
	}
	require.Equal(t, le.AppendUint32(nil, math.MaxInt32), value("i32", math.Inf(1)))
	require.Equal(t, le.AppendUint64(nil, math.MaxInt64), value("i64", math.MaxInt64))
	require.Equal(t, le.AppendUint32(nil, math.Float32bits(0.1)), value("f32", 0.1))
	require.Equal(t, le.AppendUint64(nil, math.Float64bits(0.1)), value("f64", 0.1))
	// A tie of f16 that f32 would hide: just above 1 + 2^-11.
	require.Equal(t, le.AppendUint32(nil, math.Float32bits(1+0x1p-11+0x1p-23)), value("f16", 1+0x1p-11+0x1p-40))
	_, err := load(t).Kernel("full").Launches(nil, kernels.Tensor{DType: "i32", Shape: []int{1}}, []any{1 << 40}, kernels.Limits{})
	require.ErrorContains(t, err, "the scalar value: 1099511627776 doesn't fit 32 bits")
}

func TestDefinitionsNameTheDTypes(t *testing.T) {
	m := load(t)
	require.Equal(t, []string{"DTYPE_T=f16", "GROUP=256"}, m.Kernel("add").Defines([]string{"f16", "f16"}, "f16"))
	require.Equal(t, []string{"DTYPE_T=b8", "DTYPE_U=bf16", "GROUP=256"}, m.Kernel("cast").Defines([]string{"bool"}, "bf16"))
	require.Equal(t, []string{"DTYPE_T=u8", "DTYPE_U=f32", "GROUP=256"}, m.Kernel("cast").Defines([]string{"u8"}, "f32"))
	require.Equal(t, []string{"DTYPE_T=f64", "DTYPE_U=f64", "GROUP=64"}, m.Kernel("matmul").Defines([]string{"f64", "f64"}, "f64"))
}

func BenchmarkLaunches(b *testing.B) {
	for _, c := range []struct {
		kernel  string
		inputs  []kernels.Tensor
		output  kernels.Tensor
		scalars []any
	}{
		{"exp", []kernels.Tensor{tensor(4, 4)}, tensor(4, 4), nil},
		{"add", []kernels.Tensor{tensor(4, 4), tensor(4)}, tensor(4, 4), nil},
		{"matmul", []kernels.Tensor{tensor(4, 4), tensor(4, 4)}, tensor(4, 4), []any{false, true}},
	} {
		k := load(b).Kernel(c.kernel)
		b.Run(c.kernel, func(b *testing.B) {
			for b.Loop() {
				_, _ = k.Launches(c.inputs, c.output, c.scalars, kernels.Limits{Group: 128})
			}
		})
	}
}

package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
)

// everyCase calls f with a node of each kernel, in each combination of dtypes,
// for each case.
func everyCase(t testing.TB, f func(k *kernels.Kernel, n *ir.Node, in []*ir.Array)) {
	t.Helper()
	for _, k := range load(t).Kernels() {
		for _, op := range k.Ops {
			for _, types := range k.Choices() {
				for _, c := range casesOf(op) {
					n, in := nodeOf(t, k, op, types, c)
					f(k, n, in)
				}
			}
		}
	}
}

func TestARunAllocatesNothingWhateverTheKernel(t *testing.T) {
	d := cpu.New("cpu")
	everyCase(t, func(k *kernels.Kernel, n *ir.Node, in []*ir.Array) {
		call, free := bindable(t, d, k, n, in)
		defer free()
		run, err := d.Bind(call)
		require.NoError(t, err)
		require.Zero(t, testing.AllocsPerRun(1, func() { _ = run.Run() }), "%s %s", k.Name, n.Type)
	})
}

// Where the manifest says that an input may be overwritten, overwriting it gives
// the bits that separate memory gives. What a run leaves behind must not matter
// to the next, so the separate run comes twice.
func TestOverwritingAnInputGivesTheSameBits(t *testing.T) {
	for _, d := range devices(t) {
		if d.Info().Kind != "sim" { // which has the CPU's kernels
			t.Run(d.Name(), func(t *testing.T) { overwrite(t, d) })
		}
	}
}

func overwrite(t *testing.T, d device.Device) {
	tried := map[string]bool{}
	everyCase(t, func(k *kernels.Kernel, n *ir.Node, in []*ir.Array) {
		if fromSource(d) && n.Type.DType != ir.F32 && (n.Type.DType != ir.I64 || testing.Short()) {
			return // sources are the same for all dtypes
		}
		if !matters(t, d, k) {
			return
		}
		for i, x := range in {
			if !k.MayOverwrite(i) || x.Type.DType != n.Type.DType || x.Len() != n.Type.Shape.Numel() {
				continue
			}
			tried[k.Name] = true
			call, free := bindable(t, d, k, n, in)
			apart, err := d.Bind(call)
			require.NoError(t, err)
			out := &call.Buffers[len(call.Buffers)-1]
			require.NoError(t, apart.Run())
			require.NoError(t, apart.Run())
			want := download(t, d, out.Slice)
			out.Slice = call.Buffers[i].Slice
			over, err := d.Bind(call)
			require.NoError(t, err)
			require.NoError(t, over.Run())
			require.Equal(t, want, download(t, d, out.Slice), "%s %s over input %d", k.Name, n.Type, i)
			free()
		}
	})
	for _, k := range load(t).Kernels() {
		if len(k.InPlace) > 0 && matters(t, d, k) {
			require.True(t, tried[k.Name], "no case overwrites an input of %s", k.Name)
		}
	}
}

func download(t *testing.T, d device.Device, from device.Slice) []byte {
	t.Helper()
	bytes := make([]byte, from.Bytes)
	down, err := d.BindToHost(bytes, from)
	require.NoError(t, err)
	require.NoError(t, down.Run())
	return bytes
}

// An f32 sum over a million elements, however they lie, must be as good as the
// 2e-5 that the reference data allow: the naive sum in f32 is not.
func TestLargeSumsStayAccurate(t *testing.T) {
	const n = 1 << 20
	values := make([]float32, n)
	for i := range values {
		values[i] = 0.1 + float32(mix(1, i)>>40)*0x1p-24*0.01
	}
	type sum struct {
		node    *ir.Node
		x, want *ir.Array
	}
	var sums []sum
	for _, shape := range []ir.Shape{{n}, {1 << 10, 1 << 10}} {
		for dim := range shape {
			x := ir.FromFloat32(shape, values).Array()
			b := ir.NewBuilder(&ir.Graph{})
			node, err := b.Call(ir.LookupOp("sum"), []any{b.NewState("x", ir.ParamState, x.Type).Read, dim})
			require.NoError(t, err)
			sums = append(sums, sum{node, x, node.Op.Reference(node, []*ir.Array{x})})
		}
	}
	for _, d := range devices(t) {
		t.Run(d.Name(), func(t *testing.T) {
			for _, s := range sums {
				got := launch(t, d, load(t).Kernel("sum"), s.node, []*ir.Array{s.x})
				worst := 0.0 // in units of one rounding
				for i, want := range s.want.F {
					worst = max(worst, math.Abs(got.F[i]-want)/math.Abs(want)/0x1p-24)
				}
				require.LessOrEqual(t, worst, 1.001, "%v to %v", s.x.Type, s.node.Type)
			}
		})
	}
}

// A matrix product of f32 adds up in f32, k terms in order; its error grows no
// faster than k roundings, and in practice like their square root.
func TestLargeProductsStayAccurate(t *testing.T) {
	const m, n, k = 16, 16, 4096
	a, b := seeded(1, ir.Shape{m, k}).tensor(ir.F32).Array(), seeded(2, ir.Shape{k, n}).tensor(ir.F32).Array()
	g := ir.NewBuilder(&ir.Graph{})
	node, err := g.Call(ir.LookupOp("matmul"), []any{g.NewState("a", ir.ParamState, a.Type).Read, g.NewState("b", ir.ParamState, b.Type).Read})
	require.NoError(t, err)
	in := []*ir.Array{a, b}
	want, magnitude := node.Op.Reference(node, in), node.Op.Reference(node, []*ir.Array{absolute(a), absolute(b)})
	for _, d := range devices(t) {
		t.Run(d.Name(), func(t *testing.T) {
			got := launch(t, d, load(t).Kernel("matmul"), node, in)
			for i := range want.F {
				require.InDelta(t, want.F[i], got.F[i], 4*math.Sqrt(k)*0x1p-24*magnitude.F[i])
			}
		})
	}
}

// The same numbers on every device, at every step, and others at other steps. The
// normal ones are made by logarithms and cosines, which are each language's own.
func TestDevicesDrawTheSameNumbers(t *testing.T) {
	all := devices(t)
	for _, op := range []string{"randint", "uniform", "normal"} {
		k := load(t).Kernel(op)
		for _, types := range k.Choices() {
			n, in := nodeOf(t, k, op, types, casesOf(op)[2])
			var first *ir.Array
			for _, d := range all {
				if op == "normal" && fromSource(d) || hasAny(d.Info().Lacks, types) {
					continue
				}
				got := launch(t, d, k, n, in)
				if first == nil {
					first = got
				}
				require.Equal(t, first, got, "%s on %s", op, d.Name())
			}
			later := []*ir.Array{{Type: in[0].Type, I: []int64{in[0].I[0] + 1}}}
			require.NotEqual(t, first, launch(t, cpu.New("cpu"), k, n, later))
		}
	}
}

// precision is the distance from 1 to the next number.
var precision = map[ir.DType]float64{ir.F16: 0x1p-10, ir.BF16: 0x1p-7, ir.F32: 0x1p-23, ir.F64: 0x1p-52}

// 9,000 draws come to within 2^-12 of the end, where f16 and bf16 would round to
// it.
func TestUniformDrawsFromLowUpToAndNotIncludingHigh(t *testing.T) {
	ranges := [][2]float64{{0, 1}, {-1, 0}, {0.1, 0.7}, {1, 2}, {-3, 5}, {1000, 1001}, {0.5, 0.5009765625}, {-1e-3, 1e-3}}
	k := load(t).Kernel("uniform")
	for _, out := range []ir.DType{ir.F16, ir.BF16, ir.F32, ir.F64} {
		for _, r := range append(ranges, [2]float64{-largest[out], largest[out]}, [2]float64{0, largest[out]}) {
			n, in := nodeOf(t, k, "uniform", map[string]string{"T": out.String()}, drawn(r[0], r[1], 9000))
			low := ir.ScalarTensor(out, r[0]).Float(0)
			for _, d := range devices(t) {
				if hasAny(d.Info().Lacks, map[string]string{"T": out.String()}) {
					continue
				}
				got := launch(t, d, k, n, in).F
				require.Less(t, slices.Max(got), r[1], "%s from %v to %v on %s", out, r[0], r[1], d.Name())
				require.GreaterOrEqual(t, slices.Min(got), low, "%s from %v to %v on %s", out, r[0], r[1], d.Name())
				// All of the range, if it has numbers enough. It may be wider than the
				// largest of them, so this is about its half.
				middle, reach := r[0]/2+r[1]/2, r[1]/2-r[0]/2
				if step := precision[out] * max(math.Abs(r[0]), math.Abs(r[1])); step < reach/8 {
					require.Greater(t, slices.Max(got), middle+0.8*reach)
					require.Less(t, slices.Min(got), middle-0.8*reach)
				}
			}
		}
	}
}

func TestAKernelThatDoesNotFitIsRefusedNotRun(t *testing.T) {
	d := cpu.New("cpu")
	x, err := d.Alloc(24)
	require.NoError(t, err)
	arg := func(shape ...int) device.Arg {
		return device.Arg{Slice: device.Slice{Buffer: x, Bytes: int64(4 * kernels.Numel(shape))}, DType: "f32", Shape: shape}
	}
	y, err := d.Alloc(4096)
	require.NoError(t, err)
	out := func(dtype string, shape ...int) device.Arg {
		bytes := int64(kernels.DTypeSize(dtype) * kernels.Numel(shape))
		return device.Arg{Slice: device.Slice{Buffer: y, Bytes: bytes}, DType: dtype, Shape: shape}
	}
	for _, c := range []struct {
		kernel  string
		buffers []device.Arg
		scalars []any
		want    string
	}{
		{"neg", []device.Arg{arg(2, 3), out("f32", 3, 2)}, nil, "the output has the shape [3 2]"},
		{"matmul", []device.Arg{arg(2, 3), arg(2, 3), out("f32", 2, 2)}, []any{false, false}, "inner sizes differ"},
		{"matmul", []device.Arg{arg(2, 3), arg(2, 3), out("f32", 3, 3)}, []any{false, true}, "f32[3 3] was given where [2 2]"},
		{"matmul", []device.Arg{arg(), arg(2), out("f32", 2)}, []any{false, false}, "can't be multiplied"},
		{"permute", []device.Arg{arg(2, 3), out("f32", 3, 2)}, []any{[]int{1, 1}}, "are no order of the dimensions"},
		{"reshape", []device.Arg{arg(2, 3), out("f32", 5)}, nil, "can't be laid out"},
		{"sum", []device.Arg{arg(2, 3), out("f32", 2)}, []any{[]int{0}}, "f32[2] was given where [3]"},
		{"sum", []device.Arg{arg(2, 3), out("f32", 2)}, []any{[]int{2}}, "dims [2] don't fit"},
		{"argmax", []device.Arg{arg(2, 3), out("i32", 2, 3)}, []any{[]int{}}, "neither one nor all"},
		{"concat", []device.Arg{arg(2, 3), arg(3, 2), out("f32", 4, 3)}, []any{0}, "can't be joined along dim 0"},
		{"slice", []device.Arg{arg(6), out("f32", 4)}, []any{0, 0, 2}, "aren't in dim 0"},
		{"pad", []device.Arg{arg(6), out("f32", 8)}, []any{[]int{1}, 0, 0}, "1 paddings"},
		{"convolution", []device.Arg{arg(1, 2, 3), arg(1, 1, 3), out("f32", 1, 1, 1)}, []any{[]int{1}, []int{0}, []int{1}, 1, []int{1}}, "aren't a convolution's with 1 groups"},
		{"convolution", []device.Arg{arg(1, 2, 3), arg(1, 2, 3), out("f32", 1, 1, 1)}, []any{[]int{1, 1}, []int{0}, []int{1}, 1, []int{1}}, "has 2 numbers for 1 spatial dims"},
		{"convolution_input", []device.Arg{arg(2, 3), arg(2, 3), out("f32", 2, 3)}, []any{[]int{1}, []int{0}, []int{1}, 1, []int{1}}, "aren't a convolution's"},
		{"broadcast_to", []device.Arg{arg(3), out("f32", 2)}, nil, "doesn't broadcast"},
		{"tril", []device.Arg{arg(6), out("f32", 6)}, []any{0}, "has no matrices"},
		{"layer_norm", []device.Arg{arg(2, 3), arg(3), arg(2), out("f32", 2, 3)}, []any{1e-5}, "the shape [2] was given for [3]"},
		{"randint", []device.Arg{{Slice: device.Slice{Buffer: x, Bytes: 8}, DType: "i64", Shape: []int{}}, out("i32", 2)}, []any{3, 3, 0}, "must hold 1 to 2^32 integers"},
		{"neg", []device.Arg{arg(1, 1, 1, 1, 1, 1, 1, 1, 1), out("f32", 1)}, nil, "the output has the shape"},
	} {
		_, err := d.Bind(&device.Call{Kernel: load(t).Kernel(c.kernel), Buffers: c.buffers, Scalars: c.scalars})
		require.ErrorContains(t, err, c.want, c.kernel)
	}
}

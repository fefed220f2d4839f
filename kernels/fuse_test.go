package kernels_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
)

// fusedAlone makes a fused kernel of one part, which does what a node's kernel does.
func fusedAlone(t testing.TB, k *kernels.Kernel, n *ir.Node) *kernels.Kernel {
	t.Helper()
	r := kernels.Recipe{}
	part := kernels.Part{Kernel: k, DType: n.Type.DType.String()}
	var shapes [][]int
	computed := n.Type.Shape
	if k.Body == kernels.ReduceBody {
		r.Reduced = n.Inputs[0].Type.Shape
		computed = r.Reduced
	}
	for i, in := range n.Inputs {
		r.Inputs = append(r.Inputs, kernels.Input{DType: in.Type.DType.String(), Walk: kernels.WalkOf(in.Type.Shape, computed)})
		part.Operands = append(part.Operands, kernels.Operand{Index: i})
		shapes = append(shapes, in.Type.Shape)
	}
	var err error
	part.Scalars, err = k.EvalScalars(n.LookupAttr, shapes, n.Type.Shape)
	require.NoError(t, err)
	r.Parts = []kernels.Part{part}
	fused, err := kernels.Fuse(r)
	require.NoError(t, err)
	return fused
}

// fusedCall uploads a node's operands for a fused kernel.
func fusedCall(t testing.TB, d device.Device, k *kernels.Kernel, n *ir.Node, inputs []*ir.Array) (*device.Call, func()) {
	t.Helper()
	call, free := uploaded(t, d, n, inputs)
	call.Kernel = k
	var err error
	call.Scalars, err = k.EvalScalars(n.LookupAttr, nil, n.Type.Shape)
	require.NoError(t, err)
	return call, free
}

// Every kernel with a body, wrapped into a fused one, gives what the reference
// says, on every case of its own suite, and the bits of its own kernel: in the most
// common dtypes, as each has to be compiled for it alone: in CUDA all of them, in OpenCL
// and Metal elementwise kernels in one each, which differs from kernel to kernel.
// FLOWRUN_EXHAUSTIVE=1 takes all dtypes, for which it needs some ten minutes; drawn graphs
// mix them all.
func TestFusedKernelsAgreeWithTheReference(t *testing.T) {
	for _, d := range fusingDevices(t) {
		t.Run(d.Name(), func(t *testing.T) {
			for i, k := range load(t).Kernels() {
				if k.Body == kernels.NoBody || !matters(t, d, k) {
					continue
				}
				t.Run(k.Name, func(t *testing.T) { conformFused(t, d, k, i) })
			}
		})
	}
}

// fusedTypes are the choices of dtypes in which a kernel, by its number, is tried alone in
// a fused one.
func fusedTypes(d device.Device, k *kernels.Kernel, number int) []map[string]string {
	exhaustive := os.Getenv("FLOWRUN_EXHAUSTIVE") != ""
	all := slices.DeleteFunc(k.Choices(), func(types map[string]string) bool {
		return !exhaustive && !isCommon(types) || hasAny(d.Info().Lacks, types)
	})
	if !exhaustive && d.Info().Language != "cuda" && k.Body == kernels.MapBody {
		return turn(number, all)
	}
	return all
}

func conformFused(t *testing.T, d device.Device, k *kernels.Kernel, number int) {
	op := k.Ops[0]
	taken := fusedTypes(d, k, number)
	var all []*kernels.Kernel
	for _, types := range taken {
		for _, c := range casesOf(op) {
			n, _ := nodeOf(t, k, op, types, c)
			all = append(all, fusedAlone(t, k, n))
		}
	}
	if e, ok := d.(*emulated); ok {
		require.NoError(t, e.modules.load(all...))
	}
	for _, types := range taken {
		t.Run(strings.Join(slices.Sorted(chosen(types)), ","), func(t *testing.T) {
			for i, c := range casesOf(op) {
				n, arrays := nodeOf(t, k, op, types, c)
				call, free := fusedCall(t, d, fusedAlone(t, k, n), n, arrays)
				got := result(t, d, call, n.Type).Array()
				free()
				compare(t, d, i, n, arrays, n.Op.Reference(n, arrays), got)
				own := launch(t, d, k, n, arrays).Tensor()
				require.True(t, sameBits(own, got.Tensor()), "case %d: alone %s, fused %s", i, own, got.Tensor())
			}
		})
	}
}

// kernel finds a kernel.
func kernel(t testing.TB, name string) *kernels.Kernel {
	t.Helper()
	k := load(t).Kernel(name)
	require.NotNil(t, k, name)
	return k
}

func whole(dtypes ...string) (inputs []kernels.Input) {
	for _, d := range dtypes {
		inputs = append(inputs, kernels.Input{DType: d, Walk: kernels.Whole})
	}
	return inputs
}

func TestRecipesThatCanNotBeAreRefused(t *testing.T) {
	in := func(i int) []kernels.Operand { return []kernels.Operand{{Index: i}} }
	part := func(i int) []kernels.Operand { return []kernels.Operand{{Index: i, Part: true}} }
	neg := kernels.Part{Kernel: kernel(t, "neg"), Operands: in(0), DType: "f32"}
	sum := kernels.Part{Kernel: kernel(t, "sum"), Operands: in(0), DType: "f32", Scalars: []any{[]int{0}}}
	for want, r := range map[string]kernels.Recipe{
		"needs at least one part": {Inputs: whole("f32")},
		"part 0 of a fused kernel (neg) uses a part that doesn't precede it":      {Parts: []kernels.Part{neg}},
		"part 1 of a fused kernel (neg) uses a part that doesn't precede it":      {Inputs: whole("f32"), Parts: []kernels.Part{neg, {Kernel: neg.Kernel, Operands: part(1), DType: "f32"}}},
		"the kernel flip can't be fused: it has no body in the manifest":          {Inputs: whole("f32"), Parts: []kernels.Part{{Kernel: kernel(t, "flip"), Operands: in(0), DType: "f32", Scalars: []any{[]int{0}}}}},
		"the reduction sum is part 0 of a fused kernel of 2; it must be the last": {Inputs: whole("f32"), Parts: []kernels.Part{sum, {Kernel: neg.Kernel, Operands: part(0), DType: "f32"}}},
		"neg doesn't serve [bool] → f32":                                          {Inputs: whole("bool"), Parts: []kernels.Part{neg}},
		"sum takes 1 scalars, got 0":                                              {Inputs: whole("f32"), Parts: []kernels.Part{{Kernel: sum.Kernel, Operands: in(0), DType: "f32"}}},
		"more than fits one fused kernel":                                         {Inputs: whole("f32"), Parts: slices.Repeat([]kernels.Part{neg}, kernels.MaxParts+1)},
		"more than fits one fused kernel (32 parts":                               {Inputs: whole(slices.Repeat([]string{"f32"}, kernels.MaxInputs+1)...), Parts: []kernels.Part{neg}},
	} {
		_, err := kernels.Fuse(r)
		require.ErrorContains(t, err, want)
	}
}

func TestAFusedKernelIsLaunchedLikeAnyOther(t *testing.T) {
	clamp := kernels.Part{Kernel: kernel(t, "clamp"), Operands: []kernels.Operand{{Index: 0}}, DType: "f16", Scalars: []any{-1.0, 1.0}}
	cast := kernels.Part{Kernel: kernel(t, "cast"), Operands: []kernels.Operand{{Part: true}}, DType: "f64"}
	add := kernels.Part{Kernel: kernel(t, "add"), Operands: []kernels.Operand{{Index: 1, Part: true}, {Index: 1}}, DType: "f64"}
	r := kernels.Recipe{Inputs: append(whole("f16"), kernels.Input{DType: "f64", Walk: kernels.Spread}), Parts: []kernels.Part{clamp, cast, add}}
	k, err := kernels.Fuse(r)
	require.NoError(t, err)
	require.Regexp(t, "^fused_clamp_cast_add_[0-9a-f]{12}$", k.Name)
	require.Equal(t, []string{"global const f16 *x0", "global const f64 *x1", "global f64 *out", "COMPUTE(f16) p0_min", "COMPUTE(f16) p0_max",
		"int n", "int8 dims", "int8 x1_strides"}, k.Parameters("opencl"))
	require.True(t, k.Serves([]string{"f16", "f64"}, "f64"))
	require.False(t, k.Serves([]string{"f32", "f64"}, "f64"))
	require.False(t, k.MayOverwrite(0), "of another dtype")
	require.False(t, k.MayOverwrite(1), "it broadcasts")
	require.Equal(t, []string{"GROUP=256"}, k.Defines([]string{"f16", "f64"}, "f64"))
	scalars, err := k.EvalScalars(nil, nil, nil)
	require.NoError(t, err)
	x, y, out := kernels.Tensor{DType: "f16", Shape: []int{2, 3}}, kernels.Tensor{DType: "f64", Shape: []int{3}}, kernels.Tensor{DType: "f64", Shape: []int{2, 3}}
	launches, err := k.Launches([]kernels.Tensor{x, y}, out, scalars, kernels.Limits{Group: 64})
	require.NoError(t, err)
	require.Len(t, launches, 1)
	require.Equal(t, []int{64}, launches[0].Global)
	require.Len(t, launches[0].Args[0], 4, "a limit of f16 is passed as f32, though the output is f64")
	require.Equal(t, []int{6}, ints(launches[0].Args[2]))
	require.Equal(t, []int{3, 2}, ints(launches[0].Args[3])[:2])
	require.Equal(t, []int{1, 0}, ints(launches[0].Args[4])[:2])
	_, err = k.Launches([]kernels.Tensor{y, y}, out, scalars, kernels.Limits{})
	require.ErrorContains(t, err, "the input x0 of shape [3] isn't whole beside [2 3]")
}

// Kernels of one name have one source: whatever the source depends on is in the
// name, and values of scalars are in neither.
func TestTheNameOfAFusedKernelStandsForItsSource(t *testing.T) {
	sources := map[string]string{}
	recipes := 0
	for seed := range 2000 {
		r := rapid.Custom(drawDAG(dagDTypes)).Example(seed).recipe(t)
		k, err := kernels.Fuse(r)
		require.NoError(t, err)
		source, err := kernels.Embedded().Source("opencl", k)
		require.NoError(t, err)
		text := source.Text()
		if known, ok := sources[k.Name]; ok {
			require.Equal(t, known, text)
			recipes++
		}
		sources[k.Name] = text
		for i := range r.Parts {
			for j := range r.Parts[i].Scalars {
				if r.Parts[i].Kernel.Name == "clamp" {
					r.Parts[i].Scalars[j] = 1
				}
			}
		}
		other, err := kernels.Fuse(r)
		require.NoError(t, err)
		require.Equal(t, k.Name, other.Name)
	}
	require.Positive(t, recipes, "no recipe came twice")
}

// The output of a fused kernel may lie over every input that it may overwrite.
func TestAFusedKernelMayOverwriteItsInputs(t *testing.T) {
	for _, d := range fusingDevices(t) {
		t.Run(d.Name(), func(t *testing.T) {
			mul := kernels.Part{Kernel: kernel(t, "mul"), Operands: []kernels.Operand{{Index: 1}, {Index: 2}}, DType: "f32"}
			sub := kernels.Part{Kernel: kernel(t, "sub"), Operands: []kernels.Operand{{Index: 0}, {Part: true}}, DType: "f32"}
			k, err := kernels.Fuse(kernels.Recipe{Parts: []kernels.Part{mul, sub}, Inputs: append(whole("f32", "f32"), kernels.Input{DType: "f32", Walk: kernels.Single})})
			require.NoError(t, err)
			b := ir.NewBuilder(&ir.Graph{})
			var operands []*ir.Node
			var values []*ir.Array
			for i, shape := range []ir.Shape{{300}, {300}, {}} {
				x := seeded(uint64(i), shape).tensor(ir.F32)
				operands, values = append(operands, b.NewState(fmt.Sprint(i), ir.ParamState, x.Type).Read), append(values, x.Array())
			}
			n := &ir.Node{Op: ir.LookupOp("sub"), Inputs: operands, Type: operands[0].Type}
			var want []byte
			for over := range 3 {
				call, free := fusedCall(t, d, k, n, values)
				if over > 0 { // first apart, then over x0, then over x1
					require.True(t, k.MayOverwrite(over-1))
					call.Buffers[3].Slice = call.Buffers[over-1].Slice
				}
				got := result(t, d, call, n.Type).Data
				free()
				if over == 0 {
					want = got
				}
				require.Equal(t, want, got)
			}
		})
	}
}

package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops"
	"github.com/flowrun/flowrun/kernels"
)

// Every kernel, in every dtype that its entry claims, on every device, is compared
// with the op's reference in float64. The cases are in
// cases_test.go, the tolerances in tolerance_test.go.

// Threads in another order give the same bits (TestTheOrderOfThreadsChangesNoBit), so they
// aren't compared once more here.
func TestKernelsAgreeWithTheReference(t *testing.T) {
	for _, d := range devices(t) {
		if e, ok := d.(*emulated); ok && e.how&emulator.Backwards != 0 {
			continue
		}
		t.Run(d.Name(), func(t *testing.T) {
			for _, k := range load(t).Kernels() {
				for _, op := range k.Ops {
					if matters(t, d, k) {
						t.Run(k.Name, func(t *testing.T) { conform(t, d, k, op) })
					}
				}
			}
		})
	}
	t.Run("opencl", func(t *testing.T) {
		if found, missing := opencl.Discover(); len(found) == 0 {
			t.Skip("needs an OpenCL device: ", missing)
		}
	})
	t.Run("cuda and metal", func(t *testing.T) {
		if _, err := emulator.Compiler(); err != nil {
			t.Skip("needs the emulator's compiler: ", err)
		}
	})
}

// Where a Metal device has no matrices of simdgroups, matmul is another.
func TestProductsAgreeWithTheReferenceWithoutMatrices(t *testing.T) {
	d := openEmulated(t, inPlainMetal, sourcesToTry(t), emulator.None, kernels.Limits{Group: 1024})
	for _, d := range []device.Device{d, d.running(emulator.Flushing)} {
		t.Run(d.Name(), func(t *testing.T) { conform(t, d, kernel(t, "matmul"), "matmul") })
	}
}

// conform runs all cases of an op in all dtypes of a kernel.
func conform(t *testing.T, d device.Device, k *kernels.Kernel, op string) {
	choices := typesOn(d, k)
	for at, types := range choices {
		cases := casesOn(d, op)
		switch {
		case isInterpreted(d):
			cases = shareOf(shortCases(op, cases), at, len(choices))
		case d.Info().Kind == "sim": // which has the CPU's kernels
			cases = shareOf(cases, at, len(choices))
		}
		conformIn(t, d, k, op, types, cases)
	}
}

// casesOn are the cases of an op for a device: its own, but for the largest convolutions,
// which are about the blocks that Go's kernels and those of real devices take at once. In
// an emulator they take longer than all other cases together.
func casesOn(d device.Device, op string) []opCase {
	cases := casesOf(op)
	if isEmulated(d) && strings.HasPrefix(op, "convolution") {
		cases = slices.DeleteFunc(cases, isLargeProduct)
	}
	return cases
}

// isLargeProduct tells large products of matrices, and convolutions.
func isLargeProduct(c opCase) bool {
	return c.inputs[0].shape.Numel()*c.inputs[1].shape.Numel() >= 1<<21
}

// conformIn runs cases of an op in one choice of dtypes.
func conformIn(t *testing.T, d device.Device, k *kernels.Kernel, op string, types map[string]string, cases []opCase) {
	require.NotEmpty(t, cases, "cases_test.go has no case for %s", op)
	t.Run(strings.Join(slices.Sorted(chosen(types)), ","), func(t *testing.T) {
		for i, c := range cases {
			conformCase(t, d, k, op, types, c, i)
		}
	})
}

// isCommon tells a choice of dtypes that -short doesn't leave out.
func isCommon(types map[string]string) bool {
	for _, dtype := range types {
		if dtype != "i32" && dtype != "f16" && dtype != "f32" {
			return false
		}
	}
	return true
}

// chosen gives the choices as text.
func chosen(types map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for v, d := range types {
			if !yield(v + "=" + d) {
				return
			}
		}
	}
}

func conformCase(t *testing.T, d device.Device, k *kernels.Kernel, op string, types map[string]string, c opCase, number int) {
	n, arrays := nodeOf(t, k, op, types, c)
	compare(t, d, number, n, arrays, n.Op.Reference(n, arrays), launch(t, d, k, n, arrays))
}

// within tells elements that are near what the reference says.
func within(d device.Device, op string, n *ir.Node, arrays []*ir.Array, want *ir.Array) func(got *ir.Array, i int) bool {
	tolerance := toleranceOn(d, op, n, arrays, want)
	return func(got *ir.Array, i int) bool { return close(want, got, i, tolerance(i)) }
}

// toleranceOn is the tolerance for a device's kernels.
func toleranceOn(d device.Device, op string, n *ir.Node, arrays []*ir.Array, want *ir.Array) func(i int) float64 {
	return toleranceOf(n, arrays, want, fromSource(d))
}

// nodeOf makes the node of a case, and its operands' values. A variable without a type has
// T's.
func nodeOf(t testing.TB, k *kernels.Kernel, op string, types map[string]string, c opCase) (*ir.Node, []*ir.Array) {
	t.Helper()
	resolve := func(declared string) ir.DType {
		if actual, ok := types[declared]; ok {
			declared = actual
		} else if _, variable := k.DTypes[declared]; variable {
			declared = types["T"]
		}
		dtype, ok := ir.ParseDType(declared)
		require.True(t, ok, declared)
		return dtype
	}
	output := resolve(k.Output.DType)
	b := ir.NewBuilder(&ir.Graph{})
	operands := make([]*ir.Node, len(c.inputs))
	arrays := make([]*ir.Array, len(c.inputs))
	for i, in := range c.inputs {
		tensor := in.tensor(resolve(k.Input(i).DType))
		operands[i] = b.NewState(fmt.Sprint("x", i), ir.ParamState, tensor.Type).Read
		arrays[i] = tensor.Array()
	}
	n, err := b.Call(ir.LookupOp(op), c.args(operands, output))
	require.NoError(t, err, k.Name)
	require.Equal(t, operands, append([]*ir.Node{}, n.Inputs...), "%s: promotion put casts between; the manifest claims a dtype that the op doesn't take", k.Name)
	if i := n.Op.Param(ir.WideResult); i >= 0 && n.Type.DType != output {
		n.SetAttr(ir.WideResult, true)
		n.Type, err = n.Op.Infer(n)
		require.NoError(t, err)
	}
	require.Equal(t, output, n.Type.DType, "%s: the manifest claims a dtype that the op doesn't give", k.Name)
	return n, arrays
}

// launch runs a node's kernel on a device, finding it as lowering does.
func launch(t testing.TB, d device.Device, k *kernels.Kernel, n *ir.Node, inputs []*ir.Array) *ir.Array {
	t.Helper()
	call, free := bindable(t, d, k, n, inputs)
	defer free()
	return result(t, d, call, n.Type).Array()
}

// result runs a call and downloads its output.
func result(t testing.TB, d device.Device, call *device.Call, typ ir.Type) *ir.Tensor {
	t.Helper()
	run, err := d.Bind(call)
	require.NoError(t, err)
	require.NoError(t, run.Run())
	require.NoError(t, d.Sync())
	out := ir.NewTensor(typ)
	down, err := d.BindToHost(out.Data, call.Buffers[len(call.Buffers)-1].Slice)
	require.NoError(t, err)
	require.NoError(t, down.Run())
	return out
}

// bindable uploads a node's operands and makes a call of its kernel.
func bindable(t testing.TB, d device.Device, k *kernels.Kernel, n *ir.Node, inputs []*ir.Array) (call *device.Call, free func()) {
	t.Helper()
	call, free = uploaded(t, d, n, inputs)
	call.Kernel = k
	dtypes, shapes := make([]string, len(inputs)), make([][]int, len(inputs))
	for i := range inputs {
		dtypes[i], shapes[i] = call.Buffers[i].DType, call.Buffers[i].Shape
	}
	require.Same(t, k, load(t).Find(n.Op.Name, dtypes, n.Type.DType.String()))
	var err error
	call.Scalars, err = k.EvalScalars(n.LookupAttr, shapes, n.Type.Shape)
	require.NoError(t, err)
	return call, free
}

// uploaded uploads a node's operands and makes a call of no kernel yet.
func uploaded(t testing.TB, d device.Device, n *ir.Node, inputs []*ir.Array) (call *device.Call, free func()) {
	t.Helper()
	var buffers []device.Buffer
	place := func(typ ir.Type) device.Arg {
		b, err := d.Alloc(int64(typ.Bytes()))
		require.NoError(t, err)
		buffers = append(buffers, b)
		return device.Arg{Slice: device.Slice{Buffer: b, Bytes: b.Bytes()}, DType: typ.DType.String(), Shape: typ.Shape}
	}
	call = &device.Call{}
	for _, in := range inputs {
		arg := place(in.Type)
		up, err := d.BindFromHost(arg.Slice, in.Tensor().Data)
		require.NoError(t, err)
		require.NoError(t, up.Run())
		call.Buffers = append(call.Buffers, arg)
	}
	call.Buffers = append(call.Buffers, place(n.Type))
	return call, func() {
		for _, b := range buffers {
			_ = b.Free()
		}
	}
}

// close compares element i: integers exactly, floats with a tolerance, NaN with
// NaN. What is beyond the dtype's range must have become infinite.
func close(want, got *ir.Array, i int, tolerance float64) bool {
	if want.I != nil {
		return want.I[i] == got.I[i]
	}
	w, g := roundTo(want.Type.DType, want.F[i]), got.F[i]
	switch {
	case math.IsNaN(w) || math.IsNaN(g):
		return math.IsNaN(w) && math.IsNaN(g)
	case math.IsInf(w, 0) || math.IsInf(g, 0):
		return w == g
	}
	return math.Abs(want.F[i]-g) <= tolerance
}

func roundTo(d ir.DType, v float64) float64 { return ir.ScalarTensor(d, v).Float(0) }

func TestKernelsNamesAndOrderOfInputsAreTheOps(t *testing.T) {
	for _, k := range load(t).Kernels() {
		for _, name := range k.Ops {
			op := ir.LookupOp(name)
			if op == nil {
				continue // said above
			}
			var operands []string
			for _, p := range op.Params {
				if p.Kind.IsTensor() {
					operands = append(operands, p.Name)
				}
			}
			var inputs []string
			for _, in := range k.Inputs {
				inputs = append(inputs, in.Name)
			}
			require.Equal(t, operands, inputs, "kernel %s", k.Name)
			for _, s := range k.Scalars {
				words := strings.FieldsFunc(s.Expr, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
				known := slices.ContainsFunc(words, func(word string) bool { return op.Param(word) >= 0 })
				require.True(t, known, "kernel %s takes %s from no argument of %s", k.Name, s.Name, name)
			}
		}
	}
}

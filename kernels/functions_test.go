package kernels_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
)

// probe runs functions of a language's sources' own, which come before every
// kernel, on arrays of a dtype.
type probe struct {
	t       *testing.T
	dialect dialect
	process *emulator.Process
}

// probeKernels put f(v) for every v of x into out. A thread takes so many elements.
var probeKernels = map[string]struct {
	text string
	each int
}{
	"cuda": {`extern "C" __global__ void probe(const T *x, U *out, int n) { map(out, n, [](C v) { return (COMPUTE(U))(%s); }, along(x)); }`, 4},
	"metal": {`struct arguments {
    int n;
};
kernel void probe(device const T *x [[buffer(0)]], device U *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                  uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        C v = LOAD(T, x, i);
        STORE(U, out, i, (COMPUTE(U))(%s));
    }
}`, 1},
}

// newProbe compiles probes: code is C++ by name, with v for the element, T and U the
// dtypes before and after.
func newProbe(t *testing.T, in dialect, code map[string]string, types [][2]string) *probe {
	t.Helper()
	d := openEmulated(t, in, kernels.Embedded(), emulator.None, kernels.Limits{})
	source, err := kernels.Embedded().Source(in.language, &kernels.Kernel{Name: "exp"})
	require.NoError(t, err)
	before := source.Files[:len(source.Files)-1]
	var all []emulator.Unit
	for name, f := range code {
		files := append(before[:len(before):len(before)], kernels.File{Name: name, Text: fmt.Sprintf(probeKernels[in.language].text, f)})
		for _, tu := range types {
			all = append(all, emulator.Unit{Language: in.language, Name: name + " " + tu[0] + " " + tu[1], Source: kernels.Source{Files: files},
				Defines: []string{"DTYPE_T=" + tu[0], "DTYPE_U=" + tu[1]}, Entry: "probe"})
		}
	}
	modules, err := emulator.Build(all, emulator.None)
	require.NoError(t, err)
	for _, m := range modules {
		require.NoError(t, d.process.Load(m))
	}
	return &probe{t, in, d.process}
}

// run gives f of every element.
func (p *probe) run(name string, x *ir.Tensor, to ir.DType) *ir.Tensor {
	p.t.Helper()
	n := x.Type.Shape.Numel()
	out := ir.NewTensor(ir.Type{DType: to, Shape: x.Type.Shape})
	var addresses [2]uint64
	for i, bytes := range [][]byte{x.Data, out.Data} {
		var err error
		addresses[i], err = p.process.Alloc(int64(len(bytes)))
		require.NoError(p.t, err)
		defer func() { require.NoError(p.t, p.process.Free(addresses[i])) }()
	}
	require.NoError(p.t, p.process.Write(addresses[0], x.Data))
	le := binary.LittleEndian
	parameters := [][]byte{le.AppendUint64(nil, addresses[0]), le.AppendUint64(nil, addresses[1]), le.AppendUint32(nil, uint32(n))}
	unit := fmt.Sprint(name, " ", x.Type.DType, " ", to)
	block := 256 * probeKernels[p.dialect.language].each
	require.NoError(p.t, p.process.Launch(unit, []int{(n + block - 1) / block}, []int{256}, parameters, 0))
	require.NoError(p.t, p.process.Read(out.Data, addresses[1]))
	return out
}

// Every number of 16 bits becomes the f32 it is; and it, its neighbours in f32, and
// what lies halfway to the next are rounded to nearest even.
func TestSourcesConvertEveryNumberOf16BitsExactly(t *testing.T) {
	for _, in := range []dialect{inCUDA, inMetal} {
		t.Run(in.language, func(t *testing.T) {
			p := newProbe(t, in, map[string]string{"widen": "v", "narrow": "v"}, [][2]string{{"f16", "f32"}, {"bf16", "f32"}, {"f32", "f16"}, {"f32", "bf16"}})
			for _, d := range []ir.DType{ir.F16, ir.BF16} {
				near := p.widens(d)
				narrow := p.run("narrow", ir.FromFloat32(ir.Shape{len(near)}, near), d).Array()
				for i, v := range near {
					require.True(t, sameNumber(ir.ScalarTensor(d, float64(v)).Float(0), narrow.F[i]), "%v in %s: %v", v, d, narrow.F[i])
				}
			}
		})
	}
}

// widens holds every number of 16 bits against what it is in f32, and gives the f32
// at it and near it.
func (p *probe) widens(d ir.DType) (near []float32) {
	x := ir.NewTensor(ir.Type{DType: d, Shape: ir.Shape{1 << 16}})
	for i := range 1 << 16 {
		binary.LittleEndian.PutUint16(x.Data[2*i:], uint16(i))
	}
	want, got := x.Array(), p.run("widen", x, ir.F32).Array()
	for i, w := range want.F {
		require.True(p.t, sameNumber(w, got.F[i]), "%s 0x%x: %v, want %v", d, i, got.F[i], w)
		bits := math.Float32bits(float32(w))
		half := bits + 1<<12 // of the last place of a normal f16
		if d == ir.BF16 {
			half = bits + 1<<15
		}
		for _, b := range []uint32{bits, bits + 1, bits - 1, half, half + 1, half - 1} {
			near = append(near, math.Float32frombits(b))
		}
	}
	return near
}

// sameNumber tells equal numbers, of equal sign, and NaN from others.
func sameNumber(a, b float64) bool {
	return a == b && math.Signbit(a) == math.Signbit(b) || math.IsNaN(a) && math.IsNaN(b)
}

// The errors of common/math.h's functions in CUDA in units in the last place, as its header
// states them, in f32 and f64.
var cudaErrors = map[string][2]float64{
	"exp": {1.1, 1.5}, "exp2": {1.1, 1.5}, "expm1": {1.7, 2}, "log": {1, 1}, "log1p": {1, 1}, "log2": {1.9, 2},
	"sin": {1.6, 1.5}, "cos": {1.6, 1.5}, "tan": {3.2, 3}, "tanh": {2.5, 2.5}, "erf": {2.5, 2.5}, "erfc": {4.4, 5},
}

// The reference is the C library's, in numbers of 64 bits of precision, rounded to
// f64: half a unit of f64 may be its own. In f32 the functions are those of Metal, and
// worst where those are.
func TestCUDAFunctionsAreAsExactAsTheirHeaderSays(t *testing.T) {
	code := map[string]string{}
	for name := range cudaErrors {
		code[name] = name + "(v)"
		code["long "+name] = "(double)__builtin_" + name + "l(v)"
	}
	p := newProbe(t, inCUDA, code, [][2]string{{"f32", "f32"}, {"f32", "f64"}, {"f64", "f64"}})
	for i, d := range []ir.DType{ir.F32, ir.F64} {
		x := mathArguments(d)
		for name, allowed := range cudaErrors {
			if d == ir.F32 {
				a := x.Array()
				a.F[0] = metalErrors[name].worst
				x = a.Tensor()
			}
			holdErrors(t, name, x, p.run("long "+name, x, ir.F64).Array().F, p.run(name, x, d).Array().F, allowed[i]+float64(i)*0.5)
		}
	}
}

// The errors of Metal's, in f32, as the header of common/math.h states them, and where
// each was worst among every seventh of all numbers.
var metalErrors = map[string]struct {
	allowed, worst float64
	reference      func(float64) float64
}{
	"exp": {1.1, -0x1.78caaap+2, math.Exp}, "exp2": {1.1, -0x1.fed858p-2, math.Exp2}, "expm1": {1.7, 0x1.64048ep-2, math.Expm1},
	"log": {1, 0x1.663d62p-1, math.Log}, "log1p": {1, 0x1.a74c46p-2, math.Log1p}, "log2": {1.9, 0x1.65c81ap+0, math.Log2},
	"sin": {1.6, -0x1.20469ap+36, math.Sin}, "cos": {1.6, -0x1.6f7ad6p+37, math.Cos}, "tan": {3.2, -0x1.be61eap+120, math.Tan},
	"tanh": {2.5, -0x1.fd0794p-8, math.Tanh}, "erf": {2.5, 0x1.e6005ep-2, math.Erf}, "erfc": {4.4, 0x1.ebae4ep+1, math.Erfc},
	"pow 0.43": {1.2, 0x1.32b8aap+87, powerOf(0.43)}, "pow -2.7": {1.2, 0x1p-40, powerOf(-2.7)}, "pow 1000": {1.2, 1.0625, powerOf(1000)},
}

// powerOf gives the function of powers with an exponent, which is rounded to f32.
func powerOf(exponent float64) func(float64) float64 {
	return func(v float64) float64 { return math.Pow(v, float64(float32(exponent))) }
}

// The reference is Go's, whose errors, of a few units of f64, are none here.
func TestMetalFunctionsAreAsExactAsTheirHeaderSays(t *testing.T) {
	code := map[string]string{}
	for name := range metalErrors {
		code[name] = name + "(v)"
		if f, exponent, ok := strings.Cut(name, " "); ok {
			code[name] = f + "(v, (float)" + exponent + ")"
		}
	}
	p := newProbe(t, inMetal, code, [][2]string{{"f32", "f32"}})
	for name, f := range metalErrors {
		x := mathArguments(ir.F32).Array()
		x.F[0] = f.worst
		want := make([]float64, len(x.F))
		for i, v := range x.F {
			want[i] = f.reference(v)
		}
		holdErrors(t, name, x.Tensor(), want, p.run(name, x.Tensor(), ir.F32).Array().F, f.allowed)
	}
}

// holdErrors holds a function's values at x against what they are.
func holdErrors(t *testing.T, name string, x *ir.Tensor, want, got []float64, allowed float64) {
	t.Helper()
	d := x.Type.DType
	worst, at := 0.0, 0
	for i, v := range want {
		if e := ulpsBetween(d, v, got[i]); e > worst {
			worst, at = e, i
		}
	}
	t.Logf("%s in %s: at most %.2f units, at %v", name, d, worst, x.Float(at))
	if worst > allowed {
		t.Errorf("%s in %s is wrong by %.2f units at %v: it is %v and not %v", name, d, worst, x.Float(at), got[at], want[at])
	}
}

// mathArguments are numbers of every magnitude, and many where functions bend.
func mathArguments(d ir.DType) *ir.Tensor {
	const n = 30000
	a := ir.NewArray(ir.Type{DType: d, Shape: ir.Shape{3 * n}})
	for i := range n {
		bits := mix(7, i)
		a.F[3*i] = math.Float64frombits(bits)
		if d == ir.F32 {
			a.F[3*i] = float64(math.Float32frombits(uint32(bits >> 32)))
		}
		uniform := float64(mix(8, i)>>11)*0x1p-52 - 1
		a.F[3*i+1] = roundTo(d, 12*uniform)
		a.F[3*i+2] = roundTo(d, 1+uniform)
	}
	return a.Tensor()
}

// ulpsBetween is the distance of got from want, in units in want's last place.
func ulpsBetween(d ir.DType, want, got float64) float64 {
	rounded := roundTo(d, want)
	switch {
	case math.IsNaN(want) || math.IsNaN(got):
		if math.IsNaN(want) && math.IsNaN(got) {
			return 0
		}
		return math.Inf(1)
	case rounded == got:
		return 0
	case math.IsInf(rounded, 0) || math.IsInf(got, 0):
		return math.Inf(1)
	}
	u, tiny := unit(d)
	_, exponent := math.Frexp(want)
	return math.Abs(want-got) / max(math.Ldexp(2*u, exponent-1), tiny)
}

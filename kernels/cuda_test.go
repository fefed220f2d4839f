package kernels_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/kernels/emulator"
)

// probe runs functions of the CUDA sources' own, which come before every kernel, on
// arrays of a dtype.
type probe struct {
	t       *testing.T
	process *emulator.Process
}

// newProbe compiles kernels that put f(v) for every v of x into out: code is C++ by
// name, with v for the element, T and U the dtypes before and after.
func newProbe(t *testing.T, code map[string]string, types [][2]string) *probe {
	t.Helper()
	forwards, _ := openEmulated(t, kernels.Embedded(), emulator.None, kernels.Limits{})
	source, err := kernels.Embedded().Source("cuda", &kernels.Kernel{Name: "exp"})
	require.NoError(t, err)
	before := source.Files[:len(source.Files)-1]
	var all []emulator.Unit
	for name, f := range code {
		text := fmt.Sprintf(`extern "C" __global__ void probe(const T *x, U *out, int n) { map(out, n, [](C v) { return (COMPUTE(U))(%s); }, along(x)); }`, f)
		files := append(before[:len(before):len(before)], kernels.File{Name: name, Text: text})
		for _, tu := range types {
			all = append(all, emulator.Unit{Name: name + " " + tu[0] + " " + tu[1], Source: kernels.Source{Files: files},
				Defines: []string{"DTYPE_T=" + tu[0], "DTYPE_U=" + tu[1]}, Entry: "probe"})
		}
	}
	modules, err := emulator.Build(all, emulator.None)
	require.NoError(t, err)
	for _, m := range modules {
		require.NoError(t, forwards.process.Load(m))
	}
	return &probe{t, forwards.process}
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
	require.NoError(p.t, p.process.Launch(unit, []int{(n + 1023) / 1024}, []int{256}, parameters, false))
	require.NoError(p.t, p.process.Read(out.Data, addresses[1]))
	return out
}

// Every number of 16 bits becomes the f32 it is; and it, its neighbours in f32, and
// what lies halfway to the next are rounded to nearest even.
func TestCUDAConvertsEveryNumberOf16BitsExactly(t *testing.T) {
	p := newProbe(t, map[string]string{"widen": "v", "narrow": "v"}, [][2]string{{"f16", "f32"}, {"bf16", "f32"}, {"f32", "f16"}, {"f32", "bf16"}})
	for _, d := range []ir.DType{ir.F16, ir.BF16} {
		x := ir.NewTensor(ir.Type{DType: d, Shape: ir.Shape{1 << 16}})
		for i := range 1 << 16 {
			binary.LittleEndian.PutUint16(x.Data[2*i:], uint16(i))
		}
		want, got := x.Array(), p.run("widen", x, ir.F32).Array()
		var near []float32
		for i, w := range want.F {
			require.True(t, w == got.F[i] && math.Signbit(w) == math.Signbit(got.F[i]) || math.IsNaN(w) && math.IsNaN(got.F[i]), "%s 0x%x: %v, want %v", d, i, got.F[i], w)
			f := float32(w)
			bits := math.Float32bits(f)
			half := bits + 1<<12 // of the last place of a normal f16
			if d == ir.BF16 {
				half = bits + 1<<15
			}
			near = append(near, f, math.Float32frombits(bits+1), math.Float32frombits(bits-1),
				math.Float32frombits(half), math.Float32frombits(half+1), math.Float32frombits(half-1))
		}
		y := ir.FromFloat32(ir.Shape{len(near)}, near)
		narrow := p.run("narrow", y, d).Array()
		for i, v := range near {
			w, g := ir.ScalarTensor(d, float64(v)).Float(0), narrow.F[i]
			require.True(t, w == g && math.Signbit(w) == math.Signbit(g) || math.IsNaN(w) && math.IsNaN(g), "%v in %s: %v, want %v", v, d, g, w)
		}
	}
}

// The errors of math.h's functions in units in the last place, as its header states
// them, in f32 and f64.
var mathErrors = map[string][2]float64{
	"exp": {1.1, 1.5}, "exp2": {1.1, 1.5}, "expm1": {1.6, 2}, "log": {1, 1}, "log1p": {1, 1}, "log2": {1.7, 2},
	"sin": {1.5, 1.5}, "cos": {1.5, 1.5}, "tan": {3, 3}, "tanh": {2.5, 2.5}, "erf": {2.5, 2.5}, "erfc": {4, 5},
}

// The reference is the C library's, in numbers of 64 bits of precision, rounded to
// f64: half a unit of f64 may be its own.
func TestCUDAFunctionsAreAsExactAsTheirHeaderSays(t *testing.T) {
	code := map[string]string{}
	for name := range mathErrors {
		code[name] = "math::" + name + "(v)"
		code["long "+name] = "(double)__builtin_" + name + "l(v)"
	}
	p := newProbe(t, code, [][2]string{{"f32", "f32"}, {"f32", "f64"}, {"f64", "f64"}})
	for i, d := range []ir.DType{ir.F32, ir.F64} {
		x := mathArguments(d)
		for name, allowed := range mathErrors {
			want, got := p.run("long "+name, x, ir.F64).Array(), p.run(name, x, d).Array()
			worst, at := 0.0, 0
			for i, v := range want.F {
				if e := ulpsBetween(d, v, got.F[i]); e > worst {
					worst, at = e, i
				}
			}
			t.Logf("%s in %s: at most %.2f units, at %v", name, d, worst, x.Float(at))
			if worst > allowed[i]+float64(i)*0.5 {
				t.Errorf("%s in %s is wrong by %.2f units at %v: it is %v and not %v", name, d, worst, x.Float(at), got.F[at], want.F[at])
			}
		}
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

// sanitizerVariable asks for the passes under the sanitizers, which take a minute.
const sanitizerVariable = "FLOWRUN_SANITIZERS"

// Under the sanitizers kernels run in f32, f16 and i32. What lies where doesn't
// depend on more. Blocks are small under ThreadSanitizer, which otherwise forgets
// accesses before it can compare them.
func TestCUDASourcesRunCleanUnderSanitizers(t *testing.T) {
	if os.Getenv(sanitizerVariable) == "" {
		t.Skipf("takes a minute or more: set %s=1 to run it", sanitizerVariable)
	}
	for _, sanitizer := range []emulator.Sanitizer{emulator.Address, emulator.Thread} {
		t.Run(string(sanitizer), func(t *testing.T) {
			d, _ := openEmulated(t, sourcesToTry(t), sanitizer, kernels.Limits{})
			for _, k := range load(t).Kernels() {
				t.Run(k.Name, func(t *testing.T) {
					d.limits.Group = 1024
					if sanitizer == emulator.Thread && len(k.For("cuda").Grid.Group) == 1 {
						d.limits.Group = 64
					}
					for _, op := range k.Ops {
						for _, types := range combinations(k) {
							if !isCommon(types) {
								continue
							}
							for i, c := range casesOf(op) {
								conformCase(t, d, k, op, types, c, i)
							}
						}
					}
				})
			}
		})
	}
}

// The watchers are watched: faults in kernels' sources are found, and told by name.
func TestFaultsPlantedInCUDASourcesAreFound(t *testing.T) {
	for _, c := range []struct {
		name, kernel, from, to string
		sanitizer              emulator.Sanitizer
		want                   []string
	}{
		{"a missing barrier", "cumsum", "__syncthreads();\n            W earlier", "W earlier", emulator.Thread, []string{"kernel cumsum", "data race"}},
		{"a place beyond the end", "concat", "thread < n", "thread <= n", emulator.Address, []string{"kernel concat", "heap-buffer-overflow"}},
		{"a barrier that some don't reach", "cumsum", "__shared__", "if (threadIdx.x == 0) { return; }\n    __shared__", emulator.None,
			[]string{"kernel cumsum", "divergence", "cuda/cumsum.cu:27"}},
		{"a number of f16", "neg", "return (C)-(W)x;", "return 2.0h * (C)-(W)x;", emulator.None, []string{"cuda/neg.cu:7:", "error"}},
		{"bits taken for a number", "reshape", "move(out, x, n);", "out[0] = x[0] + x[1];", emulator.None, []string{"cuda/reshape.cu:6:", "invalid operands"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			source, err := kernels.Embedded().Source("cuda", &kernels.Kernel{Name: c.kernel})
			require.NoError(t, err)
			text := source.Files[len(source.Files)-1].Text
			require.Contains(t, text, c.from)
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "cuda"), 0o755))
			planted := strings.Replace(text, c.from, c.to, 1)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "cuda", c.kernel+".cu"), []byte(planted), 0o644))
			sources, err := kernels.Overlay(dir)
			require.NoError(t, err)
			d, _ := openEmulated(t, sources, c.sanitizer, kernels.Limits{Group: 64})
			d.modules.short = true
			for _, test := range casesOf(c.kernel) {
				k := load(t).Kernel(c.kernel)
				n, arrays := nodeOf(t, k, c.kernel, map[string]string{"T": "f16"}, test)
				call, _ := bindable(t, d, k, n, arrays)
				run, bound := d.Bind(call)
				if err = bound; err == nil {
					err = run.Run()
				}
				if err != nil {
					break
				}
			}
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

package asm

import (
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// eachSet runs a test for every set with assembly.
func eachSet(t *testing.T, test func(t *testing.T, rows *Rows)) {
	for _, s := range Sets() {
		if s != Go {
			t.Run(s.String(), func(t *testing.T) { test(t, RowsOf(s)) })
		}
	}
}

func first[T any](x []T) *byte { return (*byte)(unsafe.Pointer(unsafe.SliceData(x))) }

// sigmoid and the like, in f64.
var functions = map[string]func(x float64) float64{
	"exp": math.Exp, "expm1": math.Expm1, "log": math.Log, "log1p": math.Log1p, "tanh": math.Tanh,
	"sigmoid": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"silu":    func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	"gelu":    func(x float64) float64 { return 0.5 * x * math.Erfc(-x/math.Sqrt2) },
	"gelu_tanh": func(x float64) float64 {
		return x / (1 + math.Exp(-2*math.Sqrt2/math.SqrtPi*(x+0.044715*x*x*x)))
	},
	"erf": math.Erf, "rsqrt": func(x float64) float64 { return 1 / math.Sqrt(x) },
	"sin": math.Sin, "cos": math.Cos,
}

// arguments are f32 of all magnitudes and both signs: every 4099th, those next to where
// functions change, and the special ones.
func arguments() []float32 {
	var all []float32
	for b := uint64(0); b < 1<<32; b += 4099 {
		all = append(all, math.Float32frombits(uint32(b)))
	}
	inf := float32(math.Inf(1))
	for _, v := range []float32{0, 1, 2, 0.5, 20, 14, 19.8, 88.72284, 87.33655, 103.97208, 708, 709, 5.9, 9.0, 0x1p-149, 0x1p-126,
		0x1p24, 0x1p30, math.Pi / 2, math.Pi / 4, math.Ln2 / 2, math.MaxFloat32, inf} {
		for _, v := range []float32{v, -v} {
			all = append(all, v, math.Nextafter32(v, inf), math.Nextafter32(v, -inf))
		}
	}
	return append(all, float32(math.NaN()), float32(math.Copysign(0, -1)))
}

// off is by how many units in the last place of f32 a value is off; two NaNs are the
// same, and infinities as far from the largest number as the next one would be.
func off(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case want != want || got != got:
		if want != want && got != got {
			return 0
		}
		return math.Inf(1)
	case got == w && math.Signbit(float64(got)) == math.Signbit(want):
		return 0
	case math.IsInf(float64(got), 0) || got == 0 && w == 0:
		return math.Inf(1)
	}
	a := math.Abs(want)
	unit := math.Ldexp(1, max(math.Ilogb(a), -126)-23)
	return math.Abs(float64(got)-want) / unit
}

// They are computed with a relative error below 1e-11 and rounded once.
func TestFunctionsAreWithinHalfAUnitInTheLastPlace(t *testing.T) {
	x := arguments()
	out := make([]float32, len(x))
	eachSet(t, func(t *testing.T, rows *Rows) {
		for name, f := range functions {
			rows.Unary[name+"F32"](first(out), first(x), len(x))
			worst, at := 0.0, float32(0)
			for i, v := range x {
				if (name == "sin" || name == "cos") && !(math.Abs(float64(v)) < 1<<30) && v-v == 0 {
					continue
				}
				if o := off(out[i], f(float64(v))); o > worst {
					worst, at = o, v
				}
			}
			if worst > 0.501 {
				rows.Unary[name+"F32"](first(out), (*byte)(unsafe.Pointer(&at)), 1)
				t.Errorf("%s(%v) is %v, want %v: off by %v units", name, at, out[0], float32(f(float64(at))), worst)
			}
		}
	})
}

func TestSoftplusIsWithinHalfAUnitInTheLastPlace(t *testing.T) {
	x := arguments()
	out := make([]float32, len(x))
	eachSet(t, func(t *testing.T, rows *Rows) {
		for _, args := range [][2]float64{{1, 20}, {0.5, 3}, {-2, 600}, {1, 700}} {
			rows.UnaryOf["softplusF32"](first(out), first(x), len(x), &args[0])
			for i, v := range x {
				want := float64(v)
				if u := want * args[0]; !(u > args[1]) {
					want = math.Log1p(math.Exp(u)) / args[0]
				}
				if off(out[i], want) > 0.501 {
					t.Fatalf("softplus(%v, %v) is %v, want %v", v, args, out[i], want)
				}
			}
		}
	})
}

// special are numbers, and numbers that aren't.
var special = []float64{0, math.Copysign(0, -1), 1, -1, 1.5, -2.25, 3e-39, -3e-39, 1e30, -1e30, math.Inf(1), math.Inf(-1), math.NaN(), 7, 0x1p-20, 65520}

func fill[T float32 | float64](x []T, seed int) []T {
	for i := range x {
		x[i] = T(special[(i*7+i/16*3+seed)%len(special)])
	}
	return x
}

type floats interface{ float32 | float64 }

func binaries[T floats]() map[string]func(a, b T) T {
	return map[string]func(a, b T) T{
		"add": func(a, b T) T { return a + b }, "sub": func(a, b T) T { return a - b },
		"mul": func(a, b T) T { return a * b }, "div": func(a, b T) T { return a / b },
		"maximum": func(a, b T) T { return max(a, b) }, "minimum": func(a, b T) T { return min(a, b) },
	}
}

func unaries[T floats]() map[string]func(x T) T {
	return map[string]func(x T) T{
		"neg": func(x T) T { return -x }, "abs": func(x T) T { return T(math.Abs(float64(x))) },
		"square": func(x T) T { return x * x }, "sqrt": func(x T) T { return T(math.Sqrt(float64(x))) },
		"reciprocal": func(x T) T { return 1 / x }, "relu": func(x T) T { return max(x, 0) },
	}
}

func same[T floats](a, b T) bool {
	return a != a && b != b || a == b && math.Signbit(float64(a)) == math.Signbit(float64(b))
}

// lengths are those around a vector, and around several.
func lengths() (all []int) {
	for n := range 71 {
		all = append(all, n)
	}
	return all
}

// Rows end where a page does that can't be touched, so with their lengths their
// alignment changes; and what lies before a result stays.
func exactly[T floats](t *testing.T, rows *Rows, dtype string) {
	size := int(unsafe.Sizeof(T(0)))
	for _, n := range lengths() {
		a, b, memory := fill(guarded[T](t, n), 1), fill(guarded[T](t, n), 5), guarded[T](t, n+1)
		memory[0] = 99
		out := memory[1:]
		for name, f := range unaries[T]() {
			rows.Unary[name+dtype](first(out), first(a), n)
			for i := range out {
				require.True(t, same(f(a[i]), out[i]), "%s%s(%v) is %v", name, dtype, a[i], out[i])
			}
		}
		for name, f := range binaries[T]() {
			for _, steps := range [][2]int{{1, 1}, {0, 1}, {1, 0}, {0, 0}} {
				if n == 0 {
					steps = [2]int{1, 1}
				}
				rows.Binary[name+dtype](first(out), first(a), first(b), n, steps[0], steps[1])
				for i := range out {
					x, y := a[i*steps[0]], b[i*steps[1]]
					require.True(t, same(f(x, y), out[i]), "%s%s(%v, %v) is %v, of %d and steps %v", name, dtype, x, y, out[i], n, steps)
				}
			}
		}
		require.Equal(t, T(99), memory[0], "%d bytes of %d", size, n)
	}
}

func TestArithmeticHasTheBitsOfGo(t *testing.T) {
	eachSet(t, func(t *testing.T, rows *Rows) {
		exactly[float32](t, rows, "F32")
		exactly[float64](t, rows, "F64")
	})
}

func TestFunctionsDoTheSameEverywhereInARow(t *testing.T) {
	eachSet(t, func(t *testing.T, rows *Rows) {
		for name, f := range rows.Unary {
			if !slices.Contains([]string{"expF32", "expm1F32", "logF32", "log1pF32", "tanhF32", "sigmoidF32", "siluF32", "geluF32", "gelu_tanhF32",
				"erfF32", "rsqrtF32", "sinF32", "cosF32"}, name) {
				continue
			}
			for _, n := range lengths() {
				x, memory, alone := fill(guarded[float32](t, n), 1), guarded[float32](t, n+1), []float32{0}
				memory[0] = 99
				f(first(memory[1:]), first(x), n)
				for i, got := range memory[1:] {
					f(first(alone), first(x[i:]), 1)
					require.True(t, same(alone[0], got), "%s(%v) is %v and %v", name, x[i], alone[0], got)
				}
				require.Equal(t, float32(99), memory[0])
			}
		}
	})
}

func TestComparisonsAndChoices(t *testing.T) {
	relations := map[string]func(a, b float32) bool{
		"eq": func(a, b float32) bool { return a == b }, "ne": func(a, b float32) bool { return a != b },
		"lt": func(a, b float32) bool { return a < b }, "le": func(a, b float32) bool { return a <= b },
		"gt": func(a, b float32) bool { return a > b }, "ge": func(a, b float32) bool { return a >= b },
	}
	eachSet(t, func(t *testing.T, rows *Rows) {
		for _, n := range lengths() {
			a, b, memory := fill(guarded[float32](t, n), 1), fill(guarded[float32](t, n), 5), guarded[uint8](t, n+1)
			memory[0] = 99
			out := memory[1:]
			steps := [][2]int{{1, 1}, {0, 1}, {1, 0}, {0, 0}}
			if n == 0 {
				steps = steps[:1]
			}
			for name, f := range relations {
				for _, s := range steps {
					rows.Binary[name+"F32"](first(out), first(a), first(b), n, s[0], s[1])
					for i, got := range out {
						want := uint8(0)
						if f(a[i*s[0]], b[i*s[1]]) {
							want = 1
						}
						require.Equal(t, want, got, "%s(%v, %v), of %d and steps %v", name, a[i*s[0]], b[i*s[1]], n, s)
					}
				}
			}
			require.Equal(t, uint8(99), memory[0])
			chosen, ones := guarded[float32](t, n), guarded[float32](t, n)
			for _, s := range [][3]int{{1, 1, 1}, {1, 0, 1}, {1, 1, 0}, {0, 1, 1}} {
				if n == 0 {
					s = [3]int{1, 1, 1}
				}
				rows.Ternary["where"](first(chosen), first(out), first(a), first(b), n, s[0], s[1], s[2])
				rows.Unary["boolToF32"](first(ones), first(out), n)
				for i, got := range chosen {
					want := b[i*s[2]]
					if out[i*s[0]] != 0 {
						want = a[i*s[1]]
					}
					require.Equal(t, math.Float32bits(want), math.Float32bits(got), "%d of %d, steps %v", i, n, s)
					require.Equal(t, float32(out[i]), ones[i])
				}
			}
		}
	})
}

// Sums are in f64, so that the order is only visible in its last places.
func TestFolds(t *testing.T) {
	eachSet(t, func(t *testing.T, rows *Rows) {
		for _, n := range append(lengths(), 1000) {
			x, memory := guarded[float32](t, n), guarded[float32](t, n+1)
			memory[0] = 99
			var sum, squares, exps float64
			most, least := float32(math.Inf(-1)), float32(math.Inf(1))
			args := []float64{0.75}
			for i := range x {
				x[i] = float32(i*37%101)/7 - 8
				v := float64(x[i])
				sum, squares, exps = sum+v, squares+(v-0.75)*(v-0.75), exps+math.Exp(v-0.75)
				most, least = max(most, x[i]), min(least, x[i])
			}
			near := func(want, got float64, what string) {
				require.InDelta(t, want, got, 1e-10*(1+math.Abs(want)), "%s of %d", what, n)
			}
			near(sum, rows.Fold["sumF32"](first(x), n, nil), "sum")
			near(squares, rows.Fold["squaresF32"](first(x), n, &args[0]), "squares")
			near(exps, rows.Fold["expsF32"](first(x), n, &args[0]), "exps")
			near(exps, rows.FoldTo["softF32"](first(memory[1:]), first(x), n, &args[0]), "soft")
			for i, v := range x {
				require.LessOrEqual(t, off(memory[i+1], math.Exp(float64(v)-0.75)), 0.501)
			}
			require.Equal(t, float32(99), memory[0])
			require.Equal(t, float64(most), rows.Fold["maxF32"](first(x), n, nil))
			require.Equal(t, float64(least), rows.Fold["minF32"](first(x), n, nil))
			for i := range x {
				was := x[i]
				x[i] = float32(math.NaN())
				require.True(t, math.IsNaN(rows.Fold["maxF32"](first(x), n, nil)), "a NaN at %d of %d", i, n)
				require.True(t, math.IsNaN(rows.Fold["minF32"](first(x), n, nil)), "a NaN at %d of %d", i, n)
				x[i] = was
			}
		}
	})
}

func TestRowsAreScaledInF64(t *testing.T) {
	eachSet(t, func(t *testing.T, rows *Rows) {
		for _, n := range lengths() {
			a, b, c := fill(guarded[float32](t, n), 1), fill(guarded[float32](t, n), 5), fill(guarded[float32](t, n), 2)
			memory, sums := guarded[float32](t, n+1), fill(guarded[float64](t, n), 3)
			memory[0] = 99
			out := memory[1:]
			x, y := 0.3, 1.7
			args := []float64{x, y}
			check := func(name string, want func(a, b, c float64) float64) {
				for i, got := range out {
					w := float32(want(float64(a[i]), float64(b[i]), float64(c[i])))
					require.True(t, same(w, got), "%s of %v, %v, %v is %v, not %v", name, a[i], b[i], c[i], got, w)
				}
			}
			rows.UnaryOf["scaleF32"](first(out), first(a), n, &args[0])
			check("scale", func(a, _, _ float64) float64 { return a * x })
			rows.UnaryOf["shiftF32"](first(out), first(a), n, &args[0])
			check("shift", func(a, _, _ float64) float64 { return a - x - y })
			rows.TernaryOf["normF32"](first(out), first(a), first(b), first(c), n, &args[0])
			check("norm", func(a, b, c float64) float64 { return float64(float64((a-x)*y)*b) + c })
			rows.BinaryOf["rmsF32"](first(out), first(a), first(b), n, &args[0])
			check("rms", func(a, b, _ float64) float64 { return a * x * b })
			require.Equal(t, float32(99), memory[0])
			before := slices.Clone(sums)
			rows.Binary["sumsF32"](first(sums), first(sums), first(a), n, 1, 1)
			for i, got := range sums {
				require.True(t, same(before[i]+float64(a[i]), got))
			}
		}
	})
}

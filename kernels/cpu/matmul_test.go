package cpu

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// withThreads makes kernels use so many threads, whatever they cost.
func withThreads(t testing.TB, n int) {
	threads, anyCost = n, true
	t.Cleanup(func() { threads, anyCost = 0, false })
}

// Shapes m, k, n that go every way: tiles high and wide, dots, one column, edges of each
// kind, packed and not, and several stretches of k.
var matmulShapes = [][3]int{
	{1, 1, 1}, {1, 7, 5}, {5, 3, 1}, {1, 300, 70}, {3, 33, 9}, {4, 8, 67}, {6, 10, 130}, {9, 200, 31}, {13, 17, 33},
	{29, 40, 100}, {64, 32, 64}, {85, 270, 65}, {130, 60, 150}, {33, 530, 140}, {1, 5, 200}, {200, 9, 1},
}

// eachMatmul calls f with every shape and transposition.
func eachMatmul[T float](t *testing.T, dtype string, f func(name string, run func() func(), a, b, out []T, m, k, n int, ta, tb bool)) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, s := range matmulShapes {
		m, k, n := s[0], s[1], s[2]
		for _, transposed := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
			as, bs := []int{m, k}, []int{k, n}
			if transposed[0] {
				as = []int{k, m}
			}
			if transposed[1] {
				bs = []int{n, k}
			}
			a, b, out := guardedBuffer[T](t, dtype, as...), guardedBuffer[T](t, dtype, bs...), guardedBuffer[T](t, dtype, m, n)
			for _, x := range [][]T{view[T](a), view[T](b)} {
				for i := range x {
					x[i] = T(r.NormFloat64())
				}
			}
			bind := func() func() { return bound(t, "matmul", out, []any{transposed[0], transposed[1]}, a, b) }
			f(fmt.Sprint(dtype, s, transposed), bind, view[T](a), view[T](b), view[T](out), m, k, n, transposed[0], transposed[1])
		}
	}
}

func TestMatmulIsTheProductAndTouchesNothingElse(t *testing.T) {
	checkMatmul[float32](t, "f32", 0x1p-24)
	checkMatmul[float64](t, "f64", 0x1p-53)
}

// A sum of k products, each rounded at most twice, in whatever order, differs from the
// exact one by at most k roundings of the sum of the products' sizes.
func checkMatmul[T float](t *testing.T, dtype string, unit float64) {
	eachMatmul(t, dtype, func(name string, bind func() func(), a, b, out []T, m, k, n int, ta, tb bool) {
		for i := range out {
			out[i] = T(math.NaN())
		}
		bind()()
		for i := range m {
			for j := range n {
				sum, size := 0.0, 0.0
				for l := range k {
					x, y := a[i*k+l], b[l*n+j]
					if ta {
						x = a[l*m+i]
					}
					if tb {
						y = b[j*k+l]
					}
					sum += float64(x) * float64(y)
					size += math.Abs(float64(x) * float64(y))
				}
				if got := float64(out[i*n+j]); !(math.Abs(got-sum) <= (float64(k)+1)*unit*size*2) {
					t.Fatalf("%s: element (%d, %d) is %v, want %v", name, i, j, got, sum)
				}
			}
		}
	})
}

func TestMatmulGivesTheSameBitsForAnyNumberOfThreads(t *testing.T) {
	eachMatmul(t, "f32", func(name string, bind func() func(), _, _, out []float32, _, _, _ int, _, _ bool) {
		bind()()
		want := append([]float32(nil), out...)
		for _, n := range []int{2, 3, 7} {
			withThreads(t, n)
			clear(out)
			bind()()
			require.Equal(t, want, out, "%s with %d threads", name, n)
		}
		withThreads(t, 1)
	})
}

func TestMatmulOfBatchesInParts(t *testing.T) {
	a, b, out := f32s(5, 1, 20, 30), f32s(3, 30, 40), f32s(5, 3, 20, 40)
	bound(t, "matmul", out, []any{false, false}, a, b)()
	want := append([]float32(nil), view[float32](out)...)
	withThreads(t, 4)
	clear(out.Data)
	bound(t, "matmul", out, []any{false, false}, a, b)()
	require.Equal(t, want, view[float32](out))
}

func TestMatmulKeepsNaNAndInfinities(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, s := range [][3]int{{1, 40, 40}, {40, 40, 40}, {40, 40, 1}} {
		m, k, n := s[0], s[1], s[2]
		a, b, out := f32s(m, k), f32s(k, n), f32s(m, n)
		view[float32](a)[k-1] = inf // row 0 of a: all else in it and in b is not negative
		view[float32](b)[n-1] = nan // row 0, the last column of b
		bound(t, "matmul", out, []any{false, false}, a, b)()
		for j := range n {
			got := view[float32](out)[j]
			last := view[float32](b)[(k-1)*n+j]
			switch {
			case j == n-1 || last == 0:
				require.True(t, got != got, "%v, column %d", s, j)
			default:
				require.Equal(t, inf, got, "%v, column %d", s, j)
			}
		}
	}
}

func TestAMatmulInPartsAllocatesNothing(t *testing.T) {
	withThreads(t, 2)
	for _, s := range [][3]int{{1, 64, 64}, {64, 64, 64}} {
		run := bound(t, "matmul", f32s(s[0], s[2]), []any{false, true}, f32s(s[0], s[1]), f32s(s[2], s[1]))
		run()
		require.Zero(t, testing.AllocsPerRun(200, run), s) // Go makes some goroutines anew at first
	}
}

// On one processor the caller does all parts before a goroutine comes to run.
func TestGoroutinesThatAreLateForTheirPartsDoNotPileUp(t *testing.T) {
	withThreads(t, 3)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	before := runtime.NumGoroutine()
	run := (&Args{Threads: threads}).parallel(3, 1, 1, func(from, to int) {})
	for range 1000 {
		run()
		require.LessOrEqual(t, runtime.NumGoroutine(), before+2)
	}
}

func TestPartsCoverAllOnceAndNestWithoutWaiting(t *testing.T) {
	withThreads(t, 3)
	a := &Args{Threads: threads}
	seen := make([]int32, 1000)
	a.parallel(len(seen), 64, 1, func(from, to int) {
		require.Zero(t, from%64)
		inner := a.parallel(to-from, 1, 1, func(i, j int) {
			for ; i < j; i++ {
				seen[from+i]++
			}
		})
		inner()
	})()
	for i, n := range seen {
		require.EqualValues(t, 1, n, i)
	}
}

func TestAPanicOfAPartIsTheCallers(t *testing.T) {
	for range 20 {
		var ended atomic.Int64
		require.PanicsWithError(t, "no", func() {
			defer func() {
				text, _, _ := strings.Cut(recover().(error).Error(), ", in a part of a kernel")
				panic(errors.New(text))
			}()
			inParts(4, func(part int) {
				defer ended.Add(1)
				if part != 1 {
					panic("no")
				}
			})
		})
		require.EqualValues(t, 4, ended.Load(), "no part is at work any more")
		inParts(3, func(int) { ended.Add(1) })
		require.EqualValues(t, 7, ended.Load())
	}
}

func TestTheTestsUseAssemblyWhereItIs(t *testing.T) {
	require.Equal(t, asm.Chosen != asm.Go, asm.ProductsOf(asm.Chosen, 4) != nil)
}

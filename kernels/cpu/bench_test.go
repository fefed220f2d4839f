package cpu

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// memory makes a buffer of small positive numbers.
func memory[T number](dtype string, shape ...int) Buffer {
	b := newScratch[T](Buffer{Shape: shape}, dtype)
	for i := range view[T](b) {
		view[T](b)[i] = T(i%7) / 4
	}
	return b
}

func f32s(shape ...int) Buffer { return memory[float32]("f32", shape...) }

func bench(b *testing.B, name string, run func(), flops int, bytes int) {
	b.Run(name, func(b *testing.B) {
		b.SetBytes(int64(bytes))
		for b.Loop() {
			run()
		}
		if flops > 0 {
			b.ReportMetric(float64(flops)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		}
	})
}

// threads are those that bound allows.
var threads int

func bound(b testing.TB, name string, out Buffer, scalars []any, inputs ...Buffer) func() {
	b.Helper()
	require.NotNil(b, Lookup(name), name)
	run, err := Lookup(name)(Args{Inputs: inputs, Output: out, Scalars: scalars, Threads: threads})
	require.NoError(b, err)
	return run
}

func BenchmarkElementwise(b *testing.B) {
	for _, n := range []int{1, 16, 256, 1 << 20} {
		bench(b, fmt.Sprint("neg/", n), bound(b, "neg", f32s(n), nil, f32s(n)), 0, 8*n)
		bench(b, fmt.Sprint("add/", n), bound(b, "add", f32s(n), nil, f32s(n), f32s(n)), 0, 12*n)
		bench(b, fmt.Sprint("mul by a scalar/", n), bound(b, "mul", f32s(n), nil, f32s(n), f32s()), 0, 8*n)
		bench(b, fmt.Sprint("add a row/", n), bound(b, "add", f32s(n, 16), nil, f32s(n, 16), f32s(16)), 0, 8*16*n)
		bench(b, fmt.Sprint("exp/", n), bound(b, "exp", f32s(n), nil, f32s(n)), 0, 8*n)
		bench(b, fmt.Sprint("silu/", n), bound(b, "silu", f32s(n), nil, f32s(n)), 0, 8*n)
		bench(b, fmt.Sprint("tanh/", n), bound(b, "tanh", f32s(n), nil, f32s(n)), 0, 8*n)
		bench(b, fmt.Sprint("where/", n), bound(b, "where", f32s(n), nil, Buffer{make([]byte, n), "bool", []int{n}}, f32s(n), f32s(n)), 0, 13*n)
		half := Buffer{make([]byte, 2*n+2), "f16", []int{n}}
		half.Data = half.Data[:2*n]
		bench(b, fmt.Sprint("add f16/", n), bound(b, "add", half, nil, half, half), 0, 6*n)
	}
}

func BenchmarkReduce(b *testing.B) {
	for _, n := range []int{1, 5, 1 << 10} {
		bench(b, fmt.Sprint("sum all/", n), bound(b, "sum", f32s(), []any{[]int{0, 1}}, f32s(n, n)), 0, 4*n*n)
		bench(b, fmt.Sprint("sum rows/", n), bound(b, "sum", f32s(n), []any{[]int{1}}, f32s(n, n)), 0, 4*n*n)
		bench(b, fmt.Sprint("sum columns/", n), bound(b, "sum", f32s(n), []any{[]int{0}}, f32s(n, n)), 0, 4*n*n)
		bench(b, fmt.Sprint("max rows/", n), bound(b, "max", f32s(n), []any{[]int{1}}, f32s(n, n)), 0, 4*n*n)
		bench(b, fmt.Sprint("softmax/", n), bound(b, "softmax", f32s(n, n), []any{1}, f32s(n, n)), 0, 8*n*n)
		bench(b, fmt.Sprint("layer_norm/", n), bound(b, "layer_norm", f32s(n, n), []any{1e-5}, f32s(n, n), f32s(n), f32s(n)), 0, 8*n*n)
	}
}

func BenchmarkMatmul(b *testing.B) {
	for _, s := range [][3]int{{1, 8, 16}, {1, 16, 5}, {16, 1, 16}, {16, 16, 16}, {64, 64, 64}, {256, 256, 256}, {512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 2048},
		{768, 128, 512}, {768, 512, 128}, {128, 784, 512}, {512, 128, 784}, {128, 512, 10}, {1, 512, 512}} {
		m, k, n := s[0], s[1], s[2]
		for _, t := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
			x, y := f32s(m, k), f32s(k, n)
			if t[0] {
				x = f32s(k, m)
			}
			if t[1] {
				y = f32s(n, k)
			}
			bench(b, fmt.Sprint(s, t), bound(b, "matmul", f32s(m, n), []any{t[0], t[1]}, x, y), 2*m*n*k, 4*(m*n+n*k+m*k))
		}
	}
}

func BenchmarkMove(b *testing.B) {
	const n = 1 << 10
	bench(b, "transpose", bound(b, "permute", f32s(n, n), []any{[]int{1, 0}}, f32s(n, n)), 0, 8*n*n)
	bench(b, "transpose 16x16", bound(b, "permute", f32s(16, 16), []any{[]int{1, 0}}, f32s(16, 16)), 0, 8*256)
	bench(b, "concat 4+4", bound(b, "concat", f32s(1, 8), []any{1}, f32s(1, 4), f32s(1, 4)), 0, 64)
	bench(b, "reshape 16", bound(b, "reshape", f32s(16), nil, f32s(4, 4)), 0, 128)
	bench(b, "bits_of 4", bound(b, "bits_of", memory[int32]("i32", 1, 4), nil, memory[int32]("i32", 1)), 0, 20)
	bench(b, "randint 1", bound(b, "randint", memory[int32]("i32", 1), []any{0, 16, 7}, memory[int64]("i64")), 0, 4)
	bench(b, "normal 1M", bound(b, "normal", f32s(n, n), []any{0.0, 1.0, 7}, memory[int64]("i64")), 0, 4*n*n)
}

// BenchmarkSmallNetwork is what a training step of a net with layers of 8, 16,
// 16 and 5 units at batch size 1 runs: it is bound by the cost of a launch.
func BenchmarkSmallNetwork(b *testing.B) {
	steps := smallNetwork(b)
	b.Run(fmt.Sprint(len(steps), " kernels"), func(b *testing.B) {
		for b.Loop() {
			for _, run := range steps {
				run()
			}
		}
	})
}

func smallNetwork(b testing.TB) []func() {
	i32 := func(shape ...int) Buffer { return memory[int32]("i32", shape...) }
	boolean := func(n int) Buffer { return Buffer{make([]byte, n), "bool", []int{1, n}} }
	step := memory[int64]("i64")
	var steps []func()
	do := func(name string, out Buffer, scalars []any, inputs ...Buffer) Buffer {
		steps = append(steps, bound(b, name, out, scalars, inputs...))
		return out
	}
	list := func(v ...any) []any { return v }
	// Data.
	a := do("randint", i32(1), list(0, 16, 1), step)
	c := do("randint", i32(1), list(0, 16, 2), step)
	bits := do("concat", i32(1, 8), list(1), do("bits_of", i32(1, 4), nil, a), do("bits_of", i32(1, 4), nil, c))
	x := do("cast", f32s(1, 8), nil, bits)
	target := do("cast", f32s(1, 5), nil, do("bits_of", i32(1, 5), nil, do("add", i32(1), nil, a, c)))
	// Forward and backward.
	sizes := []int{8, 16, 16, 5}
	weights, sums, acts := make([]Buffer, 3), make([]Buffer, 3), []Buffer{x}
	for l := range weights {
		weights[l] = f32s(sizes[l+1], sizes[l])
		sums[l] = do("matmul", f32s(1, sizes[l+1]), list(false, true), acts[l], weights[l])
		if l < 2 {
			acts = append(acts, do("silu", f32s(1, sizes[l+1]), nil, sums[l]))
		}
	}
	e := do("sub", f32s(1, 5), nil, sums[2], target)
	loss := do("mul", f32s(), nil, do("sum", f32s(), list([]int{0, 1}), do("square", f32s(1, 5), nil, e)), f32s())
	g := do("mul", f32s(1, 5), nil, e, f32s())
	for l := 2; l >= 0; l-- {
		n, m := sizes[l+1], sizes[l]
		grad := do("matmul", f32s(n, m), list(true, false), g, acts[l])
		if l > 0 {
			g = do("matmul", f32s(1, m), list(false, false), g, weights[l])
			s := do("sigmoid", f32s(1, m), nil, sums[l-1])
			t := do("mul", f32s(1, m), nil, sums[l-1], do("sub", f32s(1, m), nil, f32s(), s))
			g = do("mul", f32s(1, m), nil, g, do("mul", f32s(1, m), nil, s, do("add", f32s(1, m), nil, f32s(), t)))
		}
		do("sub", weights[l], nil, weights[l], do("mul", f32s(n, m), nil, grad, f32s()))
	}
	// Metrics: two running means and the stop condition.
	near := do("lt", boolean(5), nil, do("abs", f32s(1, 5), nil, do("sub", f32s(1, 5), nil, sums[2], target)), f32s())
	accuracy := do("mul", f32s(), nil, do("sum", f32s(), list([]int{0, 1}), do("cast", f32s(1, 5), nil, near)), f32s())
	for _, m := range []Buffer{loss, accuracy} {
		old := do("mul", f32s(), nil, f32s(), f32s())
		mean := do("add", f32s(), nil, old, do("mul", f32s(), nil, m, f32s()))
		do("div", f32s(), nil, mean, do("sub", f32s(), nil, f32s(), do("mul", f32s(), nil, f32s(), f32s())))
	}
	for range 10 { // counters, conditions and the like
		do("add", memory[int64]("i64"), nil, memory[int64]("i64"), memory[int64]("i64"))
		do("ge", Buffer{make([]byte, 1), "bool", []int{}}, nil, f32s(), f32s())
	}
	return steps
}

// Each layer's convolution, and its gradients.
func BenchmarkConvolution(b *testing.B) {
	for _, c := range []struct{ batch, groups, in, out, size, taps, stride int }{
		{100, 1, 1, 16, 28, 3, 1}, {100, 1, 16, 32, 14, 3, 1}, {16, 1, 64, 64, 28, 3, 1}, {16, 1, 64, 128, 28, 3, 2},
		{16, 1, 64, 256, 28, 1, 1}, {16, 64, 1, 1, 28, 3, 1}, {4, 1, 3, 192, 224, 16, 16},
	} {
		padding := (c.taps - 1) / 2
		if c.stride == c.taps {
			padding = 0
		}
		y := (c.size+2*padding-c.taps)/c.stride + 1
		of := func(size int) []any {
			return []any{[]int{c.stride, c.stride}, []int{padding, padding}, []int{1, 1}, c.groups, []int{size, size}}
		}
		xs, ws, ys := f32s(c.batch, c.groups*c.in, c.size, c.size), f32s(c.groups*c.out, c.in, c.taps, c.taps), f32s(c.batch, c.groups*c.out, y, y)
		flops, bytes := 2*c.batch*c.groups*c.out*y*y*c.in*c.taps*c.taps, len(xs.Data)+len(ws.Data)+len(ys.Data)
		bench(b, fmt.Sprint(c), bound(b, "convolution", ys, of(y), xs, ws), flops, bytes)
		bench(b, fmt.Sprint(c, "/input"), bound(b, "convolution_input", xs, of(c.size), ys, ws), flops, bytes)
		bench(b, fmt.Sprint(c, "/weight"), bound(b, "convolution_weight", ws, of(c.taps), xs, ys), flops, bytes)
	}
}

package cpu

import (
	"unsafe"

	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// The frames of elementwise kernels. A kernel's own file holds the loop over one row;
// here is which rows there are, and for which dtypes.

func unaryFloats(f32 func(out, x []float32), f64 func(out, x []float64)) form {
	return on(first, floats(unary(f32), unary(f64)))
}

func unaryNumbers(i32 func(out, x []int32), i64 func(out, x []int64),
	f32 func(out, x []float32), f64 func(out, x []float64)) form {
	return on(first, numbers(unary(i32), unary(i64), unary(f32), unary(f64)))
}

// rounding leaves integers as they are.
func rounding(f32 func(out, x []float32), f64 func(out, x []float64)) form {
	return on(first, numbers(copiedForm, copiedForm, unary(f32), unary(f64)))
}

func predicate(i32 func([]uint8, []int32), i64 func([]uint8, []int64),
	f32 func([]uint8, []float32), f64 func([]uint8, []float64)) form {
	return on(first, numbers(unary(i32), unary(i64), unary(f32), unary(f64)))
}

func never[T any](out []uint8, _ []T)  { clear(out) }
func always[T any](out []uint8, _ []T) { fill(out, 1) }

func binaryFloats(f32 func(out []float32, a, b operand[float32]),
	f64 func(out []float64, a, b operand[float64])) form {
	return on(first, floats(binary(f32), binary(f64)))
}

func binaryNumbers(i32 func(out []int32, a, b operand[int32]), i64 func(out []int64, a, b operand[int64]),
	f32 func(out []float32, a, b operand[float32]), f64 func(out []float64, a, b operand[float64])) form {
	return on(first, numbers(binary(i32), binary(i64), binary(f32), binary(f64)))
}

func comparison(u8 func(out []uint8, a, b operand[uint8]),
	i32 func(out []uint8, a, b operand[int32]), i64 func(out []uint8, a, b operand[int64]),
	f32 func(out []uint8, a, b operand[float32]), f64 func(out []uint8, a, b operand[float64])) form {
	return on(first, anything(binary(u8), binary(i32), binary(i64), binary(f32), binary(f64)))
}

// unary is out[i] = f(x[i]).
func unary[T, U any](loop func(out []U, x []T)) form {
	return unaryOf(func(*Args) func(out []U, x []T) { return loop })
}

// unaryOf is unary for functions that depend on scalars.
func unaryOf[T, U any](loopOf func(*Args) func(out []U, x []T)) form {
	part := func(a *Args) strip {
		if f := fastUnary(a); f != nil {
			return func(out unsafe.Pointer, in *operands, n int) { f((*byte)(out), (*byte)(in[0]), n) }
		}
		loop := loopOf(a)
		return func(out unsafe.Pointer, in *operands, n int) { loop(stretch[U](out, n), stretch[T](in[0], n)) }
	}
	return form{part: part, bind: func(a *Args) func() {
		x, out := view[T](a.input(0)), view[U](a.Output)
		sameShape(a.input(0), a.Output)
		if f := fastUnary(a); f != nil {
			px, po, n := (*byte)(address(a.input(0))), (*byte)(address(a.Output)), len(out)
			return func() { f(po, px, n) }
		}
		loop := loopOf(a)
		return func() { loop(out, x) }
	}}
}

// fastUnary finds a kernel's function in assembly.
func fastUnary(a *Args) asm.Unary {
	if a.kernel == "cast" && numel(a.Output.Shape) >= fewExact {
		return rows.Unary[castFast[[2]string{a.input(0).DType, a.Output.DType}]]
	}
	few := fewExact
	if isFunction[a.kernel] {
		few = fewFunctions
	}
	f := fast(a, rows.Unary, few)
	if f != nil && (a.kernel == "sin" || a.kernel == "cos") {
		return beyondPi(f, a.kernel)
	}
	return f
}

// binary is out[i] = f(a[i], b[i]) with broadcasting.
func binary[T, U any](loop func(out []U, a, b operand[T])) form {
	part := func(a *Args) strip {
		s0, s1 := step(a.single[0]), step(a.single[1])
		if f := fast(a, rows.Binary, fewExact); f != nil {
			return func(out unsafe.Pointer, in *operands, n int) {
				f((*byte)(out), (*byte)(in[0]), (*byte)(in[1]), n, s0, s1)
			}
		}
		return func(out unsafe.Pointer, in *operands, n int) {
			loop(stretch[U](out, n), operand[T]{in[0], uintptr(-s0)}, operand[T]{in[1], uintptr(-s1)})
		}
	}
	inRows := mapped(part)
	return form{part: part, bind: func(args *Args) func() {
		a, b, out := view[T](args.input(0)), view[T](args.input(1)), view[U](args.Output)
		shape := args.Output.Shape
		w := newWalk(shape, stridesOf(shape),
			broadcastStrides(args.input(0), shape), broadcastStrides(args.input(1), shape))
		if len(out) == 0 {
			return nothing
		}
		if w.n >= fewExact && fast(args, rows.Binary, fewExact) != nil {
			return inRows(args)
		}
		if w.rows == 1 {
			ra, rb := row(a, 0, w.strides[1]), row(b, 0, w.strides[2])
			return func() { loop(out, ra, rb) }
		}
		return func() {
			var c cursor
			for range w.rows {
				o := c.at[0]
				loop(out[o:o+w.n], row(a, c.at[1], w.strides[1]), row(b, c.at[2], w.strides[2]))
				c.next(w)
			}
		}
	}}
}

// step is from an operand's element to the next.
func step(single bool) int {
	if single {
		return 0
	}
	return 1
}

package cpu

import (
	"unsafe"

	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// blockSize is how many elements are in f64 at a time.
const blockSize = 64

// inBlocks binds an elementwise kernel that is computed in f64: a block of x is
// widened, changed in place by f, and rounded to T.
//
// Converting in loops of their own is what makes it fast. The processor's
// conversion instruction leaves half of its target register as it was, so it
// waits for whatever last used it; between the conversion and the rounding of a
// long computation that strings all elements together (exp: 10 ns an element
// instead of 4).
func inBlocks[T float](fOf func(*Args) func(b []float64)) form {
	return unaryOf(func(a *Args) func(out, x []T) {
		f, block := fOf(a), make([]float64, min(blockSize, numel(a.input(0).Shape)))
		return func(out, x []T) {
			for at := 0; at < len(x); at += blockSize {
				part := x[at:min(at+blockSize, len(x))]
				b := block[:len(part)]
				for i, v := range part {
					b[i] = float64(v)
				}
				f(b)
				to := out[at : at+len(b)]
				for i, v := range b {
					to[i] = T(v)
				}
			}
		}
	})
}

// wide is an elementwise kernel for floats, computed in f64.
func wide(f32, f64 func(b []float64)) form {
	always := func(f func(b []float64)) func(*Args) func(b []float64) {
		return func(*Args) func(b []float64) { return f }
	}
	return on(first, floats(inBlocks[float32](always(f32)), inBlocks[float64](always(f64))))
}

// isFunction names the kernels whose assembly computes f32 in f64, as their Go does.
var isFunction = map[string]bool{"exp": true, "expm1": true, "log": true, "log1p": true, "tanh": true, "sigmoid": true,
	"silu": true, "gelu": true, "gelu_tanh": true, "erf": true, "rsqrt": true, "sin": true, "cos": true}

// piMost is the magnitude up to which the sine and the cosine in assembly hold.
const piMost = 1 << 30

// beyondPi makes a sine or cosine in assembly hold for large arguments: those are computed
// in Go. They are rare, so that a block is looked through and then seldom changed.
func beyondPi(f asm.Unary, kernel string) asm.Unary {
	far := sin
	if kernel == "cos" {
		far = cos
	}
	large, one := make([]float32, blockSize), make([]float64, 1)
	return func(out, x *byte, n int) {
		for at := 0; at < n; at += blockSize {
			in := stretch[float32](unsafe.Add(unsafe.Pointer(x), 4*at), min(blockSize, n-at))
			to := stretch[float32](unsafe.Add(unsafe.Pointer(out), 4*at), len(in))
			any := false
			for i, v := range in {
				large[i] = v
				any = any || v >= piMost || v <= -piMost
			}
			f((*byte)(unsafe.Pointer(&to[0])), (*byte)(unsafe.Pointer(&in[0])), len(in))
			if !any {
				continue
			}
			for i, v := range large[:len(in)] {
				if v >= piMost || v <= -piMost {
					one[0] = float64(v)
					far(one)
					to[i] = float32(one[0])
				}
			}
		}
	}
}

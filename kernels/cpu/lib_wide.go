package cpu

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
func inBlocks[T float](f func(b []float64)) binder {
	return func(a *Args) func() {
		x, out := view[T](a.input(0)), view[T](a.Output)
		sameShape(a.input(0), a.Output)
		block := make([]float64, min(blockSize, len(x)))
		return func() {
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
	}
}

// wide is an elementwise kernel for floats, computed in f64.
func wide(f32, f64 func(b []float64)) binder {
	return on(first, floats(inBlocks[float32](f32), inBlocks[float64](f64)))
}

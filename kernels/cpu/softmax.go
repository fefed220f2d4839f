package cpu

// softmax: e^x over its sum along dim.
//
// x [...] → out [...]. Bound by flops.
//
// The largest element is subtracted first, so nothing overflows; sums are taken in f64.
// NaN wherever the row holds NaN or +∞, or nothing but -∞.
func init() {
	register("softmax", on(first, floats(fastSoftmax, alongDim(softmax[float64]))))
}

// softmax works on n elements that lie stride apart.
func softmax[T float](out, x []T, n, stride int) {
	scale := 1 / expRow(out, x, n, stride, topOf(x, n, stride))
	for i := 0; i < n*stride; i += stride {
		out[i] = T(float64(out[i]) * scale)
	}
}

// fastSoftmax is softmax of f32, in assembly where there is that and elements lie side by
// side.
func fastSoftmax(a *Args) func() {
	in, n, ok := fastRows(a)
	if !ok {
		return alongDim(softmax[float32])(a)
	}
	x, out := view[float32](in), view[float32](a.Output)
	soft, scale, args := rows.FoldTo["softF32"], rows.UnaryOf["scaleF32"], make([]float64, 1)
	return func() {
		for at := 0; at < len(x); at += n {
			row, to := start(x[at:]), start(out[at:])
			args[0] = float64(topOf(x[at:], n, 1))
			args[0] = 1 / soft(to, row, n, &args[0])
			scale(to, to, n, &args[0])
		}
	}
}

// fastRows tells whether a kernel along a dim works on rows in assembly: the dim must be
// the last one that has elements, and they must not be few.
func fastRows(a *Args) (in Buffer, n int, ok bool) {
	in = a.input(0)
	sameShape(in, a.Output)
	_, n, inner := split(in.Shape, a.dim(0, in.Shape))
	return in, n, len(rows.Fold) > 0 && inner == 1 && n >= fewFunctions
}

// expRow gives the sum of e^(x - top) over n elements that lie stride apart, and
// if out isn't nil writes the terms there. It works in blocks, for the reason
// that inBlocks gives.
func expRow[T float](out, x []T, n, stride int, top T) (sum float64) {
	var block [blockSize / 2]float64
	most := float64(top)
	for at := 0; at < n; at += len(block) {
		b := block[:min(len(block), n-at)]
		for i := range b {
			b[i] = float64(x[(at+i)*stride])
		}
		for i, v := range b {
			e := expOf[T](v - most)
			b[i] = e
			sum += e
		}
		if out != nil {
			for i, v := range b {
				out[(at+i)*stride] = T(v)
			}
		}
	}
	return sum
}

// topOf is the largest of n elements that lie stride apart; NaN if one is.
func topOf[T float](x []T, n, stride int) T {
	if stride == 1 {
		if row, ok := any(x).([]float32); ok && n >= fewFolded && fastMax != nil {
			return T(fastMax(start(row), n, nil))
		}
		return maxRow(x[0], x[:n])
	}
	top := x[0]
	for i := 0; i < n*stride; i += stride {
		top = max(top, x[i])
	}
	return top
}

var fastMax = rows.Fold["maxF32"]

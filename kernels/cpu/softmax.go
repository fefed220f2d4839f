package cpu

// softmax: e^x over its sum along dim.
//
// x [...] → out [...]. Bound by flops.
//
// The largest element is subtracted first, so nothing overflows; sums are taken in f64.
// NaN wherever the row holds NaN or +∞, or nothing but -∞.
func init() {
	register("softmax", on(first, floats(alongDim(softmax[float32]), alongDim(softmax[float64]))))
}

// softmax works on n elements that lie stride apart.
func softmax[T float](out, x []T, n, stride int) {
	scale := 1 / expRow(out, x, n, stride, topOf(x, n, stride))
	for i := 0; i < n*stride; i += stride {
		out[i] = T(float64(out[i]) * scale)
	}
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
		return maxRow(x[0], x[:n])
	}
	top := x[0]
	for i := 0; i < n*stride; i += stride {
		top = max(top, x[i])
	}
	return top
}

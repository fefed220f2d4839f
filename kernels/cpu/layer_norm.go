package cpu

import "math"

// layer_norm: x less its mean, over its standard deviation, times weight, plus bias,
// along the last dimension (Ba, Kiros and Hinton, "Layer normalization", 2016).
//
// x [..., d], weight [d], bias [d] → out [..., d]. Bound by bytes.
//
// Mean and variance (the population's, with eps added) are taken in f64, in two passes.
func init() { register("layer_norm", on(first, floats(fastLayerNorm, layerNorm[float64]))) }

func layerNorm[T float](a *Args) func() {
	x, weight, bias, out := view[T](a.input(0)), view[T](a.input(1)), view[T](a.input(2)), view[T](a.Output)
	eps, d := a.float(0), normSize(a)
	return func() {
		for at := 0; at < len(x); at += d {
			row, to := x[at:at+d], out[at:at+d]
			mean := sumRow[T, float64](0, row) / float64(d)
			var squares float64
			for _, v := range row {
				e := float64(v) - mean
				squares += e * e
			}
			scale := 1 / math.Sqrt(squares/float64(d)+eps)
			for i, v := range row {
				to[i] = T((float64(v)-mean)*scale*float64(weight[i]) + float64(bias[i]))
			}
		}
	}
}

// fastLayerNorm is layer_norm of f32, in assembly where there is that.
func fastLayerNorm(a *Args) func() {
	d := normSize(a)
	sum, squares, norm := rows.Fold["sumF32"], rows.Fold["squaresF32"], rows.TernaryOf["normF32"]
	if sum == nil || d < fewFolded {
		return layerNorm[float32](a)
	}
	x, out := view[float32](a.input(0)), view[float32](a.Output)
	weight, bias := start(view[float32](a.input(1))), start(view[float32](a.input(2)))
	eps, args := a.float(0), make([]float64, 2)
	return func() {
		for at := 0; at < len(x); at += d {
			row := start(x[at:])
			args[0] = sum(row, d, nil) / float64(d)
			args[1] = 1 / math.Sqrt(squares(row, d, &args[0])/float64(d)+eps)
			norm(start(out[at:]), row, weight, bias, d, &args[0])
		}
	}
}

// normSize gives the size of the last dimension of input 0, which all further
// inputs must have. For an empty input it is 1, which loops over nothing.
func normSize(a *Args) int {
	in := a.input(0)
	sameShape(in, a.Output)
	if len(in.Shape) == 0 {
		fail("a scalar has no last dimension")
	}
	d := in.Shape[len(in.Shape)-1]
	for _, p := range a.Inputs[1:] {
		if len(p.Shape) != 1 || p.Shape[0] != d {
			fail("the shape %v was given for [%d]", p.Shape, d)
		}
	}
	return max(d, 1)
}

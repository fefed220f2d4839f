package cpu

import "math"

// rms_norm: x over its root mean square, times weight, along the last dimension (Zhang
// and Sennrich, "Root mean square layer normalization", 2019).
//
// x [..., d], weight [d] → out [..., d]. Bound by bytes.
//
// The mean of squares, with eps added, is taken in f64.
func init() { register("rms_norm", on(first, floats(fastRMSNorm, rmsNorm[float64]))) }

func rmsNorm[T float](a *Args) func() {
	x, weight, out := view[T](a.input(0)), view[T](a.input(1)), view[T](a.Output)
	eps, d := a.float(0), normSize(a)
	return func() {
		for at := 0; at < len(x); at += d {
			row, to := x[at:at+d], out[at:at+d]
			var squares float64
			for _, v := range row {
				squares += float64(v) * float64(v)
			}
			scale := 1 / math.Sqrt(squares/float64(d)+eps)
			for i, v := range row {
				to[i] = T(float64(v) * scale * float64(weight[i]))
			}
		}
	}
}

// fastRMSNorm is rms_norm of f32, in assembly where there is that.
func fastRMSNorm(a *Args) func() {
	d := normSize(a)
	squares, scale := rows.Fold["squaresF32"], rows.BinaryOf["rmsF32"]
	if squares == nil || d < fewFolded {
		return rmsNorm[float32](a)
	}
	x, out, weight := view[float32](a.input(0)), view[float32](a.Output), start(view[float32](a.input(1)))
	eps, args, zero := a.float(0), make([]float64, 1), make([]float64, 1)
	return func() {
		for at := 0; at < len(x); at += d {
			row := start(x[at:])
			args[0] = 1 / math.Sqrt(squares(row, d, &zero[0])/float64(d)+eps)
			scale(start(out[at:]), row, weight, d, &args[0])
		}
	}
}

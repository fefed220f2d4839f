package cpu

import "math"

// logsumexp: the logarithm of the sum over dims of e^x. One pass: the sum is kept in
// f64, relative to the largest element so far, and rescaled when a larger one comes.
//
// x [...] → out without (or with, as 1) the dims; -∞ of no elements. Bound by flops.
func init() {
	register("logsumexp", on(first, floats(reduce(logsumexp[float32]()), reduce(logsumexp[float64]()))))
}

// scaledSum stands for sum · e^top.
type scaledSum struct{ top, sum float64 }

func logsumexp[T float]() reduction[T, scaledSum, T] {
	return reduction[T, scaledSum, T]{
		start: scaledSum{top: math.Inf(-1)},
		row: func(acc scaledSum, x []T) scaledSum {
			for _, v := range x {
				addExp[T](&acc, float64(v))
			}
			return acc
		},
		columns: func(acc []scaledSum, x []T) {
			for i, v := range x {
				addExp[T](&acc[i], float64(v))
			}
		},
		end: func(s scaledSum) T { return T(s.top + math.Log(s.sum)) },
	}
}

// addExp adds e^v.
func addExp[T float](s *scaledSum, v float64) {
	switch {
	case v == s.top: // infinities too
		if !math.IsInf(v, -1) {
			s.sum++
		}
	case v > s.top:
		s.sum = s.sum*expOf[T](s.top-v) + 1
		s.top = v
	default:
		s.sum += expOf[T](v - s.top)
	}
}

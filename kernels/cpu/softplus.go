package cpu

import (
	"math"
	"unsafe"
)

// softplus: log(1 + e^(beta·x)) / beta, and x itself where beta·x > threshold,
// elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() {
	register("softplus", on(first, floats(softplusFast(), inBlocks[float64](softplus[float64]))))
}

func softplus[T float](a *Args) func(b []float64) {
	beta, threshold := a.float(0), a.float(1)
	return func(b []float64) {
		for i, v := range b {
			if u := v * beta; !(u > threshold) {
				b[i] = math.Log1p(expOf[T](u)) / beta
			}
		}
	}
}

// softplusFast is it in assembly, where there is that.
func softplusFast() form {
	slow := inBlocks[float32](softplus[float32])
	part := func(a *Args) strip {
		args := []float64{a.float(0), a.float(1)}
		f := fast(a, rows.UnaryOf, fewFunctions)
		if f == nil {
			return slow.part(a)
		}
		return func(out unsafe.Pointer, in *operands, n int) { f((*byte)(out), (*byte)(in[0]), n, &args[0]) }
	}
	return form{bind: mapped(part), part: part}
}

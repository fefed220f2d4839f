package cpu

import "math"

// normal: random numbers of the normal distribution with a mean and a standard
// deviation.
//
// step i64[] → out [...]. Bound by flops.
//
// Box and Muller's method: elements 2j and 2j+1 are r·cos θ and r·sin θ with r = √(-2
// ln u₀), θ = 2π u₁, of u₀ in (0, 1] and u₁ in [0, 1), 24 bits each. The functions are
// evaluated in f64 and rounded to T.
func init() { register("normal", on(output, floats(normal[float32], normal[float64]))) }

func normal[T float](a *Args) func() {
	mean, std := T(a.float(0)), T(a.float(1))
	return random(a, a.int(2), func(out []T, words [4]uint32) {
		for i := 0; i < len(out); i += 2 {
			r := math.Sqrt(-2 * math.Log(unit[float64](words[i]>>8+1)))
			sin, cos := math.Sincos(2 * math.Pi * unit[float64](words[i+1]>>8))
			out[i] = mean + T(std*T(r*cos))
			if i+1 < len(out) {
				out[i+1] = mean + T(std*T(r*sin))
			}
		}
	})
}

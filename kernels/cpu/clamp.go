package cpu

// clamp: x limited to min and max. NaN stays. Where min is above max, the result is
// max.
//
// x [...] → out [...]. Bound by bytes.
func init() {
	register("clamp", on(first, numbers(clamp[int32](i32Value), clamp[int64](asInt),
		clamp[float32](f32Value), clamp[float64](asFloat))))
}

func clamp[T number](value func(any) T) form {
	return unaryOf(func(a *Args) func(out, x []T) {
		low, high := value(a.scalar(0)), value(a.scalar(1))
		return func(out, x []T) {
			for i, v := range x {
				out[i] = min(max(v, low), high)
			}
		}
	})
}

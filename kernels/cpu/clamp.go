package cpu

// clamp: x limited to min and max. NaN stays. Where min is above max, the result is
// max.
//
// x [...] → out [...]. Bound by bytes.
func init() {
	register("clamp", on(first, numbers(clamp[int32](i32Value), clamp[int64](asInt),
		clamp[float32](f32Value), clamp[float64](asFloat))))
}

func clamp[T number](value func(any) T) binder {
	return func(a *Args) func() {
		x, out := view[T](a.input(0)), view[T](a.Output)
		sameShape(a.input(0), a.Output)
		low, high := value(a.scalar(0)), value(a.scalar(1))
		return func() {
			for i, v := range x {
				out[i] = min(max(v, low), high)
			}
		}
	}
}

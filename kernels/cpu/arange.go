package cpu

// arange: start, start + step, start + 2·step, … Floats are computed in f64 and rounded
// once to f32 or f64 (from f32 once more to f16 or bf16).
//
// → out [n]; its size says how far. Bound by bytes.
func init() {
	register("arange", on(output, numbers(arangeInts[int32], arangeInts[int64], arangeFloats[float32], arangeFloats[float64])))
}

func arangeInts[T integer](a *Args) func() {
	start, step, out := asInt(a.scalar(0)), asInt(a.scalar(1)), view[T](a.Output)
	return func() {
		for i := range out {
			out[i] = T(start + int64(i)*step)
		}
	}
}

func arangeFloats[T float](a *Args) func() {
	start, step, out := asFloat(a.scalar(0)), asFloat(a.scalar(1)), view[T](a.Output)
	return func() {
		for i := range out {
			out[i] = T(start + float64(float64(i)*step))
		}
	}
}

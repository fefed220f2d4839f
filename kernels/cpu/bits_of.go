package cpu

// bits_of: the lowest bits of integers, least significant first. Negative integers are
// in two's complement; beyond their width comes the sign.
//
// x [...] → out [..., bits], 0 or 1; its last dimension says how many. Bound by bytes.
func init() { register("bits_of", on(first, variants[binder]{i32: bitsOf[int32], i64: bitsOf[int64]})) }

func bitsOf[T integer](a *Args) func() {
	x, out := view[T](a.input(0)), view[T](a.Output)
	last := len(a.Output.Shape) - 1
	if last < 0 {
		fail("the output must have a dimension for the bits")
	}
	bits := a.Output.Shape[last]
	mustBe(a.Output, append(append([]int(nil), a.input(0).Shape...), bits))
	return func() {
		i := 0
		for _, v := range x {
			for b := range bits {
				out[i] = v >> b & 1
				i++
			}
		}
	}
}

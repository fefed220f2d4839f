package cpu

// randint: random integers from low to high - 1, equally likely. Element i is low + ⌊u
// · (high - low) / 2³²⌋ of the word u drawn for it.
//
// step i64[] → out [...]. Bound by flops.
func init() {
	register("randint", on(output, variants[binder]{i32: randint[int32], i64: randint[int64]}))
}

func randint[T integer](a *Args) func() {
	low, high := a.int(0), a.int(1)
	span := uint64(high) - uint64(low)
	if high <= low || span > 1<<32 {
		fail("the range from %d to %d must hold 1 to 2^32 integers", low, high)
	}
	return random(a, a.int(2), func(out []T, words [4]uint32) {
		for i := range out {
			out[i] = T(low) + T(uint64(words[i])*span>>32)
		}
	})
}

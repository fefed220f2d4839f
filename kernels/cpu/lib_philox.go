package cpu

import "math/bits"

// philox is Philox 4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC11): a bijection of 128-bit counters, keyed
// by 64 bits. Counters in order give independent random numbers.
func philox(c [4]uint32, k0, k1 uint32) [4]uint32 {
	for range 10 {
		h0, l0 := bits.Mul32(0xd2511f53, c[0])
		h1, l1 := bits.Mul32(0xcd9e8d57, c[2])
		c = [4]uint32{h1 ^ c[1] ^ k0, l1, h0 ^ c[3] ^ k1, l0}
		k0 += 0x9e3779b9
		k1 += 0xbb67ae85
	}
	return c
}

// draw gives the words that elements 4·block to 4·block + 3 of a random node
// are made of, at a step.
func draw(key uint64, step int64, block int) [4]uint32 {
	b, t := uint64(block), uint64(step)
	return philox([4]uint32{uint32(b), uint32(b >> 32), uint32(t), uint32(t >> 32)}, uint32(key), uint32(key>>32))
}

// random binds a kernel over the words drawn at the step that the input holds.
// fill makes up to four elements of them.
func random[T any](a *Args, key int, fill func(out []T, words [4]uint32)) func() {
	step, out := view[int64](a.input(0)), view[T](a.Output)
	if len(step) != 1 {
		fail("the step counter has the shape %v; a scalar was expected", a.input(0).Shape)
	}
	return func() {
		rest := out
		for block := 0; len(rest) > 0; block++ {
			n := min(4, len(rest))
			fill(rest[:n], draw(uint64(key), step[0], block))
			rest = rest[n:]
		}
	}
}

package sampling

// uniform is a number of [0, 1) with 53 random bits, of a seed and a step: the first two
// words of Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, 2011) with the seed as its key
// and the step as its counter.
func uniform(seed int64, step uint64) float64 {
	key := [2]uint32{uint32(uint64(seed)), uint32(uint64(seed) >> 32)}
	w := philox([4]uint32{uint32(step), uint32(step >> 32)}, key)
	return float64((uint64(w[0])<<32|uint64(w[1]))>>11) / (1 << 53)
}

// philox gives the block of four random words of a counter and a key.
func philox(c [4]uint32, key [2]uint32) [4]uint32 {
	for range 10 {
		a, b := uint64(c[0])*0xD2511F53, uint64(c[2])*0xCD9E8D57
		c = [4]uint32{uint32(b>>32) ^ c[1] ^ key[0], uint32(b), uint32(a>>32) ^ c[3] ^ key[1], uint32(a)}
		key[0], key[1] = key[0]+0x9E3779B9, key[1]+0xBB67AE85
	}
	return c
}

package ir

import (
	"math"
	"math/bits"
)

// Sizes are counted with arithmetic that saturates: a sum or product beyond the
// largest int is the largest int. No memory has that many bytes, so it is refused
// wherever it is compared with one; a size that had wrapped around would pass.

// AddSize is the sum of sizes.
func AddSize(sizes ...int) int {
	total := 0
	for _, s := range sizes {
		if total > math.MaxInt-s {
			return math.MaxInt
		}
		total += s
	}
	return total
}

// MulSize is the product of two sizes.
func MulSize(a, b int) int {
	high, low := bits.Mul64(uint64(a), uint64(b))
	if high != 0 || low > math.MaxInt {
		return math.MaxInt
	}
	return int(low)
}

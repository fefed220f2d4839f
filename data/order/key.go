package order

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// Key is what a draw depends on.
type Key [32]byte

// KeyOf makes a key of what is drawn, for what, and numbers: a seed, an epoch. Different
// arguments give independent draws.
func KeyOf(what, of string, numbers ...int64) Key {
	h := sha256.New()
	for _, text := range []string{what, of} {
		sum := sha256.Sum256([]byte(text))
		h.Write(sum[:])
	}
	for _, n := range numbers {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	return Key(h.Sum(nil))
}

// With is a key for one of many draws with this key.
func (k Key) With(number int64) Key {
	var b [40]byte
	copy(b[:], k[:])
	binary.LittleEndian.PutUint64(b[32:], uint64(number))
	return sha256.Sum256(b[:])
}

// draws are random numbers. ChaCha8's are specified; how package rand makes numbers below
// a bound of them isn't, so that is done here.
type draws struct{ rand.ChaCha8 }

// below draws a number below n, all with the same probability: Lemire's method.
func (d *draws) below(n uint64) uint64 {
	high, low := bits.Mul64(d.Uint64(), n)
	if low < n {
		for least := -n % n; low < least; {
			high, low = bits.Mul64(d.Uint64(), n)
		}
	}
	return high
}

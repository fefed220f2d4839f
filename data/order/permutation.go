package order

import "math/bits"

// TableLimit is up to how many examples a permutation is a table, of 4 bytes each. Beyond,
// it is computed, in constant memory.
const TableLimit = 1 << 22

// Permutation is an order of the numbers below n: a uniform one up to TableLimit, any of
// the n! with the same probability. Beyond, it is one of 2^512 that are each a bijection
// and look uniform in every test of positions and pairs.
type Permutation struct {
	n        int64
	shuffled []uint32
	network  network
	random   draws
}

// Set makes it the permutation of a key. The memory of the last one is used again.
func (p *Permutation) Set(n int64, key Key) {
	p.n = n
	p.random.Seed(key)
	if n > TableLimit {
		p.shuffled = nil
		p.network = newNetwork(n, &p.random)
		return
	}
	if int64(cap(p.shuffled)) < n {
		p.shuffled = make([]uint32, n)
	}
	p.shuffled = p.shuffled[:n]
	for i := range p.shuffled { // Fisher and Yates, inside out
		j := p.random.below(uint64(i) + 1)
		p.shuffled[i] = p.shuffled[j]
		p.shuffled[j] = uint32(i)
	}
}

// At is the number at a position, from 0 to n-1.
func (p *Permutation) At(i int64) int64 {
	if p.n > TableLimit {
		return p.network.at(i)
	}
	return int64(p.shuffled[i])
}

// network is a bijection of the numbers below n: a Feistel network over the next power of
// two, applied until a number is below n. That ends because the network permutes: from a
// number below n the walk comes back to it. On average it takes less than two rounds.
type network struct {
	n     uint64
	low   int // bits of the lower half
	high  uint64
	lower uint64 // masks
	keys  [rounds]uint64
}

// rounds is more than enough for halves of a few bits; see the tests.
const rounds = 12

func newNetwork(n int64, random *draws) network {
	width := bits.Len64(uint64(n - 1))
	w := network{n: uint64(n), low: (width + 1) / 2}
	w.lower = 1<<w.low - 1
	w.high = 1<<(width-w.low) - 1
	for i := range w.keys {
		w.keys[i] = random.Uint64()
	}
	return w
}

func (w *network) at(i int64) int64 {
	for x := w.once(uint64(i)); ; x = w.once(x) {
		if x < w.n {
			return int64(x)
		}
	}
}

// once applies the network. The halves may differ by a bit, so they aren't exchanged;
// instead each changes the other in turn.
func (w *network) once(x uint64) uint64 {
	high, low := x>>w.low, x&w.lower
	for i := 0; i < rounds; i += 2 {
		high ^= mix(low+w.keys[i]) & w.high
		low ^= mix(high+w.keys[i+1]) & w.lower
	}
	return high<<w.low | low
}

// mix is the finalizer of SplitMix64: each bit of the result depends on all of x.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

package order

import (
	"math/bits"
	"sort"
)

// Rows are some of the numbers below n, ascending: a range, or a set of one bit each.
type Rows struct {
	first, n int64
	words    []uint64 // nil: a range
	before   []int64  // how many are in the words before each block
}

// blockWords is the number of words whose numbers are counted together.
const blockWords = 8

// Range are n numbers.
func Range(first, n int64) Rows { return Rows{first: first, n: n} }

// Len is how many there are.
func (r *Rows) Len() int64 { return r.n }

// At is the i-th of them, from 0.
func (r *Rows) At(i int64) int64 {
	if r.words == nil {
		return r.first + i
	}
	block := sort.Search(len(r.before), func(b int) bool { return r.before[b] > i }) - 1
	left := int(i - r.before[block])
	for w := block * blockWords; ; w++ {
		if n := bits.OnesCount64(r.words[w]); left >= n {
			left -= n
			continue
		}
		word := r.words[w]
		for range left {
			word &= word - 1 // without its lowest
		}
		return int64(w)*64 + int64(bits.TrailingZeros64(word))
	}
}

// First are the first n of them.
func (r *Rows) First(n int64) Rows {
	few := *r
	few.n = min(n, r.n)
	return few
}

// set collects rows, ascending.
type set struct{ words []uint64 }

func newSet(n int64) *set { return &set{make([]uint64, (n+63)/64)} }

func (s *set) add(row int64) { s.words[row/64] |= 1 << (row % 64) }

// rows are those that were added.
func (s *set) rows() Rows {
	r := Rows{words: s.words}
	for w, word := range s.words {
		if w%blockWords == 0 {
			r.before = append(r.before, r.n)
		}
		r.n += int64(bits.OnesCount64(word))
	}
	return r
}

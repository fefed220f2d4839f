package order

// Batches divides epochs of n examples into batches. Batches don't cross epochs.
type Batches struct {
	N, Size  int64
	DropLast bool // the smaller last batch of an epoch is left out
}

// Steps is the number of batches of an epoch.
func (b Batches) Steps() int64 {
	if b.Remainder() > 0 {
		return b.N/b.Size + 1
	}
	return b.N / b.Size
}

// Remainder is the number of examples in the smaller last batch of an epoch; 0 if there is
// none.
func (b Batches) Remainder() int64 {
	if b.DropLast {
		return 0
	}
	return b.N % b.Size
}

// Most is the number of examples in the largest batch: Size, or all that there are.
func (b Batches) Most() int64 { return min(b.Size, b.N) }

// At is the batch of a step: its epoch, its first example's position in the epoch, and how
// many examples it has.
func (b Batches) At(step int64) (epoch, first, count int64) {
	epoch = step / b.Steps()
	first = step % b.Steps() * b.Size
	return epoch, first, min(b.Size, b.N-first)
}

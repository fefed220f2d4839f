package asm

// tileVectors is how many numbers of vectors a tileTable has room for, from 0 on.
const tileVectors = 5

// tileTable lists functions by their rows and vectors: without a mask, and with one.
type tileTable [15 * tileVectors][2]func(*Tile)

// Products are the functions that matrix products are made of, for a dtype and an
// instruction set.
type Products struct {
	Rows int // tiles have 1 to so many rows
	Wide int // and with up to so many rows, also four vectors and not just one or two
	Lane int // how many elements a vector has

	Copy      [3]func(*Copy)   // by the number of vectors, 1 or 2; Copy counts in units of four bytes
	Transpose func(*Transpose) // of squares of Square elements
	Square    int

	// By the number of rows of A, and those of B at a time: 1, or 4 for many.
	Dots [4]struct{ One, Four func(*Dots) }
	Few  int // how many rows of A Dots has functions for

	table *tileTable
}

// Tile is the function for tiles of so many rows and vectors. If masked is true, the last
// vector has only those elements that the argument's masks say.
func (p *Products) Tile(rows, vectors int, masked bool) func(*Tile) {
	of := 0
	if masked {
		of = 1
	}
	return p.table[rows*tileVectors+vectors][of]
}

// Only makes masks for the first n of a vector's elements.
func Only(n, elementSize int) (bits uint64, lanes [4]uint64) {
	for i := range min(n*elementSize/4, 8) {
		lanes[i/2] |= (1<<32 - 1) << (i % 2 * 32)
	}
	return 1<<n - 1, lanes
}

// Only makes the masks for the first n of a vector's elements.
func (t *Tile) Only(n, elementSize int) { t.Mask, t.Lanes = Only(n, elementSize) }

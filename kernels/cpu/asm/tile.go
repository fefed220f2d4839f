package asm

// tileVectors is how many numbers of vectors a tileTable has room for, from 0 on.
const tileVectors = 5

// tileTable lists functions by their rows and vectors: without a mask, and with one.
type tileTable [15 * tileVectors][2]func(*Tile)

// Tiles are the functions for tiles of a dtype, in an instruction set.
type Tiles struct {
	Rows int // tiles have 1 to so many rows
	Wide int // and with up to so many rows, also four vectors and not just one or two
	Lane int // how many elements a vector has

	table *tileTable
}

// Of is the function for tiles of so many rows and vectors. If masked is true, the last
// vector has only those elements that Tile's masks say.
func (t *Tiles) Of(rows, vectors int, masked bool) func(*Tile) {
	of := 0
	if masked {
		of = 1
	}
	return t.table[rows*tileVectors+vectors][of]
}

// Only makes a tile's masks for the first n of a vector's elements.
func (t *Tile) Only(n, elementSize int) {
	t.Mask = 1<<n - 1
	t.Lanes = [4]uint64{}
	for i := range n {
		if elementSize == 8 {
			t.Lanes[i%4] = 1<<64 - 1
		} else {
			t.Lanes[i/2%4] |= (1<<32 - 1) << (i % 2 * 32)
		}
	}
}

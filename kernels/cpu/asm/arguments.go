package asm

import "unsafe"

// The structs that functions in assembly take. The generator reads this file, which must
// therefore import nothing but unsafe.

// Tile describes tiles of a matrix product, one under another: C = A·B, or C += A·B. All
// distances are in bytes. C's rows lie apart, their elements side by side, and so do B's;
// A may lie in any way.
type Tile struct {
	A, B, C    unsafe.Pointer
	K          int // how many products an element sums; at least 1
	ARow, ACol int // between the rows, and the columns, of A
	BRow, CRow int // between the rows of B, and of C
	Count      int // how many tiles there are; at least 1
	ATile      int // between the first rows of a tile's A and the next one's
	Add        int // 1 to begin with what C holds, 0 to begin with 0

	// The last vector of a row has these elements only: as bits for AVX-512, as lanes of
	// ones for AVX2.
	Mask  uint64
	Lanes [4]uint64
}

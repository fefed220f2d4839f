package asm

// The structs that functions in assembly take. The generator reads this file, which must
// therefore import nothing.
//
// Memory is named by address, as the place after the last of several tiles may be none of
// its memory: whoever calls a function keeps the memory alive, and passes none of a
// goroutine's stack.

// Tile describes tiles of a matrix product, one under another: C = A·B, or C += A·B. All
// distances are in bytes. C's rows lie apart, their elements side by side, and so do B's;
// A may lie in any way.
type Tile struct {
	A, B, C    uintptr
	K          int // how many products an element sums; at least 1
	ARow, ACol int // between the rows, and the columns, of A
	BRow, CRow int // between the rows of B, and of C
	Count      int // how many tiles there are; at least 1
	ATile      int // between the first rows of a tile's A and the next one's
	Add        int // 1 to begin with what C holds, 0 to begin with 0

	// The last vector of a row has these elements only: as bits for AVX-512, which always
	// reads them, and as lanes of ones for the masked functions of AVX2.
	Mask  uint64
	Lanes [4]uint64
}

// Copy describes rows of one or two vectors that are copied, as they are when B's or a
// transposed A's are packed. What a mask leaves out of a row is 0 in the copy.
type Copy struct {
	From, To       uintptr
	Rows           int // at least 1
	FromRow, ToRow int // between rows, in bytes

	// What there is of a row's last vector, in units of four bytes.
	Mask  uint64
	Lanes [4]uint64
}

// Transpose describes a matrix of eight rows of f32, or four of f64, that is written as
// its transpose.
type Transpose struct {
	From, To       uintptr
	Count          int // how many times as many columns it has; at least 1
	FromRow, ToRow int // between rows, in bytes
}

// Dots describes products of a few rows of A with rows of B: C[i, j] = Σ A[i, l]·B[j, l].
// The elements of A's and B's rows lie side by side.
type Dots struct {
	A, B, C    uintptr
	Vectors    int // how many whole vectors a row has
	Rest       int // 1 if there are elements after them, which the masks say; else 0
	ARow, BRow int // between rows, in bytes
	CRow, CCol int // between the rows and columns of C
	Count      int // how many times as many rows B has as the function takes; at least 1

	Mask  uint64
	Lanes [4]uint64
}

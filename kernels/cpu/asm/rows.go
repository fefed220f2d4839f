package asm

// Functions over rows of elements. Rows lie dense; the result may lie where an operand
// does. An element of the result depends on the elements at its place alone, wherever
// that is in the row.
type (
	// Unary computes n elements.
	Unary func(out, x *byte, n int)
	// UnaryOf takes numbers besides.
	UnaryOf func(out, x *byte, n int, args *float64)
	// Binary takes steps: 1 for a row, 0 for an element that is everywhere.
	Binary func(out, a, b *byte, n, aStep, bStep int)
	// Ternary is the like with one operand more.
	Ternary func(out, a, b, c *byte, n, aStep, bStep, cStep int)
	// BinaryOf and TernaryOf take rows, and numbers besides.
	BinaryOf  func(out, a, b *byte, n int, args *float64)
	TernaryOf func(out, a, b, c *byte, n int, args *float64)
	// Fold gives one number of n elements.
	Fold func(x *byte, n int, args *float64) float64
	// FoldTo also writes what it made of each.
	FoldTo func(out, x *byte, n int, args *float64) float64
)

// Rows are the functions of an instruction set, by name. Where there is none, kernels run
// their Go.
type Rows struct {
	Unary     map[string]Unary
	UnaryOf   map[string]UnaryOf
	Binary    map[string]Binary
	BinaryOf  map[string]BinaryOf
	Ternary   map[string]Ternary
	TernaryOf map[string]TernaryOf
	Fold      map[string]Fold
	FoldTo    map[string]FoldTo
}

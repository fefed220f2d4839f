package ir

// Sampler draws what calls of ops are made of, for the tests of gradients and
// decompositions, and for those of kernels. What it gives for a tensor is its own.
type Sampler interface {
	Int(low, high int) int                  // one from low up to high
	Shape(rank int) Shape                   // a shape of at least so many dims
	OfRank(rank int) Shape                  // a shape of so many dims
	Part(s Shape) Shape                     // a shape that broadcasts to s
	Dim(s Shape) (dim, written int)         // a dim of s, and how a call writes it
	Dims(s Shape, least int) []int          // some dims of s
	Long(s Shape, dim int) Shape            // s with its largest size at dim
	Count(s Shape, dim int) int             // how many indices there are into dim
	Product() (m, k, n int, batch Shape)    // the sizes of a matrix product
	Tensor(s Shape) any                     // numbers
	Between(low, high float64, s Shape) any // numbers from a range in which the op is smooth
	Rows(s Shape) any                       // numbers to be reduced
	Bools(s Shape) any
	// Dominant draws matrices whose diagonals outweigh the rest of their rows and columns.
	Dominant(s Shape) any
	Indices(size int, s Shape) any              // into a dim of that size; some lie outside of it
	Choose(s Shape, from func(i int) []int) any // i32, element i one of those
	// Ordered draws indices with the order that sorts them along a dim.
	Ordered(size int, s Shape, dim int) (indices, order any)
	DType() any // the dtype that is asked for
}

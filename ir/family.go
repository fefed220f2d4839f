package ir

// Family is a chapter of the reference of ops.
type Family string

// The families, in the order of the reference.
const (
	Arithmetic    Family = "arithmetic"
	Comparison    Family = "comparison and logic"
	Functions     Family = "exponentials and trigonometry"
	Activations   Family = "activations"
	Reductions    Family = "reductions"
	LinearAlgebra Family = "linear algebra"
	Normalization Family = "softmax and normalization"
	Shapes        Family = "shapes"
	Indexing      Family = "indexing"
	Creation      Family = "creation"
	Randomness    Family = "random numbers"
	DTypeFamily   Family = "dtypes and gradients"
)

// Families lists the families.
var Families = []Family{Arithmetic, Comparison, Functions, Activations, Reductions, LinearAlgebra, Normalization,
	Shapes, Indexing, Creation, Randomness, DTypeFamily}

package ir

// Precision is what `precision` in a spec says of a node: in which dtype its value is
// computed. The zero value says nothing.
type Precision struct {
	// Low is the dtype of products: F16 or BF16. F32 says that all is computed in f32.
	Low DType
	// Wide says that all but products are computed in f32.
	Wide bool
	// Round says that the value is rounded to Low.
	Round bool
}

// Computation says in which dtype an op is computed where `precision` asks for f16 or bf16.
type Computation uint8

// The computations.
const (
	// ComputeByClass follows from the op's class and family: products are in the low dtype,
	// reductions, normalizations and functions in f32, all else as its operands are.
	ComputeByClass Computation = iota
	// ComputeLow takes operands in the low dtype, whatever they are.
	ComputeLow
	// ComputeWide takes operands in f32.
	ComputeWide
	// ComputeAsGiven is in the low dtype if an operand is and the others may be.
	ComputeAsGiven
)

// Computation says in which dtype the op is computed under `precision`.
func (op *Op) Computation() Computation {
	switch {
	case op.Compute != ComputeByClass:
		return op.Compute
	case op.Class == Contract:
		return ComputeLow
	case op.Class == Reduce && !op.Exact, op.Family == Normalization, op.Family == Functions:
		return ComputeWide
	}
	return ComputeAsGiven
}

// WideResult is the parameter of products that lets factors in f16 and bf16 give what they
// are computed in, f32: for what is to be added to it before it is rounded.
const WideResult = "wide"

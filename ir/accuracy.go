package ir

// Computed is a value that a kernel has computed, as Op.Slack sees it.
type Computed struct {
	Node *Node
	In   []*Array // the operands
	Want *Array   // the reference's value

	// FromSource says that the kernel is one in OpenCL, CUDA or Metal: those compute
	// f16, bf16 and f32 in f32, and those in Go in f64.
	FromSource bool
	// Unit is half a unit in the last place of f32; of f64, where the value is f64.
	// Tiny is the least magnitude there.
	Unit, Tiny float64
	// Terms is how many additions a sum along a row goes through in a kernel from
	// source.
	Terms float64
}

// Slack says what each element may be off by.
type Slack func(i int) float64

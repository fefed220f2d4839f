package build

import "github.com/flowrun/flowrun/ir"

// Modules that widen compute in f32 what is f16 or bf16: rounded after every
// operation, squares would overflow and small differences vanish, and what
// comes out would be off by much more than the dtype's own precision.

// widened is an input or a parameter as the body of f sees it.
func (ex *expander) widened(f *frame, n *ir.Node) *ir.Node {
	if !f.mod.Widen || !n.Type.DType.IsFloat() {
		return n
	}
	f.narrow = ir.Promote(f.narrow, n.Type.DType)
	ex.Origin = f.origin(f.site)
	return ex.Cast(n, n.Type.DType.Wide())
}

// narrowed rounds a value that the body of f computed to the dtype in which its
// inputs and parameters meet.
func (ex *expander) narrowed(f *frame, v any) any {
	n, ok := v.(*ir.Node)
	if !ok || !f.narrow.IsHalf() || !n.Type.DType.IsFloat() {
		return v
	}
	ex.Origin = f.origin(f.site)
	return ex.Cast(n, f.narrow)
}

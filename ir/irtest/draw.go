package irtest

import "github.com/flowrun/flowrun/ir"

// Draw draws the arguments of a call of the op, without hidden ones.
func Draw(op *ir.Op, s ir.Sampler) []any {
	if op.Sample != nil {
		return op.Sample(s)
	}
	shape := s.Shape(0)
	args := make([]any, len(op.Params))
	for i, p := range op.Params {
		if !p.Kind.IsTensor() {
			panic("ir: op " + op.Name + " has no Sample to draw " + p.Name)
		}
		own := shape
		if len(op.Params) > 1 && s.Int(0, 1) == 1 {
			own = s.Part(shape)
		}
		if op.Smooth == [2]float64{} {
			args[i] = s.Between(-2, 2, own)
		} else {
			args[i] = s.Between(op.Smooth[0], op.Smooth[1], own)
		}
	}
	return args
}

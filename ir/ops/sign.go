package ops

import "github.com/flowrun/flowrun/ir"

// Sign is the op sign.
var Sign = ir.Register(&ir.Op{
	Name: "sign",
	Doc: `sign(x): -1, 0 or 1, as x is negative, zero or positive, element by element.

The sign of NaN is 0. Its gradient is 0.

Example: sign([-2.5, 0.0, 3.0]) = [-1.0, 0.0, 1.0]`,
	Params:    paramsUnary,
	Class:     ir.Elementwise,
	Infer:     likeNumber,
	Grad:      flat,
	Reference: eachNumber(func(v float64) float64 { return float64(truth(v > 0) - truth(v < 0)) }, func(v int64) int64 { return truth(v > 0) - truth(v < 0) }),
})

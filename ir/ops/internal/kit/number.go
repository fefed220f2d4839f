package kit

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// InferredDType is the argument dtype, or where it is absent that of numbers as
// PyTorch's constructors choose it. It normalises the argument.
func InferredDType(n *ir.Node, values ...any) ir.DType {
	if d, ok := n.Attr("dtype").(ir.DType); ok {
		return d
	}
	d := ir.Invalid
	for _, v := range values {
		switch v.(type) {
		case bool:
			d = ir.Promote(d, ir.Bool)
		case int:
			d = ir.Promote(d, ir.I64)
		case float64:
			d = ir.Promote(d, ir.F32)
		}
	}
	n.SetAttr("dtype", d)
	return d
}

// NormNumber brings a number into the Go type of a dtype: float64, int or bool.
// It refuses one that the dtype can't hold.
func NormNumber(n *ir.Node, param string, d ir.DType) error {
	number := func(v any) (float64, int, bool) {
		switch v := v.(type) {
		case bool:
			return float64(Truth(v)), int(Truth(v)), true
		case int:
			return float64(v), v, true
		case float64:
			whole := v == math.Trunc(v) && math.Abs(v) < 1<<62
			return v, int(v), whole
		}
		return 0, 0, false
	}
	f, i, whole := number(n.Attr(param))
	switch {
	case d.IsFloat():
		n.SetAttr(param, f)
		return nil
	case !whole, !d.HasInt(int64(i)):
		return Refuse(param, "use another value or dtype", "%s is %v, which %s can't represent", param, n.Attr(param), d)
	case d == ir.Bool:
		n.SetAttr(param, i == 1)
	default:
		n.SetAttr(param, i)
	}
	return nil
}

// Filled makes an array of one value in normal form.
func Filled(t ir.Type, value any) *ir.Array {
	out := ir.NewArray(t)
	for i := range out.F {
		out.F[i] = value.(float64)
	}
	for i := range out.I {
		switch v := value.(type) {
		case int:
			out.I[i] = int64(v)
		case bool:
			out.I[i] = Truth(v)
		}
	}
	return out
}

// Lowest is the least value of a dtype of numbers, in normal form.
func Lowest(d ir.DType) any {
	switch d {
	case ir.I32:
		return math.MinInt32
	case ir.I64:
		return math.MinInt64
	}
	return math.Inf(-1)
}

// NumberOf is a small int in a dtype's normal form.
func NumberOf(d ir.DType, v int) any {
	switch {
	case d.IsFloat():
		return float64(v)
	case d == ir.Bool:
		return v != 0
	}
	return v
}

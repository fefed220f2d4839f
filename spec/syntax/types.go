package syntax

import "github.com/flowrun/flowrun/ir"

// TypeNames are the dtypes of types: those of values, and classes of them.
var TypeNames = append(ir.DTypeNames(), "float", "int", "any")

// AcceptsDType reports whether a type's dtype admits a value's.
func AcceptsDType(name string, d ir.DType) bool {
	switch name {
	case "any":
		return true
	case "float":
		return d.IsFloat()
	case "int":
		return d.IsInt()
	}
	return d.String() == name
}

package spec

import "github.com/flowrun/flowrun/ir"

// typeNames are the dtypes of types: those of values, and classes of them.
var typeNames = append(ir.DTypeNames(), "float", "int", "any")

// accepts reports whether a type's dtype admits a value's.
func accepts(name string, d ir.DType) bool {
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

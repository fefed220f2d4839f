package ops

import "github.com/flowrun/flowrun/ir"

// The parameters that many ops share.
var (
	paramX       = tensor("x", "any tensor")
	paramsUnary  = []ir.Param{tensor("x", "numbers of any shape")}
	paramsBinary = []ir.Param{
		tensor("a", "the left operand"),
		tensor("b", "the right operand; a and b are broadcast against each other"),
	}
	paramKeepdim = flag("keepdim", "whether reduced dims stay, with size 1")
	paramsReduce = []ir.Param{
		paramX,
		{Name: "dim", Kind: ir.KDims, Optional: true, Doc: "the dims to reduce; all by default"},
		paramKeepdim,
	}
)

func tensor(name, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KTensor, Doc: doc}
}

func integer(name, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KInt, Doc: doc}
}

// integerOr is an int with a default.
func integerOr(name string, value int, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KInt, Default: value, Optional: true, Doc: doc}
}

// floatOr is a float with a default.
func floatOr(name string, value float64, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KFloat, Default: value, Optional: true, Doc: doc}
}

// flag is a bool that is false by default.
func flag(name, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KBool, Default: false, Optional: true, Doc: doc}
}

// dtypeOr is the dtype of the result, with a default.
func dtypeOr(d ir.DType) ir.Param {
	return ir.Param{Name: "dtype", Kind: ir.KDType, Default: d, Optional: true, Doc: "the dtype of the result"}
}

// dtypeInferred is the dtype of the result where it follows from the arguments.
var dtypeInferred = ir.Param{Name: "dtype", Kind: ir.KDType, Optional: true,
	Doc: "the dtype of the result; by default i64 for ints, f32 for floats, bool for bools"}

var paramShape = ir.Param{Name: "shape", Kind: ir.KInts, Doc: "the shape of the result"}

package kit

import "github.com/flowrun/flowrun/ir"

// The parameters that many ops share.
var (
	ParamX       = Tensor("x", "any tensor")
	ParamsUnary  = []ir.Param{Tensor("x", "numbers of any shape")}
	ParamsBinary = []ir.Param{
		Tensor("a", "the left operand"),
		Tensor("b", "the right operand; a and b are broadcast against each other"),
	}
	ParamKeepdim = Flag("keepdim", "whether to keep reduced dims, with size 1")
	ParamsReduce = []ir.Param{
		ParamX,
		{Name: "dim", Kind: ir.KDims, Optional: true, Doc: "the dims to reduce; all by default"},
		ParamKeepdim,
	}
)

func Tensor(name, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KTensor, Doc: doc}
}

// Index is a tensor of integers that index another. Those of u8 are widened to i32.
func Index(name, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KTensor, Widen: true, Doc: doc}
}

func Integer(name, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KInt, Doc: doc}
}

// IntegerOr is an int with a default.
func IntegerOr(name string, value int, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KInt, Default: value, Optional: true, Doc: doc}
}

// FloatOr is a float with a default.
func FloatOr(name string, value float64, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KFloat, Default: value, Optional: true, Doc: doc}
}

// Flag is a bool that is false by default.
func Flag(name, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KBool, Default: false, Optional: true, Doc: doc}
}

// Wide is the parameter of products whose result may have more digits than their factors.
var Wide = ir.Param{Name: ir.WideResult, Kind: ir.KBool, Default: false, Optional: true, Hidden: true,
	Doc: "whether factors in f16 or bf16 give f32, as they are summed in"}

// WideResult is the dtype of the result of a product that has the parameter Wide.
func WideResult(n *ir.Node) ir.DType {
	d := n.Inputs[0].Type.DType
	if n.Bool(ir.WideResult) {
		return d.Wide()
	}
	return d
}

// DtypeOr is the dtype of the result, with a default.
func DtypeOr(d ir.DType) ir.Param {
	return ir.Param{Name: "dtype", Kind: ir.KDType, Default: d, Optional: true, Doc: "the dtype of the result"}
}

// DtypeInferred is the dtype of the result where it follows from the arguments.
var DtypeInferred = ir.Param{Name: "dtype", Kind: ir.KDType, Optional: true,
	Doc: "the dtype of the result; by default i64 for ints, f32 for floats, bool for bools"}

var ParamShape = ir.Param{Name: "shape", Kind: ir.KInts, Doc: "the shape of the result"}

// ParamsAlong are the parameters of ops that work along one dim.
var ParamsAlong = []ir.Param{ParamX, Integer("dim", "the dim to work along")}

package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// DTypes are the dtypes of a call's operands, after promotion, and of its result.
type DTypes struct {
	Inputs []ir.DType
	Output ir.DType
}

// DTypesOf lists every choice of dtypes that an op of this package takes and
// gives, each once; nothing for those of graphs themselves, which have no kernels
// (a state, a copy). It asks the op's type rule: a rule that refuses a dtype does so
// whatever the shapes are, so a few small shapes and arguments are tried until one
// goes through.
func DTypesOf(op *ir.Op) []DTypes {
	if slices.Contains([]*ir.Op{ir.StateOp, ir.ConstOp, ir.SourceOp, ir.CopyOp, ir.GradOp}, op) {
		return nil
	}
	var all []DTypes
	seen := map[string]bool{}
	operands := countOperands(op)
	shapes := combinations(operands, []ir.Shape{{2, 2}, {2}, {}})
	for _, dtypes := range combinations(operands, everyDType) {
		for _, asked := range askedDTypes(op) {
			n := tryCall(op, dtypes, shapes, asked)
			if n == nil {
				continue // the op doesn't take them
			}
			found := DTypes{Output: n.Type.DType}
			key := n.Type.DType.String()
			for _, in := range n.Inputs {
				found.Inputs = append(found.Inputs, in.Type.DType)
				key += " " + in.Type.DType.String()
			}
			if !seen[key] {
				seen[key] = true
				all = append(all, found)
			}
		}
	}
	return all
}

var everyDType = []ir.DType{ir.Bool, ir.I32, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64}

// countOperands counts an op's tensors; a list of them counts as one, which comes
// twice in it.
func countOperands(op *ir.Op) (n int) {
	for _, p := range op.Params {
		if p.Kind.IsTensor() {
			n++
		}
	}
	return n
}

// askedDTypes are what an op that has an argument of that kind is asked for.
func askedDTypes(op *ir.Op) []ir.DType {
	if slices.ContainsFunc(op.Params, func(p ir.Param) bool { return p.Kind == ir.KDType }) {
		return everyDType
	}
	return []ir.DType{ir.F32}
}

// combinations lists every choice of n from all, in which one may come again.
func combinations[T any](n int, all []T) [][]T {
	found := [][]T{{}}
	for range n {
		var longer [][]T
		for _, begun := range found {
			for _, next := range all {
				longer = append(longer, append(slices.Clone(begun), next))
			}
		}
		found = longer
	}
	return found
}

// tryCall calls an op on operands of these dtypes, of one choice of shapes after
// the other, and gives the first node that its type rule lets through, or nil.
func tryCall(op *ir.Op, dtypes []ir.DType, shapes [][]ir.Shape, asked ir.DType) *ir.Node {
	for _, choice := range shapes {
		for _, list := range [][]int{{2, 2}, {1, 0}} { // a shape, or an order of two dims
			b := ir.NewBuilder(&ir.Graph{})
			var operands []*ir.Node
			for i, shape := range choice {
				operands = append(operands, b.NewState("x", ir.ParamState, ir.Type{DType: dtypes[i], Shape: shape}).Read)
			}
			if n, err := b.Call(op, tryArguments(op, operands, list, asked)); err == nil {
				return n
			}
		}
	}
	return nil
}

// tryArguments are small and differ, so that bounds have something between them.
func tryArguments(op *ir.Op, operands []*ir.Node, list []int, asked ir.DType) []any {
	args := make([]any, len(op.Params))
	number := 0
	for i, p := range op.Params {
		switch p.Kind {
		case ir.KTensor, ir.KOptional:
			args[i], operands = operands[0], operands[1:]
		case ir.KTensors:
			args[i], operands = []any{operands[0], operands[0]}, operands[1:]
		case ir.KDType:
			args[i] = asked
		case ir.KInts:
			args[i] = list
		case ir.KPairs:
			args[i] = [][2]int{{0, 0}, {0, 0}}
		case ir.KNumber:
			args[i] = 1
		case ir.KInt, ir.KDims, ir.KFloat:
			if !p.Optional {
				number++
				args[i] = number
			}
		}
	}
	return args
}

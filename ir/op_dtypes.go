package ir

import "slices"

// DTypes are the dtypes of a call's operands, after promotion, and of its result.
type DTypes struct {
	Inputs []DType
	Output DType

	wide bool // its result is wider than a spec can ask for: see WideResult
}

// DTypes lists every choice of dtypes that an op takes and gives, each once;
// nothing for the ops of graphs themselves, which have no kernels (a state, a
// copy). It asks the op's type rule: a rule that refuses a dtype does so whatever the
// shapes are, so a few small shapes and arguments are tried until some dtype goes
// through, and all dtypes with those.
func (op *Op) DTypes() []DTypes {
	return slices.DeleteFunc(op.KernelDTypes(), func(d DTypes) bool { return d.wide })
}

// KernelDTypes are those that kernels are asked for: beside what DTypes lists, products with a
// wide result.
func (op *Op) KernelDTypes() []DTypes {
	if slices.Contains([]*Op{StateOp, ConstOp, SourceOp, CopyOp, GradOp, ScanOp, ScanResultOp}, op) {
		return nil
	}
	lists := [][]int{nil}
	if slices.ContainsFunc(op.Params, func(p Param) bool { return p.Kind == KInts }) {
		lists = [][]int{{2, 2}, {1, 0}} // a shape, or an order of two dims
	}
	operands := countOperands(op)
	choices := op.choices(operands)
	for _, shapes := range append(combinations(operands, []Shape{{2, 2}, {2}, {}, {2, 3}}), shapesOfConvolutions(operands)...) {
		for _, list := range lists {
			if all := op.dtypesFor(shapes, list, choices); all != nil {
				return all
			}
		}
	}
	return nil
}

// dtypesFor are those among some choices that go through with these shapes and lists.
func (op *Op) dtypesFor(shapes []Shape, list []int, choices [][]DType) (all []DTypes) {
	seen := map[string]bool{}
	try := func(dtypes []DType, asked DType) (all []*Node) {
		n := tryCall(op, dtypes, shapes, list, asked)
		if n == nil {
			return nil // the op doesn't take them
		}
		if op.Param(WideResult) < 0 {
			return []*Node{n}
		}
		w := *n
		w.Attrs = slices.Clone(n.Attrs)
		w.SetAttr(WideResult, true)
		w.Type, _ = op.Infer(&w)
		return []*Node{n, &w}
	}
	for _, dtypes := range choices {
		for _, n := range tried(op, dtypes, try) {
			found := DTypes{Output: n.Type.DType, wide: op.Param(WideResult) >= 0 && n.Bool(WideResult)}
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

// tried are the calls that go through, whatever dtype is asked for.
func tried(op *Op, dtypes []DType, try func(dtypes []DType, asked DType) []*Node) (all []*Node) {
	for _, asked := range askedDTypes(op) {
		all = append(all, try(dtypes, asked)...)
	}
	return all
}

// shapesOfConvolutions are larger shapes, which all operands have, or all but the last.
func shapesOfConvolutions(operands int) (all [][]Shape) {
	if operands > 0 {
		all = append(all, slices.Repeat([]Shape{{2, 1}}, operands)) // the columns of images of one element
	}
	for rank := 3; rank <= 5 && operands > 0; rank++ {
		large := slices.Repeat([]Shape{slices.Repeat(Shape{2}, rank)}, operands)
		all = append(all, large, append(slices.Clone(large[1:]), Shape{2}))
	}
	return all
}

var everyDType = []DType{Bool, U8, I32, I64, F16, BF16, F32, F64}

// countOperands counts an op's tensors; a list of them counts as one, which comes
// twice in it.
func countOperands(op *Op) (n int) {
	for _, p := range op.Params {
		if p.Kind.IsTensor() {
			n++
		}
	}
	return n
}

// askedDTypes are what an op that has an argument of that kind is asked for.
func askedDTypes(op *Op) []DType {
	if slices.ContainsFunc(op.Params, func(p Param) bool { return p.Kind == KDType }) {
		return everyDType
	}
	return []DType{F32}
}

// choices lists the dtypes to be tried. Operands that meet in one dtype are tried in
// one: whatever else they are given in, they are brought to it.
func (op *Op) choices(operands int) [][]DType {
	meets := op.meeting(operands)
	free := len(meets)
	if met := slices.Index(meets, true); met >= 0 {
		free = 1
		for _, m := range meets {
			if !m {
				free++
			}
		}
	}
	all := combinations(free, everyDType)
	for i, choice := range all {
		dtypes, next, shared := make([]DType, operands), 0, -1
		for j, m := range meets {
			if m && shared >= 0 {
				dtypes[j] = dtypes[shared]
				continue
			}
			if m {
				shared = j
			}
			dtypes[j] = choice[next]
			next++
		}
		all[i] = dtypes
	}
	return all
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

// tryCall calls an op on operands of these dtypes and shapes, and gives nil if its type rule
// refuses them.
func tryCall(op *Op, dtypes []DType, shapes []Shape, list []int, asked DType) *Node {
	b := NewBuilder(&Graph{})
	var operands []*Node
	for i, shape := range shapes {
		operands = append(operands, b.NewState("x", ParamState, Type{DType: dtypes[i], Shape: shape}).Read)
	}
	args := tryArguments(op, operands, list, asked)
	if n, err := b.Call(op, args); err == nil {
		return n
	}
	if i := slices.IndexFunc(op.Params, func(p Param) bool { return p.Kind == KDims && p.Optional }); i >= 0 {
		args[i] = 1 // a size that may be given in another way
		if n, err := b.Call(op, args); err == nil {
			return n
		}
	}
	for i, p := range op.Params {
		switch {
		case p.Kind == KDims && p.Optional:
			args[i] = nil
		case p.Kind == KDims:
			args[i] = 1
		}
	}
	if n, err := b.Call(op, args); err == nil {
		return n
	}
	return nil
}

// HasGradient reports whether gradients go through the op, by one of its own or, of an op
// that is written as others where it is called, by theirs.
func (op *Op) HasGradient() bool {
	switch {
	case op == GradOp || op.Grad != nil:
		return true
	case !op.Inline:
		return false
	}
	operands := countOperands(op)
	for _, shapes := range combinations(operands, []Shape{{2, 2}, {2}, {}}) {
		if n := tryCall(op, slices.Repeat([]DType{F32}, operands), shapes, []int{2, 2}, F32); n != nil {
			return reachesState(op.Decompose(NewBuilder(&Graph{}), n))
		}
	}
	return false
}

// reachesState reports whether a gradient gets from n to a state.
func reachesState(n *Node) bool {
	return n.Op == StateOp || n.Op.HasGradient() && slices.ContainsFunc(n.Inputs, reachesState)
}

// tryArguments are small and differ, so that bounds have something between them.
func tryArguments(op *Op, operands []*Node, list []int, asked DType) []any {
	args := make([]any, len(op.Params))
	number := 0
	for i, p := range op.Params {
		switch p.Kind {
		case KTensor, KOptional:
			args[i], operands = operands[0], operands[1:]
		case KTensors:
			args[i], operands = []any{operands[0], operands[0]}, operands[1:]
		case KDType:
			args[i] = asked
		case KString:
			switch {
			case !p.Optional && p.Enum != nil:
				args[i] = p.Enum[0]
			case !p.Optional:
				args[i] = "...,..." // an equation of two operands, whatever their dims
			}
		case KBool:
			if !p.Optional {
				args[i] = true
			}
		case KInts:
			args[i] = list
		case KPairs:
			args[i] = [][2]int{{0, 0}, {0, 0}}
		case KNumber:
			args[i] = 1
		case KInt, KDims, KFloat, KFloats:
			if !p.Optional {
				number++
				args[i] = number
			}
		}
	}
	return args
}

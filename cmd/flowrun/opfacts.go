package main

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
)

// fact is a row of an op's page.
type fact struct{ what, text string }

// factsOf says what isn't in an op's doc, but follows from its other fields.
func factsOf(op *ir.Op) []fact {
	var all []fact
	if len(operands(op)) > 0 {
		all = append(all, fact{"dtypes", operandTypes(op)})
	}
	gradient := "no"
	if op.HasGradient() {
		gradient = "yes"
	}
	all = append(all, fact{"result", resultType(op)}, fact{"gradient", gradient})
	if op.Operator != "" {
		all = append(all, fact{"operator", operatorText(op)})
	}
	if op.Scalar != nil {
		all = append(all, fact{"constants", "it also takes numbers that are known at compile time"})
	}
	switch languages := kernelsOf(op); {
	case op == ir.GradOp:
		all = append(all, fact{"kernels", "none; it is replaced by the ops that compute the gradient"})
	case languages == nil:
		all = append(all, fact{"kernels", "none of its own; it is made of other ops"})
	default:
		all = append(all, fact{"kernels", strings.Join(languages, ", ")})
	}
	all = append(all, fact{"PyTorch", torchName(op)})
	if op.Aliases != "" {
		all = append(all, fact{"also known as", strings.ReplaceAll(op.Aliases, " ", ", ")})
	}
	return all
}

func torchName(op *ir.Op) string {
	if op.Torch != "" {
		return op.Torch
	}
	return "torch." + op.Name
}

func operatorText(op *ir.Op) string {
	switch {
	case len(op.Params) == 2:
		return op.Params[0].Name + " " + op.Operator + " " + op.Params[1].Name
	case op.Operator == "not":
		return "not x"
	}
	return op.Operator + "x"
}

// kernelsOf lists the languages that an op has a kernel in.
func kernelsOf(op *ir.Op) []string {
	m, err := kernels.Load()
	if err != nil {
		return nil // kernels check says why
	}
	for _, k := range m.Kernels() {
		if slices.Contains(k.Ops, op.Name) {
			return append([]string{"cpu"}, sourceLanguages(k)...)
		}
	}
	return nil
}

// operands lists the parameters that are tensors.
func operands(op *ir.Op) (all []ir.Param) {
	for _, p := range op.Params {
		if p.Kind.IsTensor() && !p.Hidden {
			all = append(all, p)
		}
	}
	return all
}

// operandTypes says which dtypes the operands may have.
func operandTypes(op *ir.Op) string {
	if op == ir.GradOp {
		return "f16 bf16 f32 f64"
	}
	tensors := operands(op)
	taken := make([]string, len(tensors))
	for i := range tensors {
		var of []ir.DType
		for _, c := range op.DTypes() {
			of = append(of, c.Inputs[i])
		}
		if tensors[i].Widen {
			of = append(of, ir.U8)
		}
		taken[i] = listed(of)
	}
	var texts []string
	if same := slices.Compact(slices.Clone(taken)); len(same) == 1 {
		texts = same
	} else {
		for i, list := range taken {
			texts = append(texts, tensors[i].Name+": "+list)
		}
	}
	switch several := len(tensors) > 1 || tensors[0].Kind == ir.KTensors; {
	case op.Promote == ir.PromoteFloat:
		texts = append(texts, "bools and integers become f32")
	case op.Promote == ir.PromoteTail:
		texts = append(texts, tensors[1].Name+" and "+tensors[2].Name+" meet in one dtype")
	case op.Promote == ir.PromoteAll && several:
		texts = append(texts, "different dtypes meet in one")
	}
	return strings.Join(texts, "; ")
}

// listed writes dtypes in their order, each once.
func listed(dtypes []ir.DType) string {
	dtypes = slices.Clone(dtypes)
	slices.Sort(dtypes)
	var names []string
	for _, d := range slices.Compact(dtypes) {
		names = append(names, d.String())
	}
	return strings.Join(names, " ")
}

// resultType says which dtype the result has.
func resultType(op *ir.Op) string {
	if op == ir.GradOp {
		return "the dtype of x"
	}
	choices := op.DTypes()
	for i, p := range operands(op) {
		if !slices.ContainsFunc(choices, func(c ir.DTypes) bool { return c.Output != c.Inputs[i] }) {
			if op.Promote == ir.PromoteAll || op.Promote == ir.PromoteFloat {
				return "that dtype"
			}
			return "the dtype of " + p.Name
		}
	}
	var outputs, changed, from []ir.DType
	for _, c := range choices {
		outputs = append(outputs, c.Output)
		if len(c.Inputs) > 0 && c.Inputs[0] != c.Output {
			changed, from = append(changed, c.Output), append(from, c.Inputs[0])
		}
	}
	text := listed(outputs)
	switch {
	case op.Param("dtype") >= 0:
		return text + ", as dtype says"
	case strings.Contains(text, " "): // sums, of integers
		return listed(changed) + " of " + listed(from) + "; else the dtype of x"
	}
	return text
}

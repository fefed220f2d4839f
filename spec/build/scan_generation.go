package build

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// A scan along the tokens of a text goes on where text is generated step by step: its
// carries are states of generation. What they begin with may come from anywhere, inputs
// included, so they are zeros before the first step, and a further state says whether there
// was one.

// canGoOn reports scans that can't go on from one step of a generation to the next.
func (ex *expander) canGoOn(def *syntax.Scan, m *syntax.Module, reverse bool) bool {
	switch {
	case reverse:
		ex.fail(ex.f, diag.InvalidArgument, def.Generation.At(), "remove reverse or generation",
			"%s is scanned from the last position to the first, so it would need the tokens that are yet to be generated", m.Name)
	case ex.scan != nil:
		ex.fail(ex.f, diag.InvalidOperation, def.Generation.At(), "say it of the scan around this one, if that is the one along the tokens",
			"the scan of %s is part of another, at each of whose positions it begins anew, so it can't go on from one step of a generation to the next", m.Name)
	default:
		return true
	}
	return false
}

// goOn gives what a carry begins with, n, or in a step of a generation what it was at the
// end of the one before, and the state that keeps that; nil for the first was reported.
func (ex *expander) goOn(f *frame, st *syntax.State, path string, n *ir.Node) (from *ir.Node, was *ir.State) {
	s := ex.scan
	if !s.goesOn {
		return n, nil
	}
	was = ex.zeroState(f, path, n.Type, st.At)
	if s.begun == nil {
		s.begun = ex.zeroState(f, ex.join(s.path, "begun"), ir.Scalar(ir.Bool), st.At)
	}
	if was == nil || s.begun == nil {
		return nil, nil
	}
	s.begun.Next = ex.Scalar(ir.Bool, true)
	return ex.Apply(ir.LookupOp("where"), s.begun.Read, was.Read, n), was
}

// zeroState is a state of generation that begins with zeros; nil was reported.
func (ex *expander) zeroState(f *frame, path string, t ir.Type, at diag.Range) *ir.State {
	name := ir.PlainPath(path)
	if ex.first.nodes[name] == nil {
		ex.first.set(name, ex.first.Fill(t, 0))
	}
	st, fresh := ex.newState(f, name, ir.GenerationState, t, at)
	if !fresh {
		return nil
	}
	return st
}

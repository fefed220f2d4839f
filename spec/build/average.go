package build

import (
	"fmt"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// averages adds the averages of the weights: states that follow from what the updates have
// made of the step's.
func (t *training) averages() {
	weights := len(t.Graph.States)
	for _, a := range t.def.Averages {
		patterns := make([]ir.Pattern, len(a.Match))
		matched := make([]bool, len(a.Match))
		for i, p := range a.Match {
			patterns[i] = ir.NewPattern(ir.PlainPath(p.Name))
		}
		from := len(t.Graph.Nodes)
		t.Origin = a.At
		c := t.counting(a)
		t.own(from, join("optimizer.averages", a.Name), "")
		for _, s := range t.Graph.States[:weights] {
			has := a.Match == nil
			for i, p := range patterns {
				t.list.Budget.At(a.Match[i].At)
				t.list.Budget.Spend(diag.Matching, p.Cost(s.Name))
				if isWritable(s) && p.Match(s.Name) {
					has, matched[i] = true, true
				}
			}
			if has && isWritable(s) && s.Type.DType.IsFloat() { // others have no mean
				t.average(a, s, c)
			}
		}
		for i, p := range a.Match {
			if !matched[i] {
				t.list.Add(diag.Diagnostic{Rule: diag.UnmatchedRule, Range: p.At,
					Message: fmt.Sprintf("`%s` matches no parameters", diag.Cut(p.Name)), Help: "example names: h1.weight, h.0.weight; * matches any text"})
			}
		}
	}
}

// counting is what a step is to an average.
type counting struct {
	first  *ir.Node // it is the first step or update that counts, or one before, bool[]
	weight *ir.Node // of the step's weights in the average, f32[]
	counts *ir.Node // whether it counts, bool[]; nil: each does
}

func (t *training) counting(a *syntax.Average) (c counting) {
	op := func(name string, args ...any) *ir.Node { return t.Apply(ir.LookupOp(name), args...) }
	step := t.counter.Next
	if taken := t.taken(); taken != t.step {
		step = op("add", taken, 1)
	}
	due := t.updated
	if due != nil {
		step = t.updatesMade(a)
	}
	since := op("sub", step, int(a.Start))
	c.first = op("le", since, 0)
	if a.Every > 1 || due != nil {
		c.counts = op("eq", op("remainder", since, int(a.Every)), 0)
		before := c.first
		if due != nil { // states that each step writes don't move between updates
			c.counts = op("logical_and", due, c.counts)
			before = op("lt", since, 0)
		}
		c.counts = op("logical_or", before, c.counts)
	}
	if c.weight = t.Scalar(ir.F64, 1-a.Decay); a.Equal {
		n := op("add", op("floor_divide", since, int(a.Every)), 1)
		c.weight = op("div", 1.0, t.CastFor(op("maximum", n, 1), ir.F32, "averages are f32 at least"))
	}
	return c
}

// updatesMade counts the steps with an update, this one included. Only a state knows it.
func (t *training) updatesMade(a *syntax.Average) *ir.Node {
	op := func(name string, args ...any) *ir.Node { return t.Apply(ir.LookupOp(name), args...) }
	s, _ := t.newState(newFrame(nil, ""), join(join("optimizer.averages", a.Name), "updates"), ir.OptimState, ir.Scalar(ir.I64), a.At)
	t.first.set(s.Name, t.first.Scalar(ir.I64, 0))
	s.Next = op("where", t.updated, op("add", s.Read, 1), s.Read)
	return s.Next
}

// average adds the average of a weight, in f32 at least. The first step that counts gives
// it its value, as in PyTorch's AveragedModel.
func (t *training) average(a *syntax.Average, s *ir.State, c counting) {
	op := func(name string, args ...any) *ir.Node { return t.Apply(ir.LookupOp(name), args...) }
	wide := s.Type.DType.Wide()
	f := newFrame(nil, "")
	f.device = s.Device
	from := len(t.Graph.Nodes)
	avg, ok := t.newState(f, ir.AverageOf(a.Name, s.Name), ir.OptimState, ir.Type{DType: wide, Shape: s.Type.Shape}, a.At)
	if first := t.first.nodes[s.Name]; ok && first != nil {
		t.first.set(avg.Name, t.first.Cast(first, wide))
	}
	t.Graph.Put(avg.Name, s.Name)
	value := t.CastFor(now(s), wide, "averages are f32 at least")
	moved := op("add", avg.Read, op("mul", t.CastFor(c.weight, wide, "averages are f32 at least"), op("sub", value, avg.Read)))
	avg.Next = op("where", c.first, value, moved)
	if c.counts != nil {
		avg.Next = op("where", c.counts, avg.Next, avg.Read)
	}
	t.updating(from, s, avg.Name)
}

package build

import (
	"fmt"

	"github.com/flowrun/flowrun/ir"
)

// sums are the states of an accumulating update that hold what its batches count.
type sums struct {
	o    *optimizing
	made map[string]*ir.Node   // what they are with this batch, by what is counted
	all  map[*ir.Node]*ir.Node // what is computed of them, by what it is of a batch
}

// start finds out what divides the sum of a part.
func (s *sums) start(p *part) bool {
	o := s.o
	if p.weight != nil {
		p.weight = o.view.of(p.weight)
	}
	var weights, times, over *ir.Node
	ok := true
	if p.mean && p.weight != nil {
		weights, ok = s.sum("", p.weight)
	}
	for _, by := range []struct {
		to   **ir.Node
		what []*ir.Node
	}{{&times, p.times}, {&over, p.over}} {
		for _, n := range by.what {
			n, good := s.of(p.of, n)
			if ok = ok && good; !ok {
				return false
			}
			if n = p.of.scalar(n); *by.to != nil {
				n = o.Apply(ir.LookupOp("mul"), *by.to, n)
			}
			*by.to = n
		}
	}
	p.divide = func(total *ir.Node) *ir.Node {
		out, d := total, total.Type.DType
		switch {
		case weights != nil:
			out = o.Apply(ir.LookupOp("div"), out, o.Cast(weights, d))
		case p.mean:
			out = o.Apply(ir.LookupOp("div"), out, int(o.u.Accumulate))
		}
		if times != nil {
			out = o.Apply(ir.LookupOp("mul"), out, o.Cast(times, d))
		}
		if over != nil {
			out = o.Apply(ir.LookupOp("div"), out, o.Cast(over, d))
		}
		if times == nil && over == nil && !p.blank {
			return out
		}
		// Where nothing has counted in any of the batches, gradients are 0, and not 0 / 0.
		return o.Apply(ir.LookupOp("where"), o.Apply(ir.LookupOp("eq"), total, 0), 0.0, out)
	}
	return ok
}

// sum adds a number up until the next update.
func (s *sums) sum(key string, n *ir.Node) (*ir.Node, bool) {
	if whole := s.made[key]; whole != nil {
		return whole, true
	}
	o := s.o
	wide := n.Type.DType.Wide()
	switch {
	case wide.IsInt():
		wide = ir.I64
	case wide != ir.F64:
		wide = ir.F32
	}
	name := join(o.prefix, "weight")
	if len(s.made) > 0 {
		name = fmt.Sprintf("%s_%d", name, len(s.made)+1)
	}
	held, ok := o.newState(newFrame(nil, ""), name, ir.OptimState, ir.Scalar(wide), o.u.At)
	if !ok {
		return nil, false
	}
	o.first.set(held.Name, o.first.Scalar(wide, 0))
	n = o.Cast(n, wide)
	if len(n.Type.Shape) > 0 {
		n = o.Apply(ir.LookupOp("reshape"), n, []int{})
	}
	whole := o.Apply(ir.LookupOp("add"), held.Read, n)
	o.gather(held, whole)
	s.made[key] = whole
	return whole, true
}

// of is what a number that is computed of counts is of all batches since the last update
// together. Half precision is widened, as it holds no large counts.
func (s *sums) of(d *dissection, n *ir.Node) (*ir.Node, bool) {
	if whole := s.all[n]; whole != nil {
		return whole, true
	}
	whole, ok := s.computed(d, n)
	s.all[n] = whole
	return whole, ok
}

func (s *sums) computed(d *dissection, n *ir.Node) (*ir.Node, bool) {
	o := s.o
	wide := n.Type.DType.Wide()
	switch {
	case d.fixed(n):
		return o.Cast(n, wide), true
	case d.isCount(n):
		whole, ok := s.count(d, n)
		if !ok {
			return nil, false
		}
		whole = o.Cast(whole, wide)
		if len(n.Type.Shape) > 0 {
			whole = o.Apply(ir.LookupOp("reshape"), whole, []int(n.Type.Shape))
		}
		return whole, true
	}
	inputs := make([]*ir.Node, len(n.Inputs))
	for i, in := range n.Inputs {
		var ok bool
		if inputs[i], ok = s.of(d, in); !ok {
			return nil, false
		}
	}
	if n.Op == ir.CastOp {
		return o.Cast(inputs[0], wide), true
	}
	return o.With(n, inputs), true
}

// count is a sum or a mean over the examples of all batches since the last update.
func (s *sums) count(d *dissection, n *ir.Node) (*ir.Node, bool) {
	o := s.o
	batch := o.view.of(n)
	if d.layouts[n].share == sumOfExamples {
		return s.sum(d.key(n), batch)
	}
	batch = o.Cast(batch, n.Type.DType.Wide())
	weight, steps := o.examples()
	if !steps {
		batch = o.Apply(ir.LookupOp("mul"), batch, o.Cast(weight, batch.Type.DType))
	}
	whole, ok := s.sum(d.key(n), batch)
	if !ok {
		return nil, false
	}
	if steps {
		return o.Apply(ir.LookupOp("div"), whole, int(o.u.Accumulate)), true
	}
	weights, ok := s.sum("", weight)
	if !ok {
		return nil, false
	}
	return o.Apply(ir.LookupOp("div"), whole, o.Cast(weights, whole.Type.DType)), true
}

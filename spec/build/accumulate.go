package build

import (
	"fmt"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// part is what the terms of a loss give that add up in the same way over batches.
type part struct {
	loss   *ir.Node // their sum, not divided by what weight is
	scaled bool     // it is divided by weight after all: its gradients are multiplied by it
	blank  bool     // and it may be NaN where weight is 0
	weight *ir.Node // what the batch adds to the divisor; nil: nothing is divided
	whole  *ir.Node // what all batches since the last update add to it
	steps  bool     // each batch adds 1: the divisor is their number

	needs map[*ir.Node]bool // what the loss depends on
	name  string            // of its states
}

// parts takes the loss of an accumulating update apart. It also gives the loss with 0 for
// what is divided by 0: of a batch of which nothing counts. from is the first of the loss's
// nodes.
func (t *training) parts(u *syntax.Update, loss *ir.Node, from int) ([]*part, *ir.Node) {
	if u.Weight != nil {
		return t.weighted(u, loss)
	}
	d := t.dissect(loss, from)
	var parts []*part
	byShare := map[share]*part{}
	var of []*part // by term
	counted, unknown := false, false
	whole := d.each(loss, func(n *ir.Node, tm term) *ir.Node {
		if tm.share == unknownShare && d.trained[n] {
			unknown = true
		}
		p := byShare[tm.share]
		if p == nil || tm.share == meanOfCounted {
			p = &part{name: "grad"}
			if len(parts) > 0 {
				p.name = fmt.Sprintf("grad_%d", len(parts)+1)
			}
			parts, byShare[tm.share] = append(parts, p), p
			switch tm.share {
			case meanOfExamples:
				p.weight, p.steps = t.examples()
				p.scaled = true
			case meanOfCounted:
				p.weight, counted = tm.count, true
			}
		}
		of = append(of, p)
		if tm.share != meanOfCounted {
			return n
		}
		return t.orNothing(tm.count, n)
	})
	if unknown {
		t.fail(t.root, diag.InvalidValue, u.Loss.At(), "give what it is divided by, as in `weight: count(y != 0)` or `weight: sum(mask)`; `weight: 1.0` if each batch counts the same",
			"with `accumulate` it has to be known how the loss adds up over batches, and of this one it isn't")
		return nil, nil
	}
	if len(parts) == 1 && !counted {
		parts[0].loss = loss
		return parts, loss
	}
	for _, p := range parts {
		i := 0
		p.loss = d.each(loss, func(n *ir.Node, tm term) *ir.Node {
			i++
			switch {
			case of[i-1] != p:
				return t.Fill(n.Type, 0)
			case tm.share == meanOfCounted:
				return tm.sum
			}
			return n
		})
	}
	return parts, whole
}

// orNothing is a mean, or 0 if its count is.
func (t *training) orNothing(count, mean *ir.Node) *ir.Node {
	none := t.Apply(ir.LookupOp("eq"), count, 0)
	if !none.Type.Shape.Equal(mean.Type.Shape) {
		none = t.Apply(ir.LookupOp("reshape"), none, []int(mean.Type.Shape))
	}
	return t.Apply(ir.LookupOp("where"), none, t.Fill(mean.Type, 0), mean)
}

// examples is what a batch weighs: 1, or less if it is an epoch's last and has fewer
// examples. steps says that there is none of these.
func (t *training) examples() (weight *ir.Node, steps bool) {
	src := t.def.DataSource
	if src == nil || src.Decl == nil || src.Decl.Batch < 1 || src.Decl.DropLast || src.Kind != nil && src.Kind.Batches {
		return nil, true
	}
	n := 1.0
	if t.size > 0 {
		n = float64(t.size) / float64(src.Decl.Batch)
	}
	return t.Scalar(ir.F32, n), false
}

// weighted is a loss whose weight the spec says.
func (t *training) weighted(u *syntax.Update, loss *ir.Node) ([]*part, *ir.Node) {
	path := u.WeightPath()
	v := t.single(path, &syntax.Node{Value: u.Weight, At: u.Weight.At()}, ir.BufferState)
	if syntax.IsBad(v) {
		return nil, nil
	}
	ex := &expander{graph: t.graph, f: t.root, to: t.Builder, path: path}
	t.Origin = u.Weight.At()
	if !isScalar(v) {
		t.fail(t.root, diag.TypeMismatch, u.Weight.At(), "it is what the loss is divided by: a count, as in count(y != 0)", "weight must be a scalar, got %s", ir.Describe(v))
		return nil, nil
	}
	w := ex.tensor(v, "weight", u.Weight.At())
	return []*part{{name: "grad", loss: loss, weight: w, scaled: true, blank: true}}, t.orNothing(w, loss)
}

// startParts adds the states that hold the divisors.
func (o *optimizing) startParts() bool {
	for i, p := range o.parts {
		p.loss = o.view.of(p.loss)
		p.needs = ancestors(p.loss, nil)
		if p.weight == nil {
			continue
		}
		from := len(o.Graph.Nodes)
		o.Origin = o.u.At
		wide := ir.F32
		if p.weight.Type.DType == ir.F64 {
			wide = ir.F64
		}
		if p.weight = o.Cast(o.view.of(p.weight), wide); len(p.weight.Type.Shape) > 0 {
			p.weight = o.Apply(ir.LookupOp("reshape"), p.weight, []int{})
		}
		name := join(o.prefix, "weight")
		if i > 0 {
			name = fmt.Sprintf("%s_%d", name, i+1)
		}
		held, ok := o.newState(newFrame(nil, ""), name, ir.OptimState, ir.Scalar(wide), o.u.At)
		if !ok {
			return false
		}
		o.first.set(held.Name, o.first.Scalar(wide, 0.0))
		p.whole = o.Apply(ir.LookupOp("add"), held.Read, p.weight)
		o.gather(held, p.whole)
		o.own(from, o.prefix, "")
	}
	return true
}

// gather keeps what a turn adds up until the next update.
func (o *optimizing) gather(s *ir.State, total *ir.Node) {
	s.Next = o.Apply(ir.LookupOp("where"), o.due, 0.0, total)
	if o.turn.now != nil {
		s.Next = o.Apply(ir.LookupOp("where"), o.turn.now, s.Next, s.Read)
	}
}

// accumulate adds a part's gradient up until the next update, in f32 at least, and divides
// the sum.
func (o *optimizing) accumulate(p *trained, part *part, grad *ir.Node) (*ir.Node, bool) {
	wide := ir.Type{DType: grad.Type.DType.Wide(), Shape: grad.Type.Shape}
	f := newFrame(nil, "")
	f.device = p.state.Device
	sum, ok := o.newState(f, o.join(o.join(o.prefix, p.state.Name), part.name), ir.OptimState, wide, p.state.Origin)
	if !ok {
		return nil, false
	}
	first := &expander{graph: o.graph, f: f, to: o.first.Builder}
	o.first.set(sum.Name, first.filled(wide, 0.0))
	grad = o.Cast(grad, wide.DType)
	if part.weight != nil && part.scaled {
		weight := o.Cast(part.weight, wide.DType)
		grad = o.Apply(ir.LookupOp("mul"), grad, weight)
		if part.blank {
			grad = o.Apply(ir.LookupOp("where"), o.Apply(ir.LookupOp("eq"), weight, 0), 0.0, grad)
		}
	}
	total := o.Apply(ir.LookupOp("add"), sum.Read, grad)
	o.gather(sum, total)
	switch {
	case part.steps:
		total = o.Apply(ir.LookupOp("div"), total, int(o.u.Accumulate))
	case part.whole != nil:
		total = o.Apply(ir.LookupOp("div"), total, o.Cast(part.whole, wide.DType))
	}
	return total, true
}

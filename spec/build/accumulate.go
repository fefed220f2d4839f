package build

import (
	"fmt"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// part is what the terms of a loss give that add up in the same way over batches.
type part struct {
	loss   *ir.Node // their sum, without what each batch multiplies or divides it by
	weight *ir.Node // what a batch's gradients are multiplied by; nil: 1
	blank  bool     // and they may be NaN where weight is 0
	mean   bool     // their sum is divided by that of the weights, or by the number of batches
	of     *dissection
	times  []*ir.Node // and is multiplied with these, as they are of all batches together
	over   []*ir.Node // and divided by these

	divide func(total *ir.Node) *ir.Node // the sum of all batches by what divides it, once that is known
	needs  map[*ir.Node]bool             // what the loss depends on
	name   string                        // of its states
}

// parts takes the loss of an accumulating update apart. It also gives the loss with 0 for
// what is divided by 0: of a batch of which nothing counts. from is the first of the loss's
// nodes.
func (t *training) parts(u *syntax.Update, loss *ir.Node, from int) ([]*part, *ir.Node) {
	if u.Weight != nil {
		return t.weighted(u, loss)
	}
	d := t.dissect(loss, from)
	whole := d.walk(loss, way{up: func(n *ir.Node) *ir.Node { return n }})
	var parts []*part
	by := map[string]*part{}
	for _, tm := range d.terms {
		if tm.share == unknownShare && d.trained[tm.value] {
			t.unknownSum(u)
			return nil, nil
		}
		key := fmt.Sprint(tm.share == sumOfExamples, " ", d.keyOf(tm.times), " / ", d.keyOf(tm.over))
		p := by[key]
		if p == nil {
			p = &part{name: "grad", mean: tm.share != sumOfExamples, of: d, times: tm.times, over: tm.over}
			if len(parts) > 0 {
				p.name = fmt.Sprintf("grad_%d", len(parts)+1)
			}
			if p.mean {
				p.weight, _ = t.examples()
			}
			parts, by[key] = append(parts, p), p
		}
		if p.loss == nil {
			p.loss = tm.value
		} else {
			p.loss = t.Apply(ir.LookupOp("add"), p.loss, tm.value)
		}
	}
	if len(parts) == 1 && len(parts[0].times)+len(parts[0].over) == 0 {
		parts[0].loss = loss
	}
	return parts, whole
}

// unknownSum reports a loss of which it isn't known how it adds up.
func (t *training) unknownSum(u *syntax.Update) {
	help := "give what it is divided by, as in `weight: count(y != 0)` or `weight: sum(mask)`; `weight: 1.0` if each batch counts the same"
	for _, dim := range t.examplesIn {
		if dim < 0 {
			help += "; or call the dim of the examples `batch` in the inputs of the model: which one it is of generated or recorded batches isn't known"
			break
		}
	}
	t.fail(t.root, diag.InvalidValue, u.Loss.At(), help, "with `accumulate` it has to be known how the loss adds up over batches, and of this one it isn't")
}

// examples is what a batch weighs: the number of its examples, as an epoch's last may have
// fewer. steps says that all have the same.
func (t *training) examples() (weight *ir.Node, steps bool) {
	src := t.def.DataSource
	if src == nil || src.Decl == nil || src.Decl.Batch < 1 || src.Decl.DropLast || src.Kind != nil && src.Kind.Batches {
		return nil, true
	}
	return t.Scalar(ir.F32, float64(t.batch(src))), false
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
	d := newDissection(t, 0)
	none := d.scalar(d.apply("eq", w, 0))
	p := &part{name: "grad", loss: loss, weight: w, blank: true, mean: true, of: d}
	return []*part{p}, t.Apply(ir.LookupOp("where"), none, t.Fill(loss.Type, 0), loss)
}

// startParts adds the states that hold what the parts are divided by.
func (o *optimizing) startParts() bool {
	from := len(o.Graph.Nodes)
	o.Origin = o.u.At
	s := &sums{o: o, made: map[string]*ir.Node{}, all: map[*ir.Node]*ir.Node{}}
	for _, p := range o.parts {
		p.loss = o.view.of(p.loss)
		p.needs = ancestors(p.loss, nil)
		if o.u.Accumulate > 1 && !s.start(p) {
			return false
		}
	}
	o.own(from, o.prefix, "")
	return true
}

// gather keeps what a turn adds up until the next update.
func (o *optimizing) gather(s *ir.State, total *ir.Node) {
	s.Next = o.Apply(ir.LookupOp("where"), o.due, o.Scalar(total.Type.DType, 0), total)
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
	grad = o.CastFor(grad, wide.DType, "gradients are summed in f32 at least")
	if part.weight != nil {
		weight := o.CastFor(part.weight, wide.DType, "gradients are summed in f32 at least")
		grad = o.Apply(ir.LookupOp("mul"), grad, weight)
		if part.blank {
			grad = o.Apply(ir.LookupOp("where"), o.Apply(ir.LookupOp("eq"), weight, 0), 0.0, grad)
		}
	}
	total := o.Apply(ir.LookupOp("add"), sum.Read, grad)
	o.gather(sum, total)
	return part.divide(total), true
}

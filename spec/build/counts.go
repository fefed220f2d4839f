package build

import (
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// A loss of several batches together is what the same loss is of one batch that has all
// their examples. To add up gradients so that they are those of that batch, it has to be
// known what a loss adds and what it divides by: `sum(each) / count` of two batches is the
// sum of both over the count of both.

// share is how a value adds up over batches.
type share uint8

const (
	meanOfExamples share = iota // its share is that of its batch's examples; or it depends on no example
	sumOfExamples               // it is divided by nothing
	sumByNumber                 // it is divided by a number, taken for one of examples: a mean
	unknownShare
)

// term is one of those that a loss adds: value * times / over.
type term struct {
	share       share
	value       *ir.Node   // linear in the examples; in the loss's type
	times, over []*ir.Node // numbers that are computed of sums and means of the batch alone
}

// dissection takes a loss apart.
type dissection struct {
	t       *training
	batch   map[*ir.Node]bool // whether a node depends on the batch
	trained map[*ir.Node]bool // whether it depends on a parameter
	fields  map[*ir.Node]int  // the dim of the examples, of generated and replayed data
	layouts map[*ir.Node]layout
	results map[*ir.Node]map[int]layout // of scans, by their offsets
	from    int                         // the first node of the loss
	numbers map[*ir.Node]bool           // whether they are counted
	keys    map[*ir.Node]string         // of what is computed of the batch alone
	byText  map[string]string           // the same by what is computed
	terms   []term                      // of the loss, once walk has seen it
}

func (t *training) dissect(loss *ir.Node, from int) *dissection {
	d := newDissection(t, from)
	needed := make([]*ir.Node, 0)
	for n := range ancestors(loss, nil) {
		needed = append(needed, n)
	}
	slices.SortFunc(needed, func(a, b *ir.Node) int { return a.ID - b.ID }) // operands first
	for _, n := range needed {
		d.note(n)
	}
	return d
}

func newDissection(t *training, from int) *dissection {
	return &dissection{t: t, batch: map[*ir.Node]bool{}, trained: map[*ir.Node]bool{}, fields: t.examplesIn, layouts: map[*ir.Node]layout{},
		results: map[*ir.Node]map[int]layout{}, from: from, numbers: map[*ir.Node]bool{}, keys: map[*ir.Node]string{}, byText: map[string]string{}}
}

// note finds out what a node is, from its operands.
func (d *dissection) note(n *ir.Node) {
	isParam := n.State != nil && n.State.Kind == ir.ParamState
	_, isField := d.fields[n]
	d.batch[n] = n == d.t.step || n.Op == ir.SourceOp || isField || n.State != nil && !isParam || d.any(d.batch, n.Inputs)
	d.trained[n] = isParam || d.any(d.trained, n.Inputs)
	d.layouts[n] = d.layoutOf(n)
}

func (d *dissection) any(what map[*ir.Node]bool, nodes []*ir.Node) bool {
	return slices.ContainsFunc(nodes, func(n *ir.Node) bool { return what[n] })
}

// fixed reports whether a node is the same for all batches, and isn't trained.
func (d *dissection) fixed(n *ir.Node) bool { return !d.batch[n] && !d.trained[n] }

// way is how the loss depends on a node inside of it, as far as it is linear in it.
type way struct {
	up func(*ir.Node) *ir.Node // what the loss makes of a node in its place, but for what it adds
	// And for what it multiplies it with and divides it by.
	times, over []*ir.Node
	// What the node is a part of within the innermost of these quotients; nil: the loss.
	within func(*ir.Node) *ir.Node
}

// then is the way through one more operation.
func (w way) then(op func(*ir.Node) *ir.Node) way {
	up, within := w.up, w.within
	w.up = func(x *ir.Node) *ir.Node { return up(op(x)) }
	if within != nil {
		w.within = func(x *ir.Node) *ir.Node { return within(op(x)) }
	}
	return w
}

// share is how a node adds up. A number by which a quotient of counts is divided is just that;
// what one means inside of it isn't known.
func (d *dissection) share(n *ir.Node, w way) share {
	if w.within == nil {
		w.within = w.up
	}
	s := d.shareOf(w.within(n))
	if s == sumByNumber && len(w.times)+len(w.over) > 0 {
		return unknownShare
	}
	return s
}

// walk goes down to the terms of a loss, as far as it is linear in them. It gives the node
// with 0 for what a batch divides by 0: one of which nothing counts.
func (d *dissection) walk(n *ir.Node, w way) *ir.Node {
	d.t.list.Budget.Spend(diag.Expanding, expandCost) // a node that is added twice is walked twice
	scalar := n.Type.Shape.Numel() == 1
	if !scalar {
		if s := d.share(n, w); s != unknownShare {
			return d.found(n, s, w)
		}
	}
	switch n.Op.Name {
	case "cast", "reshape", "squeeze", "unsqueeze", "neg":
		return d.down(n, 0, w)
	case "add", "sub":
		if !scalar || n.Inputs[0].Type.Shape.Numel() == 1 && n.Inputs[1].Type.Shape.Numel() == 1 {
			return d.both(n, w)
		}
	case "mul", "div":
		if m := d.factors(n, w); m != nil {
			return m
		}
	}
	if scalar {
		if s := d.share(n, w); s != unknownShare {
			return d.found(n, s, w)
		}
	}
	switch n.Op.Name {
	case "sum", "mean", "transpose", "permute", "flatten", "slice", "broadcast_to":
		return d.down(n, 0, w)
	}
	return d.found(n, unknownShare, w)
}

func (d *dissection) found(n *ir.Node, s share, w way) *ir.Node {
	d.terms = append(d.terms, term{share: s, value: w.up(n), times: w.times, over: w.over})
	return n
}

// down walks an operand in which a node is linear.
func (d *dissection) down(n *ir.Node, i int, w way) *ir.Node {
	w = w.then(func(x *ir.Node) *ir.Node { return d.with(n, i, x) })
	return d.with(n, i, d.walk(n.Inputs[i], w))
}

// both walks the operands of a sum or difference: each is a term by itself.
func (d *dissection) both(n *ir.Node, w way) *ir.Node {
	out := n
	for i := range 2 {
		of := w.then(func(x *ir.Node) *ir.Node {
			if x = d.like(x, n.Type); i == 1 && n.Op.Name == "sub" {
				x = d.apply("neg", x)
			}
			return x
		})
		out = d.with(out, i, d.walk(n.Inputs[i], of))
	}
	return out
}

// factors walks the operand of a product or quotient in which it is linear: the other one is
// the same for all batches, of no one example, or a number of which it is known what it is of
// several batches. Otherwise it is nil.
func (d *dissection) factors(n *ir.Node, w way) *ir.Node {
	for i, x := range n.Inputs {
		by := n.Inputs[1-i]
		switch div := n.Op.Name == "div"; {
		case div && i == 1:
		case !d.batch[by], d.batch[x] && d.layouts[by].kind == drawn && by.Type.Shape.Numel() == 1:
			return d.down(n, i, w)
		case d.counted(by):
			inner := w.then(func(x *ir.Node) *ir.Node { return d.like(x, n.Type) })
			if n.Type.Shape.Numel() == 1 {
				inner.within = func(x *ir.Node) *ir.Node { return x }
			}
			if div {
				inner.over = append(slices.Clone(w.over), by)
			} else {
				inner.times = append(slices.Clone(w.times), by)
			}
			return d.orNothing(by, div, d.with(n, i, d.walk(x, inner)))
		}
	}
	return nil
}

// with is a node with another operand in the place of one of the same type.
func (d *dissection) with(n *ir.Node, i int, x *ir.Node) *ir.Node {
	d.t.list.Budget.Spend(diag.Expanding, diag.KeptByte)
	if x == n.Inputs[i] {
		return n
	}
	inputs := slices.Clone(n.Inputs)
	inputs[i] = x
	return d.noted(d.t.With(n, inputs))
}

func (d *dissection) noted(n *ir.Node) *ir.Node {
	for _, in := range n.Inputs {
		if _, known := d.layouts[in]; !known {
			d.noted(in)
		}
	}
	d.note(n)
	return n
}

func (d *dissection) apply(op string, args ...any) *ir.Node {
	return d.noted(d.t.Apply(ir.LookupOp(op), args...))
}

// like brings a node to a type to whose shape it can be broadcast.
func (d *dissection) like(n *ir.Node, t ir.Type) *ir.Node {
	if n.Type.DType != t.DType {
		n = d.noted(d.t.Cast(n, t.DType))
	}
	switch {
	case n.Type.Shape.Equal(t.Shape):
		return n
	case n.Type.Shape.Numel() == t.Shape.Numel():
		return d.apply("reshape", n, []int(t.Shape))
	}
	return d.apply("broadcast_to", n, []int(t.Shape))
}

// scalar is a number without dims.
func (d *dissection) scalar(n *ir.Node) *ir.Node { return d.like(n, ir.Scalar(n.Type.DType)) }

// orNothing is what a batch has multiplied with a number, or divided by it: 0 if nothing
// of the batch counts, where that would be NaN.
func (d *dissection) orNothing(by *ir.Node, div bool, n *ir.Node) *ir.Node {
	if !div && !by.Type.DType.IsFloat() {
		return n
	}
	none := d.scalar(d.apply("eq", by, 0))
	if !div {
		none = d.scalar(d.apply("logical_not", d.apply("isfinite", by)))
		for _, c := range d.countsOf(by) {
			none = d.apply("logical_and", none, d.scalar(d.apply("eq", c, 0)))
		}
	}
	return d.apply("where", none, d.t.Fill(n.Type, 0), n)
}

// shareOf says how a node adds up.
func (d *dissection) shareOf(n *ir.Node) share {
	l := d.layouts[n]
	switch {
	case !d.batch[n]:
		return meanOfExamples
	case l.kind == combinedOnes:
		return l.share
	case l.kind == drawn && n.Type.Shape.Numel() == 1: // of the batch as a whole
		return meanOfExamples
	}
	return unknownShare
}

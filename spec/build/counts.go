package build

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// A loss of several batches together is what the same loss is of one batch that has all
// their examples. To add up gradients so that they are those of that batch, it has to be
// known what a loss adds and what it divides by: `sum(each) / count` of two batches is the
// sum of both over the count of both.

// share is how a term of a loss adds up over batches.
type share uint8

const (
	meanOfExamples share = iota // its share is that of its batch's examples; or it depends on no example
	sumOfExamples               // it is divided by nothing
	meanOfCounted               // it is divided by a count of its batch
	unknownShare
)

// term is one of those that a loss adds.
type term struct {
	share share
	count *ir.Node // of meanOfCounted: what divides
	sum   *ir.Node // and what is divided, in the term's type
}

// dissection takes a loss apart.
type dissection struct {
	t       *training
	batch   map[*ir.Node]bool // whether a node depends on the batch
	trained map[*ir.Node]bool // whether it depends on a parameter
	fields  map[*ir.Node]bool // those of generated data
	layouts map[*ir.Node]layout
	results map[*ir.Node]map[int]layout // of scans, by their offsets
	from    int                         // the first node of the loss
}

func (t *training) dissect(loss *ir.Node, from int) *dissection {
	d := &dissection{t: t, batch: map[*ir.Node]bool{}, trained: map[*ir.Node]bool{}, fields: t.generated, layouts: map[*ir.Node]layout{}, results: map[*ir.Node]map[int]layout{}, from: from}
	needed := make([]*ir.Node, 0)
	for n := range ancestors(loss, nil) {
		needed = append(needed, n)
	}
	slices.SortFunc(needed, func(a, b *ir.Node) int { return a.ID - b.ID }) // operands first
	for _, n := range needed {
		isParam := n.State != nil && n.State.Kind == ir.ParamState
		d.batch[n] = n == t.step || n.Op == ir.SourceOp || n.State != nil && !isParam || d.any(d.batch, n.Inputs)
		d.trained[n] = isParam || d.any(d.trained, n.Inputs)
		d.layouts[n] = d.layoutOf(n)
	}
	return d
}

func (d *dissection) any(what map[*ir.Node]bool, nodes []*ir.Node) bool {
	return slices.ContainsFunc(nodes, func(n *ir.Node) bool { return what[n] })
}

// fixed reports whether a node is the same for all batches, and isn't trained.
func (d *dissection) fixed(n *ir.Node) bool { return !d.batch[n] && !d.trained[n] }

// counts reports whether a node is a number that is computed of the batch alone.
func (d *dissection) counts(n *ir.Node) bool {
	return d.batch[n] && !d.trained[n] && n.Type.Shape.Numel() == 1
}

// each calls f for the terms of a loss, as far as it is linear in them, and gives the loss
// with what f gives in their places.
func (d *dissection) each(loss *ir.Node, f func(n *ir.Node, t term) *ir.Node) *ir.Node {
	return d.walk(loss, false, f)
}

// walk goes down to the terms. divided says that a number divides what is there: a sum is
// then a mean, whose count is written as that number.
func (d *dissection) walk(n *ir.Node, divided bool, f func(*ir.Node, term) *ir.Node) *ir.Node {
	inputs := slices.Clone(n.Inputs)
	down := func(i int, divided bool) *ir.Node {
		inputs[i] = d.walk(n.Inputs[i], divided, f)
		if slices.Equal(inputs, n.Inputs) {
			return n
		}
		return d.t.With(n, inputs)
	}
	switch n.Op.Name {
	case "cast", "reshape", "squeeze", "neg":
		return down(0, divided)
	case "add", "sub":
		if n.Inputs[0].Type.Shape.Numel() == 1 && n.Inputs[1].Type.Shape.Numel() == 1 {
			inputs[0] = d.walk(n.Inputs[0], divided, f)
			return down(1, divided)
		}
	case "mul":
		if !d.batch[n.Inputs[0]] {
			return down(1, divided)
		} else if !d.batch[n.Inputs[1]] {
			return down(0, divided)
		}
	case "div":
		a, b := n.Inputs[0], n.Inputs[1]
		if !d.batch[b] { // a number; what is trained is no number of examples
			return down(0, divided || d.fixed(b))
		}
		if d.counts(b) && d.shareOf(a) == sumOfExamples && d.shareOf(b) == sumOfExamples {
			sum := d.t.Cast(a, n.Type.DType)
			if !sum.Type.Equal(n.Type) {
				sum = d.t.Apply(ir.LookupOp("reshape"), sum, []int(n.Type.Shape))
			}
			return f(n, term{share: meanOfCounted, count: b, sum: sum})
		}
	}
	s := d.shareOf(n)
	if divided && s == sumOfExamples {
		s = meanOfExamples
	}
	return f(n, term{share: s})
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

package flowrun

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// A spec is checked by itself, whatever the machine and the files around it. What
// is here looks at those too, for those who ask.

// WithFiles makes a check open the files that the spec names (recorded data,
// weights to start from) and compare them with their declarations, as
// validate --data does. Of arrays and tensors, only headers are read, and what is used as
// indices: 16 million elements of a field at most.
func WithFiles() LoadOption { return func(o *loadOptions) { o.files = true } }

// WithDevice makes a check lower the program onto a device of this machine, as
// validate --on does: the devices that the spec asks for must be there, every op
// must have a kernel, and the memory must suffice. Nothing is run.
func WithDevice(name string) LoadOption {
	return func(o *loadOptions) { o.devices = append(o.devices, name) }
}

// checkSurroundings looks at files and devices, as far as options ask for it and
// the spec is right by itself.
func (p *Program) checkSurroundings(o loadOptions) error {
	if p.findings.HasErrors() {
		return nil
	}
	if o.files {
		p.checkFiles(o.tellWeights)
		p.findings.Sort() // weights are looked at first, and stand last in a spec
	}
	for _, name := range o.devices {
		if err := p.checkOn(name); err != nil {
			return err
		}
	}
	return nil
}

// checkFiles compares the files that the spec names with their declarations.
func (p *Program) checkFiles(tell func(*WeightsReport)) {
	unfit := func(at diag.Range, err error) {
		p.findings.Items = slices.DeleteFunc(p.findings.Items, func(d Diagnostic) bool { return d.Rule == diag.FileFormat && d.Range == at })
		p.findings.Errorf(diag.UnfitFile, at, "%s", err)
	}
	p.checkData(unfit, p.checkWeightFiles(tell, unfit))
}

// checkWeightFiles compares the headers of the files of train.init and model.init with the
// model. It gives what those that training begins with know of its data.
func (p *Program) checkWeightFiles(tell func(*WeightsReport), unfit func(at diag.Range, err error)) (known string) {
	check := func(w *ir.Weights, g *ir.Graph) (read Weights) {
		if w == nil {
			return Weights{}
		}
		read, err := p.checkInit(w, g)
		if err != nil {
			unfit(w.Origin, err)
		} else if tell != nil {
			tell(read.report)
		}
		return read
	}
	given := check(p.spec.Loop.Weights, p.spec.Train)
	base := check(p.spec.Weights, p.spec.Infer)
	if base.report == nil || given.report != nil && len(given.report.Kept) == 0 {
		return given.learned
	}
	whole, err := over(base, given)
	if err != nil {
		unfit(p.spec.Weights.Origin, err)
	}
	return whole.learned
}

// checkData opens all data sources, and builds the graphs for a smaller last batch. known
// is what the weights that training begins with know of its data.
func (p *Program) checkData(unfit func(at diag.Range, err error), known string) {
	ctx := context.Background()
	var facts learned.Facts
	if d, err := p.openTrainingData(ctx, known); err != nil {
		decl, _ := p.spec.Source(p.spec.TrainData)
		unfit(decl.At, err)
	} else if d != nil {
		defer d.close()
		facts = d.Facts()
		p.checkTraining(d, unfit)
	}
	for _, decl := range p.spec.DataSources {
		if source, _ := p.spec.Source(p.spec.TrainData); source == decl {
			continue
		}
		o := data.Options{}
		if evaluated, _ := p.spec.Source(p.spec.EvalData); evaluated == decl {
			o = data.Options{InOrder: true, Facts: facts}
		}
		d, err := p.openDecl(ctx, decl.Name, decl, "", o)
		if err == nil {
			err = d.close()
		}
		if err != nil {
			unfit(decl.At, err)
		}
	}
	p.checkEvaluation(ctx, facts, unfit)
}

// openTrainingData opens the data as a run that begins with weights that know something
// of it does.
func (p *Program) openTrainingData(ctx context.Context, known string) (*dataset, error) {
	facts, err := p.factsOf(ctx, known)
	if err != nil {
		return nil, err
	}
	d, err := p.openData(ctx, p.spec.TrainData, data.Options{Facts: facts})
	return d, orForget(err, known)
}

// checkEvaluation compares what the evaluation asks for with its data. What is wrong with
// a data source as a whole has been found; with a part of the training's it is found here,
// such as a class that the training part lacks.
func (p *Program) checkEvaluation(ctx context.Context, facts learned.Facts, unfit func(at diag.Range, err error)) {
	trains, _ := p.spec.Source(p.spec.TrainData)
	decl, _ := p.spec.Source(p.spec.EvalData)
	if decl != nil && decl == trains && facts == nil { // which was reported
		return
	}
	d, err := p.openData(ctx, p.spec.EvalData, data.Options{InOrder: true, Facts: facts})
	if err != nil && decl == trains {
		unfit(decl.At, fmt.Errorf("eval: %w", err))
	}
	if d == nil || err != nil {
		return
	}
	defer d.close()
	e := p.spec.Loop.Evaluation
	batches, err := evaluationBatches(e, d)
	if err != nil {
		unfit(d.decl.At, fmt.Errorf("eval: %w", err))
		return
	}
	p.checkRange(d, unfit)
	p.checkSizes(p.spec.EvalStep, d, unfit, batches.size, batches.last)
}

// checkTraining compares what training asks for with its data.
func (p *Program) checkTraining(d *dataset, unfit func(at diag.Range, err error)) {
	loop, err := p.resolve(d)
	if err == nil {
		err = d.checkLimit(loop.MaxSteps)
	}
	if err != nil {
		unfit(d.decl.At, err)
	}
	p.checkRange(d, unfit)
	size, last, _ := d.batches()
	p.checkSizes(p.spec.TrainStep, d, unfit, size, last)
}

// lookedAt is how many elements of a field are compared with its range.
const lookedAt = 1 << 24

// checkRange compares classes, and values that are used as indices, with what the graphs
// take.
func (p *Program) checkRange(d *dataset, unfit func(at diag.Range, err error)) {
	err := d.boundBy(p.boundsOfData(d.name))
	if err == nil {
		err = d.Strays(context.Background(), lookedAt, func(f *table.Fault) error { return f })
	}
	if err != nil {
		unfit(d.decl.At, err)
	}
}

// checkSizes builds the graphs for batches of other sizes than the declared one.
func (p *Program) checkSizes(step func(int64) (*ir.Graph, diag.List), d *dataset, unfit func(at diag.Range, err error), sizes ...int64) {
	for _, n := range sizes {
		if n == 0 || n == d.decl.Batch {
			continue
		}
		var wrong *SpecError
		switch _, err := p.sized(step, n); {
		case errors.As(err, &wrong):
			p.findings.Merge(wrong.Diagnostics)
		case err != nil:
			unfit(d.decl.At, err)
		}
	}
}

// lowerCost is what lowering a node costs: some 8 µs, and 2 KB until it is done.
const lowerCost = 6_000

// checkOn lowers the program's graphs onto a device, as far as the budget of the check
// suffices.
func (p *Program) checkOn(name string) error {
	for _, g := range p.spec.Graphs() {
		if !p.findings.Bounded(func() { p.findings.Budget.Spend(diag.Lowering, lowerCost*len(g.Nodes)) }) {
			return nil
		}
		o := &startOptions{device: name}
		if g == p.spec.Init { // initial values are computed on the host
			o = &startOptions{device: "cpu"}
		}
		plan, m, err := p.plan(g, o)
		var where *lower.Error
		var missing *missingDevice
		switch {
		case errors.As(err, &where):
			p.findings.Add(diag.Diagnostic{Rule: diag.Rule(where.Rule), Range: where.Range, Message: where.Msg, Help: where.Help})
			return nil
		case errors.As(err, &missing):
			at := missing.origin
			if !at.Known() {
				at = diag.Range{File: p.spec.File}
			}
			p.findings.Errorf(diag.NoDevice, at, "%s", err)
			return nil
		case err != nil:
			return err
		}
		if err := m.close(); err != nil {
			return err
		}
		if p.checkMemory(plan) {
			return nil
		}
	}
	return nil
}

// checkMemory compares what a plan needs with what its devices have, and reports
// whether it is too much.
func (p *Program) checkMemory(plan *lower.Plan) bool {
	over := false
	for i, t := range plan.Targets {
		need := int64(ir.AddSize(int(plan.Spaces[i].Kept), int(plan.Spaces[i].Arena)))
		if t.Memory == 0 || need <= t.Memory {
			continue
		}
		over = true
		largest := largestIn(plan, i)
		p.findings.Add(diag.Diagnostic{Rule: diag.OutOfMemory, Range: largest.Origin,
			Message: fmt.Sprintf("the program needs %s on %s, which has %s; the largest value is %s, %s",
				diag.Bytes(need), t.Name, diag.Bytes(t.Memory), largest.Label(), largest.Type),
			Help: "make batches smaller, or place a part on another device; flowrun explain shows what needs how much"})
	}
	return over
}

// largestIn is the node whose value needs the most of a space.
func largestIn(plan *lower.Plan, space int) *ir.Node {
	var largest *ir.Node
	for _, n := range plan.Graph.Nodes {
		if n.Space == space && (largest == nil || plan.Value(n).Bytes > plan.Value(largest).Bytes) {
			largest = n
		}
	}
	return largest
}

package flowrun

import (
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/data/replay"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// A spec is checked by itself, whatever the machine and the files around it. What
// is here looks at those too, for those who ask.

// WithFiles makes a check open the files that the spec names (recorded data,
// weights to start from) and compare them with their declarations, as
// validate --data does. Nothing but their headers is read.
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
		p.checkFiles()
	}
	for _, name := range o.devices {
		if err := p.checkOn(name); err != nil {
			return err
		}
	}
	return nil
}

// checkFiles compares the files that the spec names with their declarations.
func (p *Program) checkFiles() {
	unfit := func(at diag.Range, err error) {
		p.findings.Items = slices.DeleteFunc(p.findings.Items, func(d Diagnostic) bool { return d.Rule == diag.FileFormat && d.Range == at })
		p.findings.Errorf(diag.UnfitFile, at, "%s", err)
	}
	for _, source := range p.spec.DataSources {
		if opened, err := p.openData(source); err != nil {
			unfit(source.At, err)
		} else if err := opened.Close(); err != nil {
			unfit(source.At, err)
		}
	}
	if w := p.spec.Loop.Weights; w != nil {
		if err := p.checkWeightsFile(w); err != nil {
			unfit(w.Origin, err)
		}
	}
}

// openData opens a data source's file, which must be where the spec may read.
func (p *Program) openData(source *table.Decl) (*replay.Replay, error) {
	if source.Kind != replay.Kind.Name {
		return nil, fmt.Errorf("data source %s: reading %s isn't supported yet", source.Name, source.Kind)
	}
	file, err := p.openNamed(source.Files[0].Path)
	var s *replay.Replay
	if err == nil {
		s, err = replay.Open(file, source.Files[0].Path, replay.Fields(source))
	}
	if err != nil {
		return nil, fmt.Errorf("data source %s: %w", source.Name, err)
	}
	return s, nil
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

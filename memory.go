package flowrun

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
	"github.com/flowrun/flowrun/lower/place"
)

// Need is the memory that training needs on a device, and what the device has, in bytes.
type Need struct {
	Device     string
	Bytes, Has int64 // Has is 0 where the driver doesn't say it
	Evaluation int64 // of Bytes, what the evaluation's plan needs, which stays beside that of a step
}

// ErrGeneratedBatches is the error of TrainingMemory for a batch of another size than the
// spec says, where training generates its data.
var ErrGeneratedBatches = errors.New("the batches of training are generated: their size is what the spec's nodes say")

// TooLarge says why a device can't hold a training step, whatever memory it has.
type TooLarge struct{ Msg string }

// Error gives the reason.
func (e *TooLarge) Error() string { return e.Msg }

// TrainingMemory plans a step of training, and of its evaluation, and sums up the memory
// that they need on each device. Nothing is run, and no memory is allocated. device is the
// default one; "" is what the spec says. batch is the number of examples in a batch, if
// training reads files; 0 is what the spec says. A batch that the spec doesn't take is a
// *SpecError, one with a tensor larger than its kernels can count a *TooLarge, and one for
// data that isn't read from files ErrGeneratedBatches.
func (p *Program) TrainingMemory(device string, batch int64) ([]Need, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	g := p.spec.Train
	if g == nil {
		return nil, errors.New("the spec has no `train` section")
	}
	if batch > 0 {
		if decl, _ := p.spec.Source(p.spec.TrainData); decl == nil {
			return nil, ErrGeneratedBatches
		}
		var err error
		if g, err = p.sized(p.spec.TrainStep, batch); err != nil {
			return nil, err
		}
	}
	needs, err := p.addNeeds(nil, g, device)
	if e := p.spec.Loop.Evaluation; e != nil && err == nil {
		step := slices.Clone(needs)
		needs, err = p.addNeeds(needs, e.Graph, device)
		for i := range needs {
			needs[i].Evaluation = needs[i].Bytes
			if i < len(step) {
				needs[i].Evaluation -= step[i].Bytes
			}
		}
	}
	return needs, err
}

// addNeeds adds what a graph's plan needs.
func (p *Program) addNeeds(needs []Need, g *ir.Graph, device string) ([]Need, error) {
	plan, m, err := p.plan(g, &startOptions{device: device})
	if err != nil {
		return nil, tooLarge(err)
	}
	if err := m.close(); err != nil {
		return nil, err
	}
	if err := countable(plan); err != nil {
		return nil, err
	}
	return needsOf(needs, plan), nil
}

// tooLarge makes a *TooLarge of the error of a plan that needs more memory than any
// device has.
func tooLarge(err error) error {
	if where := new(lower.Error); errors.As(err, &where) && where.Rule == string(diag.OutOfMemory) {
		return &TooLarge{where.Msg}
	}
	return err
}

// countable reports a tensor with more elements than kernels in source languages count.
func countable(p *lower.Plan) error {
	for _, n := range p.Graph.Nodes {
		if t := p.Targets[n.Space]; t.Language != "" && n.Type.Shape.Numel() > math.MaxInt32 {
			return &TooLarge{fmt.Sprintf("%s is %s; kernels on %s count up to %d elements", n.Label(), n.Type, t.Name, math.MaxInt32)}
		}
	}
	return nil
}

// needsOf adds what a plan needs.
func needsOf(needs []Need, p *lower.Plan) []Need {
	for i, t := range p.Targets {
		bytes := place.Sum(p.Spaces[i].Kept, p.Spaces[i].Arena)
		at := 0
		for at < len(needs) && needs[at].Device != t.Name {
			at++
		}
		if at == len(needs) {
			needs = append(needs, Need{Device: t.Name, Has: t.Memory})
		}
		needs[at].Bytes = place.Sum(needs[at].Bytes, bytes)
	}
	return needs
}

package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// Resumed is what a run continues from; nil where it begins anew.
type Resumed struct {
	Head
	Path        string
	Differences []string // what the spec computes otherwise than when the checkpoint was written
	States      map[string]*ir.Tensor

	memory map[string]*ir.Tensor // of the loop
}

// Resume reads the states of a graph from the checkpoint. facts say what the spec
// computes now, as a checkpoint's Head does.
func (f *File) Resume(g *ir.Graph, facts string) (*Resumed, error) {
	changes, err := differences(f.Facts, facts)
	if err != nil {
		return nil, fmt.Errorf("%s: its description of the spec can't be read: %w", f.Path, err)
	}
	r := &Resumed{Head: f.Head, Path: f.Path, Differences: changes}
	if r.States, r.memory, err = f.Read(); err != nil {
		return nil, err
	}
	if r.States[ir.NonFiniteState] == nil && g.State(ir.NonFiniteState) != nil { // older versions didn't look
		r.States[ir.NonFiniteState] = ir.ScalarTensor(ir.I64, int64(0))
	}
	r.allowSkipping(g)
	if err := r.fits(g); err != nil {
		return nil, err
	}
	r.Step = r.States[ir.StepState].Int(0)
	return r, nil
}

// best is the best metric of a checkpoint up to there. Older versions remembered its value
// alone: it is of the step of the file that holds it, if that is the best one.
func (r *Resumed) best() engine.Value {
	v := engine.Value{Value: r.recall(bestMetric, math.NaN())}
	if math.IsNaN(v.Value) {
		return v
	}
	step := int64(0)
	if t := r.States[ir.StepState]; t != nil {
		step = t.Int(0)
	}
	v.Step = int64(r.recall(bestStep, float64(step)))
	return v
}

// allowSkipping lets a run begin to skip steps that aren't finite, or cease to: none has
// been skipped yet, or nobody counts them any more.
func (r *Resumed) allowSkipping(g *ir.Graph) {
	if g.State(ir.SkippedState) == nil {
		delete(r.States, ir.SkippedState)
	} else if r.States[ir.SkippedState] == nil {
		r.States[ir.SkippedState] = ir.ScalarTensor(ir.I64, int64(0))
	}
}

// fits compares the checkpoint's tensors with the states of a graph.
func (r *Resumed) fits(g *ir.Graph) error {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(r.States)) {
		switch st := g.State(name); {
		case st == nil:
			problems = append(problems, fmt.Sprintf("it contains %s, which is no longer in the spec", diag.Cut(name)))
		case !st.Type.Equal(r.States[name].Type):
			problems = append(problems, fmt.Sprintf("%s is %s in it and %s in the spec", name, r.States[name].Type, st.Type))
		}
	}
	for _, st := range g.States {
		if r.States[st.Name] == nil {
			problems = append(problems, fmt.Sprintf("it lacks %s, %s", st.Name, st.Type))
		}
	}
	switch {
	case len(problems) == 0:
		return nil
	case len(r.Differences) == 0: // the spec is the same
		return fmt.Errorf("%s was written by a version of flowrun that kept other states for this spec: %s; train.init takes its parameters",
			r.Path, diag.Few(problems))
	}
	return fmt.Errorf("the spec has changed since %s was written: %s", r.Path, diag.Few(append(r.Differences, problems...)))
}

// differences says where two descriptions of a spec, in JSON, don't agree.
func differences(before, after string) (found []string, err error) {
	var then, now []struct{ Key, Text string }
	if err := errors.Join(json.Unmarshal([]byte(before), &then), json.Unmarshal([]byte(after), &now)); err != nil {
		return nil, err
	}
	old := map[string]string{}
	for _, f := range then {
		old[f.Key] = f.Text
	}
	for _, f := range now {
		was, known := old[f.Key]
		delete(old, f.Key)
		switch {
		case !known:
			found = append(found, fmt.Sprintf("%s is new", f.Key))
		case was != f.Text:
			found = append(found, fmt.Sprintf("%s was %s and is %s", f.Key, diag.Cut(was), diag.Cut(f.Text)))
		}
	}
	for _, f := range then {
		if _, removed := old[f.Key]; removed {
			found = append(found, fmt.Sprintf("%s was removed", f.Key))
		}
	}
	return found, nil
}

package flowrun

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// Resume goes on from a checkpoint: a file, or, for "", the newest one of the run
// made last in the folder that the spec's checkpoint names. The run continues with
// the bits that it would have had.
func Resume(path string) StartOption {
	return func(o *startOptions) { o.resume = resumption{wanted: true, path: path} }
}

// ResumeOrStart is Resume("") where the folder has a checkpoint, and begins anew
// where there is nothing yet.
func ResumeOrStart() StartOption {
	return func(o *startOptions) { o.resume = resumption{wanted: true, orNew: true} }
}

// resumption is what Resume and ResumeOrStart ask for.
type resumption struct {
	wanted bool
	path   string // "": the newest
	orNew  bool
}

// Resumption says from where a session goes on.
type Resumption struct {
	Path        string
	Step        int64
	Differences []string // what the spec computes otherwise than when the checkpoint was written

	// GoesBack says that the checkpoint isn't the newest of the run made last: this is
	// another run from now on, and the one that plain Resume goes on with. Replaces
	// names files of runs that it doesn't come from, which it replaces as it gets to
	// their steps.
	GoesBack bool
	Replaces []string

	head checkpoint.Head
}

// Resumed tells from where the session goes on; nil if it began anew.
func (s *Session) Resumed() *Resumption {
	if s.ready() != nil {
		return nil
	}
	return s.resumed
}

// openCheckpoint opens what a run is to go on from; nil if it begins anew.
func (s *Session) openCheckpoint(from resumption) (*checkpoint.File, error) {
	if !from.wanted {
		return nil, nil
	}
	if from.path != "" {
		file, err := checkpoint.OpenFile(from.path)
		return file, inResume(err)
	}
	if s.store == nil {
		return nil, fmt.Errorf("resume: %s has no train.checkpoint that names a folder; name a checkpoint's file", s.program.spec.File)
	}
	if from.orNew && s.store.Empty() {
		return nil, nil
	}
	file, err := s.store.Newest()
	return file, inResume(err)
}

func inResume(err error) error {
	if err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	return nil
}

// readCheckpoint reads the checkpoint that a run is to go on from: it gives the
// states, and keeps what the loop remembers.
func (s *Session) readCheckpoint(file *checkpoint.File, g *ir.Graph) (map[string]*Tensor, error) {
	var facts []spec.Fact
	if err := json.Unmarshal([]byte(file.Facts), &facts); err != nil {
		return nil, fmt.Errorf("resume: %s: its description of the spec can't be read: %w", file.Path, err)
	}
	s.resumed = &Resumption{Path: file.Path, Differences: differences(facts, s.program.spec.Facts), head: file.Head}
	states, remembered, err := file.Read()
	if err != nil {
		return nil, inResume(err)
	}
	s.remembered = remembered
	if states[ir.NonFiniteState] == nil && g.State(ir.NonFiniteState) != nil { // older versions didn't look
		states[ir.NonFiniteState] = ir.ScalarTensor(ir.I64, int64(0))
	}
	if err := s.fits(states, g); err != nil {
		return nil, err
	}
	s.resumed.Step = states[ir.StepState].Int(0)
	s.resumed.head.Step = s.resumed.Step
	return states, nil
}

// fits compares the tensors of a checkpoint with the states of g.
func (s *Session) fits(states map[string]*Tensor, g *ir.Graph) error {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(states)) {
		switch st := g.State(name); {
		case st == nil:
			problems = append(problems, fmt.Sprintf("it has %s, which the spec has no more", diag.Cut(name)))
		case !st.Type.Equal(states[name].Type):
			problems = append(problems, fmt.Sprintf("%s is %s there and %s now", name, states[name].Type, st.Type))
		}
	}
	for _, st := range g.States {
		if states[st.Name] == nil {
			problems = append(problems, fmt.Sprintf("it lacks %s, %s", st.Name, st.Type))
		}
	}
	switch {
	case len(problems) > 0 && len(s.resumed.Differences) == 0: // the spec is the same
		return fmt.Errorf("resume: %s is of a version of flowrun that kept other states for this spec: %s; train.init takes its parameters",
			s.resumed.Path, few(problems))
	case len(problems) > 0:
		problems = append(s.resumed.Differences, problems...)
		return fmt.Errorf("resume: the spec has changed since %s was written: %s", s.resumed.Path, few(problems))
	}
	return nil
}

// differences says what two descriptions of a spec don't agree in.
func differences(then, now []spec.Fact) []string {
	old := map[string]string{}
	for _, f := range then {
		old[f.Key] = f.Text
	}
	var found []string
	for _, f := range now {
		was, known := old[f.Key]
		delete(old, f.Key)
		switch {
		case !known:
			found = append(found, fmt.Sprintf("%s is new", f.Key))
		case was != f.Text:
			found = append(found, fmt.Sprintf("%s was %s and is %s", f.Key, brief(was), brief(f.Text)))
		}
	}
	for _, f := range then {
		if _, gone := old[f.Key]; gone {
			found = append(found, fmt.Sprintf("%s is gone", f.Key))
		}
	}
	return found
}

// brief is the beginning of a text.
func brief(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// recall gives a remembered number back; fallback where it isn't there, because
// the spec asked for it only later.
func recall(remembered map[string]*Tensor, name string, fallback float64) float64 {
	if t := remembered[name]; t != nil && len(t.Type.Shape) == 0 {
		return t.Float(0)
	}
	return fallback
}

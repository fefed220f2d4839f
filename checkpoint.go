package flowrun

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/internal/files"
)

// Resume continues from a checkpoint: a file, or, for "", the newest one of the run
// made last in the folder that the spec's checkpoint names. The run continues with the
// bits that it would have had without the interruption.
func Resume(path string) StartOption {
	return func(o *startOptions) { o.resume = resumption{wanted: true, path: path} }
}

// ResumeOrStart is Resume("") where the folder has a checkpoint, and starts a new run
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

// Resumption says from where a session was resumed.
type Resumption struct {
	Path        string
	Step        int64
	Differences []string // what the spec computes otherwise than when the checkpoint was written

	// EvaluationDue says that the evaluation of Step was interrupted, or failed, before it
	// was complete: the run begins with it.
	EvaluationDue bool

	// GoesBack says that the checkpoint isn't the newest of the run made last: this is
	// another run from now on, and the one that plain Resume continues. Replaces names
	// files of runs that it doesn't come from, which it replaces as it gets to their
	// steps.
	GoesBack bool
	Replaces []string
}

// Warnings are what one should know before the run goes on.
func (r *Resumption) Warnings() (lines []string) {
	for _, d := range r.Differences {
		lines = append(lines, "warning: the spec has changed since: "+d)
	}
	if r.GoesBack {
		lines = append(lines, "warning: this isn't the newest checkpoint: a new run branches off here, and --resume alone will continue that one")
	}
	if len(r.Replaces) > 0 {
		lines = append(lines, "warning: this run will replace checkpoints of another run as it reaches their steps: "+strings.Join(r.Replaces, ", "))
	}
	return lines
}

// Resumed tells from where the session was resumed; nil if it began anew.
func (s *Session) Resumed() *Resumption {
	if s.ready() != nil {
		return nil
	}
	return s.resumed
}

// openStore opens the folder of a training run's checkpoints; nil if it has none. A run
// that begins anew doesn't mix its checkpoints with those of another.
func (p *Program) openStore(keep *keeper, resume resumption, fault files.Fault) (*checkpoint.Store, error) {
	if keep != nil {
		return checkpoint.OpenIn(keep.folder.Path(), keep.checkpoints(p.spec.Loop.Checkpoint), fault)
	}
	c := p.spec.Loop.Checkpoint
	if c == nil {
		return nil, nil
	}
	store, err := checkpoint.Open(p.folder(), c, fault)
	if err == nil && !resume.wanted && !store.Empty() {
		err = fmt.Errorf("%s has checkpoints of an earlier run, %s: resume it with --resume, keep the new one apart with --out DIR, or move them away", c.Path, store.Describe())
	}
	return store, err
}

// readCheckpoint reads what a training run is to resume from; nil if it begins anew.
func (p *Program) readCheckpoint(store *checkpoint.Store, from resumption) (*checkpoint.Resumed, error) {
	if !from.wanted || from.orNew && store != nil && store.Empty() {
		return nil, nil
	}
	file, err := p.openCheckpoint(store, from.path)
	if err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	defer file.Close()
	resumed, err := file.Resume(p.spec.Train, p.facts())
	if err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	return resumed, nil
}

// openCheckpoint opens a checkpoint by its path, or the newest one for "".
func (p *Program) openCheckpoint(store *checkpoint.Store, path string) (*checkpoint.File, error) {
	switch {
	case path != "":
		return checkpoint.OpenFile(path)
	case store == nil:
		return nil, fmt.Errorf("%s has no train.checkpoint that names a folder; name a checkpoint's file", p.spec.File)
	}
	return store.Newest()
}

// facts says what the program computes, as JSON.
func (p *Program) facts() string {
	text, err := json.Marshal(p.spec.Facts)
	if err != nil {
		panic(err) // they are strings
	}
	return string(text)
}

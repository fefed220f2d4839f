package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/errs"
	"github.com/flowrun/flowrun/ir"
)

// Saver writes the checkpoints of a run while its loop runs.
type Saver struct {
	GoesBack bool     // the run resumed from a checkpoint that isn't the newest of the run made last
	Replaces []string // files of other runs that this one will replace

	Learned, Data, Rendered string // of every checkpoint's Head; to be set before Begin

	Beginning *engine.Beginning // what the run's states may hold

	store    *Store
	session  *engine.Session
	loop     *engine.Loop
	settings *ir.Loop
	facts    string
	best     engine.Value // the best metric of a checkpoint
	last     int64        // the step of the latest checkpoint, or of the beginning
	first    bool         // a checkpoint is due before the first step
	awaits   bool         // the latest checkpoint lacks the evaluation of its step
	begins   sync.Mutex
	writing  sync.Mutex // of best
}

// NewSaver prepares a session's run to write checkpoints: the one that it resumes, or
// a new one that begins with the given values.
func NewSaver(store *Store, settings *ir.Loop, facts string, session *engine.Session, loop *engine.Loop, from *Resumed, values map[string]*ir.Tensor) (_ *Saver, err error) {
	store.spec = settings.Checkpoint // in steps, which weren't known when it was opened
	w := &Saver{store: store, session: session, loop: loop, settings: settings, facts: facts, best: from.best()}
	if from == nil {
		run, err := NewRun(facts, byName(values))
		if err != nil {
			return nil, err
		}
		w.first = true
		_, _, err = store.Begin(run, nil)
		return w, err
	}
	w.last, w.awaits = from.Step, from.EvaluationDue() > 0
	if w.first, w.GoesBack, err = store.Begin(from.Run, &from.Head); err != nil {
		return nil, err
	}
	w.Replaces = store.Others(from.Step)
	if from.BestBy != "" && from.BestBy != w.bestBy() {
		w.best = engine.Value{Value: math.NaN()}
	}
	w.compareBest()
	return w, nil
}

// byName writes values in the order of their names.
type byName map[string]*ir.Tensor

// WriteTo writes names and bytes.
func (v byName) WriteTo(w io.Writer) (n int64, err error) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		m, err := fmt.Fprintf(w, "%s %s\n%s", name, v[name].Type, v[name].Data)
		if n += int64(m); err != nil {
			return n, err
		}
	}
	return n, nil
}

// bestBy says by what the best checkpoint is kept; "" if none is.
func (w *Saver) bestBy() string {
	b := w.settings.Checkpoint.Best
	if b == nil {
		return ""
	}
	return b.Mode() + " " + b.Metric
}

// compareBest looks at the best checkpoint in the folder, which may be of a run that
// this one doesn't come from: a worse one doesn't replace it.
func (w *Saver) compareBest() {
	file := w.store.Best()
	best := w.settings.Checkpoint.Best
	if file == nil || best == nil {
		return
	}
	defer file.Close()
	if file.BestBy != "" && file.BestBy != w.bestBy() {
		w.Replaces = append(w.Replaces, fmt.Sprintf("%s (the best by %s; from now on it is by %s)", ir.BestFile, file.BestBy, w.bestBy()))
		return
	}
	states, memory, err := file.Read()
	if err != nil {
		return // it can't be used, so it may be replaced
	}
	there := (&Resumed{memory: memory, States: states}).best()
	if better := engine.Better(there.Value, w.best.Value, 0, best.Maximise); better || there.Value == w.best.Value {
		w.best = there
	}
}

// Best is the best checkpoint so far: what it is the best by, its value and its file. The
// watch is nil where none is kept, and before there is one.
func (w *Saver) Best() (by *ir.Watch, value engine.Value, file string) {
	if w == nil {
		return nil, value, ""
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	if w.settings.Checkpoint.Best == nil || math.IsNaN(w.best.Value) {
		return nil, value, ""
	}
	return w.settings.Checkpoint.Best, w.best, filepath.Join(w.settings.Checkpoint.Path, ir.BestFile)
}

// Begin writes the checkpoint at which a run begins, if it is none of those in the
// folder. So it is the run made last whatever happens before its next checkpoint, and
// there is one with finite values however soon they are no longer finite.
func (w *Saver) Begin() error {
	w.begins.Lock() // another Run may be refused, but not before it has come here
	defer w.begins.Unlock()
	if !w.first {
		return nil
	}
	if err := w.write(engine.Record{Step: w.last}, false); err != nil {
		return err
	}
	w.first = false
	return nil
}

// Observer writes a checkpoint every so many steps and at the end, once the other
// observers have synced what they observed up to there.
func (w *Saver) Observer(others []engine.Observer) engine.Observer {
	return engine.Observer{Every: w.settings.Checkpoint.Every, Interval: w.interval(), Sound: true, Observe: func(r engine.Record) error {
		if r.Step == w.last && (!w.awaits || r.Due) {
			return nil
		}
		return errs.Join(syncAll(others), w.write(r, w.mayBeBest(r)))
	}}
}

// AtTheEnd says that a run whose spec asks for no checkpoints has them in a folder: the
// newest one, of its end or, until then, of its beginning or of a moment ago.
func AtTheEnd(folder string) *ir.Checkpoint {
	return &ir.Checkpoint{Every: math.MaxInt64, Keep: 1, Path: folder}
}

// betweenTimes is how often a checkpoint is written where steps don't say when.
const betweenTimes = 10 * time.Minute

// interval is the time between two checkpoints where steps don't say when; else 0.
func (w *Saver) interval() time.Duration {
	if w.settings.Checkpoint.Every < math.MaxInt64 {
		return 0
	}
	return betweenTimes
}

// mayBeBest reports whether the checkpoint of a record may be the best: if one is due
// at its step, or the run has come to its own end. Where a run is interrupted is
// chance, and makes no difference to the best. Nor is one the best whose evaluation isn't
// complete: the run that completes it writes the checkpoint again.
func (w *Saver) mayBeBest(r engine.Record) bool {
	if r.Due {
		return false
	}
	chance := r.Stopped == "" || r.Stopped == engine.StoppedInterrupted || r.Stopped == engine.StoppedNonFinite
	return r.Step%w.settings.Checkpoint.Every == 0 || r.Last && !chance
}

// syncAll has observers sync what they have observed; it gives the first error.
func syncAll(observers []engine.Observer) (failure error) {
	for _, o := range observers {
		if o.Sync == nil {
			continue
		}
		if err := o.Sync(); err != nil && failure == nil {
			failure = err
		}
	}
	return failure
}

// write writes the checkpoint of a step, which may be the best one if that is allowed.
// Where another caller has taken a step since, the checkpoint is that step's, and the
// record's metrics aren't.
func (w *Saver) write(r engine.Record, mayBeBest bool) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("checkpoint of step %d: %w", r.Step, err)
		}
	}()
	states := w.session.Plan().Graph.States
	tensors, err := w.session.GetAll(names(states))
	if err != nil {
		return err
	}
	head := Head{Step: tensors[ir.StepState].Int(0), Facts: w.facts, Finite: usable(states, tensors, w.Beginning), BestBy: w.bestBy(),
		Learned: w.Learned, Data: w.Data, Rendered: w.Rendered}
	if w.loop.Guard != nil && !head.Finite {
		return nil // it would be the newest; the run says that it has diverged
	}
	better, best := false, w.best
	if b := w.settings.Checkpoint.Best; b != nil && mayBeBest && head.Finite && head.Step == r.Step {
		v := r.Metrics[slices.Index(w.settings.AllMetrics(), b.Metric)]
		if better = !math.IsInf(v, 0) && engine.Better(v, best.Value, 0, b.Maximise); better {
			best = engine.Value{Value: v, Step: head.Step}
		}
	}
	remember(tensors, w.loop, w.settings.Evaluation)
	tensors[Memory+bestMetric] = ir.ScalarTensor(ir.F64, best.Value)
	tensors[Memory+bestStep] = ir.ScalarTensor(ir.I64, best.Step)
	err = w.store.Write(Content{Head: head, Tensors: tensors, Best: better})
	if errors.Is(err, ErrClosed) {
		return engine.ErrClosed
	}
	if err == nil {
		w.last, w.awaits = head.Step, r.Due
		w.writing.Lock()
		w.best = best
		w.writing.Unlock()
	}
	return err
}

// Latest is the newest file that the run has written, or that it began with; "" if there
// is none that stays.
func (w *Saver) Latest() string { return w.store.path(w.last) }

// Reload reads the states of the checkpoint that the run has written last, or that it
// began with; nil if that isn't there.
func (w *Saver) Reload() (map[string]*ir.Tensor, error) { return w.store.states(w.last) }

func names(states []*ir.State) (names []string) {
	for _, s := range states {
		names = append(names, s.Name)
	}
	return names
}

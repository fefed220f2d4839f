package flowrun

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// openStore opens the folder of a training run's checkpoints, if it has one. A run
// that begins anew doesn't mix its checkpoints with those of another.
func (s *Session) openStore(g *ir.Graph, o *startOptions) (err error) {
	c := s.program.spec.Loop.Checkpoint
	if c == nil || g != s.program.spec.Train {
		return nil
	}
	if s.store, err = checkpoint.Open(s.program.folder(), c.Path, checkpoint.Rule{Every: c.Every, Keep: c.Keep}, o.files); err != nil {
		return err
	}
	if !o.resume.wanted && !s.store.Empty() {
		return fmt.Errorf("%s holds checkpoints of an earlier run, %s: go on from it with --resume, or move them away",
			c.Path, s.store.Describe())
	}
	return nil
}

// newRun names a run that begins with some values.
func (s *Session) newRun(values map[string]*Tensor) (*checkpoint.Run, error) {
	facts, err := s.program.facts()
	if err != nil {
		return nil, err
	}
	run, err := checkpoint.NewRun(facts, byName(values))
	return &run, err
}

// byName writes values down in the order of their names.
type byName map[string]*Tensor

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

// facts says what a program computes.
func (p *Program) facts() (string, error) {
	facts, err := json.Marshal(p.spec.Facts)
	return string(facts), err
}

// saver writes a session's checkpoints.
type saver struct {
	session *Session
	spec    *spec.Checkpoint
	facts   string
	best    float64 // the best metric of a checkpoint; NaN before there is one
	last    int64   // the step of the latest checkpoint, or of the beginning
	first   bool    // a checkpoint is due before the first step
	begins  sync.Mutex
}

// newSaver says which run writes. best is what the checkpoint that it goes on from
// says to have been the best.
func (s *Session) newSaver(c *spec.Checkpoint, best float64) (*saver, error) {
	w := &saver{session: s, spec: c, best: best}
	var err error
	if w.facts, err = s.program.facts(); err != nil {
		return nil, err
	}
	if s.resumed == nil {
		w.first = true
		_, _, err := s.store.Begin(*s.anew, nil)
		return w, err
	}
	from := s.resumed.head
	w.last = from.Step
	if w.first, s.resumed.GoesBack, err = s.store.Begin(from.Run, &from); err != nil {
		return nil, err
	}
	s.resumed.Replaces = s.store.Others(from.Step)
	if from.BestBy != "" && from.BestBy != w.bestBy() {
		w.best = math.NaN()
	}
	w.compareBest()
	return w, nil
}

// bestBy says by what the best checkpoint is kept; "" if none is.
func (w *saver) bestBy() string {
	switch b := w.spec.Best; {
	case b == nil:
		return ""
	case b.Maximise:
		return "max " + b.Metric
	default:
		return "min " + b.Metric
	}
}

// compareBest looks at the best checkpoint in the folder, which may be of a run that
// this one doesn't come from: a worse one doesn't replace it.
func (w *saver) compareBest() {
	file := w.session.store.Best()
	if file == nil || w.spec.Best == nil {
		return
	}
	defer file.Close()
	if file.BestBy != "" && file.BestBy != w.bestBy() {
		w.session.resumed.Replaces = append(w.session.resumed.Replaces,
			fmt.Sprintf("%s (the best by %s; from now on it is by %s)", checkpoint.BestFile, file.BestBy, w.bestBy()))
		return
	}
	_, remembered, err := file.Read()
	if err != nil {
		return // it can't be used, so it may be replaced
	}
	if v := recall(remembered, "best", math.NaN()); engine.Better(v, w.best, 0, w.spec.Best.Maximise) {
		w.best = v
	}
}

// begin writes where a run begins that is none of those in the folder. So it is the
// run made last whatever happens before its next checkpoint, and there is one with
// finite values however soon they are finite no more.
func (w *saver) begin() error {
	w.begins.Lock() // another Run may be refused, but not before it has come here
	defer w.begins.Unlock()
	if !w.first {
		return nil
	}
	if err := w.write(Record{Step: w.last}, false); err != nil {
		return fmt.Errorf("checkpoint of step %d: %w", w.last, err)
	}
	w.first = false
	return nil
}

// observer writes a checkpoint every so many steps and at the end, after what the
// others have observed up to there is kept.
func (w *saver) observer(others []Observer) Observer {
	return Observer{Every: w.spec.Every, Observe: func(r Record) error {
		if r.Step == w.last {
			return nil
		}
		failure := syncAll(others)
		if err := w.write(r, w.judges(r)); err != nil {
			err = fmt.Errorf("checkpoint of step %d: %w", r.Step, err)
			if failure == nil {
				return err
			}
			return errors.Join(failure, err)
		}
		return failure
	}}
}

// judges reports whether the checkpoint of a record may be the best: if one is due at
// its step, or the run has come to its own end. Where a run is interrupted is chance,
// and makes no difference to the best.
func (w *saver) judges(r Record) bool {
	return r.Step%w.spec.Every == 0 || r.Last && r.Stopped != "" && r.Stopped != engine.StoppedInterrupted
}

// syncAll has observers keep what they have observed; it gives the first error.
func syncAll(observers []Observer) (failure error) {
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

// write writes the checkpoint of a step. It may be the best one if it is asked for.
// Where another caller has taken a step since, the checkpoint is that step's, and the
// record's metrics aren't.
func (w *saver) write(r Record, judge bool) error {
	s := w.session
	tensors, err := s.snapshot()
	if err != nil {
		return err
	}
	finite := s.finite(tensors)
	better := false
	step := tensors[ir.StepState].Int(0)
	if b := w.spec.Best; b != nil && judge && finite && step == r.Step {
		v := r.Metrics[slices.Index(s.program.Metrics(), b.Metric)]
		if better = !math.IsInf(v, 0) && engine.Better(v, w.best, 0, b.Maximise); better {
			w.best = v
		}
	}
	tensors[checkpoint.Memory+"best"] = ir.ScalarTensor(ir.F64, w.best)
	err = s.store.Write(checkpoint.Content{
		Head:    checkpoint.Head{Step: step, Facts: w.facts, Finite: finite, BestBy: w.bestBy()},
		Tensors: tensors,
		Best:    better,
	})
	if errors.Is(err, checkpoint.ErrClosed) {
		return ErrClosed
	}
	if err == nil {
		w.last = step
	}
	return err
}

// snapshot gives every state, and what the loop remembers.
func (s *Session) snapshot() (map[string]*Tensor, error) {
	tensors, err := s.statesThat(func(*ir.State) bool { return true })
	if err != nil {
		return nil, err
	}
	if e := s.early; e != nil {
		tensors[checkpoint.Memory+"early_stop.best"] = ir.ScalarTensor(ir.F64, e.Best)
		tensors[checkpoint.Memory+"early_stop.step"] = ir.ScalarTensor(ir.I64, e.At)
	}
	if e := s.evaluation; e != nil {
		for i, name := range s.program.spec.Loop.Evaluation.Metrics {
			tensors[checkpoint.Memory+name] = ir.ScalarTensor(ir.F64, e.Value(i))
		}
	}
	return tensors, nil
}

// finite reports whether states are worth going on from: loss and parameters are
// numbers, and no buffer or state of the optimizer is NaN. (A buffer may well be
// infinite: a mask, for example.)
func (s *Session) finite(states map[string]*Tensor) bool {
	for _, st := range s.engine.Plan().Graph.States {
		t := states[st.Name]
		switch {
		case st.Kind == ir.ParamState || st.Name == ir.LossState:
			if !finite(t, false) {
				return false
			}
		case st.Kind == ir.BufferState || st.Kind == ir.OptimState:
			if !finite(t, true) {
				return false
			}
		}
	}
	return true
}

// finite reports whether no element is NaN, nor infinite unless that is allowed.
func finite(t *Tensor, infinite bool) bool {
	switch t.Type.DType {
	case F16:
		return bounded(t.Data, 2, 0x7c00, infinite)
	case BF16:
		return bounded(t.Data, 2, 0x7f80, infinite)
	case F32:
		return bounded(t.Data, 4, 0x7f80_0000, infinite)
	case F64:
		return bounded(t.Data, 8, 0x7ff0_0000_0000_0000, infinite)
	}
	return true
}

// bounded compares floating numbers of so many bytes with infinity, all of them
// without their signs and as bits: those of NaN are larger.
func bounded(data []byte, size int, infinity uint64, itself bool) bool {
	sign := uint64(1) << (8*size - 1)
	for ; len(data) > 0; data = data[size:] {
		var bits uint64
		switch size {
		case 2:
			bits = uint64(binary.LittleEndian.Uint16(data))
		case 4:
			bits = uint64(binary.LittleEndian.Uint32(data))
		case 8:
			bits = binary.LittleEndian.Uint64(data)
		}
		if c := cmp.Compare(bits&^sign, infinity); c > 0 || c == 0 && !itself {
			return false
		}
	}
	return true
}

package flowrun

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// A checkpoint is a safetensors file with every state under its name, and what
// the loop remembers beside the states under names that no state can have. Its
// metadata say what was computed, to compare with the spec that goes on.
const (
	checkpointKey     = "flowrun.checkpoint" // in the metadata: the version of the layout
	checkpointVersion = "1"
	factsKey          = "flowrun.spec"
	memory            = "flowrun/" // before names that aren't states
	bestFile          = "best.safetensors"
)

// Resume goes on from a checkpoint: a file, or, for "", the newest one in the
// folder that the spec's checkpoint names. The run continues with the bits that
// it would have had.
func Resume(path string) StartOption {
	return func(o *startOptions) { o.resume, o.resumes = path, true }
}

// Resumption says from where a session goes on.
type Resumption struct {
	Path        string
	Step        int64
	Differences []string // what the spec computes otherwise than when the checkpoint was written
}

// Resumed tells from where the session goes on; nil if it began anew.
func (s *Session) Resumed() *Resumption {
	if s.ready() != nil {
		return nil
	}
	return s.resumed
}

// saver writes a session's checkpoints.
type saver struct {
	session *Session
	spec    *spec.Checkpoint
	best    float64 // the best metric of a checkpoint; NaN before there is one
	last    int64   // the step of the latest checkpoint, or of the beginning
	kept    []int64 // the steps whose files are kept, the oldest first
	stale   []int64 // steps ahead of where the run goes on from
}

// newSaver prepares the folder. A new run doesn't mix its checkpoints with those
// of an old one.
func newSaver(s *Session, c *spec.Checkpoint, step int64) (*saver, error) {
	w := &saver{session: s, spec: c, best: math.NaN(), last: step}
	steps, err := checkpointsIn(c.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	if s.resumed == nil && len(steps) > 0 {
		return nil, fmt.Errorf("%s holds checkpoints of an earlier run, the newest of step %d: go on from it with --resume, or move them away",
			c.Path, steps[len(steps)-1])
	}
	for _, n := range steps {
		if n <= step {
			w.kept = append(w.kept, n)
		} else {
			w.stale = append(w.stale, n)
		}
	}
	if err := os.MkdirAll(c.Path, 0o777); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	return w, nil
}

// observer writes a checkpoint every so many steps and at the end.
func (w *saver) observer() Observer {
	return Observer{Every: w.spec.Every, Observe: func(r Record) error {
		if r.Step == w.last {
			return nil
		}
		if err := w.write(r); err != nil {
			return fmt.Errorf("checkpoint of step %d: %w", r.Step, err)
		}
		return nil
	}}
}

// write writes the checkpoint of a step, after that of the best if this is it:
// what the file of the step says to be the best is there. Where another caller has
// taken a step since, the checkpoint is that step's, and the record's metrics aren't.
func (w *saver) write(r Record) error {
	s := w.session
	tensors, err := s.snapshot()
	if err != nil {
		return err
	}
	step := tensors[spec.StepState].Int(0)
	better := false
	if b := w.spec.Best; b != nil && step == r.Step {
		v := r.Metrics[slices.Index(s.program.Metrics(), b.Metric)]
		if better = engine.Better(v, w.best, 0, b.Maximise); better {
			w.best = v
		}
	}
	tensors[memory+"best"] = ir.ScalarTensor(ir.F64, w.best)
	metadata, err := s.program.metadata()
	if err != nil {
		return err
	}
	if better {
		if err := safetensors.WriteWith(filepath.Join(w.spec.Path, bestFile), tensors, metadata); err != nil {
			return err
		}
	}
	if err := safetensors.WriteWith(w.file(step), tensors, metadata); err != nil {
		return err
	}
	w.last = step
	return w.prune(step)
}

// prune removes what isn't kept any more once a step's file is there.
func (w *saver) prune(step int64) error {
	w.kept = append(w.kept, step)
	for len(w.stale) > 0 && w.stale[0] <= step {
		if w.stale[0] < step {
			if err := w.remove(w.stale[0]); err != nil {
				return err
			}
		}
		w.stale = w.stale[1:]
	}
	for int64(len(w.kept)) > w.spec.Keep {
		if err := w.remove(w.kept[0]); err != nil {
			return err
		}
		w.kept = w.kept[1:]
	}
	return nil
}

func (w *saver) remove(step int64) error {
	err := os.Remove(w.file(step))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (w *saver) file(step int64) string { return filepath.Join(w.spec.Path, checkpointName(step)) }

func checkpointName(step int64) string { return fmt.Sprintf("step-%09d.safetensors", step) }

var checkpointNames = regexp.MustCompile(`^step-([0-9]{9,18})\.safetensors$`)

// checkpointsIn lists the steps whose checkpoints are in a folder, ascending.
func checkpointsIn(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var steps []int64
	for _, e := range entries {
		if m := checkpointNames.FindStringSubmatch(e.Name()); m != nil {
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err == nil {
				steps = append(steps, n)
			}
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// snapshot gives every state, and what the loop remembers.
func (s *Session) snapshot() (map[string]*Tensor, error) {
	tensors, err := s.statesThat(func(*ir.State) bool { return true })
	if err != nil {
		return nil, err
	}
	if e := s.early; e != nil {
		tensors[memory+"early_stop.best"] = ir.ScalarTensor(ir.F64, e.Best)
		tensors[memory+"early_stop.step"] = ir.ScalarTensor(ir.I64, e.At)
	}
	if e := s.evaluation; e != nil {
		for i, name := range s.program.spec.Loop.Evaluation.Metrics {
			tensors[memory+name] = ir.ScalarTensor(ir.F64, e.Value(i))
		}
	}
	return tensors, nil
}

// metadata says what a program computes.
func (p *Program) metadata() (map[string]string, error) {
	facts, err := json.Marshal(p.spec.Facts)
	return map[string]string{checkpointKey: checkpointVersion, factsKey: string(facts)}, err
}

// readCheckpoint reads the checkpoint that a run is to go on from. The states go
// into values; what the loop remembers is given back.
func (s *Session) readCheckpoint(path string, g *ir.Graph, values map[string]*Tensor) (map[string]*Tensor, error) {
	if path == "" {
		var err error
		if path, err = s.program.newestCheckpoint(); err != nil {
			return nil, err
		}
	}
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	defer file.Close()
	switch v := file.Metadata()[checkpointKey]; v {
	case checkpointVersion:
	case "":
		return nil, fmt.Errorf("resume: %s is a safetensors file, but no checkpoint of flowrun; --weights takes parameters alone", path)
	default:
		return nil, fmt.Errorf("resume: %s is a checkpoint of version %s; this flowrun knows version %s", path, v, checkpointVersion)
	}
	var facts []spec.Fact
	if err := json.Unmarshal([]byte(file.Metadata()[factsKey]), &facts); err != nil {
		return nil, fmt.Errorf("resume: %s: its description of the spec can't be read: %w", path, err)
	}
	s.resumed = &Resumption{Path: path, Differences: differences(facts, s.program.spec.Facts)}
	return s.states(file, g, values)
}

// states reads the tensors of a checkpoint; they must be the states of g.
func (s *Session) states(file *safetensors.File, g *ir.Graph, values map[string]*Tensor) (map[string]*Tensor, error) {
	var problems []string
	remembered := map[string]*Tensor{}
	for _, name := range file.Names() {
		t, err := file.Tensor(name)
		if err != nil {
			return nil, fmt.Errorf("resume: %w", err)
		}
		if strings.HasPrefix(name, memory) {
			remembered[strings.TrimPrefix(name, memory)] = t
			continue
		}
		switch st := g.State(name); {
		case st == nil:
			problems = append(problems, fmt.Sprintf("it has %s, which the spec has no more", name))
		case !st.Type.Equal(t.Type):
			problems = append(problems, fmt.Sprintf("%s is %s there and %s now", name, t.Type, st.Type))
		default:
			values[name] = t
		}
	}
	for _, st := range g.States {
		if _, err := file.Type(st.Name); err != nil {
			problems = append(problems, fmt.Sprintf("it lacks %s, %s", st.Name, st.Type))
		}
	}
	if len(problems) > 0 {
		problems = append(s.resumed.Differences, problems...)
		return nil, fmt.Errorf("resume: the spec has changed since %s was written: %s", s.resumed.Path, few(problems))
	}
	s.resumed.Step = values[spec.StepState].Int(0)
	return remembered, nil
}

// newestCheckpoint finds the file of the largest step.
func (p *Program) newestCheckpoint() (string, error) {
	c := p.spec.Loop.Checkpoint
	if c == nil {
		return "", fmt.Errorf("resume: %s has no train.checkpoint that names a folder; name a checkpoint's file", p.spec.File)
	}
	steps, err := checkpointsIn(c.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("resume: %w", err)
	}
	if len(steps) == 0 {
		return "", fmt.Errorf("resume: there is no checkpoint in %s", c.Path)
	}
	return filepath.Join(c.Path, checkpointName(steps[len(steps)-1])), nil
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

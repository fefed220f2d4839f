package flowrun

import (
	"math"

	"github.com/flowrun/flowrun/report"
	"github.com/flowrun/flowrun/runs"
)

// Result is what there is to tell of a run that has ended with a summary, or has failed,
// for people and for programs: it writes itself as text and as the object of --json.
type Result = report.Result

// Result gathers what there is to tell of the run, once Run has returned its summary and
// an error.
func (s *Session) Result(summary Summary, failure error) Result {
	if s.ready() != nil {
		return Result{Summary: summary, Failure: failure}
	}
	r := Result{Run: s.info(), Summary: summary, Stats: s.Stats(), Best: s.best(), Failure: failure}
	if s.keep != nil {
		r.Out = s.keep.folder.Path()
	}
	if w := s.weights; w != nil {
		r.Weights = &runs.Weights{File: w.File, Parameters: w.Of, Taken: len(w.Taken), Kept: w.Kept, Left: w.Left, Ignored: w.Ignored}
		for _, t := range w.Widened() {
			r.Weights.Widened = append(r.Weights.Widened, t.Param)
		}
	}
	return r
}

// hearWeights keeps what is told of the weights that training begins with.
func (s *Session) hearWeights(tell func(*WeightsReport)) func(*WeightsReport) {
	return func(r *WeightsReport) {
		s.weights = r
		if s.keep != nil {
			for _, line := range r.Lines() {
				s.keep.note(line)
			}
		}
		if tell != nil {
			tell(r)
		}
	}
}

// best is the best value so far of the metric that says what is best, or nil: that of
// checkpoint.best, among the checkpoints, or else that of early_stop or of the evaluation's
// loss.
func (s *Session) best() *runs.Best {
	watch, value, file := s.saver.Best()
	if top := s.loop.Top; watch == nil && top != nil {
		watch, value = &top.Watch, top.Best()
	}
	if watch == nil || math.IsNaN(value.Value) || math.IsInf(value.Value, 0) {
		return nil
	}
	return &runs.Best{Metric: watch.Metric, Mode: watch.Mode(), Value: value.Value, Step: value.Step, File: file}
}

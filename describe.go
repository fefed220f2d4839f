package flowrun

import (
	"math"

	"github.com/flowrun/flowrun/report"
)

// Describe gathers what package report needs to know of the session's run beforehand, for
// a run with a limit as [MaxSteps] sets it; 0 is the spec's.
func (s *Session) Describe(maxSteps int64) report.Run {
	if s.ready() != nil {
		return report.Run{}
	}
	p := s.program
	run := report.Run{Metrics: p.Metrics(), MaxSteps: maxSteps, EpochSteps: s.EpochSteps(),
		Every: s.LogEvery(), EvalEvery: s.EvalEvery(), Memory: s.Stats().PeakBytes}
	if maxSteps == 0 || maxSteps == s.settings.MaxSteps {
		run.MaxSteps, run.Open, run.Goals = s.MaxSteps(), p.StopsByItself(), p.Goals()
		if s.loop.ByEpochs {
			run.Epochs = s.settings.Epochs
		}
	}
	run.Examples, run.Tokens = s.BatchSize()
	if r := s.Resumed(); r != nil {
		run.Start, run.Due = r.Step, r.EvaluationDue
	}
	if rates, err := s.LearningRates(1); err == nil && len(rates) > 0 {
		run.Rates = func(step int64) []report.Rate { return s.ratesAt(step, len(rates)) }
	}
	return run
}

// ratesAt are the learning rates of a step, of which there are so many; NaN once the
// session is closed.
func (s *Session) ratesAt(step int64, n int) []report.Rate {
	shown := make([]report.Rate, n)
	rates, err := s.LearningRates(step)
	for i := range shown {
		shown[i].Value = math.NaN()
		if err == nil {
			shown[i] = report.Rate(rates[i])
		}
	}
	return shown
}

package flowrun

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/data/text"
	"github.com/flowrun/flowrun/lower"
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
	run.NoLoss = s.loop.Loss == ""
	if rates, err := s.LearningRates(1, 0); err == nil && len(rates) > 0 {
		run.Rates = s.ratesOf(rates)
	}
	return run
}

// ratesOf gives the learning rates of steps, given those of the first; NaN once the session
// is closed.
func (s *Session) ratesOf(first []LearningRate) func(step, skipped int64) []report.Rate {
	unknown := slices.Clone(first)
	for i := range unknown {
		unknown[i].Value = math.NaN()
	}
	return func(step, skipped int64) []report.Rate {
		rates, err := s.rates.at(step-1, min(skipped, step-1))
		if err != nil {
			return unknown
		}
		return rates
	}
}

// Stats counts what the session has done: kernels, copies, memory. It may be called
// after Close.
func (s *Session) Stats() Stats {
	if s.ready() != nil {
		return Stats{}
	}
	stats := s.engine.Stats()
	for _, d := range []*dataset{s.train, s.held} {
		if d != nil {
			stats.DataWait += d.Waited()
		}
	}
	return stats
}

// MaxSteps is the step at which the run ends, of max_steps or epochs; 0 means no limit.
func (s *Session) MaxSteps() int64 {
	if s.ready() != nil {
		return 0
	}
	return s.settings.MaxSteps
}

// LogEvery is the number of steps between log lines: the spec's, or that of the option
// [LogEvery].
func (s *Session) LogEvery() int64 {
	if s.ready() != nil {
		return 0
	}
	return s.settings.LogEvery
}

// EvalEvery is the number of steps between evaluations; 0 where there are none.
func (s *Session) EvalEvery() int64 {
	if s.ready() != nil || s.settings.Evaluation == nil {
		return 0
	}
	return s.settings.Evaluation.Every
}

// EpochSteps is the number of steps of an epoch of the training data; 0 where that is
// generated, which has no epochs.
func (s *Session) EpochSteps() int64 {
	if s.ready() != nil {
		return 0
	}
	return s.loop.EpochSteps
}

// Device names the default device: the one that was asked for, or that auto
// chose. It may be called after Close.
func (s *Session) Device() string {
	if s.ready() != nil {
		return ""
	}
	return s.device
}

// Plan is the lowered plan that the session runs, also after Close. It is not to be
// changed.
func (s *Session) Plan() *lower.Plan {
	if s.ready() != nil {
		return nil
	}
	return s.engine.Plan()
}

// BatchSize is how many examples a step trains on, where the data is read from files, and
// how many tokens these have, where they are a text; 0 where that can't be said.
func (s *Session) BatchSize() (examples, tokens int64) {
	if s.ready() != nil || s.train == nil {
		return 0, 0
	}
	examples, _, _ = s.train.batches()
	return examples, examples * s.program.tokensOf(s.train.decl)
}

// tokensOf is how many tokens of a text an example has, 0 where it has none: of the longest
// field, as a window's fields overlap.
func (p *Program) tokensOf(d *table.Decl) (tokens int64) {
	if d.Kind == text.Kind.Name {
		for _, f := range d.Fields {
			if len(f.Type.Shape) == 1 {
				tokens = max(tokens, int64(f.Type.Shape[0]))
			}
		}
	}
	for _, name := range components(d) {
		if part, _ := p.spec.Source(name); part != nil {
			tokens = max(tokens, p.tokensOf(part))
		}
	}
	return tokens
}

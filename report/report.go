// Package report shows people and programs the progress of a run: a line that is
// redrawn on a terminal, plain lines elsewhere, a log as JSONL or CSV, and a summary at
// the end, as text or as one JSON object.
//
// What follows a run does so as an [engine.Observer]; everything is written to
// an io.Writer, whose errors end the run: a log on a full disk is not silently
// cut short.
//
// JSON has no NaN and no infinities. They are written as null, which pandas,
// jq and databases read as a missing number, so that a metric stays a column of
// numbers.
package report

import (
	"math"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// Run is what reports need to know of a run beforehand.
type Run struct {
	Metrics  []string // names, in the order of engine.Record's Metrics
	Start    int64    // the step counter when the run begins, 0 unless resumed
	Due      bool     // the run first completes the evaluation of Start
	MaxSteps int64    // the step at which it ends at the latest; 0: no limit

	// Open says that a condition may end the run before MaxSteps, which then is a limit and
	// no goal. Goals are what the condition waits for; nil where that can't be said.
	Open  bool
	Goals []ir.Goal

	EpochSteps int64 // the number of steps of an epoch of its data; 0: there are no epochs
	Epochs     int64 // after how many the run ends; 0: that isn't what ends it

	NoLoss bool // it minimizes nothing: records have no loss

	// Rates gives the learning rate, and those of groups of parameters with one of their
	// own, of a step by its number, from 1 on, and how many steps up to it were skipped; nil:
	// there is none. Their names are those of the first step. What it gives isn't changed.
	Rates func(step, skipped int64) []Rate

	// Examples and Tokens are how many of them a step trains on; 0 where that isn't known.
	Examples, Tokens int64
	Memory           int64 // that the run has on its devices, in bytes; 0: not known

	// Every is the number of steps between lines and log entries; 0 is 1. Each step with an
	// evaluation, which are every EvalEvery steps (0: none), and the last step have theirs
	// too.
	Every, EvalEvery int64
}

// Rate is a learning rate.
type Rate struct {
	Name  string // "lr", or "lr[PATTERN]" of a group of parameters
	Value float64
}

// rates are those of a record's step; before the first step, of the first.
func (r Run) rates(of engine.Record) []Rate {
	if r.Rates == nil {
		return nil
	}
	return r.Rates(max(1, of.Step), of.Skipped)
}

// shownRates names the rates that logs have: those whose names no metric has. at says where
// they are.
func (r Run) shownRates() (names []string, at []int) {
	for i, rate := range r.rates(engine.Record{Step: r.Start + 1}) {
		if !slices.Contains(r.Metrics, rate.Name) {
			names, at = append(names, rate.Name), append(at, i)
		}
	}
	return names, at
}

// every is Every, at least 1.
func (r Run) every() int64 { return max(1, r.Every) }

// HasEntry reports whether a step has a line in a log wherever the run ends.
func (r Run) HasEntry(step int64) bool {
	return step%r.every() == 0 || r.EvalEvery > 0 && step%r.EvalEvery == 0
}

// LastEntry is the last step that has a line in the log of an earlier run; 0: none.
func (r Run) LastEntry() int64 {
	step := r.Logged()
	last := step - step%r.every()
	if r.EvalEvery > 0 {
		last = max(last, step-step%r.EvalEvery)
	}
	return last
}

// Logged is the last step whose line in a log is that of an earlier run.
func (r Run) Logged() int64 {
	if r.Due {
		return r.Start - 1
	}
	return r.Start
}

// appendJSONFloat appends a number with as many digits as it takes to read the
// same bits back, and null for what is no number.
func appendJSONFloat(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

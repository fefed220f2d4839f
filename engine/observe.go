package engine

import (
	"fmt"
	"time"

	"github.com/flowrun/flowrun/ir"
)

// DataSource provides batches. It is called on the host, in the order of the steps,
// and again for a step that is retried.
type DataSource interface {
	// Batch writes the field's batch of a step, counted from 0, into dst, as
	// dense little-endian elements of the declared type.
	Batch(step int64, field string, dst []byte) error
}

// Observer receives a run's records: at every multiple of Every steps, whenever
// Interval has passed, after evaluations if it says so, and once at the end.
type Observer struct {
	Every       int64         // in steps; 0: not by count
	Interval    time.Duration // 0: not by time
	Evaluations bool          // also after each evaluation
	Observe     func(Record) error

	// Sound says that Observe must not be called with states that the loop's guard
	// doesn't accept: it looks at them before.
	Sound bool

	// Sync, if not nil, makes durable what has been observed. It is called before a
	// checkpoint is saved, since a resumed run doesn't observe those steps again.
	Sync func() error
}

// Loop says how to run steps: which states hold the counter, the stop
// condition, the loss and the metrics, and when to stop.
type Loop struct {
	Step    string // the step counter, i64[]
	Stopped string // the stop condition, bool[]; "" if there is none
	Loss    string // the raw loss; "" if there is none

	// NonFinite is the state that keeps the first step whose loss was infinite or
	// NaN, i64[]; "" if there is none. TellNonFinite is called once, as soon as it is
	// known: at once if the host sees the state, otherwise when metrics are read.
	NonFinite     string
	TellNonFinite func(step int64)

	Guard   *Guard // nil: whatever becomes of the loss and the states, the run goes on
	Skipped string // the state that counts steps that have changed nothing, i64[]; "" if there is none

	// TellSkipped is called when metrics are read: once some step has changed nothing, with
	// their number, and once all of so many steps in a row have; row is 0 before.
	TellSkipped func(skipped, row int64)

	Metrics  []string // states, in the order in which observers see them
	MaxSteps int64    // stop when the counter reaches it; 0: no limit
	ByEpochs bool     // MaxSteps is the end of the last epoch: reaching it is StoppedEpochs

	// DataSteps is how many steps the data suffices for; 0: any number. EpochSteps is how
	// many an epoch has; 0: there are no epochs.
	DataSteps, EpochSteps int64

	Evaluation *Evaluation // nil if there is none
	EarlyStop  *EarlyStop  // nil if there is none
	Top        *Top        // nil if no metric says what is best
	Observers  []Observer
}

// check reports an invalid loop.
func (l *Loop) check() error {
	if l.DataSteps < 0 || l.EpochSteps < 0 {
		return fmt.Errorf("engine: DataSteps is %d and EpochSteps %d; neither may be negative", l.DataSteps, l.EpochSteps)
	}
	if l.MaxSteps < 0 {
		return fmt.Errorf("engine: MaxSteps is %d; it must be at least 1, or 0 for no limit", l.MaxSteps)
	}
	if e := l.Evaluation; e != nil && (e.Every < 1 || e.Run == nil) {
		return fmt.Errorf("engine: Evaluation.Every is %d, and whether it has a function Run: %v; it needs both", e.Every, e.Run != nil)
	}
	for i, o := range l.Observers {
		if o.Observe == nil {
			return fmt.Errorf("engine: observer %d has no function Observe", i)
		}
		if o.Every < 0 || o.Interval < 0 {
			return fmt.Errorf("engine: observer %d has Every %d and Interval %s; neither may be negative", i, o.Every, o.Interval)
		}
	}
	return nil
}

// Record is the state of a run after a step.
type Record struct {
	Step        int64         // the step counter: steps taken since the program began
	Epoch       int64         // epochs of the training data that are complete
	Elapsed     time.Duration // in the loop, since Run began
	Evaluating  time.Duration // the part of Elapsed that evaluations took
	Evaluations int64         // that this run has completed
	Loss        float64       // the raw loss of this step
	Metrics     []float64     // in the program's order, NaN for a tensor; observers may keep it
	Evaluated   bool          // whether there are values of an evaluation: before its first, its metrics are NaN
	Tensors     []*ir.Tensor  // those metrics that aren't scalars, by their place in Metrics; nil if there are none; not to be changed
	Due         bool          // the evaluation of this step isn't complete: its metrics are older
	Fresh       bool          // the evaluation's metrics are those of this very step
	Last        bool          // the run ends here
	Stopped     StopReason    // why it ends, in the last record; "" if that is a failure

	NonFinite int64 // the first step whose loss was infinite or NaN; 0: none
	Skipped   int64 // steps that have changed nothing, since the program began
}

// StopReason says why a run ended.
type StopReason string

// The reasons, as --json prints them.
const (
	StoppedUntil       StopReason = "until"
	StoppedMaxSteps    StopReason = "max_steps"
	StoppedEpochs      StopReason = "epochs"
	StoppedEarly       StopReason = "early_stop"
	StoppedData        StopReason = "end_of_data" // the training data has been passed as often as it may be
	StoppedInterrupted StopReason = "interrupted"
	StoppedNonFinite   StopReason = "nonfinite" // the loss or a state was no longer finite: see Divergence
)

// Summary is the result of a run.
type Summary struct {
	Steps     int64 // taken by this run
	Step      int64 // the step counter at its end; 0 if that can't be read
	Stopped   StopReason
	Elapsed   time.Duration // the loop alone
	Loss      float64
	NoLoss    bool         // there is none
	Metrics   []float64    // as in Record
	Tensors   []*ir.Tensor // as in Record
	Evaluated bool         // as in Record

	NonFinite int64 // the first step whose loss was infinite or NaN; 0: none
	Skipped   int64 // as in Record

	Divergence *Divergence // of a run that the loop's guard has ended
}

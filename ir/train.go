package ir

import (
	"slices"

	"github.com/flowrun/flowrun/diag"
)

// EvalPrefix is what metrics of an evaluation are called by.
const EvalPrefix = "eval."

// EvalLoss is the metric that is the loss of an evaluation.
const EvalLoss = EvalPrefix + "loss"

// The names of states that the loop itself keeps. A metric m is the state
// MetricPrefix + m.
const (
	StepState      = "step"              // steps taken, i64[]
	NonFiniteState = "step.nonfinite"    // the first step whose loss was infinite or NaN, i64[]; 0: none
	SkippedState   = "step.skipped"      // how many steps have changed nothing, with SkipNonFinite, i64[]; or, with a scaled loss, no parameter
	StoppedState   = "stopped"           // whether until has held, bool[]
	LossState      = "metrics.loss_step" // the raw loss of the last step
	MetricPrefix   = "metrics."

	// LogitsState has the logits of the token that follows those of a step of generation,
	// [tokens]. Where a step takes all tokens that the model sees, LastState, i64[1], is the
	// place of the last of them; what follows it is padding.
	LogitsState = "metrics.logits"
	LastState   = "step.last"

	// EpochStepsState is the number of steps of an epoch of the training data, i64[]. It
	// exists where `epoch` is used; a run sets it before its first step.
	EpochStepsState = "data.epoch_steps"

	// LossScaleState is what losses are multiplied by before they are differentiated, f32[],
	// where a model computes in f16.
	LossScaleState = "optimizer.loss_scale"
)

// SmallestLossScale is where the scale of losses isn't halved any more: gradients that aren't
// finite are then no matter of f16, and the run does about them what it does without scaling.
const SmallestLossScale = 0x1p-16

// AverageOf is the state that has the average of a weight, under the name of the average.
func AverageOf(average, weight string) string { return "optimizer.averages." + average + "." + weight }

// OnNonFinite says what a run does about a loss that is infinite or NaN.
type OnNonFinite string

// What a run does.
const (
	StopOnNonFinite     OnNonFinite = "stop"     // it ends, as it does for parameters that aren't finite
	SkipNonFinite       OnNonFinite = "skip"     // a step with such a loss or gradient changes no state; other parameters that aren't finite end the run
	ContinueOnNonFinite OnNonFinite = "continue" // it goes on
)

// Loop is how a program is trained: what stands beside its graphs.
type Loop struct {
	Metrics  []string // in the spec's order, without the prefix
	Until    bool     // whether there is a stop condition: the state StoppedState
	Goals    []Goal   // what the stop condition waits for; nil if it can't be said so
	MaxSteps int64    // 0 means no limit
	Epochs   int64    // of the training data, after which the run ends; 0 means no limit
	LogEvery int64    // steps between log lines
	LogEpoch bool     // it is an epoch, and LogEvery 0 until the data is known

	OnNonFinite OnNonFinite
	ScalesLoss  bool // the model computes in f16: steps whose gradients overflow are left out

	Weights    *Weights    // what training begins with; nil: with Program.Weights, or Init
	Evaluation *Evaluation // nil if there is none
	EarlyStop  *EarlyStop  // nil if there is none
	Checkpoint *Checkpoint // nil if there is none
}

// Skips reports whether steps can be left out.
func (l *Loop) Skips() bool { return l.OnNonFinite == SkipNonFinite || l.ScalesLoss }

// Goal is a number that a metric, or the step counter ("step"), is to reach or pass.
type Goal struct {
	Metric string // without the prefix
	Value  float64
	Above  bool // whether it is reached from below
}

// AllMetrics lists the metrics as records do: those of an evaluation last.
func (l *Loop) AllMetrics() []string {
	if l.Evaluation == nil {
		return slices.Clone(l.Metrics)
	}
	return slices.Concat(l.Metrics, l.Evaluation.Metrics)
}

// Decides is the metric that says which value of the run is the best: checkpoint.best's,
// else early_stop's, else the loss of the evaluation, the lowest; nil: nothing says it.
func (l *Loop) Decides() *Watch {
	switch e := l.Evaluation; {
	case l.Checkpoint != nil && l.Checkpoint.Best != nil:
		return l.Checkpoint.Best
	case l.EarlyStop != nil:
		return &l.EarlyStop.Watch
	case e != nil && slices.Contains(e.Metrics, EvalLoss) && len(e.Graph.State(EvalLoss).Type.Shape) == 0:
		return &Watch{Metric: EvalLoss}
	}
	return nil
}

// Weights is a file of weights, and the rule by which they are taken; package weights has
// it in full.
type Weights struct {
	File    string     // as given
	Path    string     // resolved, inside the spec's folder or an allowed one
	Origin  diag.Range // where the spec names the file
	Partial bool
	Match   []string // patterns of parameters
	Ignore  []string // patterns of the file's tensors
	Rename  []WeightRename
	Average string   // the average that is taken in the place of the weights; "": none
	Forget  []string // fields
}

// WeightRename gives tensors of a file the names of parameters.
type WeightRename struct {
	From string
	To   []string
}

// Evaluation gives metrics on other data: over some batches, which are the same each
// time.
type Evaluation struct {
	// Graph evaluates one batch in a step. The parameters and buffers are states without
	// a Next. The counter StepState numbers the batch, an AccumulatorState holds what a
	// metric has gathered up to and including it, and a MetricState for each metric,
	// under its full name, what the metric was in it.
	Graph   *Graph
	Metrics []string // in the spec's order, with EvalPrefix
	Final   []string // those of Metrics that are computed from accumulators: their value is that of the last batch; of the others it is the mean
	Every   int64    // steps between evaluations
	Weights string   // the average whose weights are evaluated; "": those of the step
	// EveryEpoch says that Every is an epoch of the training data, and 0 until that is
	// known.
	EveryEpoch bool
	Batches    int64 // from 0 on; 0: all of the data source
}

// Watch is a metric that something is decided by.
type Watch struct {
	Metric   string // one of Loop.Metrics or Evaluation.Metrics, a scalar
	Maximise bool
	Origin   diag.Range // where the spec names the metric
}

// Mode is "max" or "min".
func (w *Watch) Mode() string {
	if w.Maximise {
		return "max"
	}
	return "min"
}

// EarlyStop ends a run when a metric no longer improves.
type EarlyStop struct {
	Watch
	Patience int64   // in steps
	MinDelta float64 // less than that is no improvement
}

// Checkpoint says when to save what a run needs to go on.
type Checkpoint struct {
	Every int64 // steps
	// EveryEpoch says that Every is an epoch of the training data, and 0 until that is
	// known.
	EveryEpoch bool
	Keep       int64  // the newest so many
	Best       *Watch // by which the best one is kept too; nil: none is
	Path       string // the folder, inside the spec's
}

// Placement says which devices a program's nodes and states are on.
type Placement struct {
	Default string // "auto" or a device
	Rules   []PlacementRule
}

// PlacementRule pins the nodes and states whose path matches a pattern ("*" matches any
// text), or is inside of a path that does, to a device, or prefers it.
type PlacementRule struct {
	Match          string
	Device, Prefer string     // one of them
	Origin         diag.Range // unknown if it isn't from a spec
}

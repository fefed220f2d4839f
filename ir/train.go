package ir

// EvalPrefix is what metrics of an evaluation are called by.
const EvalPrefix = "eval."

// The names of states that the loop itself keeps. A metric m is the state
// MetricPrefix + m.
const (
	StepState      = "step"              // steps taken, i64[]
	NonFiniteState = "step.nonfinite"    // the first step whose loss was infinite or NaN, i64[]; 0: none
	StoppedState   = "stopped"           // whether until has held, bool[]
	LossState      = "metrics.loss_step" // the raw loss of the last step
	MetricPrefix   = "metrics."
)

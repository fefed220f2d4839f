package runs

import "encoding/json"

// Summary is the content of [SummaryFile], and the object that --json prints: how a run
// ended.
type Summary struct {
	Spec    string `json:"spec"` // the spec's file, as it was given
	Name    string `json:"name"`
	Version string `json:"version"` // flowrun's
	Vars    Vars   `json:"vars"`
	Seed    int64  `json:"seed"`

	Steps   int64   `json:"steps"`   // taken by this process
	Step    int64   `json:"step"`    // the step counter at the end
	Stopped string  `json:"stopped"` // why it ended: engine.StopReason, or Failed
	Message string  `json:"message,omitempty"`
	Seconds float64 `json:"seconds"` // in the training loop

	LossStep *float64 `json:"loss_step"` // the loss of the last step; nil: none, NaN or infinite
	// Metrics is an object of the last values by their names, in the spec's order: a
	// number, nested lists for a tensor, null for none, NaN and infinities.
	Metrics json.RawMessage `json:"metrics"`
	Best    *Best           `json:"best"` // nil: nothing says which value is better, or there is none yet
	Out     string          `json:"out,omitempty"`
	Weights *Weights        `json:"weights,omitempty"` // of the file that it began with

	NonFiniteStep int64 `json:"nonfinite_step,omitempty"` // the first step whose loss was infinite or NaN
	NonFinite     any   `json:"nonfinite,omitempty"`      // where that began, of a run that it has ended
	Skipped       int64 `json:"skipped_steps,omitempty"`  // by on_nonfinite: skip, since step 0

	Device     string  `json:"device"`
	Copies     Copies  `json:"copies"`
	KernelsRun int64   `json:"kernels_run"`
	PeakBytes  int64   `json:"peak_bytes"`
	DataWait   float64 `json:"data_wait_seconds,omitempty"`
}

// What Stopped says beside engine.StopReason of a run that an error ended, which is Message.
const (
	Failed   = "failed"
	Diverged = "nonfinite" // the loss, or a parameter, was infinite or NaN
)

// Best is the best value of a metric: of checkpoint.best's among the checkpoints, or else
// of early_stop's, or else of the evaluation's loss.
type Best struct {
	Metric string  `json:"metric"`
	Mode   string  `json:"mode"` // "min" or "max"
	Value  float64 `json:"value"`
	Step   int64   `json:"step"`
	File   string  `json:"file,omitempty"` // the checkpoint; "": none is kept
}

// Weights says what a run took of a file of weights.
type Weights struct {
	File       string   `json:"file"`
	Parameters int      `json:"parameters"` // and buffers that the model has
	Taken      int      `json:"taken"`
	Kept       []string `json:"kept,omitempty"`    // those that began with their initial values
	Left       []string `json:"left,omitempty"`    // tensors that weren't taken
	Ignored    []string `json:"ignored,omitempty"` // tensors that weren't wanted
	Widened    []string `json:"widened,omitempty"` // parameters that have a wider dtype than in the file
}

// Copies counts the copies between the host and devices.
type Copies struct {
	HostToDevice   Traffic `json:"host_to_device"`
	DeviceToHost   Traffic `json:"device_to_host"`
	DeviceToDevice Traffic `json:"device_to_device"`
	Aliased        int64   `json:"aliased"` // of what would have been copies, were memory not shared
}

// Traffic counts copies in one direction.
type Traffic struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}

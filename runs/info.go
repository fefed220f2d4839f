package runs

import "time"

// Info is the content of [InfoFile]: what a run is.
type Info struct {
	Flowrun  string       `json:"flowrun"` // the version
	Spec     string       `json:"spec"`    // the spec's file, as it was given
	Name     string       `json:"name"`
	Vars     Vars         `json:"vars"`
	Seed     int64        `json:"seed"`
	Device   string       `json:"device"`
	Started  time.Time    `json:"started"`
	Command  []string     `json:"command,omitempty"` // what started it
	Weights  string       `json:"weights,omitempty"` // the file whose parameters it began with; "": the spec's initial ones
	LogEvery int64        `json:"log_every"`         // steps between two lines of MetricsFile
	MaxSteps int64        `json:"max_steps,omitempty"`
	Metrics  []string     `json:"metrics"`           // in the order of the lines; those of an evaluation begin with "eval."
	Decides  *Decides     `json:"decides,omitempty"` // nil: nothing says which value is the best
	Resumed  []Resumption `json:"resumed,omitempty"`
}

// Decides is the metric that says which value of a run is the best, as ir.Loop.Decides.
type Decides struct {
	Metric string `json:"metric"`
	Mode   string `json:"mode"` // "min" or "max"
}

// Resumption says that a run went on from a checkpoint, or from its beginning where it
// had none yet.
type Resumption struct {
	Step        int64     `json:"step"`
	At          time.Time `json:"at"`
	From        string    `json:"from,omitempty"` // the checkpoint's file
	Command     []string  `json:"command,omitempty"`
	Differences []string  `json:"differences,omitempty"` // what the spec computes otherwise since
}

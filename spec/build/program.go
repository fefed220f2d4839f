package build

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Program is a checked spec, as graphs. Nothing in it refers to YAML any more
// but the origins of its nodes.
type Program struct {
	Name string // the spec's name
	File string // where it was read from
	Seed int64

	// Train is one training step, nil without a train section: parameters,
	// optimizer states, metrics and the step counter as states with a Next; data
	// as nodes over the counter; grad nodes still in place. Its outputs are the
	// model's.
	Train *ir.Graph
	// Eval is the model alone, with training false: parameters and inputs are
	// states without a Next; its outputs are the model's.
	Eval *ir.Graph
	// Init has an output for every state that starts with a value, under the
	// state's name: parameters, optimizer states, metrics, counters.
	Init *ir.Graph

	// Facts describe what is computed, to be compared with those of another spec.
	Facts []Fact
	// Imports are the files that were imported.
	Imports []string

	Loop      Loop
	Loss      diag.Range // where the spec says what the loss is
	Sources   []Source
	Placement Placement
}

// Graphs lists the program's graphs.
func (p *Program) Graphs() []*ir.Graph {
	var graphs []*ir.Graph
	if p.Train != nil {
		graphs = append(graphs, p.Train)
	}
	graphs = append(graphs, p.Eval, p.Init)
	if p.Loop.Evaluation != nil {
		graphs = append(graphs, p.Loop.Evaluation.Graph)
	}
	return graphs
}

// Loop is how to train.
type Loop struct {
	Metrics  []string // in the spec's order, without the prefix
	Until    bool     // whether there is a stop condition: the state ir.StoppedState
	MaxSteps int64    // 0 means no limit
	LogEvery int64    // steps between log lines

	Weights    *Weights    // what parameters start from; nil: from Init
	Evaluation *Evaluation // nil if there is none
	EarlyStop  *EarlyStop  // nil if there is none
	Checkpoint *Checkpoint // nil if there is none
}

// Weights is a safetensors file that holds all parameters.
type Weights struct {
	File   string            // as given
	Path   string            // resolved, inside the spec's folder or an allowed one
	Rename map[string]string // the parameters' names by the file's
	Origin diag.Range        // where the spec names the file
}

// Evaluation gives metrics on other data: their mean over some batches, which are
// the same each time.
type Evaluation struct {
	// Graph has the parameters and buffers, and the counter ir.StepState, which
	// numbers the batch, as states without a Next, and an output for each metric,
	// under its full name.
	Graph   *ir.Graph
	Metrics []string // in the spec's order, with ir.EvalPrefix
	Every   int64    // steps between evaluations
	Batches int64    // from 0 on
}

// Watch is a metric that something is decided by.
type Watch struct {
	Metric   string // one of Loop.Metrics or Evaluation.Metrics
	Maximise bool
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
	Keep  int64 // the newest so many
	Best  *Watch
	Dir   string // as given
	Path  string // resolved, inside the spec's folder
}

// Source is a data source that reads a file. (Generated data needs none: it is
// nodes of the graph.)
type Source struct {
	Name   string
	Kind   string // "replay"
	File   string // as given, relative to the spec's folder
	Path   string // resolved, inside the spec's folder or an allowed one
	Fields []Field
	Origin diag.Range // where the spec names the file
}

// Field is a field of a source: one batch of it has this type.
type Field struct {
	Name   string
	Tensor string // its name in the file
	Type   ir.Type
}

// Placement says where things run.
type Placement struct {
	Default string // "auto" or a device
	Rules   []PlacementRule
}

// PlacementRule binds the nodes and states whose path matches a pattern ("*"
// matches any text), or is inside of a path that does, to a device, or wishes for it.
type PlacementRule struct {
	Match          string
	Device, Prefer string // one of them
	Origin         diag.Range
}

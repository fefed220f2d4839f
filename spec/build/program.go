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
	// Infer is the model alone, with training false: parameters and inputs are
	// states without a Next; its outputs are the model's.
	Infer *ir.Graph
	// Init has an output for every state that starts with a value, under the
	// state's name: parameters, optimizer states, metrics, counters.
	Init *ir.Graph

	// Facts describe what is computed, to be compared with those of another spec.
	Facts []Fact
	// Imports are the files that were imported.
	Imports []string

	Loop        ir.Loop
	Loss        diag.Range // where the spec says what the loss is
	DataSources []ir.DataSource
	Placement   ir.Placement
}

// Graphs lists the program's graphs.
func (p *Program) Graphs() []*ir.Graph {
	var graphs []*ir.Graph
	if p.Train != nil {
		graphs = append(graphs, p.Train)
	}
	graphs = append(graphs, p.Infer, p.Init)
	if p.Loop.Evaluation != nil {
		graphs = append(graphs, p.Loop.Evaluation.Graph)
	}
	return graphs
}

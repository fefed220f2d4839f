package flowrun

import (
	"errors"
	"fmt"
	"io"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
	"github.com/flowrun/flowrun/lower/explain"
)

// ExplainOptions say what to show of a plan.
type ExplainOptions struct {
	Device string // the default device; "" as the spec says
	Pass   string // show the graph after this pass instead of the plan
	Format string // "text", "json" or "dot"; with Pass, text only
	Infer  bool   // the model alone, as Infer runs it
	// Kernels shows the plan's kernels instead, with the sources of those that
	// were made for it; as text or as JSON.
	Kernels bool
	// Memory shows what the plan needs memory for, over the time of a step; as text or as
	// JSON.
	Memory      bool
	KernelsFrom string // a folder over the sources that are built in; see KernelsFrom
}

// Explain writes the lowered plan: states and their homes, nodes with types,
// devices and the reasons for them, copies, memory, and what a step costs.
// Nothing is run.
func (p *Program) Explain(w io.Writer, o ExplainOptions) error {
	if err := p.ready(); err != nil {
		return err
	}
	if w == nil {
		return errors.New("the writer for the plan is nil")
	}
	g := p.spec.Train
	if o.Infer || g == nil {
		g = p.spec.Infer
	}
	var shown error
	seen := false
	so := startOptions{device: o.Device, kernels: o.KernelsFrom}
	if o.Pass != "" {
		so.lower.Observe = func(pass string, plan *lower.Plan) error {
			if pass == o.Pass {
				seen, shown = true, ir.Fprint(w, plan.Graph)
			}
			return nil
		}
	}
	plan, m, err := p.plan(g, &so)
	if err != nil {
		return err
	}
	if err := m.close(); err != nil {
		return err
	}
	switch {
	case o.Pass != "" && !seen:
		return fmt.Errorf("there is no pass %q", o.Pass)
	case o.Pass != "":
		return shown
	case o.Kernels:
		sources, err := kernels.Overlay(o.KernelsFrom)
		if err != nil {
			return err
		}
		return explainKernels(w, plan, sources, o.Format)
	}
	if o.Memory {
		var evaluation []Need
		if e := p.spec.Loop.Evaluation; e != nil && g == p.spec.Train {
			if evaluation, err = p.addNeeds(nil, e.Graph, o.Device); err != nil {
				return err
			}
		}
		return explainMemory(w, plan, evaluation, o.Format)
	}
	e := explain.Of(plan)
	switch o.Format {
	case "", "text":
		return e.WriteText(w)
	case "json":
		return explain.WriteJSON(w, e)
	case "dot":
		return e.WriteDot(w, plan)
	}
	return fmt.Errorf("there is no format %q", o.Format)
}

// explainMemory writes what the plan of a step needs memory for, and how much the
// evaluation's needs beside it.
func explainMemory(w io.Writer, plan *lower.Plan, evaluation []Need, format string) error {
	m := explain.MemoryOf(plan)
	for _, n := range evaluation {
		m.Evaluate(n.Device, n.Bytes)
	}
	switch format {
	case "", "text":
		return m.WriteText(w)
	case "json":
		return explain.WriteJSON(w, m)
	}
	return fmt.Errorf("memory is shown as text or json, not as %q", format)
}

// explainKernels writes the kernels of a plan.
func explainKernels(w io.Writer, plan *lower.Plan, sources *kernels.Sources, format string) error {
	e, err := explain.KernelsOf(plan, sources)
	if err != nil {
		return err
	}
	switch format {
	case "", "text":
		return e.WriteText(w)
	case "json":
		return explain.WriteJSON(w, e)
	}
	return fmt.Errorf("kernels are shown as text or json, not as %q", format)
}

package engine

import (
	"fmt"

	"github.com/flowrun/flowrun/lower"
)

// Unset is the error of a demand for a value that depends on a state which has not
// been set: an input, or a parameter before the weights were loaded.
type Unset struct{ State string }

// Error names the state.
func (e *Unset) Error() string { return fmt.Sprintf("%s has no value yet: set it first", e.State) }

// demandNodes brings kept nodes up to date, outside of a step.
func (s *Session) demandNodes(roots ...int32) error {
	s.tapes.catchUp()
	work, unset := s.collect(roots)
	if unset >= 0 {
		return &Unset{s.plan.Graph.States[unset].Name}
	}
	if len(work) == 0 {
		return nil
	}
	s.tapes.touched()
	moved := false
	for _, n := range work {
		if s.isInPlace(n) {
			if err := s.moveOut(n, lower.Transient); err != nil {
				return err
			}
			moved = true
		}
	}
	if moved { // readers of a moved value must find it in its new memory
		work, _ = s.collect(roots)
	}
	for _, n := range work {
		if err := s.run(n, false); err != nil {
			return err
		}
	}
	return nil
}

// run runs a node whose operands are current.
func (s *Session) run(n int32, replay bool) error {
	c, err := s.commands.of(n)
	if err == nil {
		err = c.Run()
	}
	if err != nil {
		return s.faults.failure(n, err)
	}
	s.stats.ran(s.plan, n)
	s.hasRun(n, replay)
	return nil
}

// hasRun does the bookkeeping of a run, and calls Trace.
func (s *Session) hasRun(n int32, replay bool) {
	again := s.options.Trace != nil && !s.dirty(n)
	s.ran(n)
	if s.options.Trace == nil {
		return
	}
	e := Execution{Node: s.plan.Graph.Nodes[n], Demand: s.demand, Again: again, Replay: replay, Version: s.nodes[n].version}
	for _, in := range s.in(n) {
		e.Inputs = append(e.Inputs, s.nodes[in.from].version)
	}
	s.options.Trace(e)
}

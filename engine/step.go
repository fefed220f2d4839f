package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// Step runs one step: it computes the next value of every state from the current
// states, and commits them all together. If it fails before its first write, nothing
// has changed and it may be retried; after that, the error is *Poisoned. The end of the
// context ends it before it begins, or between the positions of a scan.
func (s *Session) Step(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx == nil {
		return errNoContext
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.usable(); err != nil {
		return err
	}
	if s.runner != nil {
		s.runner.moved = true
	}
	s.foreign++
	s.options.halt.on(ctx)
	defer s.options.halt.off()
	return haltedBy(ctx, s.called())
}

// called is a step that a caller takes.
func (s *Session) called() error {
	st := s.stop
	switch {
	case st < 0:
		return s.step()
	case s.plan.RunsAhead:
		if due, err := s.tailNext(); due || err != nil {
			return errors.Join(err, s.unended(st))
		}
		return s.unmasked(st)
	}
	return s.unended(st)
}

// unended runs a step of a plan that doesn't run ahead, or the tail's. It resets the stop condition
// first if that holds, so that afterwards, as with unmasked, it says whether the
// condition holds at this step.
func (s *Session) unended(st int) error {
	state := s.plan.Graph.States[st]
	if s.nodes[s.states[st].node].version == 0 { // a state that was never set; the step says so
		return s.step()
	}
	if s.held == nil {
		var err error
		if s.held, err = s.scalar(state.Name); err != nil {
			return err
		}
	}
	held, err := s.read(s.held)
	if err != nil {
		return err
	}
	if held != 0 {
		if err := s.setAll(map[string]*ir.Tensor{state.Name: ir.NewTensor(state.Type)}); err != nil {
			return err
		}
	}
	return s.step()
}

// unmasked runs a step of a plan that runs ahead, after resetting the stop condition.
func (s *Session) unmasked(st int) error {
	states := s.plan.Graph.States
	if s.tapes.last == nil {
		if err := s.setAll(map[string]*ir.Tensor{states[st].Name: ir.NewTensor(states[st].Type)}); err != nil {
			return err
		}
		return s.step()
	}
	// Nothing has happened since the last step, which has written the stop condition.
	// This step recomputes everything that reads it, so the write needs no marks,
	// unless the step fails.
	home, node := states[st].Home, s.states[st].node
	if s.unstop == nil {
		var err error
		if s.unstop, err = s.devices[home].BindFromHost(s.memory.slice(node), make([]byte, states[st].Type.Bytes())); err != nil {
			return s.faults.failure(node, fmt.Errorf("setting it: %w", err))
		}
	}
	if err := s.unstop.Run(); err != nil {
		s.tapes.touched()
		return s.faults.poisoned([]int32{int32(st)}, s.faults.failure(node, fmt.Errorf("setting it: %w", err)))
	}
	if err := s.step(); err != nil && s.faults.poison == nil {
		s.tapes.touched()
		s.set(node)
		return err
	}
	s.stats.copied(0, home, states[st].Type.Bytes())
	return s.usable()
}

// step is Step on a locked, usable session.
func (s *Session) step() error {
	if s.tail == nil {
		return s.ownStep()
	}
	left, err := s.tail.until()
	if err != nil {
		return err
	}
	if left == 0 {
		err = s.tail.step()
	} else {
		err = s.ownStep()
	}
	s.tail.counted(1, err)
	return err
}

// ownStep runs a step of the session's own plan.
func (s *Session) ownStep() error {
	if t := s.tapes.steady; t != nil {
		return s.replaySteady(t)
	}
	s.tapes.catchUp()
	slices.Sort(s.due)
	s.roots = s.roots[:0]
	for _, st := range s.due {
		s.roots = append(s.roots, s.states[st].next)
	}
	work, unset := s.collect(s.roots)
	if unset >= 0 {
		return &Unset{s.plan.Graph.States[unset].Name}
	}
	if s.options.NoReplay {
		return s.eager(work, nil)
	}
	key := s.tapes.key(work)
	if t := s.tapes.find(key, work); t != nil {
		return s.replay(t)
	}
	s.tapes.last = nil
	t := s.tapes.record(work)
	if err := s.eager(work, t); err != nil {
		return err
	}
	s.tapes.keep(key, t)
	return nil
}

// eager runs a step's work node by node, and records it if t isn't nil.
func (s *Session) eager(work []int32, t *tape) error {
	for _, n := range work { // binding fails before anything is written
		if _, err := s.commands.of(n); err != nil {
			return s.faults.failure(n, err)
		}
	}
	if s.options.Inspect != nil {
		if err := s.inspectStates(); err != nil {
			return err
		}
	}
	before := s.stats
	writing := false
	for _, n := range work {
		writing = writing || s.isInPlace(n)
		if err := s.run(n, false); err != nil {
			if writing {
				return s.faults.poisoned(s.due, err)
			}
			return err
		}
	}
	var commits, copied []int32
	var copies []device.Command
	for _, st := range s.due {
		if !s.mustCommit(st) {
			continue
		}
		commits = append(commits, st)
		c, err := s.commands.ofCommit(st)
		if err == nil && c != nil {
			copied, copies = append(copied, st), append(copies, c)
		}
		if err != nil {
			if writing {
				return s.faults.poisoned(s.due, s.faults.commitFailure(st, err))
			}
			return s.faults.commitFailure(st, err)
		}
	}
	for i, c := range copies {
		if err := c.Run(); err != nil {
			return s.faults.poisoned(s.due, s.faults.commitFailure(copied[i], err))
		}
	}
	if t != nil {
		t.commits, t.copied = commits, copied
		t.finish(s.commands, copies)
		t.stats = s.stats.minus(before)
	}
	s.commit(commits)
	return nil
}

// replay runs a tape of this step's work, and does the bookkeeping.
func (s *Session) replay(t *tape) error {
	for _, p := range t.plays {
		if err := p.command.Run(); err != nil {
			return s.replayFailed(t, p.first, err)
		}
	}
	for _, n := range t.nodes {
		s.hasRun(n, true)
	}
	s.stats.add(t.stats, 1)
	before := s.tapes.last
	s.commit(t.commits)
	s.tapes.last = t
	if before == t && s.options.Trace == nil {
		s.tapes.steady = t
		return s.faults.blame(t.capture(s.devices, s.plan.RunsAhead))
	}
	return nil
}

// replaySteady runs a tape at the fixed point: only the number of replays changes.
func (s *Session) replaySteady(t *tape) error {
	for _, p := range t.plays {
		if err := p.command.Run(); err != nil {
			s.tapes.catchUp()
			s.demand++
			return s.replayFailed(t, p.first, err)
		}
	}
	s.tapes.behind++
	return nil
}

// replayFailed accounts for the commands that did run.
func (s *Session) replayFailed(t *tape, at int, err error) error {
	s.tapes.touched()
	for _, n := range t.nodes[:min(at, len(t.nodes))] {
		s.stats.ran(s.plan, n)
		s.hasRun(n, true)
	}
	if at < len(t.nodes) {
		err = s.faults.failure(t.nodes[at], err)
	} else {
		err = s.faults.commitFailure(t.copied[at-len(t.nodes)], err)
	}
	if at >= t.write {
		return s.faults.poisoned(t.due, err)
	}
	return err
}

// steps runs one step, or a burst of at most n, and returns how many. A step of the tail
// is not among n, or the only one.
func (s *Session) steps(n int64) (int64, error) {
	t := s.tapes.steady
	if t == nil || t.burst == nil || n < burstSteps {
		if err := s.step(); err != nil {
			return 0, err
		}
		return 1, nil
	}
	if err := t.burst.Run(); err != nil { // then no step has been taken
		s.tapes.catchUp()
		s.demand++
		return 0, s.replayFailed(t, 0, err)
	}
	s.tapes.behind += burstSteps
	if s.tail != nil {
		s.tail.counted(burstSteps, nil)
	}
	return burstSteps, nil
}

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
	if s.options.Inspect != nil {
		return s.inspect(n)
	}
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

package engine_test

import (
	"errors"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// harness holds sessions of one plan against the model: one that is traced, and
// others that must give the same bits (untraced, which lets steps be replayed
// without looking, and without replay).
type harness struct {
	t           tester
	model       *model
	devices     []device.Device // of the first session
	first       *engine.Session
	others      []*engine.Session
	runs        []engine.Execution // since the last look
	versions    []uint64           // per node, as last traced
	suspects    []string           // states to restore, when poisoned
	loose       bool               // what runs isn't known exactly any more
	uncounted   bool               // how much is copied isn't
	unversioned bool               // how often states were written isn't
}

// sessions says which ones a harness has.
type sessions int

const (
	together sessions = iota // a traced one, an untraced one, one without replay
	traced                   // a traced one
	untraced                 // an untraced one, of which only values are looked at
)

// newHarness starts a drawn program and sets the states that have values.
func newHarness(t *rapid.T, c sessions) *harness { return newHarnessOn(t, c, machine) }

// newHarnessOn is newHarness on machines of another make.
func newHarnessOn(t *rapid.T, c sessions, machine machines) *harness {
	h := &harness{t: t, devices: machine(t, 2), loose: c == untraced}
	p := drawProgram(t, h.devices)
	o := lower.Options{Default: rapid.IntRange(0, 2).Draw(t, "default"), NoFuse: rapid.IntRange(0, 3).Draw(t, "unfused") == 0,
		KeepScans: rapid.IntRange(0, 3).Draw(t, "unrolled") > 0}
	o.Targets = targets(h.devices)
	if rapid.Bool().Draw(t, "crowded") { // devices with a queue have arenas as if these were large
		for i := range o.Targets {
			o.Targets[i].Async = false
		}
	}
	pl := lowered(t, p, o)
	h.model = newModel(p, pl, machine)
	h.versions = make([]uint64, len(pl.Graph.Nodes))
	eo := engine.Options{DataSources: p.sources}
	if c != untraced {
		eo.Trace = func(e engine.Execution) { h.runs = append(h.runs, e) }
	}
	h.first = session(t, pl, h.devices, eo)
	if c == together {
		for _, o := range []engine.Options{{}, {NoReplay: true, Sync: rapid.Bool().Draw(t, "sync")}} {
			o.DataSources = p.sources
			h.others = append(h.others, session(t, pl, machine(t, 2), o))
		}
	}
	h.set(p.values)
	return h
}

// each calls f for every session; all must agree on the error.
func (h *harness) each(f func(s *engine.Session) error) error {
	h.t.Helper()
	err := f(h.first)
	for _, s := range h.others {
		other := f(s)
		if (err == nil) != (other == nil) || err != nil && err.Error() != other.Error() {
			h.t.Fatalf("one session gives %v, another %v", err, other)
		}
	}
	return err
}

// set writes states through SetAll.
func (h *harness) set(values map[string]*ir.Tensor) {
	h.t.Helper()
	err := h.each(func(s *engine.Session) error { return s.SetAll(values) })
	poisoned := new(engine.Poisoned)
	switch {
	case errors.As(err, &poisoned) && errors.Is(err, errInjected):
		// Those that aren't named were written before, unless they weren't
		// among the values at all.
		for name := range values {
			if !slices.Contains(poisoned.States, name) {
				h.model.set(name, values[name])
			}
		}
		h.suspects = poisoned.States
		if errors.As(err, new(*device.Late)) { // it names those too that were written before
			h.loose, h.unversioned = true, true
		}
	case err != nil:
		require.ErrorIs(h.t, err, errInjected)
	default:
		for _, name := range slices.Sorted(maps.Keys(values)) {
			h.model.set(name, values[name])
		}
		h.suspects = slices.DeleteFunc(h.suspects, func(name string) bool { return values[name] != nil })
	}
	require.Empty(h.t, h.runs, "setting a state runs nothing")
}

// get reads a value and holds it, and what ran for it, against the model.
func (h *harness) get(name string) {
	h.t.Helper()
	n := h.model.node(name)
	want, unset := []int(nil), false
	if len(h.suspects) == 0 {
		h.model.promote(n)
		h.model.clock++
		want, unset = h.model.needed([]*ir.Node{n})
	}
	var values []*ir.Tensor
	err := h.each(func(s *engine.Session) error {
		v, err := s.Get(name)
		values = append(values, v)
		return err
	})
	if h.refused(err, unset) {
		return
	}
	h.ran(want, err)
	if err != nil {
		h.failed(err)
		return
	}
	h.model.fetched(n)
	expected := h.model.value(h.t, name)
	for _, v := range values {
		same(h.t, expected, v, name)
	}
}

// step takes a step and holds what ran for it against the model. What it wrote
// is seen by reading.
func (h *harness) step() {
	h.t.Helper()
	var due []*ir.State
	want, unset := []int(nil), false
	if len(h.suspects) == 0 {
		due, want, unset = h.model.step()
	}
	err := h.each(func(s *engine.Session) error { return s.Step(ctx) })
	if h.refused(err, unset) {
		return
	}
	h.ran(want, err)
	if err != nil {
		h.failed(err)
		return
	}
	h.model.commit(due, h.model.stepped(h.t))
}

// run takes steps as a run does, with an observer who sees all scalars. Where there is
// no counter, or a state that isn't set, there is no run.
func (h *harness) run(count int) {
	h.t.Helper()
	m := h.model
	if _, unset := m.needed(m.plan.Graph.Roots()); unset || m.plan.Graph.State("step").Next == nil {
		return
	}
	loop := engine.Loop{Step: "step", MaxSteps: m.states["step"].Int(0) + int64(count)}
	for _, s := range m.plan.Graph.States {
		if len(s.Type.Shape) == 0 && m.states[s.Name] != nil {
			loop.Metrics = append(loop.Metrics, s.Name)
		}
	}
	var seen, want [][]float64
	loop.Observers = []engine.Observer{{Every: 1, Observe: func(r engine.Record) error {
		seen = append(seen, slices.Clone(r.Metrics))
		return nil
	}}}
	require.NoError(h.t, h.each(func(s *engine.Session) error { return second(s.Run(ctx, loop)) }))
	h.uncounted = true // observers cost copies
	runs := h.runs
	for range count {
		due, work, _ := m.step()
		n := min(len(work), len(runs))
		h.runs, runs = runs[:n:n], runs[n:]
		h.ran(work, nil)
		m.commit(due, m.stepped(h.t))
		var record []float64
		for _, name := range loop.Metrics {
			record = append(record, m.states[name].Float(0))
		}
		want = append(want, record)
	}
	require.Empty(h.t, runs)
	want = append(want, want[count-1]) // the run's end
	require.Equal(h.t, slices.Repeat(want, 1+len(h.others)), seen)
}

// refused reports whether a demand was one that must not be met, because states
// are suspect or not set.
func (h *harness) refused(err error, unset bool) bool {
	h.t.Helper()
	if len(h.suspects) > 0 {
		poisoned := new(engine.Poisoned)
		require.ErrorAs(h.t, err, &poisoned)
		require.ElementsMatch(h.t, h.suspects, poisoned.States)
		require.Empty(h.t, h.runs)
		return true
	}
	if unset && !errors.Is(err, errInjected) {
		require.ErrorAs(h.t, err, new(*engine.Unset))
		require.Empty(h.t, h.runs)
		return true
	}
	return false
}

// ran holds the traced executions against those that the model wants: exactly
// these, each once and in the plan's order; after a failure a first part of
// them. And each has used the current versions of its operands.
func (h *harness) ran(want []int, err error) {
	h.t.Helper()
	m := h.model
	var got []int
	for i, e := range h.runs {
		id := e.Node.ID
		got = append(got, id)
		require.Equal(h.t, h.runs[0].Demand, e.Demand)
		require.Equal(h.t, h.runs[0].Replay, e.Replay)
		for j, in := range e.Node.Inputs {
			version := h.versions[in.ID]
			switch {
			case in.State != nil && h.unversioned:
				continue
			case in.State != nil:
				version = m.writes[in.ID]
			}
			require.Equal(h.t, version, e.Inputs[j], "run %d: %s used %s", i, e.Node.Label(), in.Label())
		}
		changed := m.changedSince(e.Node, m.ran[id])
		require.Equal(h.t, !changed, e.Again, "whether %s ran again for nothing new", e.Node.Label())
		if changed {
			h.versions[id]++
		}
		require.Equal(h.t, h.versions[id], e.Version)
		m.run(id)
	}
	h.runs = h.runs[:0]
	if h.loose {
		return
	}
	if err != nil {
		require.LessOrEqual(h.t, len(got), len(want))
		want = want[:len(got)]
	}
	require.Equal(h.t, len(want), len(got), "want %v, got %v", want, got)
	for i := range want {
		require.Equal(h.t, want[i], got[i])
	}
}

// failed accounts for a demand that an injected fault stopped.
func (h *harness) failed(err error) {
	h.t.Helper()
	require.ErrorIs(h.t, err, errInjected)
	if errors.Is(err, errAlloc) || errors.As(err, new(*device.Late)) {
		h.loose = true
	}
	if poisoned := new(engine.Poisoned); errors.As(err, &poisoned) {
		require.NotEmpty(h.t, poisoned.States)
		h.suspects = poisoned.States
	}
}

// counted holds all sessions' statistics against the model's.
func (h *harness) counted() {
	h.t.Helper()
	if h.uncounted {
		return
	}
	_ = h.each(func(s *engine.Session) error {
		got := s.Stats()
		got.PeakBytes = 0
		require.Equal(h.t, h.model.stats, got)
		return nil
	})
}

// names lists all that can be asked for.
func (h *harness) names() (names []string) {
	for _, s := range h.model.plan.Graph.States {
		names = append(names, s.Name)
	}
	for _, o := range h.model.plan.Graph.Outputs {
		names = append(names, o.Name)
	}
	return names
}

var (
	errInjected = errors.New("a fault was injected")
	errAlloc    = errors.New("no memory")
)

// breaks makes the event after so many others fail, on one device, once.
func breaks(d device.Device, after int) {
	d.(*sim.Device).Inject(func(e sim.Event) error {
		after--
		if after != -1 {
			return nil
		}
		if e.Kind == "alloc" {
			return errors.Join(errInjected, errAlloc)
		}
		return errInjected
	})
}

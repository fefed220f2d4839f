package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// Options are what a session needs besides a plan and its devices.
type Options struct {
	// DataSources are the data sources by name.
	DataSources map[string]DataSource
	// Tail takes steps whose batch is smaller; nil if there are none.
	Tail *Tail
	// NoReplay runs every step eagerly, with the same bits, for tests and debugging.
	NoReplay bool
	// Sync waits for each command before running the next one, so that a failure is
	// reported for the command that caused it. It gives the same bits, more slowly.
	Sync bool
	// Trace is called for every node that runs, if not nil. It is for tests.
	Trace func(Execution)
	// Inspect is called in each step for every state with its value before the step, and
	// for every node right after it has run, with its value, if not nil; the tensor is its own until it returns. It implies NoReplay and
	// Sync: nodes that a device has only queued have no value yet. An error ends the step.
	Inspect func(n *ir.Node, value *ir.Tensor) error

	halt *halt // of the session; that of a tail is the session's that it is in
}

// Execution is one run of a node, as Trace sees it.
type Execution struct {
	Node    *ir.Node
	Demand  uint64   // which demand it was for; they count up
	Inputs  []uint64 // the versions of the operands it used
	Again   bool     // a transient value computed again, nothing having changed
	Replay  bool     // from a tape
	Version uint64   // of its value, afterwards
}

// Session is a running program: a plan, its memory, its states. Its methods may be
// called from several goroutines; they take effect one at a time, between steps.
type Session struct {
	mu      sync.Mutex
	plan    *lower.Plan
	devices []device.Device
	options Options
	stop    int // the state that says whether the run has ended; -1 if there is none

	*values
	memory   *memory
	commands *commands
	tapes    *replayer
	faults   *faults
	names    directory
	fetches  map[int32]*fetch
	roots    []int32        // of the step at work
	unstop   device.Command // resets the stop condition; see unmasked
	held     *probe         // reads the stop condition; see unended
	tail     *tail          // nil if all batches have one size

	runner  *runner // the run in progress; nil if there is none
	foreign uint64  // how often callers have written states or taken steps, beside a run
	stats   Stats
	closed  bool
}

// ErrClosed is what every call on a closed session returns.
var ErrClosed = errors.New("engine: the session is closed")

// New allocates the plan's memory on its devices, one per target.
func New(plan *lower.Plan, devices []device.Device, o Options) (*Session, error) {
	if len(devices) != len(plan.Targets) {
		return nil, fmt.Errorf("engine: the plan needs %d devices, got %d", len(plan.Targets), len(devices))
	}
	for _, n := range plan.Graph.Nodes {
		if n.Op == ir.SourceOp && o.DataSources[n.Str("source")] == nil {
			return nil, fmt.Errorf("engine: there is no data source %s", n.Str("source"))
		}
	}
	if o.Inspect != nil {
		o.NoReplay, o.Sync = true, true
	}
	if o.halt == nil {
		o.halt = &halt{}
	}
	v := newValues(plan)
	m, err := newMemory(plan, devices, v)
	if err != nil {
		return nil, err
	}
	s := &Session{
		plan: plan, devices: devices, options: o,
		stop:   slices.IndexFunc(plan.Graph.States, func(st *ir.State) bool { return st.Kind == ir.StopState }),
		values: v, memory: m, commands: newCommands(m, o),
		names: directory{plan: plan}, fetches: map[int32]*fetch{},
	}
	s.tapes = &replayer{values: v, stats: &s.stats, tapes: map[uint64][]*tape{}}
	s.faults = &faults{values: v, plan: plan, tapes: s.tapes, suspect: map[int32]bool{}}
	if o.Tail != nil {
		if s.tail, err = newTail(s, o.Tail); err != nil {
			return nil, errors.Join(err, m.free())
		}
	}
	return s, nil
}

// Close frees the memory. The devices stay open: they belong to the caller.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, d := range s.devices {
		errs = append(errs, d.Sync())
	}
	s.tapes.free()
	s.commands.free()
	if s.tail != nil {
		errs = append(errs, s.tail.Close())
	}
	return errors.Join(append(errs, s.memory.free())...)
}

// Plan is the plan that the session runs.
func (s *Session) Plan() *lower.Plan { return s.plan }

// Stats counts what has been done so far.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tapes.catchUp()
	stats := s.stats
	stats.PeakBytes = s.memory.bytes
	if s.tail != nil {
		t := s.tail.Stats()
		stats.add(t, 1)
		stats.PeakBytes += t.PeakBytes
	}
	return stats
}

// Usable is the error of every demand at present: [ErrClosed], *[Poisoned] or nil.
func (s *Session) Usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usable()
}

// lock locks the session if it is usable.
func (s *Session) lock() error {
	s.mu.Lock()
	err := s.usable()
	if err != nil {
		s.mu.Unlock()
	}
	return err
}

// usable is Usable on a locked session.
func (s *Session) usable() error {
	if s.closed {
		return ErrClosed
	}
	return s.faults.poison
}

// moveOut gives a node memory of its own: because a caller reads its value (it
// becomes kept), or because a demand that isn't a step must not write a state's home
// (it becomes transient, and steps copy it there).
func (s *Session) moveOut(n int32, storage lower.Storage) error {
	if err := s.memory.moveOut(n); err != nil {
		return s.faults.blame(fmt.Errorf("engine: allocating memory for %s: %w", s.plan.Graph.Nodes[n].Label(), err))
	}
	s.nodes[n].storage = storage
	s.nodes[n].empty = true
	s.commands.drop(n)
	s.tapes.forget()
	return nil
}

// sync waits for all devices.
func (s *Session) sync() error {
	if err := s.lock(); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if err := d.Sync(); err != nil {
			return s.faults.blame(err)
		}
	}
	return nil
}

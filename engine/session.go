package engine

import (
	"errors"
	"fmt"
	"sync"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// Options are what a session needs besides a plan and its devices.
type Options struct {
	// Sources are the data sources by name.
	Sources map[string]Source
	// NoReplay runs every step eagerly. It gives the same bits; it's for tests
	// and for looking at what happens.
	NoReplay bool
	// Sync waits for each command before the next one is run, so that a failure
	// is that of the command it is reported for. It gives the same bits, slower.
	Sync bool
	// Trace is told of every node that runs, if not nil. It is for tests.
	Trace func(Execution)
}

// Execution is one run of a node, as Trace sees it.
type Execution struct {
	Node    *ir.Node
	Demand  uint64   // which demand it was for; they count up
	Inputs  []uint64 // the versions of the operands it used
	Again   bool     // a transient value computed again, nothing having changed
	Replay  bool     // from a recording
	Version uint64   // of its value, afterwards
}

// Session is a running program: a plan, its memory, its states. Its methods may
// be called from several goroutines; they take effect one at a time, between
// steps.
type Session struct {
	mu      sync.Mutex
	plan    *lower.Plan
	devices []device.Device
	options Options

	*values
	memory   []spaceMemory
	own      map[int32]device.Buffer // of nodes moved out of shared memory
	shared   shared
	unstop   device.Command   // takes back that the stop condition has held; see unmasked
	held     *probe           // whether it has; see unended
	commands []device.Command // by node; nil until first run
	commits  []device.Command // by state; nil: in place, or not yet bound
	fetches  map[int32]*fetch
	names    map[string]int32

	tapes    map[uint64][]*tape
	lastTape *tape  // what the last step replayed, if nothing happened since
	steady   *tape  // what the next step will run, if nothing is written before
	behind   uint64 // steady replays not yet counted in the versions

	poison  error
	suspect map[int32]bool // states that must be restored first

	runner *runner // the run that goes on; nil if none does

	stats  Stats
	closed bool
}

// spaceMemory is a plan's memory in one space.
type spaceMemory struct{ kept, arena device.Buffer }

// ErrClosed is what every call on a closed session gives.
var ErrClosed = errors.New("engine: the session is closed")

// New allocates the plan's memory on its devices, one per target. States have
// no value until they are set.
func New(plan *lower.Plan, devices []device.Device, o Options) (*Session, error) {
	if len(devices) != len(plan.Targets) {
		return nil, fmt.Errorf("engine: a plan for %d devices was given %d", len(plan.Targets), len(devices))
	}
	s := &Session{
		plan: plan, devices: devices, options: o,
		values:   newValues(plan),
		own:      map[int32]device.Buffer{},
		commands: make([]device.Command, len(plan.Graph.Nodes)),
		commits:  make([]device.Command, len(plan.Graph.States)),
		fetches:  map[int32]*fetch{},
		tapes:    map[uint64][]*tape{},
		suspect:  map[int32]bool{},
	}
	s.shared = newShared(plan)
	for i, space := range plan.Spaces {
		var m spaceMemory
		var err error
		if m.kept, err = s.allocKept(i, space.Kept); err == nil {
			s.memory = append(s.memory, m)
			m.arena, err = s.alloc(i, space.Arena)
			s.memory[i] = m
		}
		if err != nil {
			s.free()
			return nil, fmt.Errorf("engine: memory for the plan: %w", err)
		}
	}
	for _, n := range plan.Graph.Nodes {
		if n.Op == ir.SourceOp && o.Sources[n.Str("source")] == nil {
			s.free()
			return nil, fmt.Errorf("engine: data source %s is not there", n.Str("source"))
		}
	}
	return s, nil
}

// alloc reserves memory and counts it.
func (s *Session) alloc(space int, bytes int64) (device.Buffer, error) {
	b, err := s.devices[space].Alloc(bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.devices[space].Name(), err)
	}
	s.stats.PeakBytes += bytes
	return b, nil
}

// Close gives the memory back. The devices stay open: they are the caller's.
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
	return errors.Join(append(errs, s.free())...)
}

func (s *Session) free() error {
	s.freeTapes()
	var errs []error
	for _, m := range s.memory {
		for _, b := range []device.Buffer{m.kept, m.arena} {
			if b != nil {
				errs = append(errs, b.Free())
			}
		}
	}
	for _, b := range s.own {
		errs = append(errs, b.Free())
	}
	return errors.Join(errs...)
}

// Plan is the plan that the session runs.
func (s *Session) Plan() *lower.Plan { return s.plan }

// Stats counts what has been done so far.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	return s.stats
}

// Usable is the error that every demand gives at present: [ErrClosed], or *[Poisoned].
func (s *Session) Usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usable()
}

// usable is the error that every demand gives when the session can't go on.
func (s *Session) usable() error {
	switch {
	case s.closed:
		return ErrClosed
	case s.poison != nil:
		return s.poison
	}
	return nil
}

// slice is where a node's value lies.
func (s *Session) slice(n int32) device.Slice {
	v := &s.plan.Values[n]
	space := s.plan.Graph.Nodes[n].Space
	if v.Alias {
		return s.seenFrom(space, s.slice(int32(s.plan.Graph.Nodes[n].Inputs[0].ID)))
	}
	switch buffer := s.own[n]; {
	case buffer != nil:
		return device.Slice{Buffer: buffer, Bytes: v.Bytes}
	case s.nodes[n].storage == lower.InPlace:
		return s.slice(s.states[s.nextOf[n][0]].node)
	case s.nodes[n].storage == lower.Transient:
		return device.Slice{Buffer: s.memory[space].arena, Offset: v.Offset, Bytes: v.Bytes}
	}
	return device.Slice{Buffer: s.memory[space].kept, Offset: v.Offset, Bytes: v.Bytes}
}

// moveOut gives a node memory of its own: because a caller wants to read its
// value later (it becomes kept), or because a demand that isn't a step must not
// write a state's home (it becomes transient, and steps copy it in). Recordings
// and bound commands that know its old place are dropped.
func (s *Session) moveOut(n int32, storage lower.Storage) error {
	node := s.plan.Graph.Nodes[n]
	if s.own[n] == nil {
		b, err := s.alloc(node.Space, s.plan.Values[n].Bytes)
		if err != nil {
			return s.blame(fmt.Errorf("engine: memory for %s: %w", node.Label(), err))
		}
		s.own[n] = b
	}
	s.nodes[n].storage = storage
	s.nodes[n].empty = true
	s.commands[n] = nil
	for _, u := range s.out(n) {
		s.commands[u] = nil
		if s.plan.Values[u].Alias { // which has moved too
			for _, reader := range s.out(u) {
				s.commands[reader] = nil
			}
		}
	}
	for _, st := range s.nextOf[n] {
		s.commits[st] = nil
	}
	s.forget()
	return nil
}

// forget drops all recordings.
func (s *Session) forget() {
	s.touched()
	s.freeTapes()
}

// touched says that something other than a step has happened: the next step has
// to look at what there is to do.
func (s *Session) touched() {
	s.catchUp()
	s.steady, s.lastTape = nil, nil
}

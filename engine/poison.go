package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/device"
)

// poisoned makes the session refuse all demands until the given states are
// restored.
func (s *Session) poisoned(states []int32, cause error) {
	for _, st := range states {
		s.suspect[st] = true
	}
	if p, ok := cause.(*Poisoned); ok {
		cause = p.Err // the same failure, found out in two places
	}
	s.poison = &Poisoned{States: s.suspectNames(), Err: cause}
	s.touched()
}

// blame gives the error of a command that failed. If what failed is work that
// was queued before ([device.Late]), no one knows how far earlier steps came:
// their states have to be restored, and every value has to be computed anew, as
// none of those in memory can be trusted.
func (s *Session) blame(err error) error {
	var late *device.Late
	if !errors.As(err, &late) {
		return err
	}
	var states []int32
	for st := range s.states {
		if s.nodes[s.states[st].node].version > 0 {
			states = append(states, int32(st))
		}
	}
	for n := range s.nodes {
		s.nodes[n].empty = true
	}
	s.poisoned(states, err)
	return s.poison
}

// sync waits for all devices.
func (s *Session) sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	for _, d := range s.devices {
		if err := d.Sync(); err != nil {
			return s.blame(err)
		}
	}
	return nil
}

// Poisoned says that a failure has left states half written. Every demand gives
// it until all of them have been set.
type Poisoned struct {
	States []string
	Err    error
}

// Error names the cause and the states to restore.
func (e *Poisoned) Error() string {
	return fmt.Sprintf("states were being written when a command failed; restore %s first: %v",
		strings.Join(e.States, ", "), e.Err)
}

// Unwrap gives the cause.
func (e *Poisoned) Unwrap() error { return e.Err }

func (s *Session) suspectNames() []string {
	var names []string
	for _, st := range slices.Sorted(maps.Keys(s.suspect)) {
		names = append(names, s.plan.Graph.States[st].Name)
	}
	return names
}

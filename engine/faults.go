package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// Error is a command that failed: for which node, its origin in the spec, and why.
type Error struct {
	Op     string     // the op, or what else was done
	Node   string     // the node's name
	Device string     // where it ran
	Range  diag.Range // the spec's line, if known
	Err    error
}

// Error gives the message with its position.
func (e *Error) Error() string {
	at := ""
	if e.Range.Known() {
		at = e.Range.String() + ": "
	}
	if e.Op == ir.SourceOp.Name { // the data is to blame, and no device
		return fmt.Sprintf("%sreading %s: %v", at, e.Node, e.Err)
	}
	return fmt.Sprintf("%s%s (%s) failed on %s: %v", at, e.Op, e.Node, e.Device, e.Err)
}

// Unwrap gives the device's own error.
func (e *Error) Unwrap() error { return e.Err }

// faults turns failures into errors, and knows which states they have made invalid.
type faults struct {
	*values
	plan    *lower.Plan
	tapes   *replayer
	poison  error          // what every demand returns; nil if all states are valid
	suspect map[int32]bool // states that must be restored first
	lost    uint64         // how often all values were lost
}

// failure is the error of a node's command, commitFailure that of a state's commit.
func (f *faults) failure(n int32, err error) error {
	node := f.plan.Graph.Nodes[n]
	return f.blame(&Error{Op: node.Op.Name, Node: node.Label(), Device: f.plan.Targets[node.Space].Name, Range: node.Origin, Err: err})
}

func (f *faults) commitFailure(st int32, err error) error {
	sp := f.plan.Graph.States[st]
	return f.blame(&Error{Op: "commit", Node: sp.Name, Device: f.plan.Targets[sp.Home].Name, Range: sp.Origin, Err: err})
}

// poisoned makes the session refuse all demands until the given states are
// restored, and returns the error that they get.
func (f *faults) poisoned(states []int32, cause error) error {
	for _, st := range states {
		f.suspect[st] = true
	}
	if p, ok := cause.(*Poisoned); ok {
		cause = p.Err // the same failure, detected twice
	}
	f.poison = &Poisoned{States: f.suspectNames(), Err: cause}
	f.tapes.touched()
	return f.poison
}

// blame gives the error of a command that failed. If the failure is that of work
// queued earlier ([device.Late]), it is unknown how far earlier steps came: their
// states have to be restored, and every value has to be computed again, as nothing
// in memory can be trusted.
func (f *faults) blame(err error) error {
	var late *device.Late
	if !errors.As(err, &late) {
		return err
	}
	var states []int32
	for st := range f.states {
		if f.nodes[f.states[st].node].version > 0 {
			states = append(states, int32(st))
		}
	}
	f.distrust()
	f.lost++
	return f.poisoned(states, err)
}

// distrust makes every value be computed again.
func (f *faults) distrust() {
	for n := range f.nodes {
		f.nodes[n].empty = true
	}
}

// restored lifts the poison when the last suspect state has been written.
func (f *faults) restored(st int32) {
	if f.poison == nil {
		return
	}
	delete(f.suspect, st)
	if len(f.suspect) == 0 {
		f.poison = nil
		return
	}
	f.poison = &Poisoned{States: f.suspectNames(), Err: f.poison.(*Poisoned).Err}
}

// Poisoned is the error of every demand until states that a failure has left half
// written are set.
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

func (f *faults) suspectNames() []string {
	var names []string
	for _, st := range slices.Sorted(maps.Keys(f.suspect)) {
		names = append(names, f.plan.Graph.States[st].Name)
	}
	return names
}

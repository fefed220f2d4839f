// Package lower turns a program into a plan: a graph whose nodes are placed on
// the machine's devices, joined by explicit copies, bound to kernels, ordered,
// and given memory.
//
// Lowering is a table of passes ([Passes]): plain functions over a [Plan], each
// with one job, with the verifier after each of them. It knows devices only as
// [Target]s.
//
// What the engine relies on, and why that is sufficient:
//
//   - Every edge joins values in one memory space, or is the operand of a copy.
//     So a kernel never sees another device's memory, and a value reaches another
//     space through a copy node, with dirty edges like any node.
//   - A copy's operand is an original, never a copy, and there is one copy per
//     value and space. So a write dirties its copies by marking its users.
//   - A node in [InPlace] storage writes the home of its state. All other
//     readers of that state come before it in the plan's order, and it comes
//     after every node that writes elsewhere. So a step reads states as they
//     were, and a step that fails before its first write has changed nothing.
//   - A state's next value is never another state's home, but a copy of it. So the
//     order of commits makes no difference.
//   - An alias shares its operand's memory. In the plan's order, its readers come
//     before the node that overwrites the original.
//   - [Kept] values own their memory; [Transient] values share an arena, where no
//     two that are live at the same time overlap. So a clean edge never leads to
//     reused memory.
package lower

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower/place"
)

// The inputs and outputs of placement: see package place.
type (
	Target = place.Target
	Choice = place.Choice
	Error  = place.Error
)

// The constants of package place.
const (
	Auto      = place.Auto
	Alignment = place.Alignment
)

// Options are a lowering's inputs besides the graph.
type Options struct {
	Targets    []Target // see [place.Options], as for the next three
	Default    int
	Candidates func() []Target
	Rules      []ir.PlacementRule
	Manifest   *kernels.Manifest

	// NoFuse gives every node a kernel of its own.
	NoFuse bool
	// WriteOut is how many nodes scans are written out up to; 0: as many as are worth it.
	WriteOut int
	// KeepScans writes no scan out, however short it is. It is for tests.
	KeepScans bool

	// Observe is called after each pass, if not nil.
	Observe func(pass string, p *Plan) error
	// Shuffle, if not 0, seeds a shuffle of the nodes before every pass. It is for
	// tests: no pass may depend on the order of nodes.
	Shuffle int64
	// CheckTypes makes the verifier infer every type again after every pass.
	CheckTypes bool
}

// Storage says where a node's value lives.
type Storage uint8

// The storages.
const (
	// Home is a state's own memory; state nodes have it.
	Home Storage = iota
	// Kept values own their memory: they change less often than every step, or
	// are copies of states, or outputs of an inference.
	Kept
	// Transient values are valid within one demand and share an arena.
	Transient
	// InPlace values are what a state becomes, written over the state's home.
	InPlace
)

var storages = [...]string{"home", "kept", "transient", "in place"}

// String names the storage as explain prints it.
func (s Storage) String() string { return storages[s] }

// Value is what lowering decided about a node.
type Value struct {
	Storage Storage
	Kernel  *kernels.Kernel // nil for state, const, source, copy, scan and scan_result
	// Body is the plan of a scan's body, with one target, the scan's device; nil for others.
	// Its states are those of the body, and their homes aren't in its memory: carries and
	// stacks are results in the scan's value, and operands are the scan's operands. A step
	// of it is a position.
	Body   *Plan
	Offset int64 // in the kept memory or the arena of its space
	Bytes  int64
	// Alias says that a copy is its operand's memory, seen from its own space, at
	// the same offset.
	Alias bool
	// Reason says why the node is where it is.
	Reason string
}

// Space is what a plan needs of a target.
type Space struct {
	Kept, Arena int64 // bytes
}

// Plan is a lowered program. Graph.Nodes are in the order of execution and
// numbered by it.
type Plan struct {
	Targets []Target
	Graph   *ir.Graph
	Values  []Value // by node ID
	Spaces  []Space // by target
	// Main is the main device: Options.Default, or Auto's choice, which Choice
	// explains.
	Main   int
	Choice *Choice // nil without Auto
	// Homes says why states' homes are where they are.
	Homes map[*ir.State]string
	// Applied counts the rewrites that were applied, by name, and besides them
	// "fold", "fold-rounded", "cse" and "fuse".
	Applied map[string]int
	// RunsAhead says that steps after the one at which the stop condition first
	// holds change nothing, so they may be queued before the host knows.
	RunsAhead bool
	// Shared is the space in which the host's kept memory has aliases, and whose
	// device must therefore allocate it; 0 if there are none.
	Shared int

	options   Options
	placement *place.Placement
	lower     func(*ir.Graph, Options) (*Plan, error) // Lower, for bodies
	ordered   bool                                    // whether the order of nodes is final
}

// Value gives what was decided about a node.
func (p *Plan) Value(n *ir.Node) *Value { return &p.Values[n.ID] }

// reorder calls f, which may reorder or drop nodes, and permutes Values with them.
func (p *Plan) reorder(f func() error) error {
	before, values := slices.Clone(p.Graph.Nodes), p.Values
	if err := f(); err != nil || values == nil {
		return err
	}
	p.Values = make([]Value, len(p.Graph.Nodes))
	for i, n := range before {
		if n.ID < len(p.Values) && p.Graph.Nodes[n.ID] == n {
			p.Values[n.ID] = values[i]
		}
	}
	return nil
}

// PeakBytes is the memory the plan needs, over all spaces.
func (p *Plan) PeakBytes() int64 {
	var total int64
	for _, s := range p.Spaces {
		total = place.Sum(total, place.Sum(s.Kept, s.Arena))
	}
	return total
}

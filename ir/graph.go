package ir

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// Node applies an op to values and has one value.
type Node struct {
	ID     int     // index in Graph.Nodes
	Op     *Op     // what it does
	Inputs []*Node // tensor operands, in the op's order; a list argument is spread
	Attrs  []any   // the op's other arguments, in the op's order and in normal form
	Type   Type    // dtype and shape of its value
	Name   string  // path in the spec ("h1", "h[0].out"); "" for unnamed inner nodes
	State  *State  // for the op "state": which one it reads
	Why    string  // of a cast that the spec doesn't ask for: what it is for
	Site

	// Segment is the innermost part of the model around the node whose values aren't kept
	// for the backward pass; nil outside of such parts, and once gradients are in place.
	Segment *Segment

	Precision Precision

	// Space is the memory space of the node's value, an index into the targets
	// of a lowering; -1 before placement.
	Space int
}

// Segment is a part of a model whose values are computed again in the backward pass
// instead of being kept for it.
type Segment struct{ Outer *Segment }

// Site is where a node comes from and where it belongs. Gradients and rewrites
// of a node inherit it.
type Site struct {
	Origin diag.Range
	// Path is the spec node that this node is a part of; placement rules match it.
	Path string
	// Device is where the node must run ("cpu", "cuda:0"); Prefer is a wish.
	// Empty means that lowering chooses.
	Device, Prefer string
	// Update says that it is part of what computes the next value of a parameter
	// from its gradient; it belongs with the parameter.
	Update bool
	// Gradient says that it is part of a backward pass.
	Gradient bool
	// Again is 0, or says that the node computes again what a node of the forward pass has
	// computed: for which part of which backward pass. Nodes of different ones are never
	// merged, as values would then be kept between them.
	Again int
	// Position says, of a node that was written out of scans, which position of theirs it
	// belongs to: "3", or "3, 17" of a scan in a scan. Turn counts them as they are computed.
	Position string
	Turn     int
}

// StateKind says what a state is for.
type StateKind uint8

// The kinds of state.
const (
	ParamState       StateKind = iota // a weight; saved under its name
	BufferState                       // a module's own state that is no weight (running averages); saved too
	OptimState                        // an optimizer's state, one per parameter
	MetricState                       // what a metric or the loss was in the last step
	CounterState                      // the number of steps taken
	StopState                         // whether the stop condition has held
	InputState                        // fed by the caller
	AccumulatorState                  // what a metric has gathered so far in an evaluation, which begins with its initial value
	GenerationState                   // what a module keeps from one step of a generation to the next, which begins with its initial value

	// Of the bodies of scans alone; see [Body].
	CarryState   // what goes from one position to the next
	OperandState // an operand of the scan
	StackState   // what is kept of each position
)

var stateKinds = [...]string{"param", "buffer", "optim", "metric", "counter", "stop", "input", "accumulator", "generation", "carry", "operand", "stack"}

// String names the kind as plans print it.
func (k StateKind) String() string { return stateKinds[k] }

// State is a value that outlives a step. It has one home, a memory space; only
// the home is written.
type State struct {
	Name   string
	Kind   StateKind
	Type   Type
	Read   *Node // its value before the step; op "state"
	Next   *Node // what a step commits; nil if steps don't write it
	Origin diag.Range

	// Device is where its home must be; Prefer is a wish. Empty means that
	// lowering chooses.
	Device, Prefer string
	// Home is the memory space it lives in; -1 before placement.
	Home int
}

// Output is a value that callers ask for by name.
type Output struct {
	Name string
	Node *Node
}

// Graph is a program: states, outputs, and the nodes between them.
type Graph struct {
	Nodes   []*Node // operands before their users
	States  []*State
	Outputs []Output

	// Inside says what paths are inside of beyond what their dots say: what is
	// named by another path, and what an optimizer has for a parameter. All are as
	// PlainPath writes them.
	Inside map[string]string
}

// Put says that a path is inside of another.
func (g *Graph) Put(inner, outer string) {
	if g.Inside == nil {
		g.Inside = map[string]string{}
	}
	g.Inside[PlainPath(inner)] = PlainPath(outer)
}

// Around lists a path and all that it is inside of, as PlainPath writes them, the
// path itself first: h.0.y, h.0, h. What a placement rule says of one of them
// holds for the path.
func (g *Graph) Around(path string) []string {
	around := []string{PlainPath(path)}
	seen := map[string]bool{"": true, around[0]: true}
	add := func(outer string) {
		if !seen[outer] {
			seen[outer] = true
			around = append(around, outer)
		}
	}
	for i := 0; i < len(around); i++ {
		inner := around[i]
		add(g.Inside[inner])
		add(inner[:max(strings.LastIndexByte(inner, '.'), 0)])
	}
	return around
}

// State finds a state by name, or nil.
func (g *Graph) State(name string) *State {
	for _, s := range g.States {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Roots lists the graph's results: every state's Next and every output.
func (g *Graph) Roots() []*Node {
	var roots []*Node
	for _, s := range g.States {
		if s.Next != nil {
			roots = append(roots, s.Next)
		}
	}
	for _, o := range g.Outputs {
		roots = append(roots, o.Node)
	}
	return roots
}

// Sort puts Nodes into an order in which operands come before their users,
// dropping what neither a root nor a state's Read reaches, and renumbers them.
// The order depends only on the order of States, Outputs and Inputs.
func (g *Graph) Sort() error {
	order := make([]*Node, 0, len(g.Nodes))
	const unseen, open, done = 0, 1, 2
	mark := make(map[*Node]uint8, len(g.Nodes))
	type frame struct {
		node *Node
		next int
	}
	var stack []frame
	visit := func(root *Node) error {
		if mark[root] != unseen {
			return nil
		}
		mark[root] = open
		stack = append(stack[:0], frame{root, 0})
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if f.next == len(f.node.Inputs) {
				mark[f.node] = done
				order = append(order, f.node)
				stack = stack[:len(stack)-1]
				continue
			}
			in := f.node.Inputs[f.next]
			f.next++
			switch mark[in] {
			case open:
				return fmt.Errorf("node %s depends on itself", in.Label())
			case unseen:
				mark[in] = open
				stack = append(stack, frame{in, 0})
			}
		}
		return nil
	}
	for _, s := range g.States {
		if err := visit(s.Read); err != nil {
			return err
		}
	}
	for _, root := range g.Roots() {
		if err := visit(root); err != nil {
			return err
		}
	}
	for i, n := range order {
		n.ID = i
	}
	g.Nodes = order
	return nil
}

// Label names a node for messages: its spec name if it has one, else its op
// and number.
func (n *Node) Label() string {
	if n.Name != "" {
		return n.Name
	}
	return fmt.Sprintf("%s#%d", n.Op.Name, n.ID)
}

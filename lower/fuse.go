package lower

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower/place"
)

// fuse merges an elementwise node or a reduction, and the elementwise nodes that
// only it uses, into one node with one kernel. A fused kernel gives the same bits as
// its parts one by one, so fusion changes no value; it saves launches, and memory
// for values between parts.
//
// Only nodes that change together are fused ([change]): a frozen value isn't
// recomputed because its neighbour changes. Copies are never parts.
//
// A part that has a name, or is an output, also stays in the graph as an output, which
// steps don't run. So there are two rounds: the first among the nodes that steps need,
// as if there were no others, the second among the rest.
func fuse(p *Plan) error {
	if p.options.NoFuse || !slices.ContainsFunc(p.Targets, func(t Target) bool { return t.Fuses }) {
		return nil
	}
	if err := p.reorder(p.Graph.Sort); err != nil {
		return err
	}
	var named []ir.Output
	for _, n := range p.Graph.Nodes {
		if n.Name != "" && n.State == nil {
			named = append(named, ir.Output{Name: n.Name, Node: n})
		}
	}
	for _, needed := range []bool{true, false} {
		f := newFuser(p, needed)
		for _, n := range slices.Backward(p.Graph.Nodes) {
			if f.among[n.ID] && !f.taken[n.ID] {
				if err := f.fuseInto(n); err != nil {
					return err
				}
			}
		}
		err := p.reorder(func() error {
			if err := p.Graph.Sort(); err != nil {
				return err
			}
			return keepNames(p.Graph, named)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fusedOp is the op of nodes that fuse makes. It is not part of the language.
var fusedOp = &ir.Op{
	Name: "fused",
	Doc:  "several elementwise nodes, ended by a reduction or not, as one",
	Params: []ir.Param{
		{Name: "operands", Kind: ir.KTensors},
		{Name: "parts", Kind: ir.KString, Hidden: true},
	},
	Class: ir.Other,
	Infer: inferFused,
}

// Parts are the nodes that a fused node consists of, operands before their users;
// the last one's value is its value. An operand of a part is an operand of the
// fused node or an earlier part. Parts aren't in the graph and have no IDs.
type Parts []*ir.Node

// PartsOf gives the parts of a fused node, and nil for other nodes.
func PartsOf(n *ir.Node) Parts {
	if n.Op != fusedOp {
		return nil
	}
	return n.Attr("parts").(Parts)
}

// String names the parts' ops.
func (p Parts) String() string {
	var names []string
	for _, n := range p {
		names = append(names, n.Op.Name)
	}
	return strings.Join(names, " ")
}

// inferFused runs the parts' type rules.
func inferFused(n *ir.Node) (ir.Type, error) {
	known := map[*ir.Node]bool{}
	for _, in := range n.Inputs {
		known[in] = true
	}
	parts := n.Attr("parts").(Parts)
	for _, part := range parts {
		for _, in := range part.Inputs {
			if !known[in] {
				return ir.Type{}, fmt.Errorf("its part %s reads neither an operand nor an earlier part", part.Op.Name)
			}
		}
		c := *part
		c.Attrs = slices.Clone(part.Attrs)
		t, err := part.Op.Infer(&c)
		if err != nil {
			return ir.Type{}, fmt.Errorf("its part %s: %w", part.Op.Name, err)
		}
		if !t.Equal(part.Type) {
			return ir.Type{}, fmt.Errorf("its part %s is %s, but its op gives %s", part.Op.Name, part.Type, t)
		}
		known[part] = true
	}
	return parts[len(parts)-1].Type, nil
}

// change says when a node's value changes.
type change uint8

// The changes, in order of frequency.
const (
	never   change = iota // it depends on no state
	written               // when a caller writes a parameter that steps don't
	asked                 // when an input is set that steps go on with
	stepped               // at every step; without steps, at every demand, before which inputs are set
)

// changes gives the change of every node, by ID.
func changes(g *ir.Graph) []change {
	all := make([]change, len(g.Nodes))
	input := asked
	if !hasSteps(g) {
		input = stepped
	}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			all[n.ID] = max(all[n.ID], all[in.ID])
		}
		switch {
		case n.State == nil:
		case n.State.Next != nil:
			all[n.ID] = stepped
		case n.State.Kind == ir.InputState:
			all[n.ID] = input
		default:
			all[n.ID] = written
		}
	}
	return all
}

// hasSteps tells graphs that have steps from those of an inference.
func hasSteps(g *ir.Graph) bool {
	return slices.ContainsFunc(g.States, func(s *ir.State) bool { return s.Next != nil })
}

// fuser is a round of fuse.
type fuser struct {
	plan    *Plan
	changes []change
	among   []bool // by ID, whether the round is about the node
	uses    []int  // how often the nodes of the round, and what they are for, use it
	taken   []bool // whether it has become a part of another
	kernels map[string]*kernels.Kernel
}

func newFuser(p *Plan, needed bool) *fuser {
	g := p.Graph
	f := &fuser{plan: p, changes: changes(g), among: place.Needed(g, place.Updates(g)), uses: make([]int, len(g.Nodes)),
		taken: make([]bool, len(g.Nodes)), kernels: map[string]*kernels.Kernel{}}
	for _, n := range g.Nodes {
		f.among[n.ID] = f.among[n.ID] == needed
		for _, in := range n.Inputs {
			if f.among[n.ID] {
				f.uses[in.ID]++
			}
		}
	}
	for _, s := range g.States {
		if s.Next != nil {
			f.uses[s.Next.ID]++
		}
	}
	for _, o := range g.Outputs {
		if !needed {
			f.uses[o.Node.ID]++
		}
	}
	return f
}

// body is the role that a node can have in a fused one.
func (f *fuser) body(n *ir.Node) kernels.Body {
	k := f.plan.Value(n).Kernel
	if k == nil || n.Op == fusedOp || !f.plan.Targets[n.Space].Fuses || len(n.Type.Shape) > kernels.MaxRank || n.Type.Shape.Numel() == 0 {
		return kernels.NoBody
	}
	return k.Body
}

// fuseInto fuses what it can into n. Users come first, so that all users of a node
// that are parts are known when it is considered.
func (f *fuser) fuseInto(n *ir.Node) error {
	shape := n.Type.Shape
	switch f.body(n) {
	case kernels.NoBody:
		return nil
	case kernels.ReduceBody:
		shape = n.Inputs[0].Type.Shape
	}
	g := &fusion{parts: []*ir.Node{n}, uses: map[*ir.Node]int{}}
	g.use(n.Inputs)
	for len(g.next) > 0 && len(g.parts) < kernels.MaxParts {
		in := g.pop()
		if !f.among[in.ID] || f.taken[in.ID] || f.body(in) != kernels.MapBody || in.Space != n.Space ||
			f.changes[in.ID] != f.changes[n.ID] || in.Type.Shape.Numel() != shape.Numel() ||
			g.uses[in] != f.uses[in.ID] || !g.hasRoom(in) {
			continue
		}
		g.inputs--
		g.parts = append(g.parts, in)
		g.use(in.Inputs)
	}
	if len(g.parts) == 1 {
		return nil
	}
	slices.Reverse(g.parts)
	err := f.merge(n, g.parts, shape)
	if errors.Is(err, kernels.ErrTooLarge) { // n stays as it is, and the others may yet be fused into each other
		return nil
	}
	return err
}

// fusion is a fused node in the making.
type fusion struct {
	parts  []*ir.Node // by falling ID
	uses   map[*ir.Node]int
	next   []*ir.Node // operands of parts, to be considered
	inputs int        // how many of the operands aren't parts
}

func (g *fusion) use(operands []*ir.Node) {
	for _, in := range operands {
		if g.uses[in]++; g.uses[in] == 1 {
			g.next = append(g.next, in)
			g.inputs++
		}
	}
}

// pop takes the operand with the highest ID.
func (g *fusion) pop() *ir.Node {
	last := 0
	for i, n := range g.next {
		if n.ID > g.next[last].ID {
			last = i
		}
	}
	n := g.next[last]
	g.next = slices.Delete(g.next, last, last+1)
	return n
}

// hasRoom reports whether a kernel could take the operands if n were a part.
func (g *fusion) hasRoom(n *ir.Node) bool {
	more := map[*ir.Node]bool{}
	for _, in := range n.Inputs {
		if g.uses[in] == 0 {
			more[in] = true
		}
	}
	return g.inputs-1+len(more) <= kernels.MaxInputs
}

// merge turns n, the last of the parts, into their fused node.
func (f *fuser) merge(n *ir.Node, parts []*ir.Node, shape ir.Shape) error {
	recipe := kernels.Recipe{}
	if f.body(n) == kernels.ReduceBody {
		recipe.Reduced = shape
	}
	at := map[*ir.Node]kernels.Operand{}
	copied := map[*ir.Node]*ir.Node{}
	var inputs []*ir.Node
	var copies Parts
	for i, part := range parts {
		c := *part
		c.Inputs = slices.Clone(part.Inputs)
		var shapes [][]int
		var operands []kernels.Operand
		for j, in := range part.Inputs {
			if _, known := at[in]; !known {
				at[in] = kernels.Operand{Index: len(inputs)}
				inputs = append(inputs, in)
				recipe.Inputs = append(recipe.Inputs, kernels.Input{DType: in.Type.DType.String(), Walk: kernels.WalkOf(in.Type.Shape, shape)})
			}
			if copied[in] != nil {
				c.Inputs[j] = copied[in]
			}
			operands = append(operands, at[in])
			shapes = append(shapes, in.Type.Shape)
		}
		kernel := f.plan.Value(part).Kernel
		scalars, err := kernel.EvalScalars(part.LookupAttr, shapes, part.Type.Shape)
		if err != nil {
			return fmt.Errorf("lower: fusing %s: %w", part.Label(), err)
		}
		recipe.Parts = append(recipe.Parts, kernels.Part{Kernel: kernel, Operands: operands, Scalars: scalars, DType: part.Type.DType.String()})
		at[part], copied[part] = kernels.Operand{Index: i, Part: true}, &c
		copies = append(copies, &c)
	}
	kernel, err := kernels.Fuse(recipe)
	if err != nil {
		return err
	}
	if same := f.kernels[kernel.Name]; same != nil && len(kernel.Scalars) == 0 {
		kernel = same
	}
	f.kernels[kernel.Name] = kernel
	for _, part := range parts {
		f.taken[part.ID] = true
	}
	n.Op, n.Inputs, n.Attrs = fusedOp, inputs, []any{copies}
	f.plan.Value(n).Kernel = kernel
	f.plan.Applied["fuse"] += len(parts) - 1
	return nil
}

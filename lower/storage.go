package lower

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// storage decides where values live. A value that depends on a state that steps
// write changes at every step; such values are transient, unless they are copies
// of states in other spaces. All others are kept. An inference has no steps: there,
// what depends on inputs changes with every demand, and its outputs, which are what
// callers read, are kept.
//
// A state's next value is written over its home if its kernel and users allow it
// (see inPlace). The pass schedule takes that back if no order of all nodes does.
func storage(p *Plan) error {
	changes, answers := changes(p.Graph), answers(p.Graph)
	for _, n := range p.Graph.Nodes {
		v := p.Value(n)
		if n.State != nil {
			v.Storage = Home
			continue
		}
		copyOfState := n.Op == ir.CopyOp && n.Inputs[0].State != nil && n.Inputs[0].Space != n.Space
		if changes[n.ID] == stepped && !copyOfState && !answers[n] {
			v.Storage = Transient
		} else {
			v.Storage = Kept
		}
	}
	users := p.Graph.Users()
	written := map[*ir.Node]int{} // by how many states
	for _, s := range p.Graph.States {
		if s.Next != nil {
			written[s.Next]++
		}
	}
	for _, s := range p.Graph.States {
		if s.Next != nil && written[s.Next] == 1 && p.inPlace(s, users[s.Next.ID]) {
			p.Value(s.Next).Storage = InPlace
		}
	}
	return nil
}

// answers are the outputs of an inference.
func answers(g *ir.Graph) map[*ir.Node]bool {
	all := map[*ir.Node]bool{}
	if !hasSteps(g) {
		for _, out := range g.Outputs {
			all[out.Node] = true
		}
	}
	return all
}

// inPlace reports whether the kernel that computes the next value of s may write
// it over s: either it doesn't read s and no other node uses its result, or it
// reads each element of s before writing it, as the manifest says.
func (p *Plan) inPlace(s *ir.State, users []*ir.Node) bool {
	n, v := s.Next, p.Value(s.Next)
	if v.Storage != Transient || v.Bytes == 0 {
		return false
	}
	if !slices.Contains(n.Inputs, s.Read) {
		return len(users) == 0
	}
	return p.mayOverwriteAll(n, s.Read)
}

// mayOverwriteAll reports whether the manifest lets n write its result over its
// operand x, at each position that x has among the operands.
func (p *Plan) mayOverwriteAll(n, x *ir.Node) bool {
	k := p.Value(n).Kernel
	if k == nil || !x.Type.Equal(n.Type) {
		return false
	}
	for i, in := range n.Inputs {
		if in == x && !k.MayOverwrite(i) {
			return false
		}
	}
	return true
}

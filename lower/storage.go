package lower

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// storage decides where values live. A value changes at every step if it
// depends on a state that steps write; such values are transient, unless they
// are copies of states in other spaces. All others are kept.
//
// What a state becomes is written over its home where that can be right at all:
// see inPlace. Whether it can be so in an order of all nodes is for the pass
// schedule to say, which takes the decision back where not.
func storage(p *Plan) error {
	changing := make([]bool, len(p.Graph.Nodes))
	for _, n := range p.Graph.Nodes {
		v := p.Value(n)
		if n.State != nil {
			v.Storage = Home
			changing[n.ID] = n.State.Next != nil
			continue
		}
		for _, in := range n.Inputs {
			changing[n.ID] = changing[n.ID] || changing[in.ID]
		}
		copyOfState := n.Op == ir.CopyOp && n.Inputs[0].State != nil && n.Inputs[0].Space != n.Space
		if changing[n.ID] && !copyOfState {
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

// inPlace reports whether the kernel that computes what s becomes may write
// straight over s: either it doesn't read s and nothing else needs its result,
// or it reads s element by element, as the manifest promises, before writing.
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

// mayOverwriteAll reports whether the manifest lets the output of n overwrite
// its operand x, wherever x stands among the operands.
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

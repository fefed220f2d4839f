package build

import (
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// beginCopies lets what updates copy to begin as a copy, too: of what the first update that
// copies to it copies from. Where that begins as a copy itself, it does so first, whatever the
// order in which they are written down.
func (t *training) beginCopies() {
	t.copies = map[*syntax.Copying][]pair{}
	of := map[*ir.State]*ir.State{}
	var order []*ir.State
	for _, u := range t.def.Updates {
		for _, c := range u.Copies {
			pairs := t.pairs(c)
			if len(pairs) == 0 && !t.list.HasErrors() {
				t.fail(t.root, diag.UnknownName, c.FromAt, syntax.ThereIs(t.writable()), "`%s` matches no parameter or state", diag.Cut(c.From))
			}
			t.copies[c] = pairs
		}
		if t.exchanged(u) {
			return
		}
		for _, c := range u.Copies {
			for _, p := range t.copies[c] {
				if of[p.to] == nil && origin(of, p.from) != p.to { // else that one is its copy already
					of[p.to], order = p.from, append(order, p.to)
				}
			}
		}
	}
	begun := map[*ir.State]bool{}
	for _, s := range order {
		var chain []*ir.State
		for ; of[s] != nil && !begun[s]; s = of[s] {
			chain, begun[s] = append(chain, s), true
		}
		for _, s := range slices.Backward(chain) {
			t.beginAs(s, of[s])
		}
	}
}

// origin is what a state is a copy of in the end.
func origin(of map[*ir.State]*ir.State, s *ir.State) *ir.State {
	for of[s] != nil {
		s = of[s]
	}
	return s
}

// exchanged reports an update that copies states in a circle: as all of them begin as copies,
// they would be equal forever.
func (t *training) exchanged(u *syntax.Update) bool {
	from := map[*ir.State]*ir.State{}
	for _, c := range u.Copies {
		for _, p := range t.copies[c] {
			from[p.to] = p.from
		}
	}
	for _, c := range u.Copies {
		for _, p := range t.copies[c] {
			s := p.from
			for range from {
				if s == p.to {
					t.fail(t.root, diag.InvalidValue, c.ToAt, "use `assign` to exchange values; what is copied to begins as a copy", "%s is copied to itself by way of %s", p.to.Name, p.from.Name)
					return true
				}
				if s = from[s]; s == nil {
					break
				}
			}
		}
	}
	return false
}

// beginAs lets a state begin with the initial value of another one: with that of a file, if
// the other one's is from there and its own isn't.
func (t *training) beginAs(s, as *ir.State) {
	v := t.first.nodes[as.Name]
	if v == nil {
		return
	}
	v = t.first.Apply(ir.LookupOp("reshape"), v, []int(s.Type.Shape)) // a node of its own
	t.first.nodes[s.Name] = v
	for i, out := range t.first.Graph.Outputs {
		if out.Name == s.Name {
			t.first.Graph.Outputs[i].Node = v
		}
	}
}

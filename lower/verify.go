package lower

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// verify checks, after a pass, the graph's invariants and those of the passes
// that have run.
func verify(p *Plan, pass string) error {
	if err := ir.Verify(p.Graph, p.options.CheckTypes); err != nil {
		return err
	}
	done := passed(pass)
	if done["place"] {
		if err := verifyPlaces(p); err != nil {
			return err
		}
	}
	if done["copies"] {
		if err := verifyCopies(p); err != nil {
			return err
		}
	}
	if done["fuse"] {
		if err := verifyFused(p); err != nil {
			return err
		}
	}
	if done["alias"] {
		if err := verifyAliases(p, done["memory"]); err != nil {
			return err
		}
	}
	if done["schedule"] {
		return verifySchedule(p)
	}
	return nil
}

// passed is the set of passes up to and including one.
func passed(name string) map[string]bool {
	done := map[string]bool{}
	for _, pass := range Passes {
		done[pass.Name] = true
		if pass.Name == name {
			break
		}
	}
	return done
}

func verifyPlaces(p *Plan) error {
	for _, n := range p.Graph.Nodes {
		if n.Space < 0 || n.Space >= len(p.Targets) {
			return fmt.Errorf("node %s has no place", n.Label())
		}
	}
	if p.Main < 0 || p.Main >= len(p.Targets) {
		return fmt.Errorf("the default device is number %d of %d", p.Main, len(p.Targets))
	}
	for _, s := range p.Graph.States {
		if s.Home != s.Read.Space {
			return fmt.Errorf("state %s lives in space %d and is read in %d", s.Name, s.Home, s.Read.Space)
		}
	}
	return nil
}

func verifyCopies(p *Plan) error {
	type crossing struct {
		value *ir.Node
		space int
	}
	seen := map[crossing]bool{}
	becomes := map[*ir.Node]bool{} // what some state becomes
	for _, s := range p.Graph.States {
		becomes[s.Next] = true
	}
	for _, n := range p.Graph.Nodes {
		for _, in := range n.Inputs {
			switch {
			case n.Op != ir.CopyOp:
				if in.Space != n.Space {
					return fmt.Errorf("node %s in space %d reads %s of space %d", n.Label(), n.Space, in.Label(), in.Space)
				}
			case in.Op == ir.CopyOp:
				return fmt.Errorf("node %s copies the copy %s", n.Label(), in.Label())
			case in.Space == n.Space && (in.State == nil || !becomes[n]):
				return fmt.Errorf("node %s copies %s into its own space", n.Label(), in.Label())
			case seen[crossing{in, n.Space}]:
				return fmt.Errorf("there are two copies of %s in space %d", in.Label(), n.Space)
			default:
				seen[crossing{in, n.Space}] = true
			}
		}
	}
	for _, s := range p.Graph.States {
		switch {
		case s.Next == nil:
		case s.Next.Space != s.Home:
			return fmt.Errorf("state %s lives in space %d but becomes a value of space %d", s.Name, s.Home, s.Next.Space)
		case s.Next.State != nil:
			return fmt.Errorf("state %s becomes state %s without a copy between them", s.Name, s.Next.State.Name)
		}
	}
	return nil
}

// verifyFused holds fused nodes against their kernels. That their parts fit
// together is for their type rule to say.
func verifyFused(p *Plan) error {
	for _, n := range p.Graph.Nodes {
		k := p.value(n).Kernel
		if (n.Op == fusedOp) != (k != nil && k.Fused() != nil) {
			return fmt.Errorf("node %s is fused, or its kernel is, but not both", n.Label())
		}
		if n.Op != fusedOp {
			continue
		}
		parts, recipe := PartsOf(n), k.Fused()
		switch {
		case !p.Targets[n.Space].Fuse:
			return fmt.Errorf("node %s is fused on %s, which compiles no kernels", n.Label(), p.Targets[n.Space].Name)
		case len(parts) != len(recipe.Parts) || len(n.Inputs) != len(recipe.Inputs):
			return fmt.Errorf("node %s has %d parts and %d operands, its kernel %d and %d",
				n.Label(), len(parts), len(n.Inputs), len(recipe.Parts), len(recipe.Inputs))
		}
		for i, part := range parts {
			if part.Space != n.Space {
				return fmt.Errorf("node %s in space %d has the part %s of space %d", n.Label(), n.Space, part.Op.Name, part.Space)
			}
			if !slices.Contains(recipe.Parts[i].Kernel.Ops, part.Op.Name) {
				return fmt.Errorf("node %s has the part %s, for which its kernel has %s", n.Label(), part.Op.Name, recipe.Parts[i].Kernel.Name)
			}
		}
	}
	return nil
}

func verifySchedule(p *Plan) error {
	firstWrite := len(p.Graph.Nodes)
	for i, n := range p.Graph.Nodes {
		if p.Values[i].Storage == InPlace {
			firstWrite = min(firstWrite, i)
		}
		if i > firstWrite && p.Values[i].Storage != InPlace && !readsWritten(p, n, firstWrite) {
			return fmt.Errorf("node %s writes no state but comes after one that does", n.Label())
		}
	}
	writer := map[*ir.State]int{}
	for _, s := range p.Graph.States {
		if s.Next != nil && p.Value(s.Next).Storage == InPlace {
			writer[s] = s.Next.ID
		}
	}
	for i, n := range p.Graph.Nodes {
		for _, in := range n.Inputs {
			if p.Values[in.ID].Alias {
				in = in.Inputs[0]
			}
			if in.State == nil {
				continue
			}
			if w, ok := writer[in.State]; ok && w < i {
				return fmt.Errorf("node %s reads state %s after it is overwritten", n.Label(), in.State.Name)
			}
		}
	}
	return nil
}

// readsWritten reports whether n depends on a node at or after first, which is
// the only reason to come late.
func readsWritten(p *Plan, n *ir.Node, first int) bool {
	for _, in := range n.Inputs {
		if in.ID >= first {
			return true
		}
	}
	return false
}

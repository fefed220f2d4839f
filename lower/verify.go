package lower

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// verify checks the graph's invariants and those of the passes that have run.
func verify(p *Plan, done []Pass) error {
	if err := ir.Verify(p.Graph, p.options.CheckTypes); err != nil {
		return err
	}
	for _, pass := range done {
		if pass.Verify == nil {
			continue
		}
		if err := pass.Verify(p); err != nil {
			return err
		}
	}
	return nil
}

func verifyPlaces(p *Plan) error {
	for _, n := range p.Graph.Nodes {
		if n.Space < 0 || n.Space >= len(p.Targets) {
			return fmt.Errorf("node %s is in no memory space", n.Label())
		}
	}
	if p.Main < 0 || p.Main >= len(p.Targets) {
		return fmt.Errorf("the main device is number %d of %d", p.Main, len(p.Targets))
	}
	for _, s := range p.Graph.States {
		if s.Home != s.Read.Space {
			return fmt.Errorf("state %s lives in space %d and is read in %d", s.Name, s.Home, s.Read.Space)
		}
	}
	return nil
}

func verifyCopies(p *Plan) error {
	seen := map[inSpace]bool{}
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
			case seen[inSpace{in, n.Space}]:
				return fmt.Errorf("there are two copies of %s in space %d", in.Label(), n.Space)
			default:
				seen[inSpace{in, n.Space}] = true
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

// verifyKernels checks that the nodes that compute, and no others, have suitable kernels.
func verifyKernels(p *Plan) error {
	if err := verifyScans(p); err != nil {
		return err
	}
	var inputs []string
	for _, n := range p.Graph.Nodes {
		k, t := p.Value(n).Kernel, &p.Targets[n.Space]
		switch computes := place.HasKernel(n); {
		case computes && k == nil:
			return fmt.Errorf("node %s has no kernel", n.Label())
		case !computes && k != nil:
			return fmt.Errorf("node %s has the kernel %s, but computes nothing", n.Label(), k.Name)
		case k == nil || n.Op == fusedOp:
			continue
		}
		inputs = inputs[:0]
		for _, in := range n.Inputs {
			inputs = append(inputs, in.Type.DType.String())
		}
		switch lacking := place.Lacking(p.options.Manifest, t, n); {
		case !slices.Contains(k.Ops, n.Op.Name) || !k.Serves(inputs, n.Type.DType.String()):
			return fmt.Errorf("node %s has the kernel %s, which doesn't compute it", n.Label(), k.Name)
		case lacking != (place.Lack{}):
			return fmt.Errorf("node %s runs on %s, which has no %s", n.Label(), t.Name, lacking)
		}
	}
	return nil
}

// verifyFused compares fused nodes with their kernels. Their type rule checks the parts.
func verifyFused(p *Plan) error {
	for _, n := range p.Graph.Nodes {
		k := p.Value(n).Kernel
		if (n.Op == fusedOp) != (k != nil && k.Fused() != nil) {
			return fmt.Errorf("node %s is fused, or its kernel is, but not both", n.Label())
		}
		if n.Op != fusedOp {
			continue
		}
		parts, recipe := PartsOf(n), k.Fused()
		switch {
		case !p.Targets[n.Space].Fuses:
			return fmt.Errorf("node %s is fused on %s, which has no fused kernels", n.Label(), p.Targets[n.Space].Name)
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

// verifyStorage checks each value's storage against its operands' and its users'.
func verifyStorage(p *Plan) error {
	becomes := map[*ir.Node][]*ir.State{}
	for _, s := range p.Graph.States {
		if s.Next != nil {
			becomes[s.Next] = append(becomes[s.Next], s)
		}
	}
	users := make([]int, len(p.Graph.Nodes))
	for _, n := range p.Graph.Nodes {
		for _, in := range n.Inputs {
			users[in.ID]++
		}
	}
	all, answers := changes(p.Graph), answers(p.Graph)
	for _, n := range p.Graph.Nodes {
		v := p.Value(n)
		changes := n.State == nil && all[n.ID] == stepped
		keeps := answers[n] || n.Op == ir.CopyOp && n.Inputs[0].State != nil && n.Inputs[0].Space != n.Space
		switch {
		case (v.Storage == Home) != (n.State != nil):
			return fmt.Errorf("node %s is %s", n.Label(), v.Storage)
		case v.Storage == Kept && changes && !keeps:
			return fmt.Errorf("node %s is kept, but changes at every step", n.Label())
		case v.Storage > Kept && (!changes || keeps):
			return fmt.Errorf("node %s is %s, but steps don't change it", n.Label(), v.Storage)
		case v.Storage == InPlace && len(becomes[n]) != 1:
			return fmt.Errorf("node %s is written over a home, but %d states become it", n.Label(), len(becomes[n]))
		case v.Storage == InPlace && !p.mayOverwriteHome(n, becomes[n][0], users[n.ID]):
			return fmt.Errorf("node %s is written over %s, which its kernel or its users don't allow", n.Label(), becomes[n][0].Name)
		}
	}
	return nil
}

// mayOverwriteHome tells whether n, the next value of s, may be written over s: its kernel
// reads each element of s before writing it, or n doesn't read s and has no users.
func (p *Plan) mayOverwriteHome(n *ir.Node, s *ir.State, users int) bool {
	reads := false
	for i, in := range n.Inputs {
		if in == s.Read {
			reads = true
			if k := p.Value(n).Kernel; k == nil || !k.MayOverwrite(i) || !s.Type.Equal(n.Type) {
				return false
			}
		}
	}
	return n.Space == s.Home && (reads || users == 0)
}

func verifyAliases(p *Plan) error {
	for _, n := range p.Graph.Nodes {
		v := p.Value(n)
		if !v.Alias {
			continue
		}
		from := p.Value(n.Inputs[0])
		up := n.Inputs[0].Space == 0
		switch {
		case n.Op != ir.CopyOp:
			return fmt.Errorf("node %s is an alias, but no copy", n.Label())
		case up && (n.Space != p.Shared || from.Storage == Transient || from.Storage == InPlace):
			return fmt.Errorf("node %s, %s on the host, is an alias in space %d", n.Inputs[0].Label(), from.Storage, n.Space)
		case !up && (n.Space != 0 || !p.Targets[n.Inputs[0].Space].Unified):
			return fmt.Errorf("node %s is an alias in space %d of memory in space %d", n.Label(), n.Space, n.Inputs[0].Space)
		}
	}
	for _, s := range p.Graph.States {
		if s.Next != nil && p.Value(s.Next).Alias {
			return fmt.Errorf("state %s becomes an alias", s.Name)
		}
	}
	return nil
}

func verifySchedule(p *Plan) error {
	if err := verifyStores(p); err != nil {
		return err
	}
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

// readsWritten reports whether n depends on a node at or after first.
func readsWritten(p *Plan, n *ir.Node, first int) bool {
	return slices.ContainsFunc(n.Inputs, func(in *ir.Node) bool { return in.ID >= first })
}

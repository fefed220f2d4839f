package lower

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
	"github.com/flowrun/flowrun/lower/rewrite"
)

// maxRewrites bounds the rewrites that one node can set off, in case they cycle:
// the graph is correct after any number of them.
const maxRewrites = 100

// simplify folds constants and applies the rewrites of lower/rewrite, operands before
// the nodes that use them, until nothing applies. It counts what it does in
// Plan.Applied.
//
// A rewrite may remove an inner node of its pattern, or replace a node by an
// existing one, only if both would run in the same space. So nothing that is pinned
// to a device moves.
func simplify(p *Plan) error {
	set, err := rewrite.Default()
	if err != nil {
		return fmt.Errorf("lower: %w", err)
	}
	return simplifyBy(p, set)
}

func simplifyBy(p *Plan, set *rewrite.Set) error {
	if err := p.Graph.Sort(); err != nil {
		return err
	}
	s := &simplifier{plan: p, rewrites: set, builder: ir.NewBuilder(p.Graph)}
	s.match = rewrite.NewMatch(s)
	s.countUses()
	return replaceNodes(p.Graph, s.visit)
}

type simplifier struct {
	plan     *Plan
	rewrites *rewrite.Set
	match    *rewrite.Match
	builder  *ir.Builder
	uses     []int      // by node ID
	left     int        // rewrites that the current node may still set off
	dead     []*ir.Node // scratch of release
}

func (s *simplifier) countUses() {
	g := s.plan.Graph
	s.uses = make([]int, len(g.Nodes))
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			s.uses[in.ID]++
		}
	}
	for _, r := range g.Roots() {
		s.uses[r.ID]++
	}
}

// Uses counts the uses of a node (rewrite.Graph).
func (s *simplifier) Uses(n *ir.Node) int { return s.uses[n.ID] }

// Together reports whether two nodes would run in the same space (rewrite.Graph).
func (s *simplifier) Together(a, b *ir.Node) bool { return s.plan.placement.Together(a, b) }

// visit gives the replacement of a node whose operands have been visited.
func (s *simplifier) visit(n *ir.Node) (*ir.Node, error) {
	if n.State != nil || n.Op == ir.ConstOp {
		return n, nil
	}
	s.left = maxRewrites
	return s.settle(n)
}

// settle rewrites a node until nothing applies.
func (s *simplifier) settle(n *ir.Node) (*ir.Node, error) {
	for s.left > 0 {
		r, existing, err := s.once(n)
		if err != nil || r == n {
			return n, err
		}
		s.replace(n, r)
		if existing {
			return r, nil // it has been visited
		}
		n = r
	}
	return n, nil
}

// once folds n, or applies the first rewrite that matches it.
func (s *simplifier) once(n *ir.Node) (r *ir.Node, existing bool, err error) {
	s.builder.Site = n.Site
	before := len(s.plan.Graph.Nodes)
	if t, what := s.fold(n); t != nil {
		r = s.builder.Const(t)
		s.adopt(before)
		s.applied(what)
		return r, false, nil
	}
	for _, w := range s.rewrites.For(n.Op) {
		if !s.match.Find(w, n) {
			continue
		}
		r, ok := s.match.Build(s.builder)
		if !ok {
			continue
		}
		if existing = len(s.plan.Graph.Nodes) == before; existing && !s.Together(n, r) {
			continue
		}
		s.adopt(before)
		s.applied(w.Name)
		r, err := s.settleParts(before, r)
		return r, existing, err
	}
	return n, false, nil
}

// settleParts settles the other nodes of a replacement before its root.
func (s *simplifier) settleParts(from int, root *ir.Node) (*ir.Node, error) {
	made := s.plan.Graph.Nodes[from:]
	var replaced map[*ir.Node]*ir.Node
	for _, m := range made {
		for i, in := range m.Inputs {
			if to := replaced[in]; to != nil {
				m.Inputs[i] = to
			}
		}
		if m == root {
			break
		}
		to, err := s.settle(m)
		if err != nil {
			return nil, err
		}
		if to != m {
			if replaced == nil {
				replaced = map[*ir.Node]*ir.Node{}
			}
			replaced[m] = to
		}
	}
	return root, nil
}

func (s *simplifier) applied(what string) {
	s.left--
	s.plan.Applied[what]++
}

// adopt counts the operands of new nodes as uses.
func (s *simplifier) adopt(from int) {
	made := s.plan.Graph.Nodes[from:]
	s.uses = append(s.uses, make([]int, len(made))...)
	for _, m := range made {
		for _, in := range m.Inputs {
			s.uses[in.ID]++
		}
	}
}

// replace moves the uses of n to r, and no longer counts those by n.
func (s *simplifier) replace(n, r *ir.Node) {
	s.uses[r.ID] += s.uses[n.ID]
	s.uses[n.ID] = 0
	s.dead = append(s.dead[:0], n)
	for len(s.dead) > 0 {
		d := s.dead[len(s.dead)-1]
		s.dead = s.dead[:len(s.dead)-1]
		for _, in := range d.Inputs {
			if s.uses[in.ID]--; s.uses[in.ID] == 0 {
				s.dead = append(s.dead, in)
			}
		}
	}
}

// What folding counts under in Plan.Applied.
const (
	folded        = "fold"
	foldedRounded = "fold-rounded"
)

// maxFolded bounds the size of folded operands, in elements.
const maxFolded = 4096

// fold computes a node whose operands are constants by its op's reference. If the
// result has the bits that kernels give, it counts as "fold"; if it may be more
// exact, as "fold-rounded". The result is never larger than the largest operand, so
// a broadcast constant stays small.
func (s *simplifier) fold(n *ir.Node) (value *ir.Tensor, what string) {
	if n.Op.Reference == nil || n.Op.Random || n.Op == ir.ConstOp || n.Op == ir.CopyOp || n.Op == ir.ScanOp || n.State != nil {
		return nil, ""
	}
	largest := 1
	for _, in := range n.Inputs {
		if in.Op != ir.ConstOp {
			return nil, ""
		}
		largest = max(largest, in.Type.Shape.Numel())
	}
	if largest > maxFolded || n.Type.Shape.Numel() > largest || s.plan.placement.Predict(n) == place.Nowhere {
		return nil, ""
	}
	what = folded
	if !exactlyFolded(n) {
		what = foldedRounded
	}
	in := make([]*ir.Array, len(n.Inputs))
	for i, x := range n.Inputs {
		in[i] = x.Attr("value").(*ir.Tensor).Array()
	}
	return n.Op.Reference(n, in).Tensor(), what
}

// exactlyFolded reports whether the reference gives the bits that kernels give.
func exactlyFolded(n *ir.Node) bool {
	if n.Op.Class == ir.Move || n.Op.Class == ir.Leaf || n.Op.Exact {
		return true
	}
	isFloat := func(x *ir.Node) bool { return x.Type.DType.IsFloat() }
	return !isFloat(n) && !slices.ContainsFunc(n.Inputs, isFloat)
}

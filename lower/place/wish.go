package place

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// wish is what a node, a state or a rule says about its device.
type wish struct {
	device string // "" for nothing
	soft   bool
	reason string
}

// wish gives the wish that decides.
func (p *Placement) wish(of wished) wish {
	switch {
	case of.device != "":
		return wish{of.device, false, "its own device:"}
	case of.prefer != "":
		return wish{of.prefer, true, "its own prefer:"}
	case of.path == "" || len(p.options.Rules) == 0:
		return wish{}
	}
	w, known := p.wishes[of.path]
	if !known {
		w = p.ruled(of.path)
		p.wishes[of.path] = w
	}
	return w
}

// ruled gives the wish of the last rule that matches a path or something that
// contains it: a rule for a layer also applies to its weights, and to the states
// that the optimizer keeps for them.
func (p *Placement) ruled(path string) wish {
	around := p.graph.Around(path)
	for i, r := range slices.Backward(p.options.Rules) {
		if !slices.ContainsFunc(around, p.patterns[i].Match) {
			continue
		}
		if r.Device != "" {
			return wish{r.Device, false, fmt.Sprintf("placement rule %q", r.Match)}
		}
		return wish{r.Prefer, true, fmt.Sprintf("preferred by placement rule %q", r.Match)}
	}
	return wish{}
}

// wished is what a prediction depends on.
type wished struct{ path, device, prefer string }

// wishedBy is what a node says, or the state that it reads.
func wishedBy(n *ir.Node) wished {
	if s := n.State; s != nil {
		return wished{s.Name, s.Device, s.Prefer}
	}
	return wished{n.Path, n.Device, n.Prefer}
}

// Anywhere is the predicted space of constants, Nowhere that of nodes that can't be
// placed, which Run reports, and Auto that of nodes that only Auto places.
const (
	Anywhere = -2
	Nowhere  = -3
)

// Predict gives the space in which Run will put a node.
func (p *Placement) Predict(n *ir.Node) int {
	switch n.Op {
	case ir.ConstOp:
		return Anywhere
	case ir.SourceOp:
		return 0
	}
	key := wishedBy(n)
	if len(p.options.Rules) == 0 {
		key.path = ""
	}
	if key == (wished{}) {
		return p.Main
	}
	space, known := p.spaces[key]
	if !known {
		w := p.wish(key)
		space = Nowhere
		if at, there := p.target(w.device); there {
			space = at
		} else if w.device == "" || w.soft {
			space = p.Main
		}
		p.spaces[key] = space
	}
	return space
}

// Together predicts whether two nodes will be in one space.
func (p *Placement) Together(a, b *ir.Node) bool {
	x, y := p.Predict(a), p.Predict(b)
	return x != Nowhere && y != Nowhere && (x == y || x == Anywhere || y == Anywhere)
}

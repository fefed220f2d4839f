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

// wish gives the wish that decides for a path with its own device: and prefer:.
func (p *Placement) wish(path, device, prefer string) wish {
	switch {
	case device != "":
		return wish{device, false, "its own device:"}
	case prefer != "":
		return wish{prefer, true, "its own prefer:"}
	case path == "":
		return wish{}
	}
	if len(p.options.Rules) == 0 {
		return wish{}
	}
	w, known := p.wishes[path]
	if !known {
		w = p.ruled(path)
		p.wishes[path] = w
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

// Anywhere is the predicted space of constants, Nowhere that of nodes that can't be
// placed, which Run reports, and Auto that of nodes that only Auto places.
const (
	Anywhere = -2
	Nowhere  = -3
)

// Predict gives the space in which Run will put a node.
func (p *Placement) Predict(n *ir.Node) int {
	key := wished{n.Path, n.Device, n.Prefer}
	switch {
	case n.Op == ir.ConstOp:
		return Anywhere
	case n.Op == ir.SourceOp:
		return 0
	case n.State != nil:
		key = wished{n.State.Name, n.State.Device, n.State.Prefer}
	}
	if len(p.options.Rules) == 0 {
		key.path = ""
	}
	if key == (wished{}) {
		return p.Main
	}
	space, known := p.spaces[key]
	if !known {
		w := p.wish(key.path, key.device, key.prefer)
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

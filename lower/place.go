package lower

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Error is a placement that can't be: a fault of the spec or of the machine.
type Error struct {
	Range diag.Range
	Rule  string // the diagnostic's stable ID
	Msg   string
	Help  string
}

// Error gives the message with its place.
func (e *Error) Error() string {
	if !e.Range.Known() {
		return e.Msg
	}
	return e.Range.String() + ": " + e.Msg
}

// place decides where nodes run and where states live. An explicit device is
// binding, a preference is followed where the device is there; a source runs on
// the host; a constant goes to whoever needs it first; the rest goes to the
// default device. An update runs where its state's gradient comes from, that
// is, by default too, and what it commits is copied home.
func place(p *Plan) error {
	for _, s := range p.Graph.States {
		space, reason, err := p.choose(s.Name, s.Device, s.Prefer, s.Origin)
		if err != nil {
			return err
		}
		s.Home = space
		p.homes[s] = reason
		s.Read.Space = space
		p.reasons[s.Read] = reason
	}
	for _, n := range p.Graph.Nodes {
		switch n.Op {
		case ir.StateOp, ir.ConstOp:
		case ir.SourceOp:
			n.Space = 0
			p.reasons[n] = "the host reads data"
		default:
			space, reason, err := p.choose(n.Path, n.Device, n.Prefer, n.Origin)
			if err != nil {
				return err
			}
			n.Space = space
			p.reasons[n] = reason
		}
	}
	return placeConstants(p)
}

// placeConstants puts a constant into the space of its first user, by the
// space's number.
func placeConstants(p *Plan) error {
	users := p.Graph.Users()
	for _, n := range p.Graph.Nodes {
		if n.Op != ir.ConstOp {
			continue
		}
		n.Space = p.options.Default
		for i, u := range users[n.ID] {
			if i == 0 || u.Space < n.Space {
				n.Space = u.Space
			}
		}
		p.reasons[n] = "where it is used"
	}
	return nil
}

// choose finds the space for a node or state.
func (p *Plan) choose(path, device, prefer string, origin diag.Range) (space int, reason string, err error) {
	if device == "" && prefer == "" && path != "" {
		for _, r := range p.options.Rules {
			if ir.MatchPath(r.Match, path) {
				device, prefer = r.Device, r.Prefer
			}
		}
		reason = "placement rule"
	} else {
		reason = "its own device:"
	}
	if device != "" {
		space, ok := p.target(device)
		if !ok {
			return 0, "", &Error{Range: origin, Rule: "no-device",
				Msg:  fmt.Sprintf("%s must run on %s, which is not among the devices of this run", path, device),
				Help: "the devices are " + p.targetNames()}
		}
		return space, reason, nil
	}
	if prefer != "" {
		if space, ok := p.target(prefer); ok {
			return space, "preferred by " + reason, nil
		}
		return p.options.Default, fmt.Sprintf("default; the preferred %s isn't there", prefer), nil
	}
	return p.options.Default, "default", nil
}

// target finds a device by name; "sim" stands for "sim:0".
func (p *Plan) target(name string) (int, bool) {
	for i, t := range p.Targets {
		if t.Name == name || t.Name == name+":0" {
			return i, true
		}
	}
	return 0, false
}

func (p *Plan) targetNames() string {
	var names []string
	for _, t := range p.Targets {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}

// copies puts a copy node on every edge that crosses spaces, and between a state
// and another that becomes it: commits are writes of computed values, never
// reads of homes that other commits write. A state that becomes itself isn't
// written at all.
func copies(p *Plan) error {
	type crossing struct {
		value *ir.Node
		space int
	}
	b := ir.NewBuilder(p.Graph)
	made := map[crossing]*ir.Node{}
	carry := func(value *ir.Node, space int) (*ir.Node, error) {
		key := crossing{value, space}
		if c := made[key]; c != nil {
			return c, nil
		}
		b.Site = value.Site
		c, err := b.Call(ir.CopyOp, []any{value})
		if err != nil {
			return nil, err
		}
		c.Space = space
		p.reasons[c] = "copied for its users"
		if value.Space == space {
			p.reasons[c] = "the value before the step"
		}
		made[key] = c
		return c, nil
	}
	nodes := p.Graph.Nodes
	for _, n := range nodes {
		for i, in := range n.Inputs {
			if in.Space == n.Space {
				continue
			}
			c, err := carry(in, n.Space)
			if err != nil {
				return err
			}
			n.Inputs[i] = c
		}
	}
	for _, s := range p.Graph.States {
		if s.Next == s.Read {
			s.Next = nil
		}
		if s.Next == nil || s.Next.State == nil && s.Next.Space == s.Home {
			continue
		}
		c, err := carry(s.Next, s.Home)
		if err != nil {
			return err
		}
		s.Next = c
	}
	return p.Graph.Sort()
}

// bind finds each node's kernel.
func bind(p *Plan) error {
	for _, n := range p.Graph.Nodes {
		v := &Value{Bytes: int64(n.Type.Bytes()), Reason: p.reasons[n]}
		p.values[n] = v
		switch n.Op {
		case ir.StateOp, ir.ConstOp, ir.SourceOp, ir.CopyOp:
			continue
		}
		var inputs []string
		for _, in := range n.Inputs {
			inputs = append(inputs, in.Type.DType.String())
		}
		v.Kernel = p.options.Manifest.Find(n.Op.Name, inputs, n.Type.DType.String())
		if v.Kernel == nil {
			return &Error{Range: n.Origin, Rule: "no-kernel",
				Msg: fmt.Sprintf("%s has no kernel for (%s) -> %s", n.Op.Name, strings.Join(inputs, ", "), n.Type.DType)}
		}
	}
	return nil
}

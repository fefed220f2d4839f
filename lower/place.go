package lower

import (
	"fmt"
	"slices"
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

// place decides where nodes run and where states live.
//
// What a node or a state says itself comes first, then the last placement rule
// that matches it or something that it is inside of: a device is binding, a
// preference is followed where the device is there and has the dtypes. A source
// runs on the host, a constant where it is first used. With a named default all else runs there; with Auto it is free, and
// the main device is chosen first (choose). Free in any case are homes that
// nothing places, and updates: what computes the next values of parameters. What
// is free goes where the fewest bytes cross between devices (settle).
func place(p *Plan) error {
	// Not the order that earlier passes left: equal programs are placed alike.
	if err := p.Graph.Sort(); err != nil {
		return err
	}
	l := newLayout(p)
	for _, n := range p.Graph.Nodes {
		if err := l.pin(n); err != nil {
			return err
		}
	}
	if p.Main == Auto {
		p.choose(l)
	}
	l.settle()
	for _, n := range p.Graph.Nodes {
		if n.Op == ir.ConstOp {
			n.Space = l.ofConstant(n)
			p.reasons[n] = "where it is used"
			continue
		}
		n.Space = l.where[n.ID]
		if l.free[n.ID] {
			p.reasons[n] = l.why(n)
		}
		if n.State != nil {
			n.State.Home = n.Space
			p.homes[n.State] = p.reasons[n]
		}
	}
	p.dropIdle()
	return nil
}

// wish is what a node, a state or a rule says about a place.
type wish struct {
	device string // "" for nothing
	soft   bool
	reason string
}

// wish gives what decides about a path that has these of its own.
func (p *Plan) wish(path, device, prefer string) wish {
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

// ruled gives what the last rule says that matches a path or something that the
// path is inside of: a rule for a layer is one for its weights too, and for what
// the optimizer keeps of them.
func (p *Plan) ruled(path string) wish {
	around := p.Graph.Around(path)
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

// pin places a node, or with the node that reads it a state's home, unless it is
// free.
func (l *layout) pin(n *ir.Node) error {
	p := l.plan
	path, device, prefer, origin := n.Path, n.Device, n.Prefer, n.Origin
	switch {
	case n.Op == ir.ConstOp:
		return nil
	case n.Op == ir.SourceOp:
		l.fix(n, 0, "the host reads data")
		return nil
	case n.State != nil:
		s := n.State
		path, device, prefer, origin = s.Name, s.Device, s.Prefer, s.Origin
	}
	w := p.wish(path, device, prefer)
	if w.device != "" {
		at, there := p.target(w.device)
		lacking := ""
		if there {
			lacking = p.lacks(n, at)
		}
		switch {
		case there && lacking == "":
			l.fix(n, at, w.reason)
			return nil
		case w.soft && !there:
			l.unmet[n] = "; the preferred " + w.device + " isn't there"
		case w.soft:
			l.unmet[n] = fmt.Sprintf("; the preferred %s has no %s", w.device, lacking)
		case !there:
			return &Error{Range: origin, Rule: "no-device",
				Msg:  fmt.Sprintf("%s must run on %s, which is not among the devices of this run", path, w.device),
				Help: "the devices are " + p.targetNames()}
		default:
			return p.noKernel(n, at, lacking)
		}
	}
	if p.Main == Auto {
		l.free[n.ID] = true
		return nil
	}
	if lacking := p.lacks(n, p.Main); lacking != "" {
		return p.noKernel(n, p.Main, lacking)
	}
	if n.State != nil || n.Update {
		l.free[n.ID] = true
		return nil
	}
	l.fix(n, p.Main, p.byDefault()+l.unmet[n])
	return nil
}

// noKernel says that a device can't run a node for want of a dtype.
func (p *Plan) noKernel(n *ir.Node, space int, dtype string) error {
	what := n.Op.Name
	if n.Path != "" {
		what = n.Path + ": " + what
	}
	return &Error{Range: n.Origin, Rule: "no-kernel",
		Msg:  fmt.Sprintf("%s has no kernel in %s on %s: the device doesn't compute in %s", what, dtype, p.Targets[space].Name, dtype),
		Help: fmt.Sprintf("bind it to another device (device: %s), or compute in another dtype", p.Targets[0].Name)}
}

// lacks gives the dtype for want of which a node can't run in a space; "" if it
// can.
func (p *Plan) lacks(n *ir.Node, space int) string {
	missing := p.Targets[space].Lacks
	if len(missing) == 0 || !hasKernel(n) {
		return ""
	}
	for _, in := range n.Inputs {
		if d := in.Type.DType.String(); slices.Contains(missing, d) {
			return d
		}
	}
	if d := n.Type.DType.String(); slices.Contains(missing, d) {
		return d
	}
	return ""
}

// hasKernel tells nodes that kernels compute from those that only hold or carry
// values.
func hasKernel(n *ir.Node) bool {
	switch n.Op {
	case ir.StateOp, ir.ConstOp, ir.SourceOp, ir.CopyOp:
		return false
	}
	return true
}

// why gives the reason for the place of something free.
func (l *layout) why(n *ir.Node) string {
	p := l.plan
	reason := p.byDefault() + l.unmet[n]
	if n.Space == p.Main {
		return reason
	}
	if lacking := p.lacks(n, p.Main); lacking != "" {
		return fmt.Sprintf("%s; %s has no %s", reason, p.Targets[p.Main].Name, lacking)
	}
	return reason + "; fewest bytes cross"
}

// byDefault is the reason for the place of what nothing else places.
func (p *Plan) byDefault() string {
	if p.options.Default == Auto {
		return "auto"
	}
	return "default"
}

// ofConstant gives the first space, by its number, in which a constant is used.
func (l *layout) ofConstant(n *ir.Node) int {
	if len(l.users[n.ID]) == 0 {
		return l.plan.Main
	}
	space := len(l.plan.Targets)
	for _, u := range l.users[n.ID] {
		space = min(space, l.where[u])
	}
	return space
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

// dropIdle takes the candidates on which nothing runs off the list of targets.
func (p *Plan) dropIdle() {
	given := len(p.options.Targets)
	if len(p.Targets) == given {
		return
	}
	used := make([]bool, len(p.Targets))
	used[p.Main] = true
	for _, n := range p.Graph.Nodes {
		used[n.Space] = true
	}
	to := make([]int, len(p.Targets))
	kept := p.Targets[:given:given]
	for i, t := range p.Targets {
		to[i] = i
		if i >= given && used[i] {
			to[i] = len(kept)
			kept = append(kept, t)
		}
	}
	p.Targets = kept
	p.Main = to[p.Main]
	for _, n := range p.Graph.Nodes {
		n.Space = to[n.Space]
		if n.State != nil {
			n.State.Home = n.Space
		}
	}
}

// Package place decides on which device every node runs and every state lives.
//
// A node's or state's own device: or prefer: takes precedence, then the last
// placement rule that matches it or something that contains it. A device is
// mandatory; a preference is ignored if the device is missing or lacks a dtype or a kernel of the op. Data
// sources run on the host, and constants where they are first used. With a named
// default everything else runs there; with [Auto] it is free, and the main device is
// chosen first (auto.go). Unpinned homes and updates (the nodes that compute the
// next values of parameters) are always free. Free nodes and homes go where the
// fewest bytes cross between devices (mincut_place.go).
//
// Costs are estimates from facts about devices (cost.go), never measurements, so
// that a program is always placed alike.
package place

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
)

// Placement is the result of placing a graph. Before Run it predicts where nodes will be.
type Placement struct {
	Targets []Target
	// Main is the main device: Options.Default, or Auto's choice, which Choice
	// explains.
	Main    int
	Choice  *Choice              // nil without Auto
	Reasons map[*ir.Node]string  // why nodes are where they are
	Homes   map[*ir.State]string // why homes are where they are

	graph    *ir.Graph
	options  Options
	patterns []ir.Pattern    // of the rules
	wishes   map[string]wish // what rules say, by path
	spaces   map[wished]int  // predictions
}

// New prepares the placement of a graph, whose nodes may change until Run. With Auto
// it asks for candidates if any could run a step faster than the host.
func New(g *ir.Graph, o Options) *Placement {
	p := &Placement{
		Targets: slices.Clone(o.Targets), Main: o.Default,
		Reasons: map[*ir.Node]string{}, Homes: map[*ir.State]string{},
		graph: g, options: o, wishes: map[string]wish{}, spaces: map[wished]int{},
	}
	for _, r := range o.Rules {
		p.patterns = append(p.patterns, ir.NewPattern(ir.PlainPath(r.Match)))
	}
	if o.Default == Auto {
		p.offer()
	}
	return p
}

// Run places all nodes and states, and drops candidates on which nothing runs.
func (p *Placement) Run() error {
	// Sorted, so that equal programs are placed alike whatever earlier passes did.
	if err := p.graph.Sort(); err != nil {
		return err
	}
	l := newLayout(p)
	for _, n := range p.graph.Nodes {
		if err := l.pin(n); err != nil {
			return err
		}
	}
	if p.Main == Auto {
		p.choose(l)
	}
	l.placeFree()
	for _, n := range p.graph.Nodes {
		if n.Op == ir.ConstOp {
			n.Space = l.ofConstant(n)
			p.Reasons[n] = "where it is used"
			continue
		}
		n.Space = l.where[n.ID]
		if l.free[n.ID] {
			p.Reasons[n] = l.why(n)
		}
		if n.State != nil {
			n.State.Home = n.Space
			p.Homes[n.State] = p.Reasons[n]
		}
	}
	p.dropIdle()
	return nil
}

// pin places a node unless it is free.
func (l *layout) pin(n *ir.Node) error {
	p := l.placement
	of, origin := wishedBy(n), n.Origin
	switch {
	case n.Op == ir.ConstOp:
		return nil
	case n.Op == ir.SourceOp:
		l.fix(n, 0, "the host reads data")
		return nil
	case n.State != nil:
		origin = n.State.Origin
	}
	w := p.wish(of)
	if w.device != "" {
		at, there := p.target(w.device)
		var lacking Lack
		if there {
			lacking = p.lacking(at, n)
		}
		switch {
		case there && lacking == (Lack{}):
			l.fix(n, at, w.reason)
			return nil
		case w.soft && !there:
			l.unmet[n] = "; the preferred " + w.device + " is not available"
		case w.soft:
			l.unmet[n] = fmt.Sprintf("; the preferred %s has no %s", w.device, lacking)
		case !there:
			return &Error{Range: origin, Rule: "no-device",
				Msg:  fmt.Sprintf("%s must run on %s, which is not among the devices of this run", of.path, w.device),
				Help: "the devices are " + p.targetNames()}
		default:
			return p.noKernel(n, at, lacking)
		}
	}
	if p.Main == Auto {
		l.free[n.ID] = true
		return nil
	}
	if lacking := p.lacking(p.Main, n); lacking != (Lack{}) {
		return p.noKernel(n, p.Main, lacking)
	}
	if n.State != nil || n.Update {
		l.free[n.ID] = true
		return nil
	}
	l.fix(n, p.Main, p.byDefault()+l.unmet[n])
	return nil
}

// noKernel is the error of a node on a device that can't run it.
func (p *Placement) noKernel(n *ir.Node, space int, lacking Lack) error {
	what := n.Op.Name
	if n.Path != "" {
		what = n.Path + ": " + what
	}
	t, host := p.Targets[space], p.Targets[0].Name
	if lacking.Op != "" {
		return &Error{Range: n.Origin, Rule: "no-kernel",
			Msg:  fmt.Sprintf("%s has no kernel on %s: %s isn't implemented in %s", what, t.Name, lacking.Op, t.Language),
			Help: fmt.Sprintf("put the node on the CPU with `device: %s`", host)}
	}
	return &Error{Range: n.Origin, Rule: "no-kernel",
		Msg:  fmt.Sprintf("%s has no kernel in %s on %s: the device doesn't support %s", what, lacking.DType, t.Name, lacking.DType),
		Help: fmt.Sprintf("pin it to another device (device: %s), or compute in another dtype", host)}
}

// why is the reason for the space of a free node.
func (l *layout) why(n *ir.Node) string {
	p := l.placement
	reason := p.byDefault() + l.unmet[n]
	if n.Space == p.Main {
		return reason
	}
	if lacking := p.lacking(p.Main, n); lacking != (Lack{}) {
		return fmt.Sprintf("%s; %s has no %s", reason, p.Targets[p.Main].Name, lacking)
	}
	return reason + "; fewest bytes cross"
}

// byDefault is the reason for the space of a node that is not pinned.
func (p *Placement) byDefault() string {
	if p.options.Default == Auto {
		return "auto"
	}
	return "default"
}

// ofConstant gives the lowest space in which a constant is used.
func (l *layout) ofConstant(n *ir.Node) int {
	if len(l.users[n.ID]) == 0 {
		return l.placement.Main
	}
	space := len(l.placement.Targets)
	for _, u := range l.users[n.ID] {
		space = min(space, l.where[u])
	}
	return space
}

// target finds a device by name; "sim" stands for "sim:0".
func (p *Placement) target(name string) (int, bool) {
	i := slices.IndexFunc(p.Targets, func(t Target) bool { return t.Name == name || t.Name == name+":0" })
	return max(i, 0), i >= 0
}

func (p *Placement) targetNames() string {
	var names []string
	for _, t := range p.Targets {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}

// dropIdle removes candidates on which nothing runs from the targets.
func (p *Placement) dropIdle() {
	given := len(p.options.Targets)
	if len(p.Targets) == given {
		return
	}
	used := make([]bool, len(p.Targets))
	used[p.Main] = true
	for _, n := range p.graph.Nodes {
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
	for _, n := range p.graph.Nodes {
		n.Space = to[n.Space]
		if n.State != nil {
			n.State.Home = n.Space
		}
	}
}

// Alignment of every value in memory, in bytes: a cache line. A [Target] may have more.
const Alignment = 64

// Target is a device. The host, the first target, may always be chosen by [Auto].
type Target = device.Info

// Lack is what keeps a node from a device: a dtype, or an op that has no kernel in the
// device's language. It is nothing if the device can run the node.
type Lack struct{ DType, Op string }

// String completes "the device has no".
func (l Lack) String() string {
	if l.Op != "" {
		return "kernel of " + l.Op
	}
	return l.DType
}

// lacking is what keeps a node from a space.
func (p *Placement) lacking(space int, n *ir.Node) Lack {
	return Lacking(p.options.Manifest, &p.Targets[space], n)
}

// Lacking says what keeps a node from a device.
func Lacking(m *kernels.Manifest, t *Target, n *ir.Node) Lack {
	if len(t.Lacks) == 0 && t.Language == "" || !computes(n) {
		return Lack{}
	}
	if n.Op == ir.ScanOp {
		for _, part := range n.ScanBody().Graph.Nodes {
			if lacking := Lacking(m, t, part); lacking != (Lack{}) {
				return lacking
			}
		}
		return Lack{}
	}
	if m != nil && t.Language != "" && m.Lacks(n.Op.Name, t.Language) {
		return Lack{Op: n.Op.Name}
	}
	for _, in := range n.Inputs {
		if d := in.Type.DType.String(); slices.Contains(t.Lacks, d) {
			return Lack{DType: d}
		}
	}
	if d := n.Type.DType.String(); slices.Contains(t.Lacks, d) {
		return Lack{DType: d}
	}
	return Lack{}
}

// HasKernel tells nodes that kernels compute from those that hold or copy values.
func HasKernel(n *ir.Node) bool {
	switch n.Op {
	case ir.StateOp, ir.ConstOp, ir.SourceOp, ir.CopyOp, ir.ScanOp, ir.ScanResultOp:
		return false
	}
	return true
}

// computes tells nodes whose device has work with them: those with kernels, and scans,
// whose bodies have them.
func computes(n *ir.Node) bool { return n.Op == ir.ScanOp || HasKernel(n) }

// Auto as Options.Default leaves the choice of the main device to [Placement.Run].
const Auto = -1

// Options are the devices and the rules.
type Options struct {
	// Targets are the devices; a memory space is an index into them. The first
	// is the host.
	Targets []Target
	// Default is the main device, or Auto.
	Default int
	// Candidates gives the devices that Auto may add to the targets. It is called at
	// most once, and not if no device could run a step faster than the host: looking
	// for devices takes longer than running small programs. One that is Missing is
	// mentioned, and not added.
	Candidates func() []Target
	// Rules come from the spec and from callers. The last that matches decides,
	// unless the node or state has a device: or prefer: of its own.
	Rules []ir.PlacementRule
	// Manifest says which ops have kernels in a device's language; nil: all have.
	Manifest *kernels.Manifest
}

// Error says why a program can't be lowered onto a machine.
type Error struct {
	Range diag.Range
	Rule  string // the diagnostic's stable ID
	Msg   string
	Help  string
}

// Error gives the message with its position, and what to do about it.
func (e *Error) Error() string {
	text := e.Msg
	if e.Help != "" {
		text += "; " + e.Help
	}
	if !e.Range.Known() {
		return text
	}
	return e.Range.String() + ": " + text
}

// Sum adds sizes, and saturates at the largest.
func Sum(a, b int64) int64 { return int64(ir.AddSize(int(a), int(b))) }

// Align rounds a size up to a multiple of a power of two. Sizes end at the
// largest int64, which is more than any memory has.
func Align(bytes, to int64) int64 {
	if bytes > math.MaxInt64-to {
		return math.MaxInt64
	}
	return (bytes + to - 1) &^ (to - 1)
}

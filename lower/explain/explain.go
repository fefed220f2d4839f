// Package explain describes plans for people and programs: what runs where and why,
// in which memory, and what a step costs.
package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
	"github.com/flowrun/flowrun/lower/place"
)

// Plan is the description of a plan.
type Plan struct {
	States []State `json:"states"`
	Nodes  []Node  `json:"nodes"`
	Spaces []Space `json:"spaces"`
	Totals Totals  `json:"per_step"`
	// Rewrites counts the applied rewrites, by name.
	Rewrites map[string]int `json:"rewrites"`
	Peak     int64          `json:"peak_bytes"`
	// Choice says how auto chose the main device; nil if it was named.
	Choice *lower.Choice `json:"choice,omitempty"`
	// Crossings are the copies between devices that a step makes.
	Crossings []Crossing `json:"crossings"`
}

// Crossing sums up the copies of one kind that a step makes from one device to
// another: data from data sources, weights (parameters and buffers), other states,
// updates (next values of states on their way home), and values of other nodes.
type Crossing struct {
	From   string `json:"from"`
	To     string `json:"to"`
	What   string `json:"what"`
	Copies int64  `json:"copies"`
	Bytes  int64  `json:"bytes"`
}

// State is a state, its home, and how steps write it.
type State struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Type    string `json:"type"`
	Bytes   int64  `json:"bytes"`
	Device  string `json:"device"`
	Reason  string `json:"reason"`
	Written string `json:"written"` // "in place, by %12", "from %12 at the commit", "no"
}

// Node is a node of the plan, in the order of execution.
type Node struct {
	ID      int    `json:"id"`
	Name    string `json:"name,omitempty"`
	Call    string `json:"call"`
	Why     string `json:"why,omitempty"` // of a cast that the spec doesn't ask for
	Type    string `json:"type"`
	Device  string `json:"device"`
	Reason  string `json:"reason"`
	Storage string `json:"storage"` // home, kept, transient, in place, or alias: its operand's memory
	Kernel  string `json:"kernel,omitempty"`
	PerStep bool   `json:"per_step"` // whether every step runs it
	Flops   int64  `json:"flops"`
	Moved   int64  `json:"bytes_moved"`
	At      string `json:"at,omitempty"` // its position in the spec
	Inputs  []int  `json:"inputs"`
	// Parts are the parts of a fused node; the last one's value is its value.
	Parts []Part `json:"parts,omitempty"`
	// Body is what a scan computes at each position.
	Body []Part `json:"body,omitempty"`
}

// Part is a part of a fused node. In its call .0 stands for part 0.
type Part struct {
	Name string `json:"name,omitempty"`
	Call string `json:"call"`
	Why  string `json:"why,omitempty"`
	Type string `json:"type"`
	At   string `json:"at,omitempty"`
}

// Space is the memory that the plan needs on a device.
type Space struct {
	Device string `json:"device"`
	Kept   int64  `json:"kept_bytes"`
	Arena  int64  `json:"arena_bytes"`
}

// Totals is what one step in the steady state costs.
type Totals struct {
	Kernels int64 `json:"kernels"`
	Copies  int64 `json:"copies"`
	Copied  int64 `json:"copied_bytes"`
	Aliases int64 `json:"aliases"` // copies that move nothing, since memory is shared
	Flops   int64 `json:"flops"`
	Moved   int64 `json:"bytes_moved"`
}

// Of describes a plan.
func Of(p *lower.Plan) *Plan {
	e := &Plan{Peak: p.PeakBytes(), Rewrites: p.Applied, Choice: p.Choice, Crossings: []Crossing{}}
	commits := map[*ir.Node]bool{}
	for _, s := range p.Graph.States {
		commits[s.Next] = true
	}
	perStep := place.PerStep(p.Graph)
	for _, s := range p.Graph.States {
		e.States = append(e.States, stateOf(p, s))
	}
	for i, n := range p.Graph.Nodes {
		if n.State != nil {
			continue
		}
		x := nodeOf(p, n)
		x.PerStep = perStep[i]
		e.Nodes = append(e.Nodes, x)
		if !x.PerStep {
			continue
		}
		e.Totals.Flops = place.Sum(e.Totals.Flops, x.Flops)
		e.Totals.Moved = place.Sum(e.Totals.Moved, x.Moved)
		switch {
		case n.Op == ir.CopyOp && n.Inputs[0].Space == n.Space:
		case p.Values[i].Alias:
			e.Totals.Aliases++
		case n.Op == ir.CopyOp:
			e.Totals.Copies++
			e.Totals.Copied = place.Sum(e.Totals.Copied, p.Values[i].Bytes)
			e.cross(Crossing{p.Targets[n.Inputs[0].Space].Name, p.Targets[n.Space].Name, crossing(n, commits[n]), 1, p.Values[i].Bytes})
		case x.Kernel != "" || n.Op == ir.ScanOp:
			e.Totals.Kernels = place.Sum(e.Totals.Kernels, p.Launches(i))
		}
	}
	for i, s := range p.Spaces {
		e.Spaces = append(e.Spaces, Space{p.Targets[i].Name, s.Kept, s.Arena})
	}
	return e
}

// cross adds a copy.
func (e *Plan) cross(c Crossing) {
	at, found := slices.BinarySearchFunc(e.Crossings, c, func(a, b Crossing) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.What, b.What))
	})
	if !found {
		e.Crossings = slices.Insert(e.Crossings, at, c)
		return
	}
	e.Crossings[at].Copies += c.Copies
	e.Crossings[at].Bytes = place.Sum(e.Crossings[at].Bytes, c.Bytes)
}

// crossing says what a copy carries; commits if it is some state's next value.
func crossing(n *ir.Node, commits bool) string {
	from := n.Inputs[0]
	switch {
	case commits:
		return "updates"
	case from.Op == ir.SourceOp:
		return "data"
	case from.State == nil:
		return "values"
	case from.State.Kind == ir.ParamState || from.State.Kind == ir.BufferState:
		return "weights"
	}
	return "states"
}

func stateOf(p *lower.Plan, s *ir.State) State {
	x := State{Name: s.Name, Kind: s.Kind.String(), Type: s.Type.String(), Bytes: int64(s.Type.Bytes()),
		Device: p.Targets[s.Home].Name, Reason: p.Homes[s], Written: "no"}
	switch {
	case s.Next == nil:
	case p.Value(s.Next).Storage == lower.InPlace:
		x.Written = fmt.Sprintf("in place, by %%%d", s.Next.ID)
	default:
		x.Written = fmt.Sprintf("from %%%d at the commit", s.Next.ID)
	}
	return x
}

func nodeOf(p *lower.Plan, n *ir.Node) Node {
	v := p.Value(n)
	x := Node{ID: n.ID, Name: n.Name, Call: n.Call(), Why: n.Why, Type: n.Type.String(),
		Device: p.Targets[n.Space].Name, Reason: v.Reason, Storage: v.Storage.String(),
		Flops: flops(n), Moved: v.Bytes, Inputs: []int{}}
	if v.Kernel != nil {
		x.Kernel = v.Kernel.Name
	}
	if n.Origin.Known() {
		x.At = n.Origin.String()
	}
	if v.Alias {
		x.Storage = "alias"
		x.Inputs, x.Moved = []int{n.Inputs[0].ID}, 0
		return x
	}
	for _, in := range n.Inputs {
		x.Moved = place.Sum(x.Moved, int64(in.Type.Bytes()))
		x.Inputs = append(x.Inputs, in.ID)
	}
	x.Parts, x.Body = partsOf(lower.PartsOf(n)), bodyOf(v.Body)
	return x
}

// bodyOf lists what a scan computes at each position, the parts of fused nodes one by one.
func bodyOf(body *lower.Plan) []Part {
	if body == nil {
		return nil
	}
	var all []*ir.Node
	last := map[*ir.Node]*ir.Node{} // of a fused node: the part with its value
	for _, n := range body.Graph.Nodes {
		parts := lower.PartsOf(n)
		switch {
		case n.State != nil:
		case parts != nil:
			all = append(all, parts...)
			last[n] = parts[len(parts)-1]
		default:
			all = append(all, n)
		}
	}
	return described(all, last, func(outer *ir.Node) string { return outer.State.Name })
}

func partsOf(parts []*ir.Node) []Part {
	return described(parts, nil, func(outer *ir.Node) string { return fmt.Sprintf("%%%d", outer.ID) })
}

// described describes nodes that are shown under another one. Those of them that they use
// are called by their numbers, what fused nodes stand for is in last, and outer names the
// others.
func described(nodes []*ir.Node, last map[*ir.Node]*ir.Node, outer func(*ir.Node) string) []Part {
	number := make(map[*ir.Node]int, len(nodes))
	for i, n := range nodes {
		number[n] = i
	}
	for fused, part := range last {
		number[fused] = number[part]
	}
	var all []Part
	for _, n := range nodes {
		x := Part{Name: n.Name, Why: n.Why, Type: n.Type.String(), Call: n.CallOf(func(in *ir.Node) string {
			if i, own := number[in]; own {
				return fmt.Sprintf(".%d", i)
			}
			return outer(in)
		})}
		if n.Origin.Known() {
			x.At = n.Origin.String()
		}
		all = append(all, x)
	}
	return all
}

// WriteText writes the description for people.
func (e *Plan) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "STATE\tKIND\tTYPE\tHOME\tWRITTEN BY A STEP")
	for _, s := range e.States {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s (%s)\t%s\n", s.Name, s.Kind, s.Type, s.Device, s.Reason, s.Written)
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "NODE\tWHAT\tTYPE\tDEVICE\tSTORAGE\tRUNS\tAT")
	for _, n := range e.Nodes {
		what := because(n.Call, n.Why)
		if n.Name != "" {
			what = n.Name + ": " + what
		}
		fmt.Fprintf(t, "%%%d\t%s\t%s\t%s (%s)\t%s\t%s\t%s\n", n.ID, what, n.Type, n.Device, n.Reason, n.Storage, runs(n.PerStep), n.At)
		for i, part := range n.Parts {
			what := because(part.Call, part.Why)
			if part.Name != "" && i < len(n.Parts)-1 { // the last one's is the node's
				what = part.Name + ": " + what
			}
			fmt.Fprintf(t, "\t  .%d = %s\t%s\t\t\t\t%s\n", i, what, part.Type, part.At)
		}
		for i, part := range n.Body {
			fmt.Fprintf(t, "\t  .%d = %s\t%s\t\t\teach position\t%s\n", i, because(part.Call, part.Why), part.Type, part.At)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintln(&b)
	for _, s := range e.Spaces {
		fmt.Fprintf(&b, "memory on %s: %s kept, %s shared by transient values\n", s.Device, diag.Bytes(s.Kept), diag.Bytes(s.Arena))
	}
	fmt.Fprintf(&b, "peak: %s\n", diag.Bytes(e.Peak))
	fmt.Fprintf(&b, "a step: %d kernels, %d copies between devices (%s), %d flops, %s read and written\n",
		e.Totals.Kernels, e.Totals.Copies, diag.Bytes(e.Totals.Copied), e.Totals.Flops, diag.Bytes(e.Totals.Moved))
	if e.Totals.Aliases > 0 {
		fmt.Fprintf(&b, "  and %d copies are aliases: the devices share memory\n", e.Totals.Aliases)
	}
	for _, c := range e.Crossings {
		plural := "copies"
		if c.Copies == 1 {
			plural = "copy"
		}
		fmt.Fprintf(&b, "  %s to %s, %s: %d %s, %s\n", c.From, c.To, c.What, c.Copies, plural, diag.Bytes(c.Bytes))
	}
	if e.Choice != nil {
		writeChoice(&b, e.Choice)
	}
	if len(e.Rewrites) > 0 {
		b.WriteString("rewrites:")
		for _, name := range slices.Sorted(maps.Keys(e.Rewrites)) {
			fmt.Fprintf(&b, " %s (%d)", name, e.Rewrites[name])
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// because adds the reason of a call, if there is one.
func because(call, why string) string {
	if why == "" {
		return call
	}
	return call + " (" + why + ")"
}

func runs(perStep bool) string {
	if perStep {
		return "every step"
	}
	return "on change"
}

// flops counts the operations of a node, or of a fused node's parts.
func flops(n *ir.Node) (total int64) {
	parts := lower.PartsOf(n)
	if parts == nil {
		return place.Flops(n)
	}
	for _, part := range parts {
		total = place.Sum(total, place.Flops(part))
	}
	return total
}

// writeChoice says how auto chose the main device.
func writeChoice(b *strings.Builder, c *lower.Choice) {
	fmt.Fprintf(b, "auto chose %s: %s\n", c.Device, c.Reason)
	for _, d := range c.Considered {
		switch {
		case d.Missing != "" && d.Step > 0:
			fmt.Fprintf(b, "  %s: %s a step, but %s\n", d.Device, place.About(d.Step), d.Missing)
		case d.Missing != "":
			fmt.Fprintf(b, "  %s: %s\n", d.Device, d.Missing)
		case len(c.Considered) > 1:
			fmt.Fprintf(b, "  %s: %s a step\n", d.Device, place.About(d.Step))
		}
	}
}

// WriteJSON writes a [Plan] or [Kernels] as one JSON object.
func WriteJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// WriteDot writes the plan as a Graphviz graph: states are boxes, colours are devices.
func (e *Plan) WriteDot(w io.Writer, p *lower.Plan) error {
	var b strings.Builder
	b.WriteString("digraph plan {\n  rankdir=TB; node [fontname=\"monospace\", fontsize=10, style=filled, colorscheme=pastel19];\n")
	for _, n := range p.Graph.Nodes {
		label := n.Op.Name
		if n.Name != "" {
			label = n.Name + "\n" + n.Op.Name
		}
		shape := "ellipse"
		if n.State != nil {
			shape, label = "box", n.State.Name
		}
		if n.Op == ir.CopyOp {
			shape = "cds"
		}
		fmt.Fprintf(&b, "  n%d [label=%q, shape=%s, fillcolor=%d];\n", n.ID, label+"\n"+n.Type.String(), shape, n.Space%9+1)
		for _, in := range n.Inputs {
			fmt.Fprintf(&b, "  n%d -> n%d;\n", in.ID, n.ID)
		}
	}
	for _, s := range p.Graph.States {
		if s.Next != nil {
			fmt.Fprintf(&b, "  n%d -> n%d [style=dashed, constraint=false];\n", s.Next.ID, s.Read.ID)
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

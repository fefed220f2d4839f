package lower

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/flowrun/flowrun/ir"
)

// Explanation is a plan for people and programs: what runs where, and why.
type Explanation struct {
	States []ExplainedState `json:"states"`
	Nodes  []ExplainedNode  `json:"nodes"`
	Spaces []ExplainedSpace `json:"spaces"`
	Totals Totals           `json:"per_step"`
	// Rewrites counts the rules that simplified the graph, by name.
	Rewrites map[string]int `json:"rewrites"`
	Peak     int64          `json:"peak_bytes"`
	// Choice says how auto chose the default device; nil if it was named.
	Choice *Choice `json:"choice,omitempty"`
	// Crossings are the copies between devices that a step makes.
	Crossings []Crossing `json:"crossings"`
}

// Crossing is what every step carries from one device to another, of one kind:
// data from sources, weights (parameters and buffers), other states, updates
// (what states become, on its way home), and values (what nodes compute).
type Crossing struct {
	From   string `json:"from"`
	To     string `json:"to"`
	What   string `json:"what"`
	Copies int64  `json:"copies"`
	Bytes  int64  `json:"bytes"`
}

// ExplainedState is a state, its home, and how steps write it.
type ExplainedState struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Type    string `json:"type"`
	Bytes   int64  `json:"bytes"`
	Device  string `json:"device"`
	Reason  string `json:"reason"`
	Written string `json:"written"` // "in place, by %12", "from %12 at the commit", "no"
}

// ExplainedNode is a node of the plan, in the order of execution.
type ExplainedNode struct {
	ID      int    `json:"id"`
	Name    string `json:"name,omitempty"`
	Call    string `json:"call"`
	Type    string `json:"type"`
	Device  string `json:"device"`
	Reason  string `json:"reason"`
	Storage string `json:"storage"` // home, kept, transient, in place, or alias: its operand's memory
	Kernel  string `json:"kernel,omitempty"`
	PerStep bool   `json:"per_step"` // whether every step runs it
	Flops   int64  `json:"flops"`
	Moved   int64  `json:"bytes_moved"`
	At      string `json:"at,omitempty"` // its place in the spec
	Inputs  []int  `json:"inputs"`
	// Parts are what a fused node consists of; the last gives its value.
	Parts []ExplainedPart `json:"parts,omitempty"`
}

// ExplainedPart is a part of a fused node. In its call .0 stands for part 0.
type ExplainedPart struct {
	Name string `json:"name,omitempty"`
	Call string `json:"call"`
	Type string `json:"type"`
	At   string `json:"at,omitempty"`
}

// ExplainedSpace is the memory that the plan needs on a device.
type ExplainedSpace struct {
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

// Explain describes the plan.
func (p *Plan) Explain() *Explanation {
	e := &Explanation{Peak: p.PeakBytes(), Rewrites: p.Applied, Choice: p.Choice, Crossings: []Crossing{}}
	commits := map[*ir.Node]bool{}
	for _, s := range p.Graph.States {
		commits[s.Next] = true
	}
	perStep := p.perStep()
	for _, s := range p.Graph.States {
		e.States = append(e.States, p.explainState(s))
	}
	for i, n := range p.Graph.Nodes {
		if n.State != nil {
			continue
		}
		x := p.explainNode(n)
		x.PerStep = perStep[i]
		e.Nodes = append(e.Nodes, x)
		if !x.PerStep {
			continue
		}
		e.Totals.Flops = sum(e.Totals.Flops, x.Flops)
		e.Totals.Moved = sum(e.Totals.Moved, x.Moved)
		switch {
		case n.Op == ir.CopyOp && n.Inputs[0].Space == n.Space:
		case p.Values[i].Alias:
			e.Totals.Aliases++
		case n.Op == ir.CopyOp:
			e.Totals.Copies++
			e.Totals.Copied = sum(e.Totals.Copied, p.Values[i].Bytes)
			e.cross(Crossing{p.Targets[n.Inputs[0].Space].Name, p.Targets[n.Space].Name, crossing(n, commits[n]), 1, p.Values[i].Bytes})
		case x.Kernel != "":
			e.Totals.Kernels++
		}
	}
	for i, s := range p.Spaces {
		e.Spaces = append(e.Spaces, ExplainedSpace{p.Targets[i].Name, s.Kept, s.Arena})
	}
	return e
}

// cross counts a copy.
func (e *Explanation) cross(c Crossing) {
	at, found := slices.BinarySearchFunc(e.Crossings, c, func(a, b Crossing) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.What, b.What))
	})
	if !found {
		e.Crossings = slices.Insert(e.Crossings, at, c)
		return
	}
	e.Crossings[at].Copies += c.Copies
	e.Crossings[at].Bytes = sum(e.Crossings[at].Bytes, c.Bytes)
}

// crossing says what a copy carries; commits tells that a state becomes it.
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

func (p *Plan) explainState(s *ir.State) ExplainedState {
	x := ExplainedState{Name: s.Name, Kind: s.Kind.String(), Type: s.Type.String(), Bytes: int64(s.Type.Bytes()),
		Device: p.Targets[s.Home].Name, Reason: p.homes[s], Written: "no"}
	switch {
	case s.Next == nil:
	case p.Value(s.Next).Storage == InPlace:
		x.Written = fmt.Sprintf("in place, by %%%d", s.Next.ID)
	default:
		x.Written = fmt.Sprintf("from %%%d at the commit", s.Next.ID)
	}
	return x
}

func (p *Plan) explainNode(n *ir.Node) ExplainedNode {
	v := p.Value(n)
	x := ExplainedNode{ID: n.ID, Name: n.Name, Call: n.Call(), Type: n.Type.String(),
		Device: p.Targets[n.Space].Name, Reason: v.Reason, Storage: v.Storage.String(),
		Flops: Flops(n), Moved: v.Bytes, Inputs: []int{}}
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
		x.Moved = sum(x.Moved, int64(in.Type.Bytes()))
		x.Inputs = append(x.Inputs, in.ID)
	}
	x.Parts = PartsOf(n).explain()
	return x
}

func (p Parts) explain() []ExplainedPart {
	var all []ExplainedPart
	for _, n := range p {
		x := ExplainedPart{Name: n.Name, Type: n.Type.String(), Call: n.CallOf(func(in *ir.Node) string {
			if i := slices.Index(p, in); i >= 0 {
				return fmt.Sprintf(".%d", i)
			}
			return fmt.Sprintf("%%%d", in.ID)
		})}
		if n.Origin.Known() {
			x.At = n.Origin.String()
		}
		all = append(all, x)
	}
	return all
}

// Flops counts a node's floating-point operations: two per multiplication and
// addition of a contraction, one per element that is computed or summed.
func Flops(n *ir.Node) int64 {
	if parts := PartsOf(n); parts != nil {
		var total int64
		for _, part := range parts {
			total = sum(total, Flops(part))
		}
		return total
	}
	numel := int64(n.Type.Shape.Numel())
	switch n.Op.Class {
	case ir.Elementwise:
		return numel
	case ir.Reduce:
		return int64(n.Inputs[0].Type.Shape.Numel())
	case ir.Contract:
		if n.Type.Shape.Numel() == 0 {
			return 0
		}
		a := n.Inputs[0].Type.Shape
		k := a[len(a)-1]
		if len(a) > 1 && n.Bool("transpose_a") {
			k = a[len(a)-2]
		}
		return int64(ir.MulSize(ir.MulSize(2, int(numel)), k))
	}
	return 0
}

// WriteText writes the explanation for people.
func (e *Explanation) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "STATE\tKIND\tTYPE\tHOME\tWRITTEN BY A STEP")
	for _, s := range e.States {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s (%s)\t%s\n", s.Name, s.Kind, s.Type, s.Device, s.Reason, s.Written)
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "NODE\tWHAT\tTYPE\tDEVICE\tSTORAGE\tRUNS\tAT")
	for _, n := range e.Nodes {
		what := n.Call
		if n.Name != "" {
			what = n.Name + ": " + what
		}
		runs := "on change"
		if n.PerStep {
			runs = "every step"
		}
		fmt.Fprintf(t, "%%%d\t%s\t%s\t%s (%s)\t%s\t%s\t%s\n", n.ID, what, n.Type, n.Device, n.Reason, n.Storage, runs, n.At)
		for i, part := range n.Parts {
			what := part.Call
			if part.Name != "" && i < len(n.Parts)-1 { // the last one's is the node's
				what = part.Name + ": " + what
			}
			fmt.Fprintf(t, "\t  .%d = %s\t%s\t\t\t\t%s\n", i, what, part.Type, part.At)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintln(&b)
	for _, s := range e.Spaces {
		fmt.Fprintf(&b, "memory on %s: %s kept, %s shared by transient values\n", s.Device, Bytes(s.Kept), Bytes(s.Arena))
	}
	fmt.Fprintf(&b, "peak: %s\n", Bytes(e.Peak))
	fmt.Fprintf(&b, "a step: %d kernels, %d copies between devices (%s), %d flops, %s read and written\n",
		e.Totals.Kernels, e.Totals.Copies, Bytes(e.Totals.Copied), e.Totals.Flops, Bytes(e.Totals.Moved))
	if e.Totals.Aliases > 0 {
		fmt.Fprintf(&b, "  and %d copies that move nothing: the devices share memory\n", e.Totals.Aliases)
	}
	for _, c := range e.Crossings {
		plural := "copies"
		if c.Copies == 1 {
			plural = "copy"
		}
		fmt.Fprintf(&b, "  %s to %s, %s: %d %s, %s\n", c.From, c.To, c.What, c.Copies, plural, Bytes(c.Bytes))
	}
	if e.Choice != nil {
		e.Choice.write(&b)
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

// WriteJSON writes the explanation as one JSON object.
func (e *Explanation) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(e)
}

// WriteDot writes the explanation as a Graphviz graph: states are boxes, copies
// are bold, colours are devices.
func (e *Explanation) WriteDot(w io.Writer, p *Plan) error {
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

// Bytes writes a size for people: "1.5 KiB".
func Bytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	unit := 0
	for v >= 1024 && unit < 5 {
		v /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", v, " KMGTP"[unit])
}

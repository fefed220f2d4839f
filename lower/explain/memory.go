package explain

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
	"github.com/flowrun/flowrun/lower/place"
)

// Memory says what a plan needs memory for, device by device.
type Memory struct {
	Devices []DeviceMemory `json:"devices"`
}

// DeviceMemory is the memory that a plan needs on one device, in bytes.
type DeviceMemory struct {
	Device string `json:"device"`
	Total  int64  `json:"total_bytes"` // of a step
	// Evaluation is what the plan of an evaluation needs, which stays beside that of a step.
	Evaluation int64 `json:"evaluation_bytes,omitempty"`
	// Held is there all the time: parameters, states, and values that steps don't compute.
	Held []Share `json:"held"`
	// Arena is what transient values share. Of it, Peak is in use at one time at most; the
	// rest lies between values of different sizes.
	Arena int64 `json:"arena_bytes"`
	Peak  Peak  `json:"peak"`
	// Over is what is in use over the time of a step: the most in each part of its order.
	Over []Moment `json:"over_the_step"`
}

// Share is the memory of one kind of values.
type Share struct {
	Kind  string `json:"kind"`
	Bytes int64  `json:"bytes"`
}

// Moment is a node of the order, and what is in use while it runs.
type Moment struct {
	Node  int    `json:"node"`
	What  string `json:"what"`
	Bytes int64  `json:"bytes"`
}

// Peak is the moment at which transient values need the most.
type Peak struct {
	Moment
	ByKind  []Share `json:"by_kind"`
	Largest []Value `json:"largest"` // the largest values in use
}

// Value is a value that is in use.
type Value struct {
	Node  int    `json:"node"`
	What  string `json:"what"`
	Kind  string `json:"kind"`
	Type  string `json:"type"`
	Bytes int64  `json:"bytes"`
	At    string `json:"at,omitempty"`
}

// Kinds of transient values.
const (
	kindData        = "data"
	kindActivations = "activations"
	kindRecomputed  = "recomputed activations"
	kindGradients   = "gradients"
	kindUpdates     = "updates"
)

// How many parts of the order and values at the peak are shown.
const (
	moments = 24
	largest = 10
)

// MemoryOf describes the memory of a plan.
func MemoryOf(p *lower.Plan) *Memory {
	m := &Memory{Devices: []DeviceMemory{}}
	lives := p.Lifetimes()
	for space, s := range p.Spaces {
		if s.Kept == 0 && s.Arena == 0 {
			continue
		}
		d := DeviceMemory{Device: p.Targets[space].Name, Total: place.Sum(s.Kept, s.Arena), Arena: s.Arena, Held: held(p, space)}
		d.transient(p, space, lives)
		m.Devices = append(m.Devices, d)
	}
	return m
}

// held sums up what is there all the time, the most first.
func held(p *lower.Plan, space int) []Share {
	sums := shares{}
	for _, n := range p.Graph.Nodes {
		v := p.Value(n)
		switch {
		case n.Space != space || v.Alias:
		case v.Storage == lower.Home && n.State.Kind == ir.ParamState:
			sums.add("parameters", v.Bytes)
		case v.Storage == lower.Home && n.State.Kind == ir.OptimState:
			sums.add("states of the optimizer", v.Bytes)
		case v.Storage == lower.Home:
			sums.add("other states", v.Bytes)
		case v.Storage == lower.Kept:
			sums.add("kept values", v.Bytes)
		}
	}
	return sums.sorted()
}

// transient describes the memory that transient values share.
func (d *DeviceMemory) transient(p *lower.Plan, space int, lives []lower.Lifetime) {
	nodes := p.Graph.Nodes
	change := make([]int64, len(nodes)+1) // what is in use at a position, less that before it
	in := func(n *ir.Node) bool {
		v := p.Value(n)
		return n.Space == space && v.Storage == lower.Transient && !v.Alias
	}
	for _, n := range nodes {
		if in(n) {
			change[lives[n.ID].From] += p.Value(n).Bytes
			change[lives[n.ID].To+1] -= p.Value(n).Bytes
		}
	}
	runs := func(n *ir.Node) bool { return n.Space == space && n.State == nil }
	count := 0
	for _, n := range nodes {
		if runs(n) {
			count++
		}
	}
	parts := min(moments, count)
	used, at := int64(0), 0
	for i, n := range nodes {
		used += change[i]
		if !runs(n) {
			continue
		}
		part := at * parts / count
		at++
		if part == len(d.Over) {
			d.Over = append(d.Over, Moment{Node: -1})
		}
		now := Moment{n.ID, whatOf(n), used}
		if m := &d.Over[part]; m.Node < 0 || used > m.Bytes {
			*m = now
		}
		if at == 1 || used > d.Peak.Bytes {
			d.Peak.Moment = now
		}
	}
	sums := shares{}
	for _, n := range nodes {
		if life := lives[n.ID]; in(n) && life.From <= d.Peak.Node && d.Peak.Node <= life.To {
			v := Value{n.ID, whatOf(n), kindOf(n), n.Type.String(), p.Value(n).Bytes, ""}
			if n.Origin.Known() {
				v.At = n.Origin.String()
			}
			sums.add(v.Kind, v.Bytes)
			d.Peak.Largest = append(d.Peak.Largest, v)
		}
	}
	slices.SortStableFunc(d.Peak.Largest, func(a, b Value) int { return cmp.Compare(b.Bytes, a.Bytes) })
	d.Peak.Largest = d.Peak.Largest[:min(largest, len(d.Peak.Largest))]
	d.Peak.ByKind = sums.sorted()
}

// kindOf says what a transient value is for.
func kindOf(n *ir.Node) string {
	switch {
	case n.Update:
		return kindUpdates
	case n.Gradient:
		return kindGradients
	case n.Again > 0:
		return kindRecomputed
	case n.Op == ir.SourceOp || n.Op == ir.CopyOp && n.Inputs[0].Op == ir.SourceOp:
		return kindData
	}
	return kindActivations
}

// whatOf names a node by the node of the spec that it belongs to.
func whatOf(n *ir.Node) string {
	what := cmp.Or(n.Path, n.Label())
	switch {
	case n.Gradient && !n.Update:
		return "gradient of " + what
	case n.Again > 0:
		return what + ", again"
	}
	return what
}

// shares sums up bytes by kind.
type shares map[string]int64

func (s shares) add(kind string, bytes int64) { s[kind] = place.Sum(s[kind], bytes) }

// sorted lists what isn't nothing, the most first.
func (s shares) sorted() []Share {
	all := []Share{}
	for kind, bytes := range s {
		if bytes > 0 {
			all = append(all, Share{kind, bytes})
		}
	}
	slices.SortFunc(all, func(a, b Share) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Kind, b.Kind)) })
	return all
}

// Evaluate says what an evaluation needs on a device.
func (m *Memory) Evaluate(device string, bytes int64) {
	for i := range m.Devices {
		if m.Devices[i].Device == device {
			m.Devices[i].Evaluation = bytes
			return
		}
	}
	if bytes > 0 {
		m.Devices = append(m.Devices, DeviceMemory{Device: device, Evaluation: bytes, Held: []Share{}, Peak: Peak{ByKind: []Share{}, Largest: []Value{}}, Over: []Moment{}})
	}
}

// WriteText writes it for people.
func (m *Memory) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for i, d := range m.Devices {
		if i > 0 {
			fmt.Fprintln(t)
		}
		fmt.Fprintf(t, "memory on %s: %s", d.Device, diag.Bytes(d.Total))
		if d.Evaluation > 0 {
			fmt.Fprintf(t, " for a step, and %s for the evaluation beside it", diag.Bytes(d.Evaluation))
		}
		fmt.Fprintln(t)
		for _, s := range d.Held {
			fmt.Fprintf(t, "  %s\t%s\n", s.Kind, diag.Bytes(s.Bytes))
		}
		fmt.Fprintf(t, "  shared by transient values\t%s\n", diag.Bytes(d.Arena))
		if d.Peak.Bytes > 0 {
			d.writePeak(t)
		}
	}
	return t.Flush()
}

func (d *DeviceMemory) writePeak(t *tabwriter.Writer) {
	fmt.Fprintf(t, "\nthe most is in use at %%%d (%s): %s\n", d.Peak.Node, d.Peak.What, diag.Bytes(d.Peak.Bytes))
	for _, s := range d.Peak.ByKind {
		fmt.Fprintf(t, "  %s\t%s\n", s.Kind, diag.Bytes(s.Bytes))
	}
	fmt.Fprintln(t, "\nthe largest values then:")
	for _, v := range d.Peak.Largest {
		row := []string{diag.Bytes(v.Bytes), v.Type, v.What}
		if v.At != "" {
			row = append(row, v.At)
		}
		fmt.Fprintf(t, "  %s\n", strings.Join(row, "\t"))
	}
	fmt.Fprintln(t, "\nin use over the step:")
	const width = 32
	for _, m := range d.Over {
		bar := strings.Repeat("█", int(math.Ceil(float64(m.Bytes)/float64(d.Peak.Bytes)*width)))
		fmt.Fprintf(t, "  %s%s\t%s\t%s\n", bar, strings.Repeat(" ", width-len([]rune(bar))), diag.Bytes(m.Bytes), m.What)
	}
}

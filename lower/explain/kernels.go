package explain

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
	"github.com/flowrun/flowrun/lower/place"
)

// Kernels are the kernels of a plan in the order of their first launch. A kernel
// counts once per device and per combination of dtypes.
type Kernels struct {
	Kernels []*Kernel `json:"kernels"`
}

// Kernel is a kernel of a plan and the nodes that it computes.
type Kernel struct {
	Name        string         `json:"name"`
	Doc         string         `json:"doc"`
	Device      string         `json:"device"`
	Definitions []string       `json:"definitions,omitempty"` // what its source is compiled with
	Nodes       []Call         `json:"nodes"`
	Sources     []kernels.File `json:"source,omitempty"` // of a fused kernel, in this order
	text        string         // the same without the prelude
}

// Call is a node that a kernel computes.
type Call struct {
	ID      int    `json:"id"`
	Name    string `json:"name,omitempty"`
	Type    string `json:"type"`
	PerStep bool   `json:"per_step"` // whether every step runs it
	// Launches are those of a kernel in a source language. A device that doesn't
	// support groups of this size uses smaller ones.
	Launches []Launch `json:"launches,omitempty"`
}

// Launch is one launch: work-items in up to three dimensions, in whole groups.
type Launch struct {
	Items []int `json:"items"`
	Group []int `json:"group"`
}

// KernelsOf describes a plan's kernels. Fused ones are assembled from the sources.
func KernelsOf(p *lower.Plan, sources *kernels.Sources) (*Kernels, error) {
	e := &Kernels{}
	known := map[string]*Kernel{}
	perStep := place.PerStep(p.Graph)
	for i, n := range p.Graph.Nodes {
		k, target := p.Values[i].Kernel, p.Targets[n.Space]
		if k == nil {
			continue
		}
		inSource := target.Language != ""
		inputs, shapes, output := tensors(n)
		var defines []string
		if inSource {
			k = k.For(target.Language)
			dtypes := make([]string, len(inputs))
			for i, in := range inputs {
				dtypes[i] = in.DType
			}
			defines = k.Defines(dtypes, output.DType)
		}
		key := fmt.Sprint(target.Name, k.Name, defines)
		x := known[key]
		if x == nil {
			x = &Kernel{Name: k.Name, Doc: k.Doc, Device: target.Name, Definitions: defines}
			if inSource && k.Fused() != nil {
				source, err := sources.Source(target.Language, k)
				if err != nil {
					return nil, err
				}
				x.Sources, x.text = source.Files, source.Text()
			}
			known[key] = x
			e.Kernels = append(e.Kernels, x)
		}
		call := Call{ID: n.ID, Name: n.Name, Type: n.Type.String(), PerStep: perStep[i]}
		if inSource {
			scalars, err := k.EvalScalars(n.LookupAttr, shapes, output.Shape)
			if err != nil {
				return nil, err
			}
			launches, err := k.Launches(inputs, output, scalars, kernels.Limits{})
			if err != nil {
				return nil, err
			}
			for _, l := range launches {
				call.Launches = append(call.Launches, Launch{l.Global, l.Local})
			}
		}
		x.Nodes = append(x.Nodes, call)
	}
	return e, nil
}

// tensors describes a node's operands and its value to its kernel.
func tensors(n *ir.Node) (inputs []kernels.Tensor, shapes [][]int, output kernels.Tensor) {
	for _, in := range n.Inputs {
		inputs = append(inputs, kernels.Tensor{DType: in.Type.DType.String(), Shape: in.Type.Shape})
		shapes = append(shapes, in.Type.Shape)
	}
	return inputs, shapes, kernels.Tensor{DType: n.Type.DType.String(), Shape: n.Type.Shape}
}

// WriteText writes the kernels for people, each with its nodes and launches, and
// fused ones with their source, except the prelude.
func (e *Kernels) WriteText(w io.Writer) error {
	var b strings.Builder
	for i, k := range e.Kernels {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s on %s: %s\n", k.Name, k.Device, k.Doc)
		if len(k.Definitions) > 0 {
			fmt.Fprintf(&b, "  compiled with %s\n", strings.Join(k.Definitions, " "))
		}
		for _, n := range k.Nodes {
			fmt.Fprintf(&b, "  %s\n", n)
		}
		for line := range strings.Lines(k.text) {
			b.WriteString("    | " + line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// String says what is computed, when, and by which launches.
func (c Call) String() string {
	what := fmt.Sprintf("%%%d", c.ID)
	if c.Name != "" {
		what += " " + c.Name
	}
	what += fmt.Sprintf(" %s, %s", c.Type, runs(c.PerStep))
	for i, l := range c.Launches {
		separator := ": "
		if i > 0 {
			separator = "; "
		}
		what += separator + times(l.Items) + " work-items in groups of " + times(l.Group)
	}
	return what
}

// times writes 64 × 8.
func times(list []int) string {
	var all []string
	for _, n := range list {
		all = append(all, strconv.Itoa(n))
	}
	return strings.Join(all, " × ")
}

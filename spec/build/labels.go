package build

import (
	"fmt"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Label says that an output is about the classes of a field, so that they can be called by
// their names.
type Label struct {
	Field   string
	Classes *table.Classes
	IDs     bool // the output holds ids of classes; otherwise its last dimension has a number for each
}

// labels compares the outputs that have labels with their fields' classes.
func (g *graph) labels() map[string]Label {
	labels := map[string]Label{}
	for _, l := range g.def.Model.Labels {
		out := g.output(l.Output)
		if l.Found == nil || out == nil {
			continue // reported
		}
		f := newFrame(g.def.Model, "")
		c := l.Found.Decl.Classes
		if c == nil {
			g.fail(f, diag.InvalidValue, l.FieldAt, "add `classes` to it", "the field %s has no classes", l.Field)
			continue
		}
		t := out.Type
		label := Label{Field: l.Field, Classes: c, IDs: t.DType.IsInt()}
		counts := func(n int) bool {
			return n == c.Count || !c.Vocabulary && c.Unknown == int64(c.Count) && n == c.Count+1
		}
		if !label.IDs {
			if !t.DType.IsFloat() || len(t.Shape) == 0 || !counts(t.Shape[len(t.Shape)-1]) {
				g.report(f, diag.Diagnostic{Rule: diag.ShapeMismatch, Range: l.At,
					Message: fmt.Sprintf("an output with labels holds ids, or has a last dimension of %d, the number of classes; %s is %s", c.Count, l.Output, t),
					Notes:   []diag.Note{{Message: "the classes are declared here", Range: l.Found.At}}})
				continue
			}
		}
		labels[l.Output] = label
	}
	return labels
}

// output finds the node of an output; nil if it was reported.
func (g *graph) output(name string) *ir.Node {
	for _, o := range g.Graph.Outputs {
		if o.Name == name {
			return o.Node
		}
	}
	return nil
}

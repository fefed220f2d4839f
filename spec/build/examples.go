package build

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
)

// batchName is what specs call the dim in which the examples of a batch lie.
const batchName = "batch"

// findExamples finds out in which dim of generated and replayed fields the examples lie, as
// those of other files lie in the first: in the one that the model's inputs call `batch`, or
// else in the first one, if it has one size in all fields.
func (t *training) findExamples(fields map[string]any) {
	t.examplesIn = map[*ir.Node]int{}
	src := t.def.DataSource
	if src == nil || src.Body == nil && (src.Kind == nil || !src.Kind.Batches) {
		return
	}
	named := map[string]int{} // the dims of inputs that are called so
	sizes := map[int]bool{}   // the numbers of examples that there are
	for _, in := range t.graph.def.Model.Inputs {
		if n, ok := fields[in.Name].(*ir.Node); ok && in.Type != nil {
			if dim := batchDim(in.Type, len(n.Type.Shape)); dim >= 0 {
				named[in.Name], sizes[n.Type.Shape[dim]] = dim, true
			}
		}
	}
	all := map[string]*ir.Node{}
	for name, v := range fields {
		if n, ok := v.(*ir.Node); ok && len(n.Type.Shape) > 0 {
			all[name] = n
			if len(named) == 0 {
				sizes[n.Type.Shape[0]] = true
			}
		}
	}
	for name, n := range all {
		dim, isNamed := named[name]
		switch {
		case len(sizes) > 1:
			dim = -1
		case !isNamed && len(named) > 0:
			for size := range sizes {
				dim = only(n.Type.Shape, size)
			}
		}
		if old, twice := t.examplesIn[n]; twice && old != dim {
			dim = -1
		}
		t.examplesIn[n] = dim
	}
}

// batchDim is the dim of a declared type that is called `batch`, of a value of a rank; -1 if
// there is none.
func batchDim(t *expr.Type, rank int) int {
	dim := slices.IndexFunc(t.Dims, func(e expr.Expr) bool {
		name, ok := e.(*expr.Name)
		return ok && name.Name == batchName
	})
	if dim >= 0 && t.Any && dim >= t.AnyAt {
		dim += rank - len(t.Dims)
	}
	if dim >= rank {
		return -1
	}
	return dim
}

package syntax

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// recompute decodes the key checkpoint_activations: a bool, or {every: n}.
func (d *decoder) recompute(n *tree.Node) *Recompute {
	r := &Recompute{At: n.Range}
	if n.Kind == tree.Int {
		d.report(diag.WrongType, n.Range, "write true; or with repeat, {every: "+n.Text+"}", "checkpoint_activations must be a bool, or how many repetitions are computed again together")
		return nil
	}
	if n.Kind != tree.Map {
		if on, ok := d.boolean(n, "checkpoint_activations"); !ok || !on {
			return nil
		}
		return r
	}
	fields, ok := d.fields(n, recomputeSection)
	if !ok || fields["every"] == nil {
		return nil
	}
	r.Every = d.expression(fields["every"], "every")
	return r
}

// checkRecompute reports `every` without a module that is repeated.
func (d *decoder) checkRecompute(def *Node) {
	if r := def.Recompute; r != nil && r.Every != nil && !def.HasRepeat {
		d.report(diag.InvalidValue, r.At, "write checkpoint_activations: true, or add repeat",
			"checkpoint_activations has `every` only with repeat: it is how many repetitions are computed again together")
		r.Every = nil
	}
}

package syntax

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// onNonFinite are the values of train.on_nonfinite.
var onNonFinite = []string{string(ir.StopOnNonFinite), string(ir.SkipNonFinite), string(ir.ContinueOnNonFinite)}

// onNonFinite decodes train.on_nonfinite.
func (d *decoder) onNonFinite(n *tree.Node) ir.OnNonFinite {
	text, ok := d.text(n, "on_nonfinite")
	if ok && !slices.Contains(onNonFinite, text) {
		d.report(diag.InvalidValue, n.Range, cmp.Or(d.list.Suggestion(text, onNonFinite), "stop ends the run, skip leaves the step out, continue goes on"),
			"on_nonfinite must be stop, skip or continue, not `%s`", diag.Cut(text))
		ok = false
	}
	if !ok {
		return ir.StopOnNonFinite
	}
	return ir.OnNonFinite(text)
}

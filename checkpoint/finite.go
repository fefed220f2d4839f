package checkpoint

import (
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// usable reports whether states are worth resuming from: the loss is finite, and a run
// that has begun in such a way may go on from the others.
func usable(states []*ir.State, values map[string]*ir.Tensor, began *engine.Beginning) bool {
	if loss := values[ir.LossState]; loss != nil {
		if nan, infinite := loss.NonFinite(); nan || infinite {
			return false
		}
	}
	return began.Unsound(states, values) == ""
}

package checkpoint

import "github.com/flowrun/flowrun/ir"

// usable reports whether states are worth resuming from: loss and parameters are
// numbers, and no buffer or state of the optimizer is NaN. (A buffer may well be
// infinite: a mask, for example.)
func usable(states []*ir.State, values map[string]*ir.Tensor) bool {
	return Unsound(states, values) == ""
}

// Unsound names the first of the states that makes them not worth using; "" if none does.
// Those without a value don't count.
func Unsound(states []*ir.State, values map[string]*ir.Tensor) string {
	for _, st := range states {
		t := values[st.Name]
		if t == nil {
			continue
		}
		switch nan, infinite := t.NonFinite(); {
		case st.Kind == ir.ParamState || st.Name == ir.LossState:
			if nan || infinite {
				return st.Name
			}
		case st.Kind == ir.BufferState || st.Kind == ir.OptimState:
			if nan {
				return st.Name
			}
		}
	}
	return ""
}

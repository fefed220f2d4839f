package checkpoint

import (
	"cmp"
	"encoding/binary"

	"github.com/flowrun/flowrun/ir"
)

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
		switch {
		case st.Kind == ir.ParamState || st.Name == ir.LossState:
			if !finite(t, false) {
				return st.Name
			}
		case st.Kind == ir.BufferState || st.Kind == ir.OptimState:
			if !finite(t, true) {
				return st.Name
			}
		}
	}
	return ""
}

// finite reports whether no element is NaN, nor infinite unless that is allowed.
func finite(t *ir.Tensor, infinite bool) bool {
	switch t.Type.DType {
	case ir.F16:
		return bounded(t.Data, 2, 0x7c00, infinite)
	case ir.BF16:
		return bounded(t.Data, 2, 0x7f80, infinite)
	case ir.F32:
		return bounded(t.Data, 4, 0x7f80_0000, infinite)
	case ir.F64:
		return bounded(t.Data, 8, 0x7ff0_0000_0000_0000, infinite)
	}
	return true
}

// bounded compares floating numbers of a size in bytes with infinity, all of them
// without their signs and as bits: those of NaN are larger.
func bounded(data []byte, size int, infinity uint64, itself bool) bool {
	sign := uint64(1) << (8*size - 1)
	for ; len(data) > 0; data = data[size:] {
		var bits uint64
		switch size {
		case 2:
			bits = uint64(binary.LittleEndian.Uint16(data))
		case 4:
			bits = uint64(binary.LittleEndian.Uint32(data))
		case 8:
			bits = binary.LittleEndian.Uint64(data)
		}
		if c := cmp.Compare(bits&^sign, infinity); c > 0 || c == 0 && !itself {
			return false
		}
	}
	return true
}

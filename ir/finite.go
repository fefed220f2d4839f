package ir

import "encoding/binary"

// NonFinite reports whether an element of a floating tensor is NaN, and whether one is
// infinite. Tensors of integers and bools have neither.
func (t *Tensor) NonFinite() (nan, infinite bool) {
	switch t.Type.DType {
	case F16:
		return nonFinite16(t.Data, 0x7c00)
	case BF16:
		return nonFinite16(t.Data, 0x7f80)
	case F32:
		for data := t.Data; len(data) >= 4; data = data[4:] {
			if bits := binary.LittleEndian.Uint32(data) &^ (1 << 31); bits >= 0x7f80_0000 {
				nan, infinite = nan || bits > 0x7f80_0000, infinite || bits == 0x7f80_0000
			}
		}
	case F64:
		for data := t.Data; len(data) >= 8; data = data[8:] {
			if bits := binary.LittleEndian.Uint64(data) &^ (1 << 63); bits >= 0x7ff0_0000_0000_0000 {
				nan, infinite = nan || bits > 0x7ff0_0000_0000_0000, infinite || bits == 0x7ff0_0000_0000_0000
			}
		}
	}
	return nan, infinite
}

// nonFinite16 is NonFinite for elements of 16 bits, of which those of infinity are given:
// without their signs and as bits, NaNs are larger.
func nonFinite16(data []byte, infinity uint16) (nan, infinite bool) {
	for ; len(data) >= 2; data = data[2:] {
		if bits := binary.LittleEndian.Uint16(data) &^ (1 << 15); bits >= infinity {
			nan, infinite = nan || bits > infinity, infinite || bits == infinity
		}
	}
	return nan, infinite
}

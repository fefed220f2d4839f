package asm

// RowsOf gives a set's functions over rows.
func RowsOf(s Set) *Rows {
	switch s {
	case AVX512:
		return &rowsAVX512
	case AVX2:
		return &rowsAVX2
	}
	return &Rows{}
}

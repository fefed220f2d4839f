package asm

// F32Tiles are the tiles of f32, or nil.
func F32Tiles(s Set) *Tiles {
	switch s {
	case AVX512:
		return &Tiles{Rows: 14, Wide: 6, Lane: 16, table: &tilesF32AVX512}
	case AVX2:
		return &Tiles{Rows: 6, Wide: 2, Lane: 8, table: &tilesF32AVX2}
	}
	return nil
}

// F64Tiles are the tiles of f64, or nil.
func F64Tiles(s Set) *Tiles {
	switch s {
	case AVX512:
		return &Tiles{Rows: 14, Wide: 6, Lane: 8, table: &tilesF64AVX512}
	case AVX2:
		return &Tiles{Rows: 6, Wide: 2, Lane: 4, table: &tilesF64AVX2}
	}
	return nil
}

package asm

type dotsPair = struct{ One, Four func(*Dots) }

var (
	f32AVX512 = Products{Rows: 14, Wide: 6, Lane: 16, table: &tilesF32AVX512, Copy: copiesAVX512,
		Transpose: transposeF32AVX2, Square: 8, Few: 3,
		Dots: [4]dotsPair{1: {dotsF32AVX512r1c1, dotsF32AVX512r1c4}, 2: {dotsF32AVX512r2c1, dotsF32AVX512r2c4},
			3: {dotsF32AVX512r3c1, dotsF32AVX512r3c4}}}
	f64AVX512 = Products{Rows: 14, Wide: 6, Lane: 8, table: &tilesF64AVX512, Copy: copiesAVX512,
		Transpose: transposeF64AVX2, Square: 4, Few: 3,
		Dots: [4]dotsPair{1: {dotsF64AVX512r1c1, dotsF64AVX512r1c4}, 2: {dotsF64AVX512r2c1, dotsF64AVX512r2c4},
			3: {dotsF64AVX512r3c1, dotsF64AVX512r3c4}}}
	f32AVX2 = Products{Rows: 6, Wide: 2, Lane: 8, table: &tilesF32AVX2, Copy: copiesAVX2,
		Transpose: transposeF32AVX2, Square: 8, Few: 2,
		Dots: [4]dotsPair{1: {dotsF32AVX2r1c1, dotsF32AVX2r1c4}, 2: {dotsF32AVX2r2c1, dotsF32AVX2r2c4}}}
	f64AVX2 = Products{Rows: 6, Wide: 2, Lane: 4, table: &tilesF64AVX2, Copy: copiesAVX2,
		Transpose: transposeF64AVX2, Square: 4, Few: 2,
		Dots: [4]dotsPair{1: {dotsF64AVX2r1c1, dotsF64AVX2r1c4}, 2: {dotsF64AVX2r2c1, dotsF64AVX2r2c4}}}

	copiesAVX512 = [3]func(*Copy){1: copyRowsAVX512v1, 2: copyRowsAVX512v2}
	copiesAVX2   = [3]func(*Copy){1: copyRowsAVX2v1, 2: copyRowsAVX2v2}
)

// ProductsOf are the functions for elements of so many bytes, 4 for f32 and 8 for f64, or
// nil if there are none.
func ProductsOf(s Set, elementSize int) *Products {
	switch {
	case s == AVX512 && elementSize == 4:
		return &f32AVX512
	case s == AVX512:
		return &f64AVX512
	case s == AVX2 && elementSize == 4:
		return &f32AVX2
	case s == AVX2:
		return &f64AVX2
	}
	return nil
}

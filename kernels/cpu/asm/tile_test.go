package asm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// float is what the tests put into tiles.
type float interface{ float32 | float64 }

func address[T any](x *T) uintptr { return uintptr(unsafe.Pointer(x)) }

// fused is x·y + z with one rounding.
func fused[T float](x, y, z T) T {
	if unsafe.Sizeof(x) == 8 {
		return T(math.FMA(float64(x), float64(y), float64(z)))
	}
	// The product is exact in f64. The sum is rounded twice, but rounding to odd first
	// makes that one.
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	low := p - (s - (s - p)) + (c - (s - p))
	if low != 0 && math.Float64bits(s)&1 == 0 && !math.IsInf(s, 0) {
		if (low > 0) == (s > 0) {
			s = math.Float64frombits(math.Float64bits(s) + 1)
		} else {
			s = math.Float64frombits(math.Float64bits(s) - 1)
		}
	}
	return T(s)
}

// Every function gives the bits of a loop of fused multiply-adds, for operands that lie
// in any way and end where memory ends.
func TestTilesAreSumsInOrderThatTouchNothingElse(t *testing.T) {
	for _, set := range Sets() {
		if set != Go {
			testTiles[float32](t, set)
			testTiles[float64](t, set)
		}
	}
}

func testTiles[T float](t *testing.T, set Set) {
	r := rand.New(rand.NewPCG(1, 2))
	size := int(unsafe.Sizeof(*new(T)))
	tiles := ProductsOf(set, size)
	for rows := 1; rows <= tiles.Rows; rows++ {
		for _, vectors := range []int{1, 2, 4} {
			if vectors == 4 && rows > tiles.Wide {
				continue
			}
			for _, last := range []int{1, tiles.Lane/2 + 1, tiles.Lane} {
				name := fmt.Sprintf("%s, f%d, %d rows, %d vectors, of the last %d", set, 8*size, rows, vectors, last)
				columns := (vectors-1)*tiles.Lane + last
				k, count := 1+r.IntN(9), 1+r.IntN(3)
				transposed, add := r.IntN(2) == 1, r.IntN(2)
				bRow, cRow := columns+r.IntN(3), columns+r.IntN(3)
				aRow, aCol := k+r.IntN(3), 1
				if transposed {
					aRow, aCol = 1, rows*count+r.IntN(3)
				}
				a := guarded[T](t, (rows*count-1)*aRow+(k-1)*aCol+1)
				b := guarded[T](t, (k-1)*bRow+columns)
				c := guarded[T](t, (rows*count-1)*cRow+columns)
				for _, s := range [][]T{a, b, c} {
					for i := range s {
						s[i] = T(r.NormFloat64())
					}
				}
				want := append([]T(nil), c...)
				for i := range rows * count {
					for j := range columns {
						sum := want[i*cRow+j]
						if add == 0 {
							sum = 0
						}
						for l := range k {
							sum = fused(a[i*aRow+l*aCol], b[l*bRow+j], sum)
						}
						want[i*cRow+j] = sum
					}
				}
				tile := &Tile{A: address(&a[0]), B: address(&b[0]), C: address(&c[0]), K: k,
					ARow: aRow * size, ACol: aCol * size, BRow: bRow * size, CRow: cRow * size, Count: count, ATile: rows * aRow * size, Add: add}
				tile.Only(last, size)
				tiles.Tile(rows, vectors, last < tiles.Lane)(tile)
				require.Equal(t, want, c, name)
			}
		}
	}
}

func TestPackedRowsAndTransposesAreCopies(t *testing.T) {
	for _, set := range Sets() {
		if set != Go {
			testPacking[float32](t, set)
			testPacking[float64](t, set)
		}
	}
}

func testPacking[T float](t *testing.T, set Set) {
	size := int(unsafe.Sizeof(*new(T)))
	p := ProductsOf(set, size)
	for vectors := 1; vectors <= 2; vectors++ {
		for last := 1; last <= p.Lane; last++ {
			const rows = 3
			columns, wide := (vectors-1)*p.Lane+last, vectors*p.Lane
			from, to := guarded[T](t, rows*columns), guarded[T](t, rows*wide)
			for i := range from {
				from[i] = T(i + 1)
			}
			for i := range to {
				to[i] = -1
			}
			x := &Copy{From: address(&from[0]), To: address(&to[0]), Rows: rows, FromRow: columns * size, ToRow: wide * size}
			x.Mask, x.Lanes = Only(last*size/4, 4)
			p.Copy[vectors](x)
			for i := range to {
				want := T(0)
				if i%wide < columns {
					want = from[i/wide*columns+i%wide]
				}
				require.Equal(t, want, to[i], "%s, %d of vector %d", set, last, vectors)
			}
		}
	}
	n := p.Square
	for count := 1; count <= 3; count++ {
		row := n*count + 1
		from, to := guarded[T](t, (n-1)*row+n*count), guarded[T](t, n*count*n)
		for i := range from {
			from[i] = T(i + 1)
		}
		p.Transpose(&Transpose{From: address(&from[0]), To: address(&to[0]), Count: count, FromRow: row * size, ToRow: n * size})
		for i, v := range to {
			require.Equal(t, from[i%n*row+i/n], v, "%s, %d squares", set, count)
		}
	}
}

// The order in which lanes are joined is the set's own, so sums are compared with exact
// ones: of small whole numbers.
func TestDotsAreSumsOfProducts(t *testing.T) {
	for _, set := range Sets() {
		if set != Go {
			testDots[float32](t, set)
			testDots[float64](t, set)
		}
	}
}

func testDots[T float](t *testing.T, set Set) {
	r := rand.New(rand.NewPCG(3, 4))
	size := int(unsafe.Sizeof(*new(T)))
	p := ProductsOf(set, size)
	for rows := 1; rows <= p.Few; rows++ {
		for _, columns := range []int{1, 4} {
			for k := 1; k <= 3*p.Lane; k++ {
				count, aRow, bRow, cCol := 1+r.IntN(3), k+r.IntN(3), k+r.IntN(3), 1+r.IntN(2)
				cRow := count*columns*cCol + r.IntN(2)
				a, b := guarded[T](t, (rows-1)*aRow+k), guarded[T](t, (count*columns-1)*bRow+k)
				c := guarded[T](t, (rows-1)*cRow+(count*columns-1)*cCol+1)
				for _, s := range [][]T{a, b} {
					for i := range s {
						s[i] = T(r.IntN(19) - 9)
					}
				}
				want := make([]T, len(c))
				for i := range rows {
					for j := range count * columns {
						for l := range k {
							want[i*cRow+j*cCol] += a[i*aRow+l] * b[j*bRow+l]
						}
					}
				}
				x := &Dots{A: address(&a[0]), B: address(&b[0]), C: address(&c[0]), Vectors: k / p.Lane,
					ARow: aRow * size, BRow: bRow * size, CRow: cRow * size, CCol: cCol * size, Count: count}
				if rest := k % p.Lane; rest > 0 {
					x.Rest = 1
					x.Mask, x.Lanes = Only(rest, size)
				}
				run := p.Dots[rows].One
				if columns == 4 {
					run = p.Dots[rows].Four
				}
				run(x)
				require.Equal(t, want, c, "%s, f%d, %d rows, %d columns, %d elements", set, 8*size, rows, columns, k)
			}
		}
	}
}

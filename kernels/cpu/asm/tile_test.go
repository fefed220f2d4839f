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
		if tiles := F32Tiles(set); tiles != nil {
			testTiles[float32](t, set, tiles)
		}
		if tiles := F64Tiles(set); tiles != nil {
			testTiles[float64](t, set, tiles)
		}
	}
}

func testTiles[T float](t *testing.T, set Set, tiles *Tiles) {
	r := rand.New(rand.NewPCG(1, 2))
	size := int(unsafe.Sizeof(*new(T)))
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
				tile := &Tile{A: unsafe.Pointer(&a[0]), B: unsafe.Pointer(&b[0]), C: unsafe.Pointer(&c[0]), K: k,
					ARow: aRow * size, ACol: aCol * size, BRow: bRow * size, CRow: cRow * size, Count: count, ATile: rows * aRow * size, Add: add}
				tile.Only(last, size)
				tiles.Of(rows, vectors, last < tiles.Lane)(tile)
				require.Equal(t, want, c, name)
			}
		}
	}
}

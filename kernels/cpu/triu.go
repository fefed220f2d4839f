package cpu

// triu: x on and above a diagonal of its last two dimensions, else 0. Diagonal 0 is the
// main one, larger ones lie above it.
//
// x [..., n, m] → out [..., n, m]. Bound by bytes.
func init() {
	register("triu", on(first, bySize(triangle(triuClears[uint8]), triangle(triuClears[uint16]),
		triangle(triuClears[uint32]), triangle(triuClears[uint64]))))
}

// triuClears gives the part of row i that is cleared.
func triuClears[T any](row []T, i, diagonal int) []T {
	return row[:min(max(i+diagonal, 0), len(row))]
}

package cpu

// tril: x on and below a diagonal of its last two dimensions, else 0. Diagonal 0 is the
// main one, larger ones lie above it.
//
// x [..., n, m] → out [..., n, m]. Bound by bytes.
func init() {
	register("tril", on(first, bySize(triangle(trilClears[uint8]), triangle(trilClears[uint16]),
		triangle(trilClears[uint32]), triangle(trilClears[uint64]))))
}

// trilClears gives the part of row i that is cleared.
func trilClears[T any](row []T, i, diagonal int) []T {
	return row[min(max(i+diagonal+1, 0), len(row)):]
}

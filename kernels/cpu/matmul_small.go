package cpu

import "unsafe"

// matmulOuter is a product with k = 1: a column times a row.
func matmulOuter[T number](out, a, b []T, p *product) {
	for i := range p.m {
		x := a[i*p.aRow]
		row := out[i*p.n : (i+1)*p.n]
		if p.bCol == 1 {
			for j, y := range b[:len(row)] {
				row[j] = x * y
			}
			continue
		}
		for j := range row {
			row[j] = x * b[j*p.bCol]
		}
	}
}

// matmulSmall goes straight at the operands, four columns at a time. The
// plan has checked that all places lie inside of them.
func matmulSmall[T number](out, a, b []T, p *product) {
	size := unsafe.Sizeof(*new(T))
	pa, pb := unsafe.Pointer(unsafe.SliceData(a)), unsafe.Pointer(unsafe.SliceData(b))
	aCol, bRow, bCol := uintptr(p.aCol)*size, uintptr(p.bRow)*size, uintptr(p.bCol)*size
	for i := range p.m {
		rowA := unsafe.Add(pa, uintptr(i*p.aRow)*size)
		row := out[i*p.n : (i+1)*p.n]
		j := 0
		for ; j+4 <= p.n; j += 4 {
			var s0, s1, s2, s3 T
			ia, ib := uintptr(0), uintptr(j)*bCol
			for range p.k {
				x := *(*T)(unsafe.Add(rowA, ia))
				s0 += x * *(*T)(unsafe.Add(pb, ib))
				s1 += x * *(*T)(unsafe.Add(pb, ib+bCol))
				s2 += x * *(*T)(unsafe.Add(pb, ib+2*bCol))
				s3 += x * *(*T)(unsafe.Add(pb, ib+3*bCol))
				ia += aCol
				ib += bRow
			}
			row[j], row[j+1], row[j+2], row[j+3] = s0, s1, s2, s3
		}
		for ; j < p.n; j++ {
			var s T
			ia, ib := uintptr(0), uintptr(j)*bCol
			for range p.k {
				s += *(*T)(unsafe.Add(rowA, ia)) * *(*T)(unsafe.Add(pb, ib))
				ia += aCol
				ib += bRow
			}
			row[j] = s
		}
	}
}

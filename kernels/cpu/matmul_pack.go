package cpu

import (
	"unsafe"

	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// packColumns packs a block of B: panel after panel of wide columns, each with its rows
// one after another. What lies beside the last columns isn't read.
func (w *tiler) packColumns(b unsafe.Pointer, cols, depth int) {
	whole := cols / w.wide
	panel := w.wide * depth * w.size
	if w.bCol == 1 {
		c := &w.copy
		c.FromRow, c.ToRow = w.wide*w.size, panel
		if whole > 0 { // a row of b at a time, as memory is read best
			c.Rows = whole
			c.Mask, c.Lanes = asm.Only(w.f.Lane*w.size/4, 4)
			for l := range depth {
				c.From, c.To = uintptr(b)+uintptr(l*w.bRow*w.size), uintptr(w.b)+uintptr(l*w.wide*w.size)
				w.f.Copy[2](c)
			}
		}
		if rest := cols % w.wide; rest > 0 {
			vectors := (rest + w.f.Lane - 1) / w.f.Lane
			c.Rows, c.FromRow, c.ToRow = depth, w.bRow*w.size, w.wide*w.size
			c.Mask, c.Lanes = asm.Only((rest-(vectors-1)*w.f.Lane)*w.size/4, 4)
			c.From, c.To = uintptr(b)+uintptr(whole*w.wide*w.size), uintptr(w.b)+uintptr(whole*panel)
			w.f.Copy[vectors](c)
		}
		return
	}
	for j := 0; j < cols; j += w.wide {
		w.packTransposed(unsafe.Add(w.b, j/w.wide*panel), unsafe.Add(b, j*w.bCol*w.size), min(w.wide, cols-j), depth)
	}
}

// packTransposed packs one panel of columns whose elements lie side by side: squares by
// assembly, and what remains, of columns and rows, one by one.
func (w *tiler) packTransposed(to, b unsafe.Pointer, cols, depth int) {
	square := w.f.Square
	deep := 0
	if squares := depth / square; squares > 0 {
		deep = squares * square
		t := &w.transpose
		t.Count, t.FromRow, t.ToRow = squares, w.bCol*w.size, w.wide*w.size
		for j := 0; j+square <= cols; j += square {
			t.From, t.To = uintptr(b)+uintptr(j*w.bCol*w.size), uintptr(to)+uintptr(j*w.size)
			w.f.Transpose(t)
		}
	}
	for j := range cols {
		first := 0
		if j < cols/square*square {
			first = deep
		}
		if first == depth {
			continue
		}
		spread(unsafe.Add(to, (first*w.wide+j)*w.size), unsafe.Add(b, (j*w.bCol+first)*w.size), w.size, depth-first, w.wide, 1)
	}
}

// spread copies n elements of 4 or 8 bytes that lie step apart, toStep apart.
func spread(to, from unsafe.Pointer, size, n, toStep, step int) {
	if size == 4 {
		for i := range n {
			*(*uint32)(unsafe.Add(to, i*toStep*4)) = *(*uint32)(unsafe.Add(from, i*step*4))
		}
		return
	}
	for i := range n {
		*(*uint64)(unsafe.Add(to, i*toStep*8)) = *(*uint64)(unsafe.Add(from, i*step*8))
	}
}

// packRows packs rows of A whose elements lie side by side.
func (w *tiler) packRows(a unsafe.Pointer, rows, depth int) {
	row := depth * w.size
	for i := range rows {
		to, from := unsafe.Add(w.a, i*w.packedRow()*w.size), unsafe.Add(a, i*w.aRow*w.size)
		copy(unsafe.Slice((*byte)(to), row), unsafe.Slice((*byte)(from), row))
	}
}

// packSlices packs a transposed A: tile after tile, each with the elements of a column side
// by side.
func (w *tiler) packSlices(a unsafe.Pointer, tiles, taller, high, depth int) {
	vectors := (high + w.f.Lane - 1) / w.f.Lane
	c := &w.copy
	c.Rows, c.FromRow, c.ToRow = depth, w.aCol*w.size, vectors*w.f.Lane*w.size
	c.From, c.To = uintptr(a), uintptr(w.a)
	for i := range tiles {
		rows := high
		if i >= taller {
			rows--
		}
		there := (rows + w.f.Lane - 1) / w.f.Lane
		if i == 0 || i == taller {
			c.Mask, c.Lanes = asm.Only((rows-(there-1)*w.f.Lane)*w.size/4, 4)
		}
		w.f.Copy[there](c)
		c.From += uintptr(rows * w.size)
		c.To += uintptr(depth * c.ToRow)
	}
}

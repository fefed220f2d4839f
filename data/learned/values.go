package learned

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/flowrun/flowrun/data/table"
)

// Values are a field's values of some examples.
type Values struct {
	Field  *table.Field
	Table  table.Table
	Column int // the field's number in the table
	Rows   Rows
}

// Rows are rows of a table, ascending.
type Rows interface {
	Len() int64
	At(i int64) int64
}

// pieceBytes is about how many bytes are read at once.
const pieceBytes = 256 << 10

// scan reads the values piece by piece, in the rows' order.
func (v *Values) scan(ctx context.Context, each func(rows []int64, values []byte) error) error {
	return v.read(ctx, each, func(i int64) int64 { return i + 1 })
}

// read reads the values of the first example, and of those that next leads to.
func (v *Values) read(ctx context.Context, each func(rows []int64, values []byte) error, next func(i int64) int64) error {
	size := int64(v.Table.Column(v.Column).Type.Bytes())
	few := max(1, pieceBytes/max(size, 8))
	rows := make([]int64, 0, min(few, v.Rows.Len()))
	buffer := make([]byte, int64(cap(rows))*size)
	for i := int64(0); i < v.Rows.Len(); {
		rows = rows[:0]
		for ; i < v.Rows.Len() && len(rows) < cap(rows); i = next(i) {
			rows = append(rows, v.Rows.At(i))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		values := buffer[:int64(len(rows))*size]
		if err := v.Table.Read(v.Column, rows, values); err != nil {
			return err
		}
		if err := each(rows, values); err != nil {
			return err
		}
	}
	return nil
}

// codes reads the codes of texts, piece by piece. Where examples overlap, only as many are
// read as together contain all values of all of them.
func (v *Values) codes(ctx context.Context, each func(row int64, codes []byte) error) error {
	size := v.Table.Column(v.Column).Type.Bytes()
	pieces := func(rows []int64, values []byte) error {
		for i, row := range rows {
			if err := each(row, values[i*size:(i+1)*size]); err != nil {
				return err
			}
		}
		return nil
	}
	o, ok := v.Table.(table.Overlapping)
	if !ok || o.OverlapOf(v.Column) < 2 {
		return v.scan(ctx, pieces)
	}
	return v.read(ctx, pieces, func(i int64) int64 { return v.jump(i, o.OverlapOf(v.Column)) })
}

// jump gives the last example that shares values with the i-th, or the next one. Those in
// between have no values that neither has, if they are of one file.
func (v *Values) jump(i, overlap int64) int64 {
	row := v.Rows.At(i)
	far := i + 1
	for low, high := i+1, min(i+overlap, v.Rows.Len()-1); low <= high; {
		mid := (low + high) / 2
		if v.Rows.At(mid) <= row+overlap {
			far, low = mid, mid+1
		} else {
			high = mid - 1
		}
	}
	if far > i+1 && v.Table.At(v.Rows.At(far), v.Column).File != v.Table.At(row, v.Column).File {
		return i + 1
	}
	return far
}

// codeAt is the i-th code.
func codeAt(codes []byte, i int) int32 { return int32(binary.LittleEndian.Uint32(codes[4*i:])) }

// count counts how often each text occurs.
func (v *Values) count(ctx context.Context) ([]int64, error) {
	counts := make([]int64, len(v.Table.Column(v.Column).Texts))
	err := v.codes(ctx, func(row int64, codes []byte) error {
		for i := range len(codes) / 4 {
			code := codeAt(codes, i)
			if code < 0 || int(code) >= len(counts) {
				return fmt.Errorf("%s: the text %d of %d", v.Table.At(row, v.Column), code, len(counts))
			}
			counts[code]++
		}
		return nil
	})
	return counts, err
}

// place says where an element is.
func (v *Values) place(row int64, element int) table.Place {
	if s, ok := v.Table.(table.Sequenced); ok {
		return s.ElementAt(row, v.Column, element)
	}
	return v.Table.At(row, v.Column)
}

package data

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// convert makes a field's values of what a table stores.
type convert struct {
	ids   []int64 // by the codes of texts; nil: no texts
	fill  []float64
	mean  []float64
	scale []float64 // the standard deviation; both nil: not normalized
}

// learnt prepares a field for its facts.
func (f *field) learnt(fact *learned.Fact, ids []int64) error {
	d := f.decl
	if f.ids = ids; ids != nil {
		for code, id := range ids {
			if id >= 0 && !d.Type.DType.HasInt(id) {
				return fmt.Errorf("the field %s is %s, which the id %d of %q doesn't fit", d.Name, d.Type, id, f.stored.Texts[code])
			}
		}
		return nil
	}
	if fact == nil {
		return nil
	}
	f.fill = fact.Fill
	if d.Normalize == table.NotNormalized {
		return nil
	}
	n := d.Type.Shape.Numel()
	f.mean, f.scale = make([]float64, n), make([]float64, n)
	for i := range n {
		k := i % len(fact.Mean)
		f.mean[i], f.scale[i] = fact.Mean[k], fact.Std[k]
		if f.scale[i] == 0 {
			f.scale[i] = 1 // all values are equal
		}
	}
	return nil
}

// read writes values of some rows into dst. scratch is for what is stored in another form,
// at least as long as that.
func (f *field) read(t table.Table, rows []int64, dst, scratch []byte) error {
	stored := f.rawOf(len(rows), dst, scratch)
	if err := t.Read(f.column, rows, stored); err != nil {
		return err
	}
	return f.finish(t, rows, dst, stored)
}

// rawOf is where the stored values of n rows are read to: dst, unless they have another
// form than those of the field.
func (f *field) rawOf(n int, dst, scratch []byte) []byte {
	if f.ids == nil {
		return dst
	}
	return scratch[:n*f.stored.Type.Bytes()]
}

// finish makes the field's values of stored ones.
func (f *field) finish(t table.Table, rows []int64, dst, stored []byte) error {
	if f.ids == nil {
		if f.fill != nil || f.mean != nil {
			f.adjust(dst)
		}
		return nil
	}
	dtype := f.decl.Type.DType
	size := dtype.Size()
	for i := 0; i < len(stored); i += 4 {
		code := binary.LittleEndian.Uint32(stored[i:])
		if int64(code) >= int64(len(f.ids)) || f.ids[code] < 0 {
			return fmt.Errorf("%s: it was changed while it was being read: the text %d isn't known", t.At(rows[0], f.column), code)
		}
		putInt(dtype, dst[i/4*size:], f.ids[code])
	}
	return nil
}

// adjust fills what is missing and normalizes, in double precision.
func (f *field) adjust(dst []byte) {
	dtype := f.decl.Type.DType
	size, n, element := dtype.Size(), f.decl.Type.Shape.Numel(), 0
	if dtype == ir.F32 && f.fill == nil && n > 0 {
		f.normalize32(dst, n)
		return
	}
	for ; len(dst) > 0; dst = dst[size:] {
		x := learned.Float(dtype, dst)
		if x != x && f.fill != nil {
			x = f.fill[element]
		}
		if f.mean != nil {
			x = (x - f.mean[element]) / f.scale[element]
		}
		putFloat(dtype, dst, x)
		if element++; element == n {
			element = 0
		}
	}
}

// normalize32 is adjust for the most common case.
func (f *field) normalize32(dst []byte, n int) {
	mean, scale := f.mean[:n], f.scale[:n]
	for ; len(dst) >= 4*n; dst = dst[4*n:] {
		example := dst[:4*n]
		for i := range n {
			b := example[4*i : 4*i+4 : 4*i+4]
			x := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
			binary.LittleEndian.PutUint32(b, math.Float32bits(float32((x-mean[i])/scale[i])))
		}
	}
}

func putFloat(d ir.DType, b []byte, x float64) {
	switch d {
	case ir.F32:
		binary.LittleEndian.PutUint32(b, math.Float32bits(float32(x)))
	case ir.F16:
		binary.LittleEndian.PutUint16(b, ir.F64ToF16(x))
	case ir.BF16:
		binary.LittleEndian.PutUint16(b, ir.F64ToBF16(x))
	default:
		binary.LittleEndian.PutUint64(b, math.Float64bits(x))
	}
}

// putInt writes an integer that is known to fit.
func putInt(d ir.DType, b []byte, v int64) {
	switch d.Size() {
	case 1:
		b[0] = byte(v)
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, uint64(v))
	}
}

func getInt(d ir.DType, b []byte) int64 {
	switch d.Size() {
	case 1:
		return int64(b[0])
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

// Prepare makes of a field's values, dense elements of its type, what batches have: missing
// ones, NaN, are filled, and all are normalized, as was learned. fact may be nil.
func Prepare(d *table.Field, fact *learned.Fact, values []byte) error {
	f := field{decl: d}
	if err := f.learnt(fact, nil); err != nil {
		return err
	}
	if d.Fill.By == table.FillValue && d.Type.DType.IsFloat() {
		f.fill = slices.Repeat([]float64{d.Fill.Value}, d.Type.Shape.Numel())
	}
	if f.fill != nil || f.mean != nil {
		f.adjust(values)
	}
	return nil
}

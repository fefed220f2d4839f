package data

import (
	"context"
	"math"

	"github.com/flowrun/flowrun/data/learned"
)

// Statistics describe the values of a field, or of one of its elements, as stored: before
// they are filled and normalized. Mean and Std are of the values that are neither missing
// nor NaN nor infinite, the standard deviation that of all of them (divided by their
// number).
type Statistics struct {
	Count     int64   // values that are there
	Missing   int64   // values to be filled by what is learned
	NonFinite int64   // NaNs and infinities among those that are there
	Min, Max  float64 // of the finite ones; 0 if there are none
	MinInt    int64   // of integers, exactly
	MaxInt    int64
	Mean, Std float64

	squares float64
}

// add counts a value, by Welford's method.
func (s *Statistics) add(x float64, whole int64) {
	s.Count++
	if math.IsNaN(x) || math.IsInf(x, 0) {
		s.NonFinite++
		return
	}
	n := s.Count - s.NonFinite
	if n == 1 {
		s.Min, s.Max, s.MinInt, s.MaxInt = x, x, whole, whole
	}
	s.Min, s.Max = min(s.Min, x), max(s.Max, x)
	s.MinInt, s.MaxInt = min(s.MinInt, whole), max(s.MaxInt, whole)
	d := x - s.Mean
	s.Mean += d / float64(n)
	s.squares += d * (x - s.Mean)
}

// statisticsBytes is about how many bytes are read at once.
const statisticsBytes = 256 << 10

// Statistics reads a field's values of all examples: all elements together, or each by
// itself. Where examples overlap, as windows of a text do, so many are left out that none
// do.
func (s *Source) Statistics(ctx context.Context, field string, each bool) ([]Statistics, error) {
	p, f, err := s.examples(field, 0, 0)
	if err != nil {
		return nil, err
	}
	n := 1
	if each {
		n = f.stored.Type.Shape.Numel()
	}
	all := make([]Statistics, n)
	dtype := f.stored.Type.DType
	size, numel := dtype.Size(), f.stored.Type.Shape.Numel()
	missing := f.fill != nil
	err = s.scan(ctx, p, f, func(b []byte) {
		for i := 0; len(b) > 0; b = b[size:] {
			var x float64
			var whole int64
			if dtype.IsFloat() {
				x = learned.Float(dtype, b)
			} else {
				whole = getInt(dtype, b)
				x = float64(whole)
			}
			if to := &all[i%n]; missing && x != x {
				to.Missing++
			} else {
				to.add(x, whole)
			}
			if i++; i == numel {
				i = 0
			}
		}
	})
	for i := range all {
		if k := all[i].Count - all[i].NonFinite; k > 0 {
			all[i].Std = math.Sqrt(all[i].squares / float64(k))
		}
	}
	return all, err
}

// Counts counts how often each id of a field with classes occurs, by the ids.
func (s *Source) Counts(ctx context.Context, field string) (map[int64]int64, error) {
	p, f, err := s.examples(field, 0, 0)
	if err != nil {
		return nil, err
	}
	counts := map[int64]int64{}
	size := f.stored.Type.DType.Size()
	err = s.scan(ctx, p, f, func(b []byte) {
		for ; len(b) > 0; b = b[size:] {
			id := getInt(f.stored.Type.DType, b)
			if f.ids != nil {
				if id < 0 || id >= int64(len(f.ids)) {
					continue // the file was changed, which reading a batch reports
				}
				id = f.ids[id]
			}
			counts[id]++
		}
	})
	return counts, err
}

// scan reads the stored values of all examples, or of as many as don't overlap.
func (s *Source) scan(ctx context.Context, p *part, f *field, each func(values []byte)) error {
	size := max(1, int64(f.stored.Type.Bytes()))
	few := max(1, statisticsBytes/max(size, 8))
	stride := int64(1)
	for _, c := range s.Columns() {
		if c.Field.Name == f.decl.Name {
			stride += c.Overlap
		}
	}
	rows := make([]int64, 0, min(few, p.n))
	buffer := make([]byte, int64(cap(rows))*int64(f.stored.Type.Bytes()))
	l := p.leaves[f.leaf]
	for i := int64(0); i < p.n; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rows = rows[:0]
		for ; i < p.n && len(rows) < cap(rows); i += stride {
			rows = append(rows, l.rows.At(i))
		}
		values := buffer[:len(rows)*f.stored.Type.Bytes()]
		if err := l.table.Read(f.column, rows, values); err != nil {
			return err
		}
		each(values)
	}
	return nil
}

package learned

import (
	"context"
	"fmt"
	"math"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// Learn learns what is needed of fields. Values of fields with the same name are taken
// together.
func Learn(ctx context.Context, all []Values) (Facts, error) {
	facts := Facts{}
	for _, v := range all {
		d := v.Field
		if facts[d.Name] != nil || !Needed(d) {
			continue
		}
		var same []Values
		for _, w := range all {
			if w.Field.Name == d.Name || d.Classes != nil && d.Classes.Vocabulary && w.Field.Classes != nil && w.Field.Classes.Vocabulary {
				same = append(same, w)
			}
		}
		fact, err := learn(ctx, d, same)
		if err != nil {
			return nil, err
		}
		facts[d.Name] = fact
	}
	return facts, nil
}

func learn(ctx context.Context, d *table.Field, values []Values) (*Fact, error) {
	if d.Classes != nil {
		return classes(ctx, values)
	}
	fact := &Fact{}
	var each []moments
	if d.Normalize == table.PerElement || d.Fill.By == table.FillMean {
		var err error
		if each, err = momentsOf(ctx, values, d.Type.Shape.Numel()); err != nil {
			return nil, err
		}
	}
	whole := each
	if d.Normalize == table.PerField {
		var err error
		if whole, err = momentsOf(ctx, values, 1); err != nil {
			return nil, err
		}
	}
	if d.Normalize != table.NotNormalized {
		for _, m := range whole {
			fact.Mean = append(fact.Mean, m.mean)
			fact.Std = append(fact.Std, math.Sqrt(m.squares/float64(m.n)))
		}
	}
	if fills(d) && d.Fill.By == table.FillMean {
		for _, m := range each {
			fact.Fill = append(fact.Fill, m.mean)
		}
	}
	if fills(d) && d.Fill.By == table.FillMedian {
		var err error
		if fact.Fill, err = medians(ctx, values, d.Type.Shape.Numel()); err != nil {
			return nil, err
		}
	}
	for _, v := range [][]float64{fact.Mean, fact.Std, fact.Fill} {
		for _, x := range v {
			if math.IsInf(x, 0) || math.IsNaN(x) {
				return nil, fmt.Errorf("the field %s: its values are too large for a mean or a standard deviation", d.Name)
			}
		}
	}
	return fact, nil
}

// moments are a mean and a sum of squared distances from it, kept up to date by Welford's
// method, in which nothing cancels.
type moments struct {
	n             int64
	mean, squares float64
}

func (m *moments) add(x float64) {
	m.n++
	d := x - m.mean
	m.mean += d / float64(m.n)
	m.squares += d * (x - m.mean)
}

// momentsOf are those of n elements, or, if n is 1, of all values.
func momentsOf(ctx context.Context, values []Values, n int) ([]moments, error) {
	m := make([]moments, n)
	for _, v := range values {
		err := v.floats(ctx, func(element int, x float64) { m[element%n].add(x) })
		if err != nil {
			return nil, err
		}
	}
	for i := range m {
		if m[i].n == 0 {
			return nil, nothing(values[0].Field, i)
		}
	}
	return m, nil
}

// nothing is the error for an element without values.
func nothing(d *table.Field, element int) error {
	if d.Type.Shape.Numel() == 1 {
		return fmt.Errorf("the field %s has no value in the training data that a mean or median could be of", d.Name)
	}
	return fmt.Errorf("element %d of the field %s has no value in the training data that a mean or median could be of", element+1, d.Name)
}

// floats gives all values that aren't missing.
func (v *Values) floats(ctx context.Context, each func(element int, x float64)) error {
	typ := v.Table.Column(v.Column).Type
	size, numel := typ.DType.Size(), typ.Shape.Numel()
	if !typ.DType.IsFloat() {
		return fmt.Errorf("the field %s is %s; only floats have a mean", v.Field.Name, typ)
	}
	return v.scan(ctx, func(_ []int64, values []byte) error {
		element := 0
		for ; len(values) > 0; values = values[size:] {
			if x := Float(typ.DType, values); x == x {
				each(element, x)
			}
			if element++; element == numel {
				element = 0
			}
		}
		return nil
	})
}

// medianElements is how many elements' medians are found in one go: as many as need 4 MiB.
const medianElements = 1024

// medians finds the medians of n elements exactly, in constant memory: digit by digit, by
// counting, in as many passes as a value has bytes. Of an even number of values it is the
// mean of the two in the middle.
func medians(ctx context.Context, values []Values, n int) ([]float64, error) {
	all := make([]float64, 0, n)
	for first := 0; first < n; first += medianElements {
		few, err := mediansFrom(ctx, values, first, min(medianElements, n-first))
		if err != nil {
			return nil, err
		}
		all = append(all, few...)
	}
	return all, nil
}

// search looks for the value at a place in the ascending order.
type search struct {
	left   int64  // the place among those that begin with found
	found  uint64 // the digits that are known
	counts [256]int64
}

// next takes the next digit from the counts.
func (s *search) next(shift int) {
	for digit, n := range s.counts {
		if s.left < n {
			s.found |= uint64(digit) << shift
			break
		}
		s.left -= n
	}
	clear(s.counts[:])
}

func mediansFrom(ctx context.Context, values []Values, first, n int) ([]float64, error) {
	lower, upper := make([]search, n), make([]search, n)
	width := digits(values[0].Field.Type.DType)
	for shift := width - 8; shift >= 0; shift -= 8 {
		for _, v := range values {
			err := v.floats(ctx, func(element int, x float64) {
				if element -= first; element < 0 || element >= n {
					return
				}
				bits := ordered(x, width)
				for _, s := range [...]*search{&lower[element], &upper[element]} {
					if bits>>shift>>8 == s.found>>shift>>8 {
						s.counts[bits>>shift&255]++
					}
				}
			})
			if err != nil {
				return nil, err
			}
		}
		for i := range n {
			if shift == width-8 {
				total := int64(0)
				for _, n := range lower[i].counts {
					total += n
				}
				if total == 0 {
					return nil, nothing(values[0].Field, first+i)
				}
				lower[i].left, upper[i].left = (total-1)/2, total/2
			}
			lower[i].next(shift)
			upper[i].next(shift)
		}
	}
	all := make([]float64, n)
	for i := range all {
		// Halved first, so that the sum of two large ones is no infinity.
		a, b := fromOrdered(lower[i].found, width), fromOrdered(upper[i].found, width)
		if all[i] = a/2 + b/2; a == b {
			all[i] = a // also the smallest there is
		}
	}
	return all, nil
}

// ordered are the bits of a float, such that they compare as the floats do.
func ordered(x float64, width int) uint64 {
	if width == 64 {
		b := math.Float64bits(x)
		if b>>63 != 0 {
			return ^b
		}
		return b | 1<<63
	}
	b := math.Float32bits(float32(x))
	if b>>31 != 0 {
		return uint64(^b)
	}
	return uint64(b | 1<<31)
}

func fromOrdered(b uint64, width int) float64 {
	if width == 64 {
		if b>>63 == 0 {
			return math.Float64frombits(^b)
		}
		return math.Float64frombits(b &^ (1 << 63))
	}
	c := uint32(b)
	if c>>31 == 0 {
		return float64(math.Float32frombits(^c))
	}
	return float64(math.Float32frombits(c &^ (1 << 31)))
}

// digits is the width that values of a dtype are compared in.
func digits(d ir.DType) int {
	if d == ir.F64 {
		return 64
	}
	return 32
}

package weights

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Difference compares two files: A and B, in natural order.
type Difference struct {
	OnlyA, OnlyB []string
	Types        []TypeDifference   // tensors of one name whose shapes differ, or whose values can't be read
	Values       []ValuesDifference // all others

	// Beside is how many states a checkpoint has that aren't compared, because the other
	// file is none.
	Beside int
}

// TypeDifference is a tensor that isn't the same kind of thing in both files.
type TypeDifference struct {
	Name       string
	A, B       string // DTYPE[dims], with the file's names of dtypes that flowrun has not
	Transposed bool
}

// ValuesDifference compares the elements of a tensor that has one shape in both files.
type ValuesDifference struct {
	Name   string
	Shape  ir.Shape
	A, B   ir.DType
	Count  int64 // elements
	Differ int64 // elements whose values differ; NaN is like NaN, and 0 like -0

	Absolute Place   // the largest |a - b|
	Relative Place   // the largest |a - b| / max(|a|, |b|)
	Norm     float64 // of a - b, relative to that of a; infinite where a is zero
}

// Place is where a difference is largest. Its value is NaN where one of the elements
// is NaN and the other is not, infinite where only one is infinite.
type Place struct {
	Value float64
	Index []int
	A, B  float64
}

// Same reports whether the dtypes and all values agree.
func (v *ValuesDifference) Same() bool { return v.Differ == 0 && v.A == v.B }

// Equal reports whether both files have the same tensors with the same values.
func (d *Difference) Equal() bool {
	return len(d.OnlyA)+len(d.OnlyB)+len(d.Types) == 0 && !slices.ContainsFunc(d.Values, func(v ValuesDifference) bool { return !v.Same() })
}

// Compare compares two files, a piece of two tensors at a time.
func Compare(ctx context.Context, a, b *File) (*Difference, error) {
	d := &Difference{}
	namesA, namesB := compared(a, b), compared(b, a)
	d.Beside = len(a.names) - len(namesA) + len(b.names) - len(namesB)
	for _, name := range namesA {
		if !b.has(name) {
			d.OnlyA = append(d.OnlyA, name)
			continue
		}
		if t := typesDiffer(a, b, name); t != nil {
			d.Types = append(d.Types, *t)
			continue
		}
		v, err := compareValues(ctx, a, b, name)
		if err != nil {
			return nil, err
		}
		d.Values = append(d.Values, *v)
	}
	for _, name := range namesB {
		if !a.has(name) {
			d.OnlyB = append(d.OnlyB, name)
		}
	}
	return d, nil
}

// compared are the names of a file's tensors in natural order; of a checkpoint without
// what isn't a weight, if the other file is none.
func compared(f, other *File) (names []string) {
	for _, e := range f.NaturalEntries() {
		if !e.Beside || other.IsCheckpoint() {
			names = append(names, e.Name)
		}
	}
	return names
}

// has reports whether there is a tensor of that name.
func (f *File) has(name string) bool {
	_, there := slices.BinarySearch(f.names, name)
	return there
}

// typesDiffer compares what kind of thing a tensor is in two files; nil if its values
// can be compared.
func typesDiffer(a, b *File, name string) *TypeDifference {
	x, xErr := a.Type(name)
	y, yErr := b.Type(name)
	if xErr == nil && yErr == nil && x.Shape.Equal(y.Shape) {
		return nil
	}
	of := func(f *File, known ir.Type) Entry {
		raw, _ := f.Raw(name) // it is there: the names are the file's
		return Entry{DType: raw.DType, Type: ir.Type{DType: known.DType, Shape: raw.Shape}}
	}
	p, q := of(a, x), of(b, y)
	return &TypeDifference{Name: name, A: p.typeOf(), B: q.typeOf(), Transposed: isTransposed(p.Type.Shape, q.Type.Shape)}
}

func compareValues(ctx context.Context, a, b *File, name string) (*ValuesDifference, error) {
	p, err := a.pieces(name)
	q, more := b.pieces(name)
	if err := errors.Join(err, more); err != nil {
		return nil, err
	}
	// Both pieces have as many elements.
	elements := min(len(p.buffer)/p.typ.DType.Size(), len(q.buffer)/q.typ.DType.Size())
	p.buffer, q.buffer = p.buffer[:elements*p.typ.DType.Size()], q.buffer[:elements*q.typ.DType.Size()]
	v := &ValuesDifference{Name: name, Shape: p.typ.Shape, A: p.typ.DType, B: q.typ.DType, Count: int64(p.typ.Shape.Numel())}
	absolute, relative := int64(-1), int64(-1)
	var squares, ofA float64
	for p.more() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x, before, err := p.next()
		y, _, more := q.next()
		if err := errors.Join(err, more); err != nil {
			return nil, err
		}
		for i := range x.Type.Shape.Numel() {
			s, t := x.Float(i), y.Float(i)
			ofA += s * s
			if same(x, y, i, s, t) {
				continue
			}
			v.Differ++
			d := math.Abs(s - t)
			squares += d * d
			at := before + int64(i)
			if absolute < 0 || larger(d, v.Absolute.Value) {
				v.Absolute, absolute = Place{Value: d, A: s, B: t}, at
			}
			if r := relativeTo(d, s, t); relative < 0 || larger(r, v.Relative.Value) {
				v.Relative, relative = Place{Value: r, A: s, B: t}, at
			}
		}
	}
	if v.Differ > 0 {
		v.Absolute.Index, v.Relative.Index = indexOf(absolute, v.Shape), indexOf(relative, v.Shape)
		v.Norm = math.Sqrt(squares) / math.Sqrt(ofA)
	}
	return v, nil
}

// same compares element i of two tensors, whose values as floats are s and t. Integers
// that f64 rounds are compared as they are.
func same(x, y *ir.Tensor, i int, s, t float64) bool {
	if !x.Type.DType.IsFloat() && !y.Type.DType.IsFloat() {
		return x.Int(i) == y.Int(i)
	}
	return s == t || math.IsNaN(s) && math.IsNaN(t)
}

// relativeTo is a difference divided by the larger of two values.
func relativeTo(d, s, t float64) float64 {
	if math.IsInf(d, 0) {
		return d
	}
	return d / math.Max(math.Abs(s), math.Abs(t))
}

// larger reports whether a difference exceeds another; NaN exceeds everything.
func larger(d, than float64) bool {
	return d > than || math.IsNaN(d) && !math.IsNaN(than)
}

// indexOf is where an element is in a tensor of a shape.
func indexOf(at int64, shape ir.Shape) []int {
	index := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		index[i] = int(at % int64(shape[i]))
		at /= int64(shape[i])
	}
	return index
}

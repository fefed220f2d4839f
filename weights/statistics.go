package weights

import (
	"context"
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Statistics describe a tensor's values. Min to Norm are those of its finite elements,
// computed in f64; they are NaN where there are none.
type Statistics struct {
	Count    int64 // elements
	Zeros    int64
	NaN, Inf int64

	Min, Max       float64
	MinInt, MaxInt int64   // of integers, which are exact
	Mean           float64 // of all finite elements
	Std            float64 // their standard deviation: the root of the mean squared distance from Mean
	Norm           float64 // the root of the sum of squares
}

// Finite is how many elements are numbers.
func (s *Statistics) Finite() int64 { return s.Count - s.NaN - s.Inf }

// Statistics reads a tensor, a piece at a time, and describes its values.
func (f *File) Statistics(ctx context.Context, name string) (*Statistics, error) {
	s, err := f.statistics(ctx, name, 1)
	if err != nil || s.Finite() == 0 {
		return s, err
	}
	// Squares of what f64 holds may be too large or too small for it.
	largest := math.Max(math.Abs(s.Min), math.Abs(s.Max))
	if largest > 1e140 || largest != 0 && largest < 1e-140 {
		_, exponent := math.Frexp(largest)
		return f.statistics(ctx, name, math.Ldexp(1, -max(exponent, -1000)))
	}
	return s, nil
}

// statistics computes mean, std and norm of the elements times a power of two.
func (f *File) statistics(ctx context.Context, name string, scale float64) (*Statistics, error) {
	s := &Statistics{Min: math.Inf(1), Max: math.Inf(-1), MinInt: math.MaxInt64, MaxInt: math.MinInt64}
	var m moments
	err := f.each(ctx, name, func(piece *ir.Tensor) {
		n := piece.Type.Shape.Numel()
		for from := 0; from < n; from += block {
			m.join(s.block(piece, from, min(from+block, n), scale))
		}
	})
	s.Mean, s.Std, s.Norm = m.sum/m.n/scale, math.Sqrt(m.deviation/m.n)/scale, math.Sqrt(m.squares)/scale
	if m.n == 0 {
		s.Min, s.Max, s.Norm = math.NaN(), math.NaN(), math.NaN()
	}
	return s, err
}

// block is how many elements are summed at a time, so that rounding errors stay small.
const block = 1024

// block gathers elements of a piece, and gives the moments of the finite ones.
func (s *Statistics) block(piece *ir.Tensor, from, to int, scale float64) (p moments) {
	var buffer [block]float64
	values := buffer[:0]
	for i := from; i < to; i++ {
		if x := piece.Float(i); s.add(x) {
			values = append(values, x*scale)
		}
	}
	for _, x := range values {
		p.sum += x
	}
	p.n = float64(len(values))
	mean := p.sum / p.n
	for _, x := range values {
		p.deviation += (x - mean) * (x - mean)
		p.squares += x * x
	}
	if !piece.Type.DType.IsFloat() {
		for i := from; i < to; i++ {
			s.MinInt, s.MaxInt = min(s.MinInt, piece.Int(i)), max(s.MaxInt, piece.Int(i))
		}
	}
	return p
}

// add counts an element, and reports whether it is a number.
func (s *Statistics) add(x float64) bool {
	s.Count++
	switch {
	case math.IsNaN(x):
		s.NaN++
		return false
	case math.IsInf(x, 0):
		s.Inf++
		return false
	case x == 0:
		s.Zeros++
	}
	if x < s.Min {
		s.Min = x
	}
	if x > s.Max {
		s.Max = x
	}
	return true
}

// moments are sums over elements: of them, of their squared distances from their mean,
// and of their squares. Those of two pieces are joined as Chan, Golub and LeVeque do
// (1979), so a large mean takes no digits away.
type moments struct{ n, sum, deviation, squares float64 }

func (m *moments) join(p moments) {
	switch {
	case p.n == 0:
		return
	case m.n > 0:
		d := p.sum/p.n - m.sum/m.n
		m.deviation += d * d * (m.n / (m.n + p.n)) * p.n
	}
	m.n, m.sum, m.deviation, m.squares = m.n+p.n, m.sum+p.sum, m.deviation+p.deviation, m.squares+p.squares
}

// pieceBytes is how much of a tensor is in memory at a time; a multiple of each dtype's
// size.
const pieceBytes = 1 << 20

// each calls visit with a tensor's elements, a piece at a time in a vector, which is
// valid until visit returns.
func (f *File) each(ctx context.Context, name string, visit func(piece *ir.Tensor)) error {
	r, err := f.pieces(name)
	if err != nil {
		return err
	}
	for r.more() {
		if err := ctx.Err(); err != nil {
			return err
		}
		piece, _, err := r.next()
		if err != nil {
			return err
		}
		visit(piece)
	}
	return nil
}

// pieces reads a tensor from its beginning to its end.
type pieces struct {
	file   *File
	name   string
	typ    ir.Type
	buffer []byte
	at     int64 // bytes that have been read
	size   int64
}

func (f *File) pieces(name string) (*pieces, error) {
	t, err := f.Type(name)
	if err != nil {
		return nil, err
	}
	size := int64(t.Shape.Numel()) * int64(t.DType.Size())
	return &pieces{file: f, name: name, typ: t, buffer: make([]byte, min(size, pieceBytes)), size: size}, nil
}

func (p *pieces) more() bool { return p.at < p.size }

func (p *pieces) next() (piece *ir.Tensor, before int64, err error) {
	size := int64(p.typ.DType.Size())
	before = p.at / size
	p.buffer = p.buffer[:min(int64(len(p.buffer)), p.size-p.at)]
	if err := p.file.ReadAt(p.name, p.buffer, p.at); err != nil {
		return nil, 0, err
	}
	p.at += int64(len(p.buffer))
	return &ir.Tensor{Type: ir.Type{DType: p.typ.DType, Shape: ir.Shape{len(p.buffer) / int(size)}}, Data: p.buffer}, before, nil
}

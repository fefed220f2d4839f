package autodiff_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/autodiff"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// recurrent is h = tanh(x_t w + h u) over time, with the last h, all of them, and one more
// carry c that sums h * x.
func (b *program) recurrent(x, h0, c0, w, u *ir.Node, dim int, reverse bool) (last, sum, all *ir.Node) {
	l := b.BeginScan(x.Type.Shape[dim], reverse)
	xt := l.Slice(x, dim)
	h, hn := l.Carry("h", h0)
	c, cn := l.Carry("c", c0)
	next := b.op("tanh", b.op("add", b.op("matmul", xt, w), b.op("matmul", h, u)))
	l.Next(hn, next)
	l.Next(cn, b.op("add", c, b.op("mul", b.op("mul", next, h), b.op("sigmoid", xt))))
	l.Keep(next, dim)
	carries, kept := l.End()
	return carries[0], carries[1], kept[0]
}

// unrolled is recurrent, written out.
func (b *program) unrolled(x, h, c, w, u *ir.Node, dim int, reverse bool) (last, sum, all *ir.Node) {
	steps := x.Type.Shape[dim]
	kept := make([]any, steps)
	for i := range steps {
		if reverse {
			i = steps - 1 - i
		}
		xt := b.op("squeeze", b.op("slice", x, dim, i, i+1), dim)
		next := b.op("tanh", b.op("add", b.op("matmul", xt, w), b.op("matmul", h, u)))
		c = b.op("add", c, b.op("mul", b.op("mul", next, h), b.op("sigmoid", xt)))
		h = next
		kept[i] = next
	}
	return h, c, b.op("stack", kept, dim)
}

type recurrence func(x, h, c, w, u *ir.Node, dim int, reverse bool) (last, sum, all *ir.Node)

// computed gives the value of a network's loss, its first and its second derivatives.
func computed(t *testing.T, dim int, reverse bool, of func(*program) recurrence) (values [][]float64) {
	b := newProgram()
	number := 0
	draw := func(name string, shape ...int) *ir.Node {
		v := make([]float64, ir.Shape(shape).Numel())
		for i := range v {
			number = (number*7 + 3) % 23
			v[i] = float64(number)/11 - 1
		}
		return b.param(name, shape, v...)
	}
	x := draw("x", 4, 2, 3)
	if dim == 1 {
		x = b.op("permute", x, []int{1, 0, 2})
	}
	h, c, w, u := draw("h", 2, 3), draw("c", 2, 3), draw("w", 3, 3), draw("u", 3, 3)
	last, sum, all := of(b)(x, h, c, w, u, dim, reverse)
	loss := b.op("sum", b.op("add", b.op("mul", last, sum), b.op("square", b.op("sum", b.op("sin", all), dim))))
	b.output("loss", loss)
	names := []string{"loss"}
	first := b.op("mul", 0.5, b.op("sum", loss))
	for name, p := range map[string]*ir.Node{"x": b.Graph.State("x").Read, "h": h, "c": c, "w": w, "u": u} {
		g := b.grad(loss, p)
		b.output("grad "+name, g)
		first = b.op("add", first, b.op("sum", b.op("square", g)))
	}
	for _, name := range []string{"x", "h", "c", "w", "u"} {
		b.output("grad grad "+name, b.grad(first, b.Graph.State(name).Read))
		names = append(names, "grad "+name, "grad grad "+name)
	}
	b.expand(t)
	for _, name := range names {
		values = append(values, b.value(t, name))
	}
	return values
}

func TestAScanHasTheGradientsOfItsPositionsWrittenOut(t *testing.T) {
	for _, dim := range []int{0, 1} {
		for _, reverse := range []bool{false, true} {
			want := computed(t, dim, reverse, func(b *program) recurrence { return b.unrolled })
			got := computed(t, dim, reverse, func(b *program) recurrence { return b.recurrent })
			for i := range want {
				require.InDeltaSlice(t, want[i], got[i], 1e-10, "%d, dim %d, reverse %v", i, dim, reverse)
			}
		}
	}
}

// nested is a scan in a scan: each row begins with what the row before ended with.
func (b *program) nested(x, h0, w *ir.Node) (last, all *ir.Node) {
	outer := b.BeginScan(x.Type.Shape[0], false)
	row := outer.Slice(x, 0)
	h, number := outer.Carry("h", h0)
	inner := b.BeginScan(x.Type.Shape[1], true)
	xt := inner.Slice(row, 0)
	g, inside := inner.Carry("g", h)
	next := b.op("tanh", b.op("add", b.op("matmul", g, w), b.op("mul", xt, h)))
	inner.Next(inside, next)
	inner.Keep(next, 0)
	ends, kept := inner.End()
	outer.Next(number, b.op("sigmoid", ends[0]))
	outer.Keep(kept[0], 1)
	carries, stacks := outer.End()
	return carries[0], stacks[0]
}

// writtenOut is nested without scans.
func (b *program) writtenOut(x, h, w *ir.Node) (last, all *ir.Node) {
	at := func(x *ir.Node, i int) *ir.Node { return b.op("squeeze", b.op("slice", x, 0, i, i+1), 0) }
	var rows []any
	for i := range x.Type.Shape[0] {
		row, g := at(x, i), h
		kept := make([]any, x.Type.Shape[1])
		for j := len(kept) - 1; j >= 0; j-- {
			g = b.op("tanh", b.op("add", b.op("matmul", g, w), b.op("mul", at(row, j), h)))
			kept[j] = g
		}
		h = b.op("sigmoid", g)
		rows = append(rows, b.op("stack", kept, 0))
	}
	return h, b.op("stack", rows, 1)
}

func TestAScanInAScanHasTheGradientsOfItsPositionsWrittenOut(t *testing.T) {
	values := func(of func(*program) func(x, h, w *ir.Node) (last, all *ir.Node)) (values [][]float64) {
		b := newProgram()
		x := b.param("x", ir.Shape{3, 2, 2}, 0.1, -0.7, 0.4, 0.9, -0.3, 0.2, 0.8, -0.5, 0.6, -0.1, 0.3, 0.7)
		h, w := b.param("h", ir.Shape{2}, 0.3, -0.2), b.param("w", ir.Shape{2, 2}, 0.5, -0.4, 0.2, 0.9)
		last, all := of(b)(x, h, w)
		loss := b.output("loss", b.op("add", b.op("sum", b.op("square", all)), b.op("sum", b.op("sin", last))))
		first := b.op("mul", loss, 0.1)
		for name, p := range map[string]*ir.Node{"x": x, "h": h, "w": w} {
			first = b.op("add", first, b.op("sum", b.op("square", b.output("grad "+name, b.grad(loss, p)))))
		}
		for name, p := range map[string]*ir.Node{"x": x, "h": h, "w": w} {
			b.output("second "+name, b.grad(first, p))
		}
		b.expand(t)
		for _, name := range []string{"loss", "grad x", "grad h", "grad w", "second x", "second h", "second w"} {
			values = append(values, b.value(t, name))
		}
		return values
	}
	want := values(func(b *program) func(x, h, w *ir.Node) (last, all *ir.Node) { return b.writtenOut })
	got := values(func(b *program) func(x, h, w *ir.Node) (last, all *ir.Node) { return b.nested })
	for i := range want {
		require.InDeltaSlice(t, want[i], got[i], 1e-12, "%d", i)
	}
}

// deep is so many scans in each other, each of two positions, or the same written out.
func (b *program) deep(depth int, x, h, w *ir.Node, loops bool) *ir.Node {
	step := func(h, xt *ir.Node) *ir.Node {
		if depth > 1 {
			h = b.deep(depth-1, x, h, w, loops)
		}
		return b.op("sin", b.op("add", b.op("mul", h, w), xt))
	}
	if !loops {
		for i := range x.Type.Shape[0] {
			h = step(h, b.op("squeeze", b.op("slice", x, 0, i, i+1), 0))
		}
		return h
	}
	l := b.BeginScan(x.Type.Shape[0], false)
	xt := l.Slice(x, 0)
	carry, number := l.Carry("h", h)
	l.Next(number, step(carry, xt))
	carries, _ := l.End()
	return carries[0]
}

// What is kept of each position has one dim more than the value, in each scan around it:
// that is no limit.
func TestValuesOfAnyRankAreKeptInScansOfAnyDepth(t *testing.T) {
	wide := ir.Shape{1, 2, 1, 1, 1, 1, 1, 2} // of as many dims as there may be
	require.Len(t, wide, ir.MaxRank)
	for _, c := range []struct {
		depth int
		shape ir.Shape
	}{{2, wide}, {ir.MaxRank + 2, ir.Shape{}}} {
		gradients := func(loops bool) (all [][]float64) {
			b := newProgram()
			x := b.param("x", ir.Shape{2}, 0.3, -0.8)
			h := b.param("h", c.shape, []float64{0.4, 0.1, -0.2, 0.7}[:c.shape.Numel()]...)
			w := b.param("w", ir.Shape{}, 0.9)
			loss := b.op("sum", b.op("square", b.deep(c.depth, x, h, w, loops)))
			for name, p := range map[string]*ir.Node{"x": x, "h": h, "w": w} {
				b.output("grad "+name, b.grad(loss, p))
			}
			b.expand(t)
			for _, name := range []string{"grad x", "grad h", "grad w"} {
				all = append(all, b.value(t, name))
			}
			return all
		}
		want, got := gradients(false), gradients(true)
		for i := range want {
			require.InDeltaSlice(t, want[i], got[i], 1e-10, "%v, %d", c, i)
		}
	}
}

func TestWhatCannotBeKeptIsAnErrorWithAPlace(t *testing.T) {
	b := newProgram()
	h0 := b.NewState("h", ir.ParamState, ir.Type{DType: ir.F64, Shape: ir.Shape{1 << 21}}).Read
	l := b.BeginScan(1<<40, false)
	h, number := l.Carry("h", h0)
	b.Origin = diag.Range{File: "model.yaml", Start: diag.Pos{Line: 7, Col: 3}}
	l.Next(number, b.op("tanh", h))
	carries, _ := l.End()
	b.output("g", b.grad(b.op("sum", carries[0]), h0))
	require.NoError(t, b.Err())
	err := autodiff.Expand(b.Graph, nil)
	require.EqualError(t, err, "model.yaml:7:3: the gradient of a scan needs the value of `tanh` at each of its 1099511627776 positions, but shape [1099511627776, 2097152] is too large: an f64 tensor of that shape has more than 2^63 bytes")
	require.ErrorAs(t, err, new(*autodiff.Error))
}

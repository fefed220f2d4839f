package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// What the ops on whole matrices share: cholesky, triangular_solve, solve, qr_q, qr_r.

// refuseNonMatrices refuses an operand that isn't [..., rows, columns]; with square one
// whose matrices aren't square.
func refuseNonMatrices(n *ir.Node, i int, square bool) error {
	s := n.Inputs[i].Type.Shape
	switch {
	case len(s) < 2:
		return ir.Argf(n.OperandName(i), "%s requires matrices; %s", n.Op.Name, kit.Named(n, i))
	case square && s[len(s)-2] != s[len(s)-1]:
		return ir.Argf(n.OperandName(i), "%s requires square matrices; %s", n.Op.Name, kit.Named(n, i))
	}
	return nil
}

// equations are the sizes of a·x = b, or of x·a = b.
type equations struct {
	batch      ir.Shape // to which both operands are broadcast
	rows, cols int      // of b and x
	vector     bool     // b and x lack the columns
}

// equationsOf finds the sizes, or says what doesn't fit.
func equationsOf(n *ir.Node, vector bool) (e equations, err error) {
	if err := refuseNonMatrices(n, 0, true); err != nil {
		if refuseNonMatrices(n, 1, true) == nil {
			return e, kit.Refuse("a", "the square matrices come first, the right-hand side after them", "%s", err)
		}
		return e, err
	}
	a, b, left := n.Inputs[0].Type.Shape, n.Inputs[1].Type.Shape, n.Bool("left")
	e.vector = vector && (len(b) == 1 || left && len(a) == len(b)+1 && slices.Equal(a[:len(b)], b))
	switch {
	case e.vector && !left:
		return e, kit.Refuse("left", "give b as matrices of one row", "left=false requires matrices on the right-hand side; %s", kit.Named(n, 1))
	case e.vector:
		b = append(slices.Clone(b), 1)
	default:
		if err := refuseNonMatrices(n, 1, false); err != nil {
			return e, err
		}
	}
	size := a[len(a)-1]
	e.rows, e.cols = b[len(b)-2], b[len(b)-1]
	if left && e.rows != size || !left && e.cols != size {
		what, count := "rows", e.rows
		if !left {
			what, count = "columns", e.cols
		}
		return e, kit.Refuse("b", "", "sizes differ: the matrices of %s are %d by %d, those of %s have %d %s; %s, %s",
			kit.OperandName(n, 0), size, size, kit.OperandName(n, 1), count, what, kit.Named(n, 0), kit.Named(n, 1))
	}
	batch, ok := ir.Broadcast(a[:len(a)-2], b[:len(b)-2])
	if !ok {
		return e, kit.Refuse("b", "the dims before the matrices are broadcast: equal or 1",
			"batch dims %s and %s don't broadcast; %s, %s", a[:len(a)-2], b[:len(b)-2], kit.Named(n, 0), kit.Named(n, 1))
	}
	e.batch = batch
	return e, nil
}

// shape is that of the solutions.
func (e equations) shape() ir.Shape {
	s := append(slices.Clone(e.batch), e.rows)
	if !e.vector {
		s = append(s, e.cols)
	}
	return s
}

// turned swaps the last two dims.
func turned(b *ir.Builder, x *ir.Node) *ir.Node { return b.Op("transpose", x, -2, -1) }

// widely computes gradients in f32 where a node has 16 bits: as the node itself is.
func widely(grad func(b *ir.Builder, n, g *ir.Node) []*ir.Node) func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	return func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		all := grad(b, b.Widened(n, b.Wide), b.Wide(g))
		for i, x := range n.Inputs {
			all[i] = b.Cast(b.SumTo(all[i], x), x.Type.DType)
		}
		return all
	}
}

// matricesIn lists where the matrices of an operand begin, one for each of a batch to
// which it is broadcast.
func matricesIn(shape, batch ir.Shape) []int {
	lead := len(shape) - 2
	strides, view := shape.Strides(), make([]int, len(batch))
	for d := range lead {
		if shape[d] != 1 {
			view[len(batch)-lead+d] = strides[d]
		}
	}
	return kit.Offsets(batch, view, 0)
}

// dense is a matrix in reference evaluation, by rows.
type dense [][]float64

func newDense(rows, cols int) dense {
	m := make(dense, rows)
	for r := range m {
		m[r] = make([]float64, cols)
	}
	return m
}

// denseAt reads a matrix from an array.
func denseAt(from []float64, at, rows, cols int) dense {
	m := newDense(rows, cols)
	for r := range m {
		copy(m[r], from[at+r*cols:])
	}
	return m
}

func identity(n int) dense {
	m := newDense(n, n)
	for i := range m {
		m[i][i] = 1
	}
	return m
}

func (m dense) transposed(cols int) dense {
	t := newDense(cols, len(m))
	for r, row := range m {
		for c, v := range row {
			t[c][r] = v
		}
	}
	return t
}

func (m dense) times(other dense, cols int) dense {
	product := newDense(len(m), cols)
	for r, row := range m {
		for k, v := range row {
			for c := range cols {
				product[r][c] += v * other[k][c]
			}
		}
	}
	return product
}

// eliminated solves m·x = b by Gauss and Jordan, with the largest element that is left
// as the pivot, and says whether there is a solution.
func (m dense) eliminated(b dense) bool {
	n := len(m)
	columns := make([]int, n) // of each row's pivot
	taken := make([]bool, n)
	for step := range n {
		row, col, best := step, -1, 0.0
		for r := step; r < n; r++ {
			for c, v := range m[r] {
				if v != v || math.IsInf(v, 0) {
					return false
				}
				if !taken[c] && math.Abs(v) > best {
					row, col, best = r, c, math.Abs(v)
				}
			}
		}
		if col < 0 {
			return false
		}
		m[step], m[row], b[step], b[row] = m[row], m[step], b[row], b[step]
		taken[col], columns[step] = true, col
		for r := range m {
			if r == step {
				continue
			}
			factor := m[r][col] / m[step][col]
			for c := range m[r] {
				m[r][c] -= factor * m[step][c]
			}
			for c := range b[r] {
				b[r][c] -= factor * b[step][c]
			}
		}
	}
	solved := make(dense, n)
	for r, c := range columns {
		for i := range b[r] {
			b[r][i] /= m[r][c]
		}
		solved[c] = b[r]
	}
	copy(b, solved)
	return true
}

// condition is the condition number of a square matrix in the maximum norm, at least 1.
func (m dense) condition() float64 {
	size, inverse := m.norm(), identity(len(m))
	if !slices.Clone(m).copied().eliminated(inverse) {
		return math.Inf(1)
	}
	return max(1, size*inverse.norm())
}

func (m dense) copied() dense {
	for i := range m {
		m[i] = slices.Clone(m[i])
	}
	return m
}

func (m dense) norm() float64 {
	largest := 0.0
	for _, row := range m {
		sum := 0.0
		for _, v := range row {
			sum += math.Abs(v)
		}
		largest = max(largest, sum)
	}
	return largest
}

// matrixSlack is the error of results of matrices of size n whose condition is given. The
// kernel, in f64, and the reference each give the exact result for a matrix that is off
// by some n² roundings of its largest element, as pivots are bounded; the condition
// number says how much of that the result can have.
func matrixSlack(c ir.Computed, n int, condition float64) ir.Slack {
	return kit.Constant(8 * float64(n*n+1) * condition * kit.U64 * (1 + kit.MaxAbs(c.Want)))
}

// worstCondition is the largest of those of an operand's matrices, as far as prepare
// leaves them.
func worstCondition(x *ir.Array, prepare func(dense) dense) float64 {
	s := x.Type.Shape
	rows, cols := s[len(s)-2], s[len(s)-1]
	worst := 1.0
	for at := 0; at < x.Len(); at += rows * cols {
		worst = max(worst, prepare(denseAt(x.F, at, rows, cols)).condition())
	}
	return worst
}

// lastSize is the size of an operand's last dim.
func lastSize(x *ir.Array) int { return x.Type.Shape[len(x.Type.Shape)-1] }

// referenceEquations solves equations; prepare leaves of a matrix what counts, and says
// whether there can be a solution.
func referenceEquations(vector bool, prepare func(n *ir.Node, m dense) bool) kit.ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		e, _ := equationsOf(n, vector)
		out, left := ir.NewArray(n.Type), n.Bool("left")
		right := in[1].Type.Shape
		if e.vector {
			right = append(right[:len(right):len(right)], 1)
		}
		size := lastSize(in[0])
		starts := matricesIn(right, e.batch)
		if out.Len() == 0 {
			return out
		}
		for i, at := range matricesIn(in[0].Type.Shape, e.batch) {
			m := denseAt(in[0].F, at, size, size)
			b := denseAt(in[1].F, starts[i], e.rows, e.cols)
			exists := prepare(n, m)
			if !left {
				m, b = m.transposed(size), b.transposed(e.cols)
			}
			exists = exists && m.eliminated(b)
			if !left {
				b = b.transposed(e.rows)
			}
			for r := range e.rows {
				for c := range e.cols {
					v := b[r][c]
					if !exists {
						v = math.NaN()
					}
					out.F[(i*e.rows+r)*e.cols+c] = v
				}
			}
		}
		return out
	}
}

// largestDrawn is the largest size of a matrix that tests draw: references take the cube
// of it, and more.
const largestDrawn = 33

// sampleEquations draws matrices, a right-hand side for them, and the side.
func sampleEquations(s ir.Sampler) (a, b any, left bool) {
	n, _, k, batch := s.Product()
	n = min(n, largestDrawn)
	left = s.Int(0, 1) == 1
	right := append(s.Part(batch), n, k)
	if !left {
		right = append(right[:len(right)-2], k, n)
	}
	return s.Dominant(append(s.Part(batch), n, n)), s.Tensor(right), left
}

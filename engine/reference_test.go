package engine_test

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
)

// reference is what the ops of a program mean: every node's value in float64,
// and how far a value computed in f32 may be from it.
type reference struct {
	values map[*ir.Node]*ir.Array
	errors map[*ir.Node][]float64
	parts  map[*ir.Node]map[int][]float64 // errors of the results of scans, by their offsets
}

// unit is the largest relative error of one rounding to f32, and tiny the
// largest absolute one where f32 is denormal.
const (
	unit = 1.0 / (1 << 24)
	tiny = 1e-44
)

// rounding is unit and tiny of a dtype.
func rounding(d ir.DType) (relative, absolute float64) {
	switch d {
	case ir.F16:
		return 1.0 / (1 << 11), 1.0 / (1 << 25)
	case ir.BF16:
		return 1.0 / (1 << 8), 1e-40
	}
	return unit, tiny
}

// slack allows a plan to do what the graph says in another order, and with a
// few more or fewer roundings than the graph has nodes.
const slack = 4

// evaluate computes the reference at given states; states without a value are
// taken as zeros.
func evaluate(t tester, p *program, states map[string]*ir.Tensor) *reference {
	r := newReference()
	r.values = evaluateValues(t, p, states)
	for _, n := range p.graph.Nodes {
		if n.Op == ir.ScanOp {
			r.scan(n)
		}
		if n.Type.DType.IsFloat() {
			r.errors[n] = r.bound(n)
		}
	}
	return r
}

// evaluateValues computes the reference alone.
func evaluateValues(t tester, p *program, states map[string]*ir.Tensor) map[*ir.Node]*ir.Array {
	values, err := irtest.Reference(p.graph.Nodes, func(n *ir.Node) (*ir.Array, error) {
		v := ir.NewTensor(n.Type)
		switch {
		case n.State == nil:
			step := states["step"].Int(0)
			if err := p.sources[n.Str("source")].Batch(step, n.Str("field"), v.Data); err != nil {
				return nil, err
			}
		case states[n.State.Name] != nil:
			v = states[n.State.Name]
		}
		return v.Array(), nil
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	byNode := map[*ir.Node]*ir.Array{}
	for i, n := range p.graph.Nodes {
		byNode[n] = values[i]
	}
	return byNode
}

func newReference() *reference {
	return &reference{map[*ir.Node]*ir.Array{}, map[*ir.Node][]float64{}, map[*ir.Node]map[int][]float64{}}
}

// scan bounds the errors of a scan's results, position by position.
func (r *reference) scan(n *ir.Node) {
	body := n.ScanBody()
	values, errors := map[*ir.State]*ir.Array{}, map[*ir.State][]float64{}
	for i, s := range body.Given() {
		values[s], errors[s] = r.values[n.Inputs[i]], r.errors[n.Inputs[i]]
	}
	for _, s := range body.Stacks() {
		values[s], errors[s] = ir.NewArray(s.Type), make([]float64, s.Type.Shape.Numel())
	}
	for range body.Length {
		at := newReference()
		for _, m := range body.Graph.Nodes {
			if m.State != nil {
				at.values[m], at.errors[m] = values[m.State], errors[m.State]
				continue
			}
			in := make([]*ir.Array, len(m.Inputs))
			for i, x := range m.Inputs {
				in[i] = at.values[x]
			}
			at.values[m] = m.Op.Reference(m, in)
			if m.Type.DType.IsFloat() {
				at.errors[m] = at.bound(m)
			}
		}
		for _, s := range body.Results() {
			values[s], errors[s] = at.values[s.Next], at.errors[s.Next]
		}
	}
	offsets, _ := body.Offsets()
	r.parts[n] = map[int][]float64{}
	for s, at := range offsets {
		r.parts[n][at] = errors[s]
	}
}

// moved gives the errors of what only moves elements.
func (r *reference) moved(n *ir.Node) []float64 {
	in := make([]*ir.Array, len(n.Inputs))
	for i, x := range n.Inputs {
		in[i] = r.values[x]
		if e := r.errors[x]; e != nil {
			in[i] = &ir.Array{Type: x.Type, F: e}
		}
	}
	return n.Op.Reference(n, in).F
}

// bound gives the error of each element: what the operands' errors lead to, by
// the op's derivative, and one rounding of what is at most the value and that
// error together.
func (r *reference) bound(n *ir.Node) []float64 {
	switch n.Op.Name {
	case "scan_result":
		return r.parts[n.Inputs[0]][n.Int("offset")]
	case "scan_slice", "scan_store":
		return r.moved(n)
	}
	v := r.values[n].F
	e := make([]float64, len(v))
	relative, absolute := rounding(n.Type.DType)
	// operand gives operand i's value and error for element j of the result.
	operand := func(i, j int) (float64, float64) {
		x := n.Inputs[i]
		if len(r.values[x].F) == 1 {
			j = 0
		}
		return math.Abs(r.values[x].F[j]), r.errors[x][j]
	}
	for j := range v {
		switch n.Op.Name {
		case "state", "const", "source", "uniform": // exact, or rounded once
		case "cast":
			if n.Inputs[0].Type.DType.IsFloat() {
				_, e[j] = operand(0, j)
			}
		case "neg", "tanh": // the derivative is at most 1
			_, e[j] = operand(0, j)
		case "sigmoid": // at most 1/4
			_, e[j] = operand(0, j)
			e[j] /= 4
		case "add", "sub":
			_, ea := operand(0, j)
			_, eb := operand(1, j)
			e[j] = ea + eb
		case "maximum":
			_, ea := operand(0, j)
			_, eb := operand(1, j)
			e[j] = math.Max(ea, eb)
		case "where": // of an operand and the same compared with it: the other may be taken where they are that close
			_, ea := operand(1, j)
			_, eb := operand(2, j)
			e[j] = 2 * (ea + eb)
		case "mul":
			a, ea := operand(0, j)
			b, eb := operand(1, j)
			e[j] = a*eb + b*ea + ea*eb
		case "transpose":
			rows, columns := n.Type.Shape[0], n.Type.Shape[1]
			e[j] = r.errors[n.Inputs[0]][j%columns*rows+j/columns]
		case "mean": // n-1 additions and a division, each of at most the sum of magnitudes
			x := r.values[n.Inputs[0]].F
			for i := range x {
				e[j] += (r.errors[n.Inputs[0]][i] + float64(len(x))*unit*math.Abs(x[i])) / float64(len(x))
			}
		case "matmul": // inner products of length k and k-1 additions
			a, b := n.Inputs[0], n.Inputs[1]
			length, columns := a.Type.Shape[1], 1
			if len(b.Type.Shape) == 2 {
				columns = b.Type.Shape[1]
			}
			for k := range length {
				left, right := j/columns*length+k, k*columns+j%columns
				x, ex := math.Abs(r.values[a].F[left]), r.errors[a][left]
				y, ey := math.Abs(r.values[b].F[right]), r.errors[b][right]
				e[j] += x*ey + y*ex + ex*ey + float64(length)*unit*(x+ex)*(y+ey)
			}
		default:
			panic("no error bound for " + n.Op.Name)
		}
		e[j] += relative*(math.Abs(v[j])+e[j]) + absolute
	}
	return e
}

// agrees requires a value to lie within the bound of a node's reference.
func (r *reference) agrees(t tester, n *ir.Node, got *ir.Tensor, what string) {
	t.Helper()
	want := r.values[n]
	for i := range want.Len() {
		if want.I != nil {
			if got.Int(i) != want.I[i] {
				t.Fatalf("%s[%d] is %d, the reference %d", what, i, got.Int(i), want.I[i])
			}
			continue
		}
		if d := math.Abs(got.Float(i) - want.F[i]); !(d <= slack*r.errors[n][i]) {
			t.Fatalf("%s[%d] is %v, the reference %v ± %v", what, i, got.Float(i), want.F[i], slack*r.errors[n][i])
		}
	}
}

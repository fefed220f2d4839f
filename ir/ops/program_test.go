package ops_test

import (
	"maps"
	"math"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
	"github.com/flowrun/flowrun/ir/ops"
)

// program is an expression over inputs with known values, as a graph.
type program struct {
	t      require.TestingT
	b      *ir.Builder
	inputs map[string]*ir.Node
	values map[*ir.Node]*ir.Array
	out    *ir.Node
}

// compile builds an expression; it must be well-typed.
func compile(t require.TestingT, text string, inputs map[string]*ir.Array) *program {
	p, err := tryCompile(t, text, inputs)
	require.NoError(t, err, text)
	return p
}

func tryCompile(t require.TestingT, text string, inputs map[string]*ir.Array) (*program, error) {
	expr, err := read(text)
	require.NoError(t, err)
	p := &program{t: t, b: ir.NewBuilder(&ir.Graph{}),
		inputs: map[string]*ir.Node{}, values: map[*ir.Node]*ir.Array{}}
	for _, key := range slices.Sorted(maps.Keys(inputs)) {
		read := p.b.NewState(key, ir.InputState, inputs[key].Type).Read
		p.inputs[key], p.values[read] = read, inputs[key]
	}
	if p.out, err = build(p.b, expr, p.inputs); err != nil {
		return nil, err
	}
	p.verify()
	return p, nil
}

// verify checks the graph; above all, that type rules give the same for what
// they have normalised.
func (p *program) verify() {
	require.NoError(p.t, p.b.Err())
	require.NoError(p.t, ir.Verify(p.b.Graph, true))
}

func (p *program) eval(roots ...*ir.Node) []*ir.Array {
	values, err := irtest.Reference(roots, func(n *ir.Node) (*ir.Array, error) { return p.values[n], nil })
	require.NoError(p.t, err)
	return values
}

func (p *program) value() *ir.Array { return p.eval(p.out)[0] }

// grads differentiates sum(out * cotangent) in reverse mode: it gives the nodes
// of the inputs' gradients, nil for those that have none. Ops see f16 and bf16 in
// f32, as autodiff shows them.
func (p *program) grads(cotangent *ir.Array) map[string]*ir.Node {
	wide := func(x *ir.Node) *ir.Node { return p.b.Cast(x, x.Type.DType.Wide()) }
	nodes := slices.Clone(p.b.Graph.Nodes)
	at := map[*ir.Node]*ir.Node{p.out: wide(p.b.Const(cotangent.Tensor()))}
	for _, n := range slices.Backward(nodes) {
		g := at[n]
		if g == nil || n.Op.Grad == nil {
			continue
		}
		w := p.b.Widened(n, wide)
		for i, part := range n.Op.Grad(p.b, w, g) {
			in := n.Inputs[i]
			if part == nil {
				continue
			}
			require.True(p.t, part.Type.Equal(w.Inputs[i].Type), "the gradient of %s for its operand %d is %s instead of %s",
				n.Op.Name, i, part.Type, w.Inputs[i].Type)
			if at[in] != nil {
				part = p.b.Apply(ops.Add, at[in], part)
			}
			at[in] = part
		}
	}
	grads := map[string]*ir.Node{}
	for key, in := range p.inputs {
		if at[in] != nil {
			grads[key] = p.b.Cast(at[in], in.Type.DType)
		}
	}
	p.verify()
	return grads
}

// gradient is the value of one input's gradient, for a cotangent of ones.
func (p *program) gradient(input string) []float64 {
	ones := ir.NewArray(p.out.Type)
	for i := range ones.F {
		ones.F[i] = 1
	}
	n := p.grads(ones)[input]
	require.NotNil(p.t, n, "%s has no gradient", input)
	return p.eval(n)[0].F
}

// floats makes an array of a floating dtype.
func floats(d ir.DType, shape ir.Shape, values ...float64) *ir.Array {
	return &ir.Array{Type: ir.Type{DType: d, Shape: shape}, F: values}
}

// vector is an f64 vector.
func vector(values ...float64) *ir.Array { return floats(ir.F64, ir.Shape{len(values)}, values...) }

// parseArray reads a literal.
func parseArray(t require.TestingT, text string) *ir.Array {
	expr, err := read(text)
	require.NoError(t, err)
	tensor, err := literal(expr)
	require.NoError(t, err)
	return tensor.Array()
}

// requireClose compares arrays: the error relative to the largest finite
// magnitude, or to 1 if that is less.
func requireClose(t require.TestingT, want, got *ir.Array, tolerance float64, what string) {
	require.True(t, want.Type.Shape.Equal(got.Type.Shape), "%s: shape %s instead of %s", what, got.Type.Shape, want.Type.Shape)
	scale := 1.0
	for i := range want.Len() {
		if v := math.Abs(want.At(i)); !math.IsInf(v, 0) {
			scale = max(scale, v)
		}
	}
	for i := range want.Len() {
		w, g := want.At(i), got.At(i)
		if w == g || math.IsNaN(w) && math.IsNaN(g) {
			continue
		}
		if !(math.Abs(w-g) <= tolerance*scale) {
			require.Failf(t, "not close", "%s: element %d is %v instead of %v, more than %v of %v away", what, i, g, w, tolerance, scale)
		}
	}
}

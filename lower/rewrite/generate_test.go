package rewrite

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// generator makes random occurrences of a rewrite's pattern: a graph whose leaves
// are states, or constants where the rewrite looks at them, with random shapes,
// dtypes, arguments and values.
type generator struct {
	*rand.Rand
	b        *ir.Builder
	moderate bool // no values near overflow and underflow
	wide     bool // floats of any exponent, all normal
	bound    []*ir.Node
	attrs    []any
	values   map[*ir.Node]*ir.Tensor // of the states' reads
	dtype    ir.DType                // which most leaves have
	shape    ir.Shape                // which many leaves have
	constant float64                 // how often a leaf is a constant
}

var allDTypes = []ir.DType{ir.Bool, ir.U8, ir.I32, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64}

// occurrence tries to make one; nil if the random choices don't fit together.
func (g *generator) occurrence(r *Rewrite) *ir.Node {
	g.b = ir.NewBuilder(&ir.Graph{})
	g.bound, g.attrs = make([]*ir.Node, len(r.slots)), make([]any, len(r.slots))
	g.values = map[*ir.Node]*ir.Tensor{}
	g.dtype = allDTypes[g.IntN(len(allDTypes))]
	g.shape = g.randomShape()
	g.constant = []float64{0, 0.3, 0.7}[g.IntN(3)]
	arg, ok := g.pattern(r.patterns[g.IntN(len(r.patterns))])
	if !ok {
		return nil
	}
	n, _ := arg.(*ir.Node)
	return n
}

func (g *generator) randomShape() ir.Shape {
	s := make(ir.Shape, g.IntN(4))
	for i := range s {
		s[i] = []int{1, 1, 2, 3, 3, 4, 0}[g.IntN(7)]
	}
	return s
}

// pattern gives an argument for Builder.Call: a node or a number.
func (g *generator) pattern(p *pattern) (any, bool) {
	if p.number != nil {
		return p.number, true
	}
	if p.slot >= 0 && g.bound[p.slot] != nil {
		return g.bound[p.slot], true
	}
	if p.op == nil {
		n := g.leaf()
		if p.slot >= 0 {
			g.bound[p.slot] = n
		}
		return n, true
	}
	inputs := make([]any, len(p.inputs))
	for i, in := range p.inputs {
		var ok bool
		if inputs[i], ok = g.pattern(in); !ok {
			return nil, false
		}
	}
	args := make([]any, len(p.op.Params))
	attr := 0
	for i, param := range p.op.Params {
		switch {
		case param.Kind == ir.KTensors:
			args[i], inputs = inputs, nil
		case param.Kind.IsTensor():
			if len(inputs) > 0 {
				args[i], inputs = inputs[0], inputs[1:]
			}
		default:
			a := p.attrs[attr]
			attr++
			switch {
			case a.fixed:
				args[i] = a.value
			case a.slot >= 0 && g.attrs[a.slot] != nil && g.IntN(4) > 0:
				args[i] = g.attrs[a.slot]
			default:
				args[i] = g.argument(param, args)
				if a.slot >= 0 {
					g.attrs[a.slot] = args[i]
				}
			}
		}
	}
	n, err := g.b.Call(p.op, args)
	if err != nil {
		return nil, false
	}
	if p.slot >= 0 {
		g.bound[p.slot] = n
	}
	return n, true
}

// leaf makes a value that the pattern doesn't look into.
func (g *generator) leaf() *ir.Node {
	t := ir.Type{DType: g.dtype, Shape: g.shape}
	if g.IntN(6) == 0 {
		t.DType = allDTypes[g.IntN(len(allDTypes))]
	}
	switch g.IntN(4) {
	case 0:
		t.Shape = g.randomShape()
	case 1:
		t.Shape = slices.Clone(g.shape) // broadcasts against the others
		for i := range t.Shape {
			if g.IntN(2) == 0 {
				t.Shape[i] = 1
			}
		}
		t.Shape = t.Shape[g.IntN(len(t.Shape)+1):]
	}
	if g.Float64() < g.constant {
		if g.IntN(2) == 0 || t.Shape.Numel() == 1 { // only scalars stand for a number in a pattern
			t.Shape = ir.Shape{}
		}
		return g.b.Const(g.tensor(t))
	}
	s := g.b.NewState(string(rune('a'+len(g.b.Graph.States))), ir.ParamState, t)
	g.values[s.Read] = g.tensor(t)
	return s.Read
}

var specials = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1)}

// tensor fills a type with values: random ones, small whole ones, special ones,
// and the extremes of the dtype unless they are to be moderate.
func (g *generator) tensor(t ir.Type) *ir.Tensor {
	v := ir.NewTensor(t)
	if g.wide && t.DType.IsFloat() {
		for i := range t.Shape.Numel() {
			v.SetFloat(i, g.anyNormal(t.DType))
		}
		return v
	}
	low, high := normalRange(t.DType)
	extremes := []float64{high, -high, low, -low, low / 4, high * 0.75, math.Nextafter(1, 2)}
	for i := range t.Shape.Numel() {
		x := g.NormFloat64() * math.Exp2(g.NormFloat64())
		switch g.IntN(4) {
		case 0:
			x = specials[g.IntN(len(specials))]
		case 1:
			x = float64(g.IntN(7) - 3)
		case 2:
			if !g.moderate {
				x = extremes[g.IntN(len(extremes))]
			}
		}
		if t.DType.IsFloat() {
			v.SetFloat(i, x)
			continue
		}
		k := []int64{0, 1, -1, 2, -7, 100, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}[g.IntN(10)]
		copy(v.Data[i*t.DType.Size():], ir.FromInt64(t.DType, ir.Shape{}, []int64{k}).Data)
	}
	return v
}

// anyNormal draws a number of any exponent. In every other one it is within a few of
// an end's.
func (g *generator) anyNormal(d ir.DType) float64 {
	least, most := map[ir.DType]int{ir.F16: -14, ir.BF16: -126, ir.F32: -126, ir.F64: -1022}[d],
		map[ir.DType]int{ir.F16: 15, ir.BF16: 127, ir.F32: 127, ir.F64: 1023}[d]
	exponent := least + g.IntN(most-least+1)
	switch g.IntN(4) {
	case 0:
		exponent = least + g.IntN(5)
	case 1:
		exponent = most - g.IntN(5)
	}
	return math.Ldexp(1+g.Float64()/2, exponent) * float64(1-2*g.IntN(2))
}

// argument draws a compile-time argument that has a chance to fit the operand.
func (g *generator) argument(p ir.Param, args []any) any {
	x := ir.Shape{}
	switch v := args[0].(type) {
	case *ir.Node:
		x = v.Type.Shape
	case []any:
		if n, ok := v[0].(*ir.Node); ok {
			x = n.Type.Shape
		}
	}
	switch p.Kind {
	case ir.KBool:
		return g.IntN(2) == 0
	case ir.KDType:
		return allDTypes[g.IntN(len(allDTypes))]
	case ir.KNumber:
		return g.IntN(4)
	case ir.KPairs:
		pairs := make([][2]int, len(x))
		for i := range pairs {
			pairs[i] = [2]int{g.IntN(3) / 2, g.IntN(3) / 2}
		}
		return pairs
	case ir.KDims:
		if g.IntN(3) == 0 {
			return []int(nil)
		}
		return slices.Clone(g.Perm(len(x))[:g.IntN(len(x)+1)])
	case ir.KInts:
		return g.ints(p.Name, x)
	}
	switch p.Name {
	case "step":
		return 1 + g.IntN(2)
	case "start", "end", "a":
		if g.IntN(2) == 0 {
			return map[string]int{"start": 0, "end": 9}[p.Name]
		}
	}
	return g.IntN(6) - 2
}

// ints draws a permutation, a shape to broadcast x to, or one of as many
// elements.
func (g *generator) ints(param string, x ir.Shape) []int {
	switch {
	case param == "dims":
		if g.IntN(3) == 0 && len(x) > 1 { // the last two swapped
			p := []int{0, 1, 2, 3, 4, 5, 6, 7}[:len(x)]
			p[len(x)-1], p[len(x)-2] = p[len(x)-2], p[len(x)-1]
			return p
		}
		return g.Perm(len(x))
	case g.IntN(3) == 0:
		return slices.Clone(x)
	case g.IntN(2) == 0: // larger
		s := append(slices.Clone(g.randomShape()[:0]), g.shape...)
		if len(s) < len(x) || g.IntN(2) == 0 {
			s = slices.Clone(x)
		}
		for i := range s {
			if s[i] == 1 && g.IntN(2) == 0 {
				s[i] = 2
			}
		}
		if g.IntN(2) == 0 {
			s = append([]int{1 + g.IntN(2)}, s...)
		}
		return s
	}
	s := slices.Clone(x)
	g.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	if g.IntN(2) == 0 {
		s = append(s, 1)
	}
	if g.IntN(3) == 0 {
		s = ir.Shape{x.Numel()}
	}
	return s
}

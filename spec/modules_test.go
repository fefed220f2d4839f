package spec_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
	"github.com/flowrun/flowrun/spec"
)

// runner takes steps of a program by reference evaluation, in float64. Gradients
// and sources are given by the test.
type runner struct {
	t      *testing.T
	p      *spec.Program
	values map[string]*ir.Array
	leaf   func(n *ir.Node) float64 // of gradients and sources
}

func newRunner(t *testing.T, p *spec.Program, leaf func(n *ir.Node) float64) *runner {
	r := &runner{t: t, p: p, values: map[string]*ir.Array{}, leaf: leaf}
	for _, n := range p.Train.Nodes {
		if n.Op == ir.GradOp { // a leaf of its own
			n.Op, n.Inputs = ir.SourceOp, nil
		}
	}
	var roots []*ir.Node
	for _, o := range p.Init.Outputs {
		roots = append(roots, o.Node)
	}
	values, err := irtest.Reference(roots, nil)
	require.NoError(t, err)
	for i, o := range p.Init.Outputs {
		r.values[o.Name] = values[i]
	}
	return r
}

func (r *runner) step() {
	var roots []*ir.Node
	for _, s := range r.p.Train.States {
		if s.Next != nil {
			roots = append(roots, s.Next)
		}
	}
	values, err := irtest.Reference(roots, func(n *ir.Node) (*ir.Array, error) {
		if n.State != nil {
			return r.values[n.State.Name], nil
		}
		a := ir.NewArray(n.Type)
		for i := range a.F {
			a.F[i] = r.leaf(n)
		}
		return a, nil
	})
	require.NoError(r.t, err)
	i := 0
	for _, s := range r.p.Train.States {
		if s.Next != nil {
			r.values[s.Name] = values[i]
			i++
		}
	}
}

func (r *runner) at(state string) float64 { return r.values[state].At(0) }

// trained is a spec with one parameter, w, that begins at 1, with an optimizer.
func trained(optimizer, metrics string) string {
	return `
flowrun: 1
data:
  d: {replay: d.safetensors, fields: {x: {tensor: x, type: "f32[1]"}}}
modules:
  Weight:
    inputs: {x: "f32[1]"}
    params: {w: {shape: [1], init: 1}}
    output: x * w
model:
  inputs: {x: "f32[1]"}
  nodes: {m: {Weight: x}}
  outputs: [m]
train:
  data: d
  loss: sum(m)
  optimizer: ` + optimizer + `
  metrics: ` + metrics + `
  until: step >= 3
`
}

// gradient is that of step s in the optimizers' tests.
func gradient(s int) float64 { return math.Sin(float64(3*s + 1)) }

func follow(t *testing.T, optimizer string, update func(s int, w, g float64) float64) {
	t.Helper()
	s := 0
	r := newRunner(t, parse(t, trained(optimizer, "{}"), spec.Options{}), func(n *ir.Node) float64 { return gradient(s) })
	w := 1.0
	for ; s < 20; s++ {
		w = update(s, w, gradient(s))
		r.step()
		// Reference evaluation is in float64; only constants are kept in f32,
		// each with a relative error of 6e-8, and 1 - 0.999 loses three digits
		// of it.
		require.InEpsilon(t, w, r.at("m.w"), 1e-4, "step %d", s)
	}
}

func TestSGDIsTorchs(t *testing.T) {
	follow(t, "{SGD: {lr: 0.1}}", func(_ int, w, g float64) float64 { return w - 0.1*g })
	v := 0.0
	follow(t, "{SGD: {lr: 0.1, momentum: 0.9, weight_decay: 0.01}}", func(_ int, w, g float64) float64 {
		v = 0.9*v + g + 0.01*w
		return w - 0.1*v
	})
	v = 0
	follow(t, "{SGD: {lr: 0.1, momentum: 0.9, nesterov: true}}", func(_ int, w, g float64) float64 {
		v = 0.9*v + g
		return w - 0.1*(g+0.9*v)
	})
	follow(t, "{SGD: {lr: 0.1 * 0.5 ** step}}", func(s int, w, g float64) float64 {
		return w - 0.1*math.Pow(0.5, float64(s))*g
	})
}

func TestAdamAndAdamWAreTorchs(t *testing.T) {
	moments := func() func(s int, g float64) float64 {
		m, v := 0.0, 0.0
		return func(s int, g float64) float64 {
			m, v = 0.9*m+0.1*g, 0.99*v+0.01*g*g
			n := float64(s + 1)
			return (m / (1 - math.Pow(0.9, n))) / (math.Sqrt(v/(1-math.Pow(0.99, n))) + 1e-6)
		}
	}
	direction := moments()
	follow(t, `{Adam: {lr: 0.1, betas: [0.9, 0.99], eps: 1e-6, weight_decay: 0.1}}`, func(s int, w, g float64) float64 {
		return w - 0.1*direction(s, g+0.1*w)
	})
	direction = moments()
	follow(t, `{AdamW: {lr: 0.1, betas: [0.9, 0.99], eps: 1e-6, weight_decay: 0.1}}`, func(s int, w, g float64) float64 {
		return w*(1-0.1*0.1) - 0.1*direction(s, g)
	})
}

func TestPlainSGDKeepsNoState(t *testing.T) {
	p := parse(t, trained("{SGD: {lr: 0.1}}", "{}"), spec.Options{})
	require.Nil(t, p.Train.State("optimizer.m.w.velocity"))
	p = parse(t, trained("{SGD: {lr: 0.1, momentum: 0.9}}", "{}"), spec.Options{})
	require.Equal(t, ir.OptimState, p.Train.State("optimizer.m.w.velocity").Kind)
}

func TestMetricsAreThisStepsAndEMAIsBiasCorrected(t *testing.T) {
	x := 0.0
	p := parse(t, trained("{SGD: {lr: 0}}", "{raw: loss, mean: \"ema(loss, 0.9)\"}"), spec.Options{})
	r := newRunner(t, p, func(n *ir.Node) float64 {
		if n.Name == "x" {
			return x
		}
		return 0
	})
	total, weight := 0.0, 0.0
	for s := range 5 {
		x = float64(s*s + 2)
		r.step()
		total, weight = 0.9*total+0.1*x, 0.9*weight+0.1
		require.Equal(t, x, r.at("metrics.raw"))
		require.Equal(t, x, r.at(ir.LossState))
		require.InEpsilon(t, total/weight, r.at("metrics.mean"), 1e-6)
		require.Equal(t, float64(s+1), r.at(ir.StepState))
		require.Equal(t, s+1 >= 3, r.at(ir.StoppedState) == 1, "until counts this step, and stays")
	}
}

func TestModulesNestRepeatAndChoose(t *testing.T) {
	p := parse(t, `
flowrun: 1
vars: {layers: 2}
modules:
  Block:
    inputs: {x: "float[..., width]"}
    args: {hidden: int}
    nodes:
      h: {Linear: x, out_features: hidden, bias: false}
      out: x + Linear(relu(h), width)
    output: out
  Split:
    inputs: {x: "f32[...]"}
    nodes: {p: x + 1, q: x * 2}
    outputs: [p, q]
model:
  inputs: {x: "f32[3, 4]"}
  nodes:
    later: b[0] + b
    b: {Block: x, hidden: 5, repeat: layers}
    s: Split(later)
    t: {if: training, then: s.p, else: s.q}
    y: t + s.q + sum(b[1].h.weight)
  outputs: [y, later]
`, spec.Options{})
	require.Equal(t, []string{"x",
		"b.0.h.weight", "b.0.out.Linear.weight", "b.0.out.Linear.bias",
		"b.1.h.weight", "b.1.out.Linear.weight", "b.1.out.Linear.bias"}, stateNames(p.Infer))
	require.Equal(t, "f32[5, 4]", p.Infer.State("b.1.h.weight").Type.String())
	require.NotNil(t, node1(p.Infer, "b[0].h"))
}

func TestParametersCanHaveTheNamesOfAWeightFile(t *testing.T) {
	p := parse(t, `
flowrun: 1
model:
  inputs: {x: "f32[1, 8]"}
  nodes:
    h: {Linear: x, out_features: 8, name: net.0}
    g: {Linear: h, out_features: 8, bias: false, name: "2"}
  outputs: [g]
`, spec.Options{})
	require.Equal(t, []string{"x", "net.0.weight", "net.0.bias", "2.weight"}, stateNames(p.Infer))
	require.NotNil(t, node1(p.Infer, "h"))
	require.NotNil(t, node1(p.Infer, "g"))
}

// A module that was renamed keeps the names of its parameters by its path.
func TestAModulesPathNamesItsCallsInExpressions(t *testing.T) {
	p := parse(t, `flowrun: 1
modules:
  Scale_2:
    path: Scale
    inputs: {x: "f32[..., n]"}
    params: {w: {shape: [n], init: 1}}
    output: x * w
model:
  inputs: {x: "f32[2]"}
  nodes:
    a: x + Scale_2(Scale_2(x))
    b: {Scale_2: a}
  outputs: [b]
`, spec.Options{})
	var names []string
	for _, s := range p.Infer.States {
		names = append(names, s.Name)
	}
	require.ElementsMatch(t, []string{"x", "a.Scale.w", "a.Scale_2.w", "b.w"}, names)
}

func TestAnInheritedDtypeIsThatOfTheNodeAround(t *testing.T) {
	p := parse(t, `flowrun: 1
modules:
  Pair:
    inputs: {x: "float[..., n]"}
    nodes:
      a: {Linear: x, out_features: n, dtype: inherit}
      b: {Linear: x, out_features: n, dtype: f32}
    outputs: [a, b]
model:
  inputs: {x: "f16[1, 2]", y: "f32[1, 2]"}
  nodes:
    p: {Pair: x, dtype: f16}
    q: {Linear: "y", out_features: 1, dtype: inherit}
    a: p.a
    b: p.b
  outputs: [a, b, q]
`, spec.Options{})
	types := map[string]ir.DType{}
	for _, s := range p.Infer.States {
		types[s.Name] = s.Type.DType
	}
	require.Equal(t, ir.F16, types["p.a.weight"])
	require.Equal(t, ir.F32, types["p.b.weight"])
	require.Equal(t, ir.F32, types["q.weight"])
}

func TestAdaptivePoolingKeepsSizesThatAreNil(t *testing.T) {
	p := parse(t, `
flowrun: 1
model:
  inputs: {x: "f32[2, 3, 8, 9]"}
  nodes:
    a: {AdaptiveAvgPool2d: x, output_size: [nil, 7]}
    b: {AdaptiveMaxPool2d: x, output_size: [2, nil]}
    c: {AdaptiveMaxPool2d: x, output_size: 5}
  outputs: [a, b, c]
`, spec.Options{})
	for i, want := range []string{"f32[2, 3, 8, 7]", "f32[2, 3, 2, 9]", "f32[2, 3, 5, 5]"} {
		require.Equal(t, want, p.Infer.Outputs[i].Node.Type.String())
	}
}

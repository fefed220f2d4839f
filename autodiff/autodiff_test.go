package autodiff_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/autodiff"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
)

// program writes graphs for tests, in f64: reference evaluation rounds nothing
// between nodes, so results can be compared with formulas.
type program struct {
	*ir.Builder
	values map[string]*ir.Array
}

func newProgram() *program {
	return &program{ir.NewBuilder(&ir.Graph{}), map[string]*ir.Array{}}
}

func (b *program) op(name string, args ...any) *ir.Node { return b.Apply(ir.LookupOp(name), args...) }

// param adds a state with a value.
func (b *program) param(name string, shape ir.Shape, values ...float64) *ir.Node {
	b.values[name] = ir.FromFloat64(ir.F64, shape, values).Array()
	return b.NewState(name, ir.ParamState, b.values[name].Type).Read
}

func (b *program) scalar(name string, value float64) *ir.Node {
	return b.param(name, ir.Shape{}, value)
}

func (b *program) grad(y, x *ir.Node) *ir.Node { return b.Apply(ir.GradOp, y, x) }

func (b *program) output(name string, n *ir.Node) *ir.Node {
	b.Graph.Outputs = append(b.Graph.Outputs, ir.Output{Name: name, Node: n})
	return n
}

// expand differentiates and checks the graph that comes of it.
func (b *program) expand(t require.TestingT) {
	require.NoError(t, b.Err())
	require.NoError(t, autodiff.Expand(b.Graph, nil))
	require.NoError(t, ir.Verify(b.Graph, true))
	for _, n := range b.Graph.Nodes {
		require.NotEqual(t, ir.GradOp, n.Op)
	}
}

// value evaluates an output.
func (b *program) value(t require.TestingT, name string) []float64 {
	for _, o := range b.Graph.Outputs {
		if o.Name == name {
			v, err := irtest.Reference([]*ir.Node{o.Node}, func(n *ir.Node) (*ir.Array, error) { return b.values[n.State.Name], nil })
			require.NoError(t, err)
			return v[0].F
		}
	}
	require.FailNow(t, "no output "+name)
	return nil
}

func (b *program) count(op string) (n int) {
	for _, node := range b.Graph.Nodes {
		if node.Op.Name == op {
			n++
		}
	}
	return n
}

// near allows a few roundings of f64.
const near = 1e-13

func TestGradientsMatchAnalyticOnes(t *testing.T) {
	b := newProgram()
	x := b.scalar("x", 0.7)
	b.output("g", b.grad(b.op("mul", b.op("sin", x), b.op("exp", x)), x))
	b.expand(t)
	require.InDelta(t, math.Exp(0.7)*(math.Sin(0.7)+math.Cos(0.7)), b.value(t, "g")[0], near)
}

func TestAGradientCanBeDifferentiated(t *testing.T) {
	b := newProgram()
	x := b.scalar("x", 0.7)
	y := b.op("pow", x, 4.0)
	for _, name := range []string{"first", "second", "third", "fourth"} {
		y = b.output(name, b.grad(y, x))
	}
	b.expand(t)
	for name, want := range map[string]float64{"first": 4 * 0.343, "second": 12 * 0.49, "third": 24 * 0.7, "fourth": 24} {
		require.InDelta(t, want, b.value(t, name)[0], 100*near, name)
	}
}

func TestALossMayContainGradients(t *testing.T) {
	// A gradient penalty: f + (df/dx)², f = x³ w, for w.
	b := newProgram()
	x, w := b.scalar("x", 1.5), b.scalar("w", -0.5)
	f := b.op("mul", b.op("mul", b.op("mul", x, x), x), w)
	loss := b.op("add", f, b.op("square", b.grad(f, x)))
	b.output("g", b.grad(loss, w))
	b.expand(t)
	require.InDelta(t, math.Pow(1.5, 3)+2*9*math.Pow(1.5, 4)*-0.5, b.value(t, "g")[0], 100*near)
}

func TestAValueUsedTwiceGetsTheSumOfItsGradients(t *testing.T) {
	b := newProgram()
	x := b.scalar("x", 2)
	h := b.op("mul", x, x) // x twice in one node
	b.output("g", b.grad(b.op("add", b.op("mul", h, h), h), x))
	b.expand(t)
	require.InDelta(t, 4*8+2*2, b.value(t, "g")[0], near)
}

func TestAnInnerNodeCanBeTheVariable(t *testing.T) {
	b := newProgram()
	x := b.scalar("x", 2)
	h := b.op("mul", x, 3.0)
	b.output("g", b.grad(b.op("square", h), h))
	b.expand(t)
	require.InDelta(t, 12, b.value(t, "g")[0], near)
}

func TestTheGradientOfAValueForItselfIsOne(t *testing.T) {
	b := newProgram()
	x := b.scalar("x", 2)
	b.output("g", b.grad(x, x))
	b.expand(t)
	require.Equal(t, []float64{1}, b.value(t, "g"))
}

func TestAStateMayBecomeAGradient(t *testing.T) {
	b := newProgram()
	x := b.scalar("x", 3)
	b.Graph.State("x").Next = b.grad(b.op("square", x), x)
	b.expand(t)
	b.output("next", b.Graph.State("x").Next)
	require.Equal(t, []float64{6}, b.value(t, "next"))
}

// network is layers of matrices, with a gradient for each.
func network(layers int) *program {
	b := newProgram()
	h := b.param("x", ir.Shape{2, 3}, 0.1, 0.2, 0.3, -0.1, -0.2, -0.3)
	var weights []*ir.Node
	for i := range layers {
		w := b.param("w"+string(rune('0'+i%10))+string(rune('a'+i/10)), ir.Shape{3, 3}, 0.5, 0.1, 0, 0, 0.5, 0.1, 0.1, 0, 0.5)
		weights = append(weights, w)
		h = b.op("tanh", b.op("matmul", h, w))
	}
	loss := b.op("mean", b.op("square", h))
	for i, w := range weights {
		b.output("g"+string(rune('0'+i%10))+string(rune('a'+i/10)), b.grad(loss, w))
	}
	return b
}

func TestAllGradientsOfALossComeFromOneSweep(t *testing.T) {
	size := func(layers int) int {
		b := network(layers)
		b.expand(t)
		// Each layer but the first, whose operand isn't asked for, has three
		// products: forward, and back to its operand and its weight.
		require.Equal(t, 3*layers-1, b.count("matmul"))
		return len(b.Graph.Nodes)
	}
	require.Equal(t, size(20)-size(10), size(30)-size(20), "nodes grow with the depth, not with the depth times the variables")
}

func TestOnlyRequestedGradientsAreComputed(t *testing.T) {
	b := newProgram()
	x, w := b.scalar("x", 1), b.scalar("w", 2)
	deep := x
	for range 50 {
		deep = b.op("sin", deep)
	}
	b.output("g", b.grad(b.op("mul", deep, w), w))
	b.expand(t)
	require.Zero(t, b.count("cos"), "the gradient doesn't go down to x")
}

func TestAnExpandedGraphHasOnlyWhatIsNeeded(t *testing.T) {
	b := newProgram()
	x := b.scalar("x", 1)
	b.output("y", b.op("sin", x))
	b.expand(t)
	require.Len(t, b.Graph.Nodes, 2, "without gradients nothing changes")
}

// refused expands a program that asks for a gradient there isn't.
func refused(t *testing.T, build func(b *program) (y, x *ir.Node)) *autodiff.Error {
	t.Helper()
	b := newProgram()
	y, x := build(b)
	b.Origin = diag.Range{File: "net.yaml", Start: diag.Pos{Line: 7, Col: 3}, End: diag.Pos{Line: 7, Col: 20}}
	b.output("g", b.grad(y, x))
	require.NoError(t, b.Err())
	var e *autodiff.Error
	require.ErrorAs(t, autodiff.Expand(b.Graph, nil), &e)
	require.Equal(t, b.Origin, e.Range, "where it was asked for")
	require.Contains(t, e.Error(), "net.yaml:7:3")
	return e
}

func TestThereIsNoGradientForWhatTheLossDoesNotDependOn(t *testing.T) {
	e := refused(t, func(b *program) (y, x *ir.Node) {
		x = b.scalar("bystander", 1)
		y = b.op("sin", b.scalar("x", 1))
		y.Name = "loss"
		return y, x
	})
	require.Contains(t, e.Msg, "bystander")
	require.Contains(t, e.Msg, "loss doesn't depend on it")
}

func TestThereIsNoGradientThroughIntegersAndComparisons(t *testing.T) {
	for name, path := range map[string]func(b *program, x *ir.Node) *ir.Node{
		"integers":    func(b *program, x *ir.Node) *ir.Node { return b.op("cast", b.op("cast", x, "i64"), "f64") },
		"comparisons": func(b *program, x *ir.Node) *ir.Node { return b.op("cast", b.op("lt", x, 0.5), "f64") },
	} {
		t.Run(name, func(t *testing.T) {
			e := refused(t, func(b *program) (y, x *ir.Node) {
				x = b.scalar("x", 1)
				return b.op("mul", path(b, x), b.scalar("w", 2)), x
			})
			require.Contains(t, e.Msg, "depends on it only through")
			require.Len(t, e.Blocked, 1)
			require.Contains(t, e.Msg, e.Blocked[0].Op.Name)
		})
	}
}

func TestAPathWithoutAGradientContributesZero(t *testing.T) {
	for name, path := range map[string]func(b *program, x *ir.Node) *ir.Node{
		"integers": func(b *program, x *ir.Node) *ir.Node { return b.op("cast", b.op("cast", x, "i64"), "f64") },
		"steps":    func(b *program, x *ir.Node) *ir.Node { return b.op("floor", x) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newProgram()
			x := b.scalar("x", 1.75)
			b.output("g", b.grad(b.op("mul", path(b, x), b.op("square", x)), x))
			b.expand(t)
			require.InDelta(t, 1*2*1.75, b.value(t, "g")[0], near)
		})
	}
}

// TestAStepFunctionOfAScalarHasGradientZero as in PyTorch.
func TestAStepFunctionOfAScalarHasGradientZero(t *testing.T) {
	b := newProgram()
	x := b.scalar("x", 1.75)
	b.output("g", b.grad(b.op("square", b.op("floor", x)), x))
	b.expand(t)
	require.Zero(t, b.value(t, "g")[0])
}

func TestGradientsBelongToTheNodesTheyAreOf(t *testing.T) {
	b := newProgram()
	x := b.scalar("x", 1)
	b.Path, b.Device = "model.h1", "sim:0"
	y := b.op("sin", x)
	b.Path, b.Device = "", ""
	b.output("g", b.grad(y, x))
	b.expand(t)
	for _, n := range b.Graph.Nodes {
		if n.Op.Name == "cos" {
			require.Equal(t, "model.h1", n.Path)
			require.Equal(t, "sim:0", n.Device)
			return
		}
	}
	t.Fatal("no derivative of sin")
}

// TestGradientsAgreeWithDifferences draws scalar functions of two variables and
// holds their gradients against differences of their values.
//
// At most four functions are nested in each other, then multiplied by x or y.
// Each at most doubles what it is given, so first derivatives are below 2⁴ and
// third ones below 12 · 2^(3·4) = 5e4. The central difference at h = 1e-4 is off
// by h²/6 times that, 8e-5, and by rounding, 2e-16 / 1e-4 = 2e-12.
func TestGradientsAgreeWithDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newProgram()
		x, y := b.scalar("x", rapid.Float64Range(-1, 1).Draw(t, "x")), b.scalar("y", rapid.Float64Range(-1, 1).Draw(t, "y"))
		pool := []*ir.Node{x, y}
		value := func() *ir.Node { return pool[rapid.IntRange(0, len(pool)-1).Draw(t, "value")] }
		for range rapid.IntRange(1, 4).Draw(t, "nodes") {
			var n *ir.Node
			switch op := rapid.SampledFrom([]string{"tanh", "sin", "sigmoid", "neg", "add", "sub", "mul"}).Draw(t, "op"); op {
			case "add", "sub", "mul":
				n = b.op("tanh", b.op(op, value(), value())) // stays between -1 and 1
			default:
				n = b.op(op, value())
			}
			pool = append(pool, n)
		}
		f := b.op("add", b.op("mul", pool[len(pool)-1], x), b.op("mul", value(), y)) // depends on both
		b.output("f", f)
		b.output("x", b.grad(f, x))
		b.output("y", b.grad(f, y))
		b.expand(t)
		for _, name := range []string{"x", "y"} {
			const h = 1e-4
			at := b.values[name].F[0]
			b.values[name].F[0] = at + h
			above := b.value(t, "f")[0]
			b.values[name].F[0] = at - h
			below := b.value(t, "f")[0]
			b.values[name].F[0] = at
			require.InDelta(t, (above-below)/(2*h), b.value(t, name)[0], 1e-4)
		}
	})
}

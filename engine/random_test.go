package engine_test

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// drawProgram draws a program of all that the engine knows: states that steps
// write and states that they don't, inputs that nobody has set yet, states that
// become each other or share what they become, several updates of a state in one step,
// random numbers, data, constants, nodes and homes anywhere on a host and two devices, and
// names for some nodes.
//
// Values are f32 of three shapes, and of one without elements; what is cast to f16 or
// bf16, or compared, comes back. Whatever may have grown beyond 64 is brought back by
// tanh, so that no sequence of steps leads to infinities.
func drawProgram(t *rapid.T, devices []device.Device) *program {
	g := &generator{builder: newBuilder(), t: t, magnitude: map[*ir.Node]float64{}}
	for _, d := range devices {
		g.devices = append(g.devices, d.Name())
	}
	g.step.Device = g.device()
	if rapid.IntRange(0, 7).Draw(t, "counted") == 0 { // a caller says which batch it is, as in an evaluation
		g.step.Next = nil
	}
	trained := g.states()
	if rapid.IntRange(0, 7).Draw(t, "inference") == 0 { // nothing is written by steps
		g.step.Next, trained = nil, nil
	}
	for range rapid.IntRange(2, 20).Draw(t, "nodes") {
		g.Device = g.device()
		g.add(g.node())
	}
	for _, s := range trained {
		g.Device = g.device()
		s.Next = g.next(s)
	}
	g.updates(trained)
	for _, s := range trained { // some can be asked what they would become
		switch rapid.IntRange(0, 2).Draw(t, "ask") {
		case 0:
			g.add(g.bounded(g.op("tanh", s.Next), 1))
		case 1:
			g.add(s.Next)
		}
	}
	p := g.program(t)
	p.sources = map[string]engine.DataSource{"data": noise{}}
	return p
}

type generator struct {
	*builder
	t         *rapid.T
	pool      [4][]*ir.Node        // values, by rank; the last have no elements
	magnitude map[*ir.Node]float64 // a bound of a value's elements
	serial    int
	devices   []string
}

const largest = 64

var shapes = [4][]any{{}, {5}, {5, 5}, {0}}

// empty is the place of the shape without elements.
const empty = 3

// rank draws a shape.
func (g *generator) rank() int {
	return rapid.SampledFrom([]int{0, 0, 0, 1, 1, 1, 2, 2, 2, empty}).Draw(g.t, "rank")
}

// device draws where something must be; mostly it may be anywhere.
func (g *generator) device() string {
	return rapid.SampledFrom(append([]string{"", "", ""}, g.devices...)).Draw(g.t, "device")
}

// states draws states, at least one of each shape, and gives those that steps
// shall write.
func (g *generator) states() (trained []*ir.State) {
	for i := range rapid.IntRange(4, 8).Draw(g.t, "states") {
		rank := i % 3
		if i == empty {
			rank = empty
		}
		value := uniform(shapeOf(rank), int64(i))
		name := fmt.Sprintf("s%d", i)
		var s *ir.State
		switch rapid.IntRange(0, 5).Draw(g.t, "kind") {
		case 0:
			s = g.state(name, ir.ParamState, value)
		case 1:
			s = g.NewState(name, ir.InputState, value.Type) // not set
		default:
			s = g.state(name, ir.ParamState, value)
			trained = append(trained, s)
		}
		s.Device = g.device()
		g.magnitude[s.Read] = largest
		g.add(s.Read)
	}
	return trained
}

func shapeOf(rank int) ir.Shape {
	shape := ir.Shape{}
	for _, n := range shapes[rank] {
		shape = append(shape, n.(int))
	}
	return shape
}

// add puts a value into the pool, and gives it a name now and then.
func (g *generator) add(n *ir.Node) {
	if g.magnitude[n] > largest {
		n = g.bounded(g.op("tanh", n), 1)
	}
	rank := rankOf(n.Type.Shape)
	g.pool[rank] = append(g.pool[rank], n)
	if n.State == nil && n.Name == "" && rapid.IntRange(0, 2).Draw(g.t, "named") == 0 {
		g.output(fmt.Sprintf("n%d", len(g.Graph.Outputs)), n)
	}
}

func rankOf(s ir.Shape) int {
	if s.Numel() == 0 {
		return empty
	}
	return len(s)
}

func (g *generator) bounded(n *ir.Node, magnitude float64) *ir.Node {
	g.magnitude[n] = magnitude
	return n
}

// value draws a value of a rank from the pool.
func (g *generator) value(rank int) *ir.Node {
	return g.pool[rank][rapid.IntRange(0, len(g.pool[rank])-1).Draw(g.t, "value")]
}

// node draws a node over the values so far.
func (g *generator) node() *ir.Node {
	rank := g.rank()
	g.serial++
	switch kind := rapid.SampledFrom(kinds).Draw(g.t, "op"); kind {
	case "const":
		return g.bounded(g.Const(uniform(shapeOf(rank), int64(g.serial))), 1)
	case "uniform":
		return g.bounded(g.random(g.serial, shapes[rank]...), 1)
	case "source":
		return g.bounded(g.op("source", g.step.Read, "data", fmt.Sprint("field", g.serial), "f32", shapes[rank]), 1)
	case "step":
		return g.bounded(g.op("mul", g.op("cast", g.step.Read, "f32"), 0.01), 1)
	case "tanh", "sigmoid":
		return g.bounded(g.op(kind, g.value(rank)), 1)
	case "neg":
		x := g.value(rank)
		return g.bounded(g.op("neg", x), g.magnitude[x])
	case "transpose":
		x := g.value(2)
		return g.bounded(g.op("transpose", x), g.magnitude[x])
	case "matmul":
		a, b := g.value(2), g.value(rapid.IntRange(1, 2).Draw(g.t, "right"))
		return g.bounded(g.op("matmul", a, b), 5*g.magnitude[a]*g.magnitude[b])
	case "narrow": // and back, maybe elsewhere
		x := g.value(rank)
		narrow := g.op("cast", x, rapid.SampledFrom([]string{"f16", "bf16"}).Draw(g.t, "dtype"))
		if rapid.IntRange(0, 3).Draw(g.t, "narrow named") == 0 {
			g.output(fmt.Sprintf("n%d", len(g.Graph.Outputs)), narrow)
		}
		g.Device = g.device()
		return g.bounded(g.op("cast", narrow, "f32"), 1.01*g.magnitude[x])
	case "where":
		a, b := g.value(rank), g.value(rank)
		less := g.op("lt", a, b)
		g.Device = g.device()
		return g.bounded(g.op("where", less, a, b), max(g.magnitude[a], g.magnitude[b]))
	case "mean":
		x := g.value(rank % empty) // there is no mean of nothing
		return g.bounded(g.op("mean", x), g.magnitude[x])
	case "scan":
		return g.scan()
	default:
		a, b := g.value(rank), g.value(rapid.SampledFrom([]int{0, rank}).Draw(g.t, "right"))
		bound := g.magnitude[a] + g.magnitude[b]
		if kind == "mul" {
			bound = g.magnitude[a] * g.magnitude[b]
		}
		return g.bounded(g.op(kind, a, b), bound)
	}
}

var kinds = []string{"const", "uniform", "source", "step", "tanh", "sigmoid", "neg", "transpose", "matmul", "mean",
	"add", "sub", "mul", "maximum", "add", "mul", "narrow", "where", "scan"}

// next draws what a state becomes: any value at all (another state's, its own,
// one that another state becomes too), a state that may become this one, or an update
// of its own.
func (g *generator) next(s *ir.State) *ir.Node {
	x := g.value(rankOf(s.Type.Shape))
	switch rapid.IntRange(0, 4).Draw(g.t, "next") {
	case 0:
		return x
	case 1:
		return g.op("sub", s.Read, g.op("mul", x, 0.1))
	case 2:
		return g.op("tanh", g.op("add", x, s.Read))
	case 3:
		for _, other := range g.Graph.States { // both are a swap
			if other != s && other != g.step && other.Type.Equal(s.Type) && (other.Next == nil || other.Next == s.Read) {
				return other.Read
			}
		}
		return x
	default:
		return g.op("neg", x)
	}
}

// noise is a data source: other numbers for every step and field.
type noise struct{}

func (noise) Batch(step int64, field string, dst []byte) error {
	copy(dst, uniform(ir.Shape{len(dst) / 4}, 1000*step+int64(len(field))+int64(field[len(field)-1])).Data)
	return nil
}

// scan draws a scan along a dim of a matrix, forward or backward: with a product by
// something that is the same at each position, random numbers, and two carries that become
// each other. It gives the last value of one of its carries, or what it kept.
func (g *generator) scan() *ir.Node {
	x, w, dim := g.value(2), g.value(2), rapid.IntRange(0, 1).Draw(g.t, "dim")
	h0, p0, q0 := g.value(1), g.value(1), g.value(1)
	l := g.BeginScan(5, rapid.Bool().Draw(g.t, "reverse"))
	xt := l.Slice(x, dim)
	h, hn := l.Carry("h", h0)
	p, pn := l.Carry("p", p0)
	q, qn := l.Carry("q", q0)
	small := g.op("mul", g.op("tanh", w), 0.2) // errors don't grow from position to position
	noise := g.op("uniform", 0.0, 1.0, []any{5}, "f32", g.op("add", g.op("mul", g.step.Read, 5), l.Position), g.serial)
	next := g.op("tanh", g.op("add", g.op("add", g.op("matmul", small, h), xt), noise))
	l.Next(hn, next)
	l.Next(pn, q)
	l.Next(qn, g.op("tanh", g.op("add", p, next)))
	l.Keep(next, rapid.IntRange(0, 1).Draw(g.t, "kept along"))
	carries, kept := l.End()
	g.Device = g.device()
	switch rapid.IntRange(0, 4).Draw(g.t, "result") {
	case 0:
		return g.bounded(carries[hn], 1)
	case 1: // not all of them need be used
		return g.bounded(g.op("matmul", kept[0], carries[pn]), 5)
	case 2:
		return g.bounded(carries[qn], 1)
	case 3:
		return g.bounded(g.op("matmul", kept[0], carries[hn]), 5)
	default:
		return g.bounded(kept[0], 1)
	}
}

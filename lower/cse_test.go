package lower_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

var negativeZero = math.Copysign(0, -1)

// shared counts the nodes that were merged.
func shared(g *graphs, o lower.Options) int { return g.lower(o).Applied["cse"] }

func TestEqualNodesAreComputedOnce(t *testing.T) {
	g := newGraph(t)
	x, y := g.state("x", ir.F32, 3, 3), g.state("y", ir.F32, 3, 3)
	g.output("a", g.op("exp", g.op("sub", x, y)))
	g.output("b", g.op("exp", g.op("sub", x, y)))
	require.Equal(t, 2, shared(g, lower.Options{}))
}

func TestTheOrderOfOperandsMattersUnlessTheyCommute(t *testing.T) {
	g := newGraph(t)
	x, y := g.state("x", ir.F32, 3, 3), g.state("y", ir.F32, 3, 3)
	for i, op := range []string{"add", "mul", "maximum", "eq", "sub", "div", "pow", "matmul", "lt"} {
		g.output(op, g.op(op, x, y))
		g.output(op+" swapped", g.op(op, y, x))
		require.Equal(t, min(i+1, 4), shared(g, lower.Options{}), op)
	}
}

func TestArgumentsAndConstantsTellNodesApart(t *testing.T) {
	g := newGraph(t)
	x := g.state("x", ir.F32, 3, 3)
	g.output("a", g.op("sum", x, 0, false))
	g.output("b", g.op("sum", x, 1, false))
	g.output("c", g.op("sum", x, 0, true))
	g.output("d", g.op("cast", x, "f16"))
	g.output("e", g.op("cast", x, "bf16"))
	g.output("f", g.op("pow", x, 5.0))
	g.output("g", g.op("pow", x, 5.5))
	g.output("h", g.op("mul", x, 0.0))
	g.output("i", g.op("mul", x, g.Scalar(ir.F32, negativeZero)))
	require.Zero(t, shared(g, lower.Options{}))
}

func TestNodesOnDifferentDevicesAreNotMerged(t *testing.T) {
	build := func() (*graphs, *ir.Node, *ir.Node) {
		g := newGraph(t)
		x := g.state("x", ir.F32, 3)
		a, b := g.op("exp", x), g.op("exp", x)
		a.Path, b.Path = "left", "right"
		g.output("a", a)
		g.output("b", b)
		return g, a, b
	}
	g, _, _ := build()
	require.Equal(t, 1, shared(g, lower.Options{}))
	require.Zero(t, shared(g, lower.Options{Rules: []ir.PlacementRule{{Match: "left", Device: "cpu:1"}}}), "by a placement rule")
	g, a, _ := build()
	a.Device = "cpu:1"
	require.Zero(t, shared(g, lower.Options{}), "by its own device")
	g, a, b := build()
	a.Device, b.Prefer = "cpu:1", "cpu:1"
	require.Equal(t, 1, shared(g, lower.Options{}), "one device, asked for in two ways")
}

package place

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops"
)

// manyPinned makes a program of n nodes of which many are pinned to devices, and the
// rest, values of all sizes, is for the cut.
func manyPinned(n int, devices ...string) *ir.Graph {
	b := ir.NewBuilder(&ir.Graph{})
	op := func(name string, args ...any) *ir.Node { return b.Apply(ir.LookupOp(name), args...) }
	r := rand.New(rand.NewPCG(3, 4))
	var nodes []*ir.Node
	for i := range 20 {
		s := b.NewState(fmt.Sprint("s", i), ir.ParamState, ir.Type{DType: ir.F32, Shape: ir.Shape{1 + r.IntN(100), 1}})
		s.Next = op("tanh", s.Read)
		nodes = append(nodes, s.Next)
	}
	for len(nodes) < n {
		b.Device = ""
		if r.IntN(20) == 0 {
			b.Device = devices[r.IntN(len(devices))]
		}
		x, y := nodes[max(0, len(nodes)-1-r.IntN(50))], nodes[r.IntN(len(nodes))]
		switch r.IntN(3) {
		case 0:
			nodes = append(nodes, op("mean", op("add", x, op("mean", y))))
		case 1:
			nodes = append(nodes, op("mul", x, op("mean", y)))
		default:
			nodes = append(nodes, op("sigmoid", x))
		}
	}
	b.Device = ""
	b.Graph.States[0].Next = op("add", b.Graph.States[0].Read, op("mean", nodes[len(nodes)-1]))
	for i, n := range nodes[len(nodes)-n/2:] {
		b.Graph.Outputs = append(b.Graph.Outputs, ir.Output{Name: fmt.Sprint("o", i), Node: n})
	}
	return b.Graph
}

// TestCuttingIsNearlyLinear counts, since machines are busy. The graph is harder
// than a program's: each value meets others from anywhere before it.
func TestCuttingIsNearlyLinear(t *testing.T) {
	for _, n := range []int{2_000, 40_000} {
		g := manyPinned(n, "cpu", "sim:0")
		require.NoError(t, g.Sort())
		p := New(g, Options{Targets: []Target{{Name: "cpu", Kind: "cpu"}, {Name: "sim:0", Kind: "sim"}}, Default: Auto})
		l := newLayout(p)
		for _, node := range g.Nodes {
			require.NoError(t, l.pin(node))
		}
		p.Main = 0
		l.weigh()
		e := l.expansion(1)
		require.NotNil(t, e.cut.sinkSide())
		t.Logf("%d nodes: %d edges looked at %d times each", n, len(e.cut.edges), e.cut.looks/len(e.cut.edges))
		require.Less(t, e.cut.looks, 60*len(e.cut.edges))
	}
}

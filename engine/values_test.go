package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// sizes are the graphs' sizes in the tests of cost.
var sizes = []int{100, 1_000, 10_000, 100_000}

// shapePlan makes a plan of n kept nodes, without memory or kernels, over the states
// "large" and "small": all depend on large but ten in a row, which depend on
// small, and one that depends on both the last of these and the last of those.
func shapePlan(n int, operands func(i int) []int) *lower.Plan {
	p := &lower.Plan{Graph: &ir.Graph{}}
	add := func(node *ir.Node) *ir.Node {
		node.ID = len(p.Graph.Nodes)
		p.Graph.Nodes = append(p.Graph.Nodes, node)
		p.Values = append(p.Values, lower.Value{Storage: lower.Kept})
		return node
	}
	state := func(name string) *ir.Node {
		s := &ir.State{Name: name}
		s.Read = add(&ir.Node{State: s})
		p.Graph.States = append(p.Graph.States, s)
		p.Values[s.Read.ID].Storage = lower.Home
		return s.Read
	}
	large, small := state("large"), state("small")
	last := small
	for range smallPart {
		last = add(&ir.Node{Inputs: []*ir.Node{last}})
	}
	nodes := []*ir.Node{large}
	for i := 1; i < n; i++ {
		var in []*ir.Node
		for _, o := range operands(i) {
			in = append(in, nodes[o])
		}
		nodes = append(nodes, add(&ir.Node{Inputs: in}))
	}
	add(&ir.Node{Inputs: []*ir.Node{last, nodes[n-1]}})
	return p
}

const smallPart = 10

// families are graphs by how their nodes hang together; node 0 is the state.
var families = map[string]func(i int) []int{
	"chain":   func(i int) []int { return []int{i - 1} },
	"fan-out": func(int) []int { return []int{0} },
	"random": func(i int) []int {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		return []int{r.IntN(i), r.IntN(i)}
	},
}

// everyGraph runs a test on each family and size.
func everyGraph(t *testing.T, f func(t *testing.T, v *values, n int)) {
	for name, operands := range families {
		for _, n := range sizes {
			t.Run(fmt.Sprintf("%s of %d", name, n), func(t *testing.T) {
				v := newValues(shapePlan(n, operands))
				v.written(0)
				v.written(1)
				f(t, v, n)
			})
		}
	}
}

// bring brings a node up to date and tells how many nodes the walk visited
// and how many ran.
func (v *values) bring(n int) (visited, ran int) {
	work, _ := v.collect([]int32{int32(n)})
	for i := range v.nodes {
		if v.nodes[i].visited == v.demand {
			visited++
		}
	}
	for _, n := range work {
		v.ran(n)
	}
	return visited, len(work)
}

func (v *values) marks() (n int) {
	for i := range v.nodes {
		if v.nodes[i].marked {
			n++
		}
	}
	return n
}

func TestACleanDemandVisitsOnlyItsTargetsAndRunsNothing(t *testing.T) {
	everyGraph(t, func(t *testing.T, v *values, n int) {
		last := len(v.nodes) - 1
		v.bring(last)
		visited, ran := v.bring(last)
		require.Equal(t, 1, visited)
		require.Zero(t, ran)
	})
}

func TestADemandVisitsTheStaleNodesAndTheirOperands(t *testing.T) {
	everyGraph(t, func(t *testing.T, v *values, n int) {
		last := len(v.nodes) - 1
		v.bring(last)
		v.written(1)
		visited, ran := v.bring(last)
		require.Equal(t, smallPart+1, ran)       // the row, and what joins it with the rest
		require.Equal(t, smallPart+1+2, visited) // and the state, and the last of the rest
	})
}

func TestADemandVisitsOnlyTheStaleNodesItNeeds(t *testing.T) {
	everyGraph(t, func(t *testing.T, v *values, n int) {
		last := len(v.nodes) - 1
		v.bring(last)
		v.written(0)
		v.written(1)
		visited, ran := v.bring(2 + smallPart - 1)
		require.Equal(t, smallPart, ran)
		require.Equal(t, smallPart+1, visited)
		require.True(t, v.nodes[last].marked, "what wasn't demanded stays stale")
	})
}

func TestAWriteMarksEverythingDownstream(t *testing.T) {
	everyGraph(t, func(t *testing.T, v *values, n int) {
		v.bring(len(v.nodes) - 1)
		before := v.marks() // what nothing depends on has never run
		v.written(1)
		require.Equal(t, before+smallPart+1, v.marks())
	})
}

func TestMarkingStopsAtMarkedNodes(t *testing.T) {
	v := newValues(shapePlan(10, families["chain"]))
	deep := 2 + smallPart - 1
	v.nodes[deep].marked = false // which only a walk that goes on would mend
	v.written(1)
	require.False(t, v.nodes[deep].marked)
}

func TestANodeThatFailedHalfWayStaysDirty(t *testing.T) {
	v := newValues(shapePlan(10, families["chain"]))
	v.written(0)
	v.written(1)
	work, _ := v.collect([]int32{int32(len(v.nodes) - 1)})
	work = slices.Clone(work)
	v.ran(work[0])
	left, _ := v.collect([]int32{int32(len(v.nodes) - 1)})
	require.Equal(t, work[1:], left)
}

func TestMarksAreClosedDownstream(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	v := newValues(shapePlan(200, families["random"]))
	for range 500 {
		if r.IntN(2) == 0 {
			v.written(int32(r.IntN(2)))
		} else {
			v.bring(r.IntN(len(v.nodes)))
		}
		for n := range v.nodes {
			require.Equal(t, v.nodes[n].marked, v.dirty(int32(n)) && v.nodes[n].state < 0 || v.anyMarked(n),
				"a node is marked if and only if it is dirty or one before it is marked")
		}
	}
}

func (v *values) anyMarked(n int) bool {
	return slices.ContainsFunc(v.in(int32(n)), func(e edge) bool { return v.nodes[e.from].marked })
}

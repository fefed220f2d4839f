package flowrun_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// ranFor takes steps, and gives all states.
func ranFor(t *testing.T, spec string, steps int) (*flowrun.Session, map[string]*flowrun.Tensor) {
	t.Helper()
	p, err := flowrun.Parse("s.yaml", []byte(spec))
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for range steps {
		require.NoError(t, s.Step(context.Background()))
	}
	states := map[string]*flowrun.Tensor{}
	for _, st := range s.Plan().Graph.States {
		states[st.Name], err = s.Get(st.Name)
		require.NoError(t, err)
	}
	return s, states
}

// productsIn visits the products of a graph and of the bodies of its scans.
func productsIn(g *ir.Graph, see func(n *ir.Node, inScan bool)) {
	var visit func(g *ir.Graph, inScan bool)
	visit = func(g *ir.Graph, inScan bool) {
		for _, n := range g.Nodes {
			if n.Op == ir.ScanOp {
				visit(n.ScanBody().Graph, true)
			}
			if n.Op.Class == ir.Contract {
				see(n, inScan)
			}
		}
	}
	visit(g, false)
}

// Forward and backward, each product of a recurrent layer takes operands in the low dtype;
// what goes from one position to the next is f32.
func TestProductsInScansHaveTheirPrecision(t *testing.T) {
	for _, layer := range []string{"LSTM", "GRU", "RNN"} {
		spec := func(precision string) string {
			return `
flowrun: 1
data: {d: {generate: {x: "normal(0, 1, [12, 4, 3])"}}}
model:
  precision: ` + precision + `
  inputs: {x: "f32[time, batch, 3]"}
  nodes: {r: {` + layer + `: x, hidden_size: 8, num_layers: 2, bidirectional: true}, y: {Linear: r.out, out_features: 2}}
  outputs: [y]
train: {data: d, loss: "mean(square(y - sum(x, -1, keepdim=true)))", optimizer: {SGD: {lr: 0.1}}, max_steps: 20}
`
		}
		s, got := ranFor(t, spec("bf16"), 20)
		inScans := 0
		productsIn(s.Plan().Graph, func(n *ir.Node, inScan bool) {
			for _, in := range n.Inputs {
				require.Equal(t, ir.BF16, in.Type.DType, "%s of %s", layer, n.Op.Name)
			}
			if inScan {
				inScans++
			}
		})
		require.GreaterOrEqual(t, inScans, 8, layer) // of two layers and two directions, forward and backward at least
		for _, n := range s.Plan().Graph.Nodes {
			if n.Op == ir.ScanOp {
				for _, c := range n.ScanBody().Carries()[1:] {
					require.Equal(t, ir.F32, c.Type.DType, "%s: %s", layer, c.Name)
				}
			}
		}
		// Twenty steps in bf16 lose what 8 bits lose: not more than a few percent of what
		// was learned.
		_, want := ranFor(t, spec("f32"), 20)
		require.InEpsilon(t, want["metrics.loss_step"].Float(0), got["metrics.loss_step"].Float(0), 0.02, layer)
	}
}

// Additions to a carry aren't lost, though bf16 has no number between 1 and 1.0078; nor are
// they in a module that rounds what it gives.
func TestCarriesKeepAllDigits(t *testing.T) {
	for _, widen := range []string{"false", "true"} {
		spec := `
flowrun: 1
modules:
  Sum:
    widen: WIDEN
    inputs: {x: "float[n, m]", w: "float[m, m]"}
    carry: {c: "ones([n, m])"}
    nodes: {out: next(c)}
    update: {c: "c + matmul(x, w)"}
    output: out
data: {d: {generate: {x: "full([256, 2, 4], 0.0009765625)"}}}
model:
  precision: bf16
  inputs: {x: "f32[time, n, 4]"}
  nodes: {s: {Sum: [x, "eye(4, dtype='f32')"], scan: {dim: 0, last: true}}, p: {Linear: s, out_features: 1}}
  outputs: [s]
train: {data: d, loss: mean(s) + 0 * mean(p), optimizer: {SGD: {lr: 0}}, max_steps: 1}
`
		_, states := ranFor(t, strings.Replace(spec, "WIDEN", widen, 1), 1)
		require.Equal(t, 1.25, states["metrics.loss_step"].Float(0))
	}
}

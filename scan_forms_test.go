package flowrun

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// looped is a model with LAYER, which gives y of x, [batch, time, 3], and its training.
const looped = `
flowrun: 1
seed: 3
modules:
  cell:
    inputs: {x: "f32[batch, n]", scale: "f32[batch]"}
    params: {w: {shape: [n, n], init: "normal(0, 0.5)"}}
    carry: {h: zeros_like(x), k: "zeros([], 'i64')"}
    nodes: {out: next(h)}
    update: {h: "tanh(matmul(h, w) + Dropout(x, 0.3) * unsqueeze(scale, 1))", k: k + 1}
    output: out + cast(next(k), "f32")
  rows:
    inputs: {x: "f32[time, n]", more: "f32[n]"}
    carry: {sum: more}
    nodes: {y: {cell: ["unsqueeze(x, 1)", "ones([1])"], scan: 0}}
    update: {sum: sum * 0.5 + mean(y)}
    output: squeeze(y, 1) + next(sum)
data: {d: {generate: {x: "normal(0, 1, [4, TIME, 3])"}}}
model:
  inputs: {x: "f32[batch, time, 3]"}
  nodes:
    LAYER
  outputs: [y]
train: {data: d, TRAIN, max_steps: 9}
`

// Whatever is around a loop, it gives the bits of its positions written out, step by step.
func TestLoopsGiveTheBitsOfTheirPositionsInEveryForm(t *testing.T) {
	const plain = "loss: mean(square(y)), optimizer: {Adam: {lr: 0.01}}"
	const layer = `y: {cell: [x, "ones([4])"], scan: 1}`
	for name, c := range map[string]struct{ time, layer, train string }{
		"alone":          {"7", layer, plain},
		"of length 1":    {"1", layer, plain},
		"of length 0":    {"0", `y: {cell: [x, "ones([4])"], scan: {dim: 1, last: true}}`, "loss: sum(square(y + BatchNorm(y))), optimizer: {Adam: {lr: 0.01}}"},
		"backward":       {"5", `y: {cell: [x, "ones([4])"], scan: {dim: 1, reverse: true}}`, plain},
		"nested":         {"3", `y: {rows: [x, "ones([3])"], scan: 0}`, plain},
		"recomputed":     {"7", `y: {cell: [x, "ones([4])"], scan: 1, checkpoint_activations: true}`, plain},
		"twice":          {"7", "a: {cell: [x, \"ones([4])\"], scan: 1}\n    y: {cell: [a, \"arange(4) / 2\"], scan: 1, share: a}", plain},
		"in two updates": {"7", "a: {cell: [x, \"ones([4])\"], scan: 1}\n    y: {cell: [a, \"ones([4])\"], scan: 1}", "updates: {first: {loss: mean(square(y)), parameters: a.*, optimizer: {SGD: {lr: 0.1}}}, second: {loss: mean(abs(y)), parameters: y.*, optimizer: {SGD: {lr: 0.1}}, every: 2}}"},
		"accumulated":    {"7", layer, plain + ", accumulate: 3"},
		"an LSTM":        {"6", "r: {LSTM: x, hidden_size: 3, batch_first: true, bidirectional: true, num_layers: 2, dropout: 0.2, lengths: arange(4) + 2}\n    y: r.out", plain},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse("loop.yaml", []byte(strings.NewReplacer("TIME", c.time, "LAYER", c.layer, "TRAIN", c.train).Replace(looped)))
			require.NoError(t, err)
			var sessions []*Session
			for _, keep := range []bool{true, false} {
				s, err := p.Start(t.Context(), On("cpu"), func(o *startOptions) { o.lower.KeepScans, o.lower.WriteOut = keep, writtenOut })
				require.NoError(t, err)
				defer func() { require.NoError(t, s.Close()) }()
				sessions = append(sessions, s)
				isScan := func(n *ir.Node) bool { return n.Op == ir.ScanOp }
				require.Equal(t, keep, slices.ContainsFunc(s.Plan().Graph.Nodes, isScan))
			}
			for range 6 {
				for _, s := range sessions {
					require.NoError(t, s.Step(t.Context()))
				}
				for _, st := range p.spec.Train.States {
					loop, err := sessions[0].Get(st.Name)
					require.NoError(t, err)
					written, err := sessions[1].Get(st.Name)
					require.NoError(t, err)
					require.Equal(t, written.Data, loop.Data, st.Name)
				}
			}
		})
	}
}

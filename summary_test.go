package flowrun_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// summarized describes the model of a spec.
func summarized(t *testing.T, text string, sizes map[string]int) (*flowrun.ModelSummary, error) {
	t.Helper()
	p, err := flowrun.Parse("spec.yaml", []byte("flowrun: 1\n"+text))
	require.NoError(t, err)
	return p.Summarize(flowrun.SummaryOptions{Device: "cpu", Sizes: sizes})
}

// layerAt finds a layer by its path.
func layerAt(t *testing.T, layers []*flowrun.ModelLayer, path string) *flowrun.ModelLayer {
	t.Helper()
	for _, l := range layers {
		if l.Path == path {
			return l
		}
		if strings.HasPrefix(path, l.Path) && len(l.Layers) > 0 {
			return layerAt(t, l.Layers, path)
		}
	}
	require.Fail(t, "there is no layer "+path)
	return nil
}

// tied has 2 × 3 ids of 10, an embedding of 4 that is frozen and is the head's matrix too,
// and three blocks.
const tied = `
data: {d: {generate: {ids: "randint(0, 10, [2, 3])", y: "randint(0, 10, [2, 3])"}}}
modules:
  Scale: {inputs: {x: "f32[...]"}, params: {by: {shape: [5], init: 1}}, output: x * sum(by)}
model:
  inputs: {ids: "i32[batch, time]"}
  nodes:
    tok: {Embedding: ids, num_embeddings: 10, embedding_dim: 4, trainable: false}
    h: {MLP: "relu(tok)", hidden_features: 8, activation: relu, repeat: 3}
    logits: matmul(h, transpose(tok.weight))
  outputs: [logits]
train:
  data: d
  loss: Scale(cross_entropy(reshape(logits, [-1, 10]), reshape(y, [-1])))
  optimizer: {AdamW: {lr: 0.1}}
  max_steps: 1
`

func TestASummaryCountsWhatAPersonCounts(t *testing.T) {
	m, err := summarized(t, tied, nil)
	require.NoError(t, err)
	const tokens = 2 * 3
	for path, want := range map[string]struct{ parameters, trainable, flops int64 }{
		"tok": {10 * 4, 0, 0},
		// The argument of a repeated layer is its first one's alone: it is the node's.
		"h":        {3 * (8*4 + 8 + 4*8 + 4), 3 * (8*4 + 8 + 4*8 + 4), tokens*4 + 3*(2*tokens*4*8+tokens*8+tokens*8+2*tokens*8*4+tokens*4)},
		"h[1]":     {8*4 + 8 + 4*8 + 4, 8*4 + 8 + 4*8 + 4, 2*tokens*4*8 + tokens*8 + tokens*8 + 2*tokens*8*4 + tokens*4},
		"h[0].fc1": {8*4 + 8, 8*4 + 8, 2*tokens*4*8 + tokens*8},
		"logits":   {0, 0, 2 * tokens * 4 * 10},
		"loss":     {5, 5, 0},
	} {
		l := layerAt(t, m.Layers, path)
		require.Equal(t, want, struct{ parameters, trainable, flops int64 }{l.Parameters, l.Trainable, l.Flops}, path)
		require.Equal(t, 4*want.parameters, l.Bytes(), path)
	}
	require.Equal(t, []string{"tok.weight"}, layerAt(t, m.Layers, "logits").Shares)
	require.Empty(t, layerAt(t, m.Layers, "tok").Shares)
	require.True(t, layerAt(t, m.Layers, "loss").TrainingOnly)
	require.Equal(t, []int{2, 3, 4}, layerAt(t, m.Layers, "h[2]").Outputs[0].Shape)
	require.EqualValues(t, 40+3*76+5, m.Totals.Parameters)
	require.EqualValues(t, 40, m.Totals.Frozen)
	require.EqualValues(t, 2*(3*76+5), m.Totals.OptimizerStates, "two moments for each that is trained")
	require.True(t, m.Totals.Step.Trains)
	require.Greater(t, m.Totals.Step.Flops, 2*m.Totals.Flops, "a step goes backward too")
}

func TestASummaryOfOtherSizesIsThatOfAnInference(t *testing.T) {
	m, err := summarized(t, tied, map[string]int{"batch": 1, "time": 0})
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, m.Inputs[0].Shape)
	require.EqualValues(t, 0, m.Totals.Flops)
	require.EqualValues(t, 40+3*76+5, m.Totals.Parameters)
	require.False(t, m.Totals.Step.Trains)

	_, err = summarized(t, tied, map[string]int{"bach": 1})
	require.ErrorContains(t, err, `no input has a dimension called "bach"; there is batch, time`)
	require.ErrorAs(t, err, new(*flowrun.SizeError))
	_, err = summarized(t, tied, map[string]int{"batch": 1 << 40, "time": 1 << 40})
	require.ErrorContains(t, err, "the input ids")
	_, err = summarized(t, "model: {inputs: {x: \"f32[2]\"}, nodes: {y: x + 1}, outputs: [y]}", map[string]int{"n": 1})
	require.ErrorContains(t, err, "all sizes follow from the spec's text")
}

func TestASummaryWithoutTrainingHasBuffersAndSeveralOutputs(t *testing.T) {
	m, err := summarized(t, `
modules:
  Both:
    inputs: {x: "f32[n, c]"}
    nodes: {inner: {BatchNorm: x}, low: inner - 1, high: inner + 1}
    outputs: [low, high]
model:
  inputs: {x: "f32[1, 3]"}
  nodes: {b: {Both: x}, y: b.low * b.high}
  outputs: [y]
`, nil)
	require.NoError(t, err)
	require.False(t, m.Trains)
	require.EqualValues(t, 6, m.Totals.Parameters)
	require.Zero(t, m.Totals.Frozen)
	require.GreaterOrEqual(t, m.Totals.Buffers, int64(6), "running mean and variance")
	require.Zero(t, m.Totals.OptimizerStates)
	outputs := layerAt(t, m.Layers, "b").Outputs
	require.Len(t, outputs, 2)
	require.Equal(t, "high", outputs[0].Name)
	require.Equal(t, []int{1, 3}, outputs[1].Shape)
}

// A layer's counts are those of what is inside and its own, and the totals those of all.
func TestSummariesOfGraphsAddUp(t *testing.T) {
	files, err := filepath.Glob("graphs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		p, err := flowrun.Load(path, flowrun.AllowRead("/usr"))
		if err != nil {
			text, readErr := os.ReadFile(path)
			require.NoError(t, readErr)
			require.Contains(t, string(text), "--allow-read", "%s: %v", path, err)
			continue
		}
		m, err := p.Summarize(flowrun.SummaryOptions{Device: "cpu"})
		require.NoError(t, err, path)
		var flops, parameters int64
		for _, l := range m.Layers {
			flops += l.Flops
			parameters += l.Parameters
			inner(t, l)
		}
		require.Equal(t, flops, m.Totals.Flops, path)
		require.Equal(t, parameters, m.Totals.Parameters, path)
		require.Positive(t, m.Totals.Step.Peak, path)
	}
}

func inner(t *testing.T, l *flowrun.ModelLayer) {
	t.Helper()
	var flops, parameters int64
	for _, in := range l.Layers {
		flops += in.Flops
		parameters += in.Parameters
		inner(t, in)
	}
	require.LessOrEqual(t, flops, l.Flops, l.Path)
	require.LessOrEqual(t, parameters, l.Parameters, l.Path)
}

// What precision rounds of an input is part of the layer that needs it, not a row of its own.
func TestASummaryHasOneRowForAnInputOfLowPrecision(t *testing.T) {
	p, err := flowrun.Parse("s.yaml", []byte(`
flowrun: 1
model:
  precision: bf16
  inputs: {x: "f32[4, 16]"}
  nodes: {h: {Linear: x, out_features: 8}, y: {Linear: gelu(h), out_features: 2}}
  outputs: [y]
`))
	require.NoError(t, err)
	m, err := p.Summarize(flowrun.SummaryOptions{})
	require.NoError(t, err)
	var rows []string
	for _, l := range m.Layers {
		rows = append(rows, l.Path)
	}
	require.Equal(t, []string{"h", "y"}, rows)
}

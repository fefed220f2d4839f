package flowrun

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/racetest"
)

// scannedModel is a language model of 11 numbers whose layer HERE goes along the tokens.
const scannedModel = `
flowrun: 1
seed: 5
modules:
  learned:
    inputs: {x: "float[batch, time, width]"}
    params: {weight: {shape: [1, width], init: "normal(0, 1)"}}
    output: weight
  fading:
    doc: of what came before, which begins with the first features of all.
    inputs: {x: "float[batch, width]", first: "float[batch, width]"}
    carry: {mean: first, seen: "zeros([], 'i64')"}
    update: {mean: 0.8 * mean + 0.2 * x, seen: seen + 1}
    output: next(mean) * sin(cast(next(seen), "f64"))
model:
  inputs: {ids: "i32[batch, time]"}
  nodes:
    tok: {Embedding: ids, num_embeddings: 11, embedding_dim: 8, dtype: f64}
    HERE
    logits: {Linear: y, out_features: 11, dtype: f64}
  outputs: [logits]
generate: {context: 40}
`

// Carries of a scan along the tokens are states of generation: a step takes one token, or 32
// of a prompt, and gives the logits of all tokens at once.
func TestScansGoOnFromTokenToToken(t *testing.T) {
	if racetest.Enabled {
		t.Skip("the race detector sees nothing here")
	}
	for name, layer := range map[string]string{
		"LSTM":                         "r: {LSTM: tok, hidden_size: 8, num_layers: 2, batch_first: true, context: 40, dtype: f64}\n    y: r.out",
		"GRU":                          "r: {GRU: tok, hidden_size: 8, num_layers: 2, batch_first: true, context: 40, dtype: f64}\n    y: r.out",
		"RNN":                          "r: {RNN: tok, hidden_size: 8, num_layers: 2, nonlinearity: relu, batch_first: true, context: 40, dtype: f64}\n    y: r.out",
		"learned initial states":       "h: {learned: tok, dtype: f64}\n    r: {LSTMCell: [tok, h, h * 2], scan: {dim: 1, generation: true}, dtype: f64}\n    y: r.h",
		"one that begins with a token": "y: {fading: [tok, 'squeeze(slice(tok, 1, 0, 1), 1)'], scan: {dim: 1, generation: true}}",
		"beside attention":             "h: {TransformerBlock: tok, num_heads: 2, is_causal: true, context: 40, dtype: f64}\n    r: {GRU: h, hidden_size: 8, batch_first: true, context: 40, dtype: f64}\n    y: r.out + h",
	} {
		t.Run(name, func(t *testing.T) {
			g := generatorFrom(t, strings.Replace(scannedModel, "HERE", layer, 1), On("cpu"))
			require.True(t, g.model.spec.Cached)
			for _, prompt := range []int{1, 2, 33, 40} {
				stepsAgree(t, g, prompt, 1e-12)
			}
			require.Equal(t, []int{1, 32}, slices.Sorted(maps.Keys(g.model.pieces)), "what a token costs doesn't grow with the text")
		})
	}
}

func TestScansThatCannotGoOnAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ layer, message string }{
		"backward":           {"h: {learned: tok, dtype: f64}\n    r: {LSTMCell: [tok, h, h], scan: {dim: 1, reverse: true, generation: true}, dtype: f64}\n    y: r.h", "from the last position to the first, so it would need the tokens that are yet to be generated"},
		"in both directions": {"r: {GRU: tok, hidden_size: 4, batch_first: true, bidirectional: true, context: 40, dtype: f64}\n    y: r.out", "context requires one direction"},
		"not a bool":         {"h: {learned: tok, dtype: f64}\n    r: {LSTMCell: [tok, h, h], scan: {dim: 1, generation: 1}, dtype: f64}\n    y: r.h", "generation must be a bool, got the int 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("model.yaml", []byte(strings.Replace(scannedModel, "HERE", c.layer, 1)))
			require.ErrorContains(t, err, c.message)
		})
	}
	forgetful := "h: {TransformerBlock: tok, num_heads: 2, is_causal: true, context: 40, dtype: f64}\n    r: {GRU: h, hidden_size: 8, batch_first: true, dtype: f64}\n    y: r.out"
	p, err := Parse("model.yaml", []byte(strings.Replace(scannedModel, "HERE", forgetful, 1)))
	require.NoError(t, err)
	_, err = p.StartGenerator(t.Context(), On("cpu"))
	require.ErrorContains(t, err, "for token 2 of a text, a step that follows others gives other logits than all tokens at once")
}

package e2e_test

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/spec"
)

// weightsAfter runs a spec for some steps.
func weightsAfter(t *testing.T, p *flowrun.Program, steps int64) map[string]*flowrun.Tensor {
	t.Helper()
	s, err := p.Start(t.Context(), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(t.Context(), flowrun.MaxSteps(steps))
	require.NoError(t, err)
	weights, err := s.Weights()
	require.NoError(t, err)
	return weights.Tensors
}

// outputsOf infers with a spec whose model has no inputs.
func outputsOf(t *testing.T, p *flowrun.Program) map[string]*flowrun.Tensor {
	t.Helper()
	outputs, err := p.Infer(t.Context(), nil, flowrun.On("cpu"))
	require.NoError(t, err)
	return outputs
}

func TestRenderedAndFormattedSpecsRunBitIdentically(t *testing.T) {
	files, err := filepath.Glob("../../graphs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	steps := int64(50)
	if racetest.Enabled { // the larger ones take minutes, and their goroutines are the same
		steps = 3
		files = []string{"../../graphs/iris.yaml", "../../graphs/gan.yaml", "../../graphs/autoencoder_decoder.yaml"}
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			options := surroundings(t, filepath.Base(file))
			p, err := flowrun.Load(file, options...)
			require.NoError(t, err)
			result := func(p *flowrun.Program) map[string]*flowrun.Tensor { return weightsAfter(t, p, steps) }
			if !p.Trains() {
				result = func(p *flowrun.Program) map[string]*flowrun.Tensor { return outputsOf(t, p) }
			}
			want := result(p)
			rendered, err := flowrun.Render(file, options...)
			require.NoError(t, err)
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			formatted, kept, findings := spec.Format(file, string(src))
			require.Empty(t, findings.Items)
			require.Empty(t, kept)
			for _, text := range []string{rendered, formatted} {
				p, err := flowrun.Parse(file, []byte(text), options...)
				require.NoError(t, err)
				require.Equal(t, want, result(p))
			}
		})
	}
}

func TestASpecWithRenderedImportsRunsBitIdentically(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"lib.yaml": "flowrun: 1\nmodules:\n  Inner: {inputs: {x: \"f32[..., n]\"}, output: \"Linear(silu(x), n)\"}\n" +
			"  Block:\n    inputs: {x: \"f32[..., n]\"}\n    nodes: {h: {Inner: x}}\n    output: x + h\n",
		"a.yaml": "flowrun: 1\nimports: [lib.yaml]\ndata:\n  d: {generate: {x: \"uniform(-1, 1, [4, 3])\"}}\n" +
			"model:\n  inputs: {x: \"f32[4, 3]\"}\n  nodes:\n    y: {Block: x, repeat: 2}\n  outputs: [y]\n" +
			"train:\n  data: d\n  loss: mean(square(y - 1))\n  optimizer: {AdamW: {lr: 0.01}}\n  max_steps: 50\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	path := filepath.Join(folder, "a.yaml")
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	rendered, err := flowrun.Render(path)
	require.NoError(t, err)
	require.NotContains(t, rendered, "imports")
	again, err := flowrun.Parse("elsewhere.yaml", []byte(rendered))
	require.NoError(t, err)
	require.Equal(t, weightsAfter(t, p, 50), weightsAfter(t, again, 50))
}

// BenchmarkCheck measures flowrun validate, including gradients.
func BenchmarkCheck(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as flowrun validate does
	src, err := os.ReadFile(mathNet)
	require.NoError(b, err)
	for b.Loop() {
		require.Empty(b, flowrun.CheckText(mathNet, src).Items)
	}
}

// BenchmarkCheckDeep checks transformers of many blocks, up to 50,000 nodes without
// gradients: in less than 3 s, and in linear time.
func BenchmarkCheckDeep(b *testing.B) {
	for _, layers := range []string{"18", "75", "225"} {
		b.Run(layers, func(b *testing.B) {
			for b.Loop() {
				require.Empty(b, flowrun.CheckText("deep.yaml", []byte(transformer), flowrun.With("layers", layers)).Items)
			}
		})
	}
}

const transformer = `
flowrun: 1
vars: {layers: 1}
data:
  words:
    generate:
      ids: randint(0, 65, [2, 16])
      target: randint(0, 65, [2, 16])
modules:
  Attention:
    inputs: {x: "float[batch, time, width]"}
    nodes:
      q: {Linear: x, out_features: width}
      k: {Linear: x, out_features: width}
      v: {Linear: x, out_features: width}
      a: softmax(matmul(q, transpose(k)) / sqrt(width), -1)
      out: {Linear: "matmul(a, v)", out_features: width}
    output: out
  Block:
    inputs: {x: "float[batch, time, width]"}
    nodes:
      n1: {LayerNorm: x}
      r: x + Attention(n1)
      n2: {LayerNorm: r}
      h: {Linear: n2, out_features: 4 * width}
      m: {Linear: gelu(h), out_features: width}
      out: r + m
    output: out
model:
  inputs: {ids: "i32[batch, time]"}
  nodes:
    e: {Embedding: ids, num_embeddings: 65, embedding_dim: 32}
    h: {Block: e, repeat: layers}
    o: {Linear: h, out_features: 65}
  outputs: [o]
train:
  data: words
  loss: cross_entropy(reshape(o, [32, 65]), reshape(target, [32]))
  optimizer: {AdamW: {lr: 0.001}}
  max_steps: 10
`

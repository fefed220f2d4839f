package flowrun

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bytesModel is a language model of bytes, which trains on one of the data sources d, a
// text, m, a mix of two, and z, a text joined with another.
const bytesModel = `
flowrun: 1
data:
  d: {text: a.txt, tokens: bytes, fields: {ids: {type: "i32[4]"}}}
  e: {text: b.txt, tokens: bytes, fields: {ids: {type: "i32[4]"}}}
  f: {text: b.txt, tokens: bytes, fields: {others: {type: "i32[4]"}}}
  m: {mix: {d: 1, e: 1}, batch: 2}
  z: {zip: [d, f], batch: 2}
model:
  inputs: {ids: "i32[batch, time]"}
  nodes:
    tok: {Embedding: ids, num_embeddings: 256, embedding_dim: 4}
    logits: {Linear: tok, out_features: 256}
  outputs: [logits]
generate: {context: 4, max_tokens: 3, data: SOURCE}
`

func TestWhatIsLearnedFromBytesIsBytesAgain(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.txt", "b.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("to be or not to be"), 0o666))
	}
	for _, source := range []string{"d", "m", "z"} {
		p, err := Parse(filepath.Join(dir, "model.yaml"), []byte(strings.Replace(bytesModel, "SOURCE", source, 1)))
		require.NoError(t, err, source)
		g, err := p.StartGenerator(t.Context())
		require.NoError(t, err, source)
		_, err = g.Generate(t.Context(), "to be", p.GenerateOptions(), func(string) error { return nil })
		require.NoError(t, err, source)
		require.NoError(t, g.Close())
	}
}

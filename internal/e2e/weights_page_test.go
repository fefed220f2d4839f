package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// The spec in docs/weights.md reads a state dict of an nn.TransformerEncoder, and answers
// as PyTorch does.
func TestTheRecipeForPyTorchsTransformerWorks(t *testing.T) {
	page, err := os.ReadFile("../../docs/weights.md")
	require.NoError(t, err)
	_, spec, found := strings.Cut(string(page), "```yaml\nflowrun: 1\n")
	require.True(t, found)
	spec, _, _ = strings.Cut(spec, "```")
	dir := t.TempDir()
	path := filepath.Join(dir, "encoder.yaml")
	require.NoError(t, os.WriteFile(path, []byte("flowrun: 1\n"+spec), 0o666))

	recorded, err := flowrun.ReadTensors("testdata/encoder.safetensors")
	require.NoError(t, err)
	ids, want := recorded["ids"], recorded["logits"]
	delete(recorded, "ids")
	delete(recorded, "logits")
	require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "model.safetensors"), recorded))
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	outputs, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"ids": ids}, flowrun.On("cpu"))
	require.NoError(t, err)
	got := outputs["logits"]
	require.Equal(t, want.Type, got.Type)
	for i := range want.Type.Shape.Numel() {
		require.InDelta(t, want.Float(i), got.Float(i), 1e-5)
	}
}

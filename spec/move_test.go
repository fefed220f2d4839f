package spec_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/spec"
)

const movable = `flowrun: 1
data:
  d:
    csv: in/it's a "file".csv   # the data
    fields: {x: {columns: [a, b], type: "f32[2]"}, y: {column: c, type: "f32[]"}}
    batch: 1
model:
  inputs: {x: "f32[batch, 2]"}
  nodes: {h: {Linear: x, out_features: 1}}
  outputs: [h]
train:
  data: d
  loss: mse_loss(h, unsqueeze(y, 1))
  optimizer: {SGD: {lr: 0.1}}
  checkpoint: {every: 1, dir: mine}
  max_steps: 2
`

// The moved spec, read from its folder, names the very file that it named before.
func TestAMovedSpecFindsItsFilesFromItsNewFolder(t *testing.T) {
	base := t.TempDir()
	for _, c := range []struct{ from, to string }{
		{"a", "a"}, {"a", "b"}, {"a", "a/runs/one"}, {"a/b", "."}, {"a", "with space/it's: #1"}, {".", "x/y/z"},
	} {
		home := filepath.Join(base, c.from)
		file := filepath.Join(home, "in", `it's a "file".csv`)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte("a,b,c\n1,2,3\n"), 0o600))
		name, target := filepath.Join(home, "s.yaml"), filepath.Join(base, c.to)
		rendered, list := spec.Render(name, []byte(movable), spec.Options{})
		require.False(t, list.HasErrors(), list)
		moved, list := spec.Move(name, rendered, spec.Options{}, target, "again")
		require.False(t, list.HasErrors(), list)
		require.Contains(t, moved, "# the data", "comments stay")
		require.NoError(t, os.MkdirAll(target, 0o755))
		there := filepath.Join(target, "moved.yaml")
		p, list := spec.Parse(there, []byte(moved), spec.Options{AllowRead: []string{base}})
		require.False(t, list.HasErrors(), "%v\n%s", list, moved)
		keys, err := spec.Keys(there, moved)
		require.NoError(t, err)
		at := slices.IndexFunc(keys, func(k spec.KeyValue) bool { return k.Key == "data.d.csv" })
		require.GreaterOrEqual(t, at, 0)
		require.Equal(t, file, filepath.Join(target, keys[at].Value))
		require.Equal(t, filepath.Join(target, "again"), p.Loop.Checkpoint.Path)
		back, list := spec.Move(there, moved, spec.Options{AllowRead: []string{base}}, home, "mine")
		require.False(t, list.HasErrors(), list)
		before, err := spec.Keys(name, rendered)
		require.NoError(t, err)
		after, err := spec.Keys(name, back)
		require.NoError(t, err)
		require.Equal(t, file, filepath.Join(home, after[at].Value), "the way there and back")
		after[at].Value = before[at].Value
		require.Equal(t, before, after, "the rest stays")
	}
}

func TestAMovedSpecKeepsAbsoluteNamesAndItsLastLine(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "d.csv")
	require.NoError(t, os.WriteFile(file, []byte("a,b,c\n1,2,3\n"), 0o600))
	text := strings.TrimSuffix(strings.Replace(movable, `in/it's a "file".csv`, "'"+file+"'", 1), "\n")
	o := spec.Options{AllowRead: []string{base}}
	moved, list := spec.Move(filepath.Join(base, "s.yaml"), text, o, filepath.Join(base, "else"), "again")
	require.False(t, list.HasErrors(), list)
	require.Contains(t, moved, file)
	require.NotContains(t, moved, "..")
	require.False(t, strings.HasSuffix(moved, "\n"))
	moved, list = spec.Move("s.yaml", "flowrun: 1\nmodel: [", spec.Options{}, base, "again")
	require.True(t, list.HasErrors())
	require.Empty(t, moved)
}

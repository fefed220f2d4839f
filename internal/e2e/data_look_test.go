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

func TestADataSourceIsLookedAtFromGo(t *testing.T) {
	const n = 10
	path := fromFile(t, n, "    batch: 4\n    shuffle: true\n    split: {parts: {train: 0.8, test: 0.2}}", "  data: points.train\n  optimizer: {SGD: {lr: 0.1}}\n  max_steps: 2")
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	decls := p.DataDecls()
	require.Len(t, decls, 1)
	require.Equal(t, []string{"train", "test"}, decls[0].Parts)

	d, err := p.Data(context.Background(), "points.train", flowrun.DataOptions{})
	require.NoError(t, err)
	require.Equal(t, []int64{8, 2, 0}, []int64{d.Examples(), d.EpochSteps(), d.Remainder()})
	require.Equal(t, "x", d.Fields()[0].Name)
	require.Equal(t, []string{"a", "b"}, d.Fields()[0].Elements)
	x, err := d.Values("x", 6, 2)
	require.NoError(t, err)
	require.Equal(t, flowrun.Shape{2, 2}, x.Type.Shape)
	whole, err := d.StoredValues("x", 0, 8)
	require.NoError(t, err)
	require.Equal(t, whole.Float32s()[12:], x.Float32s())
	empty, err := d.Values("x", 8, 0)
	require.NoError(t, err)
	require.Empty(t, empty.Data)

	order := d.Batches()
	seen := map[int64]bool{}
	for step := range d.EpochSteps() {
		members, err := order(step)
		require.NoError(t, err)
		for _, m := range members {
			place, err := d.Place(m.Example)
			require.NoError(t, err)
			require.Equal(t, place, m.DataPlace)
			seen[m.Example] = true
		}
	}
	require.Len(t, seen, 8)

	for _, wrong := range []func() error{
		func() error { _, err := d.Values("x", 7, 2); return err },
		func() error { _, err := d.Values("x", -1, 1); return err },
		func() error { _, err := d.Values("x", 0, -1); return err },
		func() error { _, err := d.Values("z", 0, 1); return err },
		func() error { _, err := d.StoredValues("x", 8, 1); return err },
		func() error { _, err := d.Place(8); return err },
		func() error { _, err := order(-1); return err },
		func() error { _, err := d.Statistics(context.Background(), "z", false); return err },
		func() error { _, err := d.Counts(context.Background(), "z"); return err },
	} {
		require.Error(t, wrong())
	}
	require.NoError(t, d.Close())
	for name, want := range map[string]string{
		"points.tset": `did you mean "points.test"?`, "": "no data source", "points.": `did you mean "points"?`, "x": "there are points",
	} {
		_, err := p.Data(context.Background(), name, flowrun.DataOptions{})
		require.ErrorContains(t, err, want, name)
	}
}

// What a file of weights knows of a field is what a run uses: who looks at what would be
// learned is told.
func TestWhoLooksAtDataIsToldThatTheFirstWeightsKnowIt(t *testing.T) {
	const text = `
flowrun: 1
data:
  points:
    csv: points.csv
    fields: {x: {columns: [a], type: "f32[1]", normalize: element}, y: {column: b, type: "i64[]", classes: 2}, z: {columns: [a], type: "f32[1]"}}
    batch: 2
    split: {parts: {train: 0.5, test: 0.5}}
  others: {csv: points.csv, fields: {x: {columns: [a], type: "f32[1]", normalize: element}}, batch: 2}
model: {inputs: {x: "f32[batch, 1]"}, nodes: {s: {Linear: x, out_features: 2}}, outputs: [s]MODEL}
train: {data: points.train, loss: "cross_entropy(s, y)", optimizer: {SGD: {lr: 0.1}}, max_steps: 1TRAIN}
`
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "points.csv"), []byte("a,b\n1,p\n2,q\n3,p\n4,q\n"), 0o600))
	for _, c := range []struct{ model, train, source, want string }{
		{"", ", init: {safetensors: w.safetensors}", "points.train", "train.init know x, y,"},
		{"", ", init: {safetensors: w.safetensors}", "points.test", "train.init know x, y,"},
		{"", ", init: {safetensors: w.safetensors, forget: y}", "points.train", "train.init know x,"},
		{", init: {safetensors: w.safetensors}", "", "points.train", "model.init know x, y,"},
		{"", ", init: {safetensors: w.safetensors}", "others", ""},
		{"", "", "points.train", ""},
	} {
		path := filepath.Join(dir, "spec.yaml")
		require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer("MODEL", c.model, "TRAIN", c.train).Replace(text)), 0o600))
		p, err := flowrun.Load(path)
		require.NoError(t, err)
		var notes string
		d, err := p.Data(context.Background(), c.source, flowrun.DataOptions{Note: func(note string) { notes += note }})
		require.NoError(t, err, "the weights needn't be there")
		require.NoError(t, d.Close())
		require.Equal(t, c.want == "", notes == "", notes)
		require.Contains(t, notes, c.want)
	}
}

func TestLookingAtDataEndsWithItsContext(t *testing.T) {
	path := fromFile(t, 10, "    batch: 4", "  data: points\n  optimizer: {SGD: {lr: 0.1}}\n  max_steps: 2")
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	d, err := p.Data(context.Background(), "points", flowrun.DataOptions{})
	require.NoError(t, err)
	ended, end := context.WithCancel(context.Background())
	end()
	_, err = d.Statistics(ended, "x", true)
	require.ErrorIs(t, err, context.Canceled)
	_, err = p.Data(ended, "points", flowrun.DataOptions{})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, d.Close())
}

// An evaluation on another part is prepared with what the training part knows: a class that
// it lacks is found by a check, as by a run, and not by its first evaluation.
func TestACheckFindsWhatTheEvaluationsPartLacks(t *testing.T) {
	const text = `flowrun: 1
data:
  d:
    csv: d.csv
    fields: {x: {type: "f32[]"}, y: {type: "i64[]", classes: 2}}
    batch: 2
    split: {parts: {train: 0.5, test: 0.5}, order: in_order}
model:
  inputs: {x: "f32[batch]"}
  nodes: {s: {Linear: "reshape(x, [-1, 1])", out_features: 2}}
  outputs: [s]
train:
  data: d.train
  loss: cross_entropy(s, y)
  optimizer: {SGD: {lr: 0.1}}
  max_steps: 2
  eval: {data: d.test, every: 1, metrics: {loss: loss}}
`
	dir := t.TempDir()
	path := filepath.Join(dir, "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	check := func(csv string) flowrun.Findings {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "d.csv"), []byte(csv), 0o600))
		return flowrun.Check(path, flowrun.WithFiles())
	}
	found := check("x,y\n1,a\n2,b\n3,b\n4,c\n")
	require.Len(t, found.Items, 1, found.Text())
	require.Contains(t, found.Text(), `d.csv:5, column "y": "c" is no class of the field y`)
	found = check("x,y\n1,a\n2,b\n3,b\n4,a\n")
	require.Empty(t, found.Items, found.Text())
	found = check("x,y\n1,a\n2,a\n3,b\n4,c\n")
	require.Len(t, found.Items, 1, "what the training part lacks is reported once: "+found.Text())
}

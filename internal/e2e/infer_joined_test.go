package e2e_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
)

// joinedSpec learns from a zip or a mix, whose transform the model sees the data through.
// The output x is what the model was given: twice the file's, less the mean of training.
func joinedSpec(t *testing.T, joined, outputs string) (dir string, w flowrun.Weights) {
	t.Helper()
	dir = t.TempDir()
	put(t, dir, "x.csv", "x\n1\n2\n3\n6\n")
	put(t, dir, "y.csv", "kind\ncat\ndog\ncat\ndog\n")
	put(t, dir, "more.csv", "x,kind\n1,cat\n2,dog\n3,cat\n6,dog\n")
	put(t, dir, "other.csv", "x;kind\n3;dog\n")
	spec := put(t, dir, "spec.yaml", fmt.Sprintf(`flowrun: 1
data:
  xs: {csv: x.csv, fields: {x: {columns: x, type: "f32[1]"}}, batch: 2}
  ys: {csv: y.csv, fields: {y: {column: kind, type: "i64[]", classes: 2}}, batch: 2}
  more: {csv: more.csv, fields: {x: {columns: x, type: "f32[1]"}, y: {column: kind, type: "i64[]", classes: 2}}, batch: 2}
  same: {csv: more.csv, fields: {x: {columns: x, type: "f32[1]"}, y: {column: kind, type: "i64[]", classes: 2}}, batch: 2}
  other: {csv: other.csv, delimiter: ";", fields: {x: {columns: x, type: "f32[1]"}, y: {column: kind, type: "i64[]", classes: 2}}, batch: 2}
  joined: {%s, batch: 2, transform: {x: 2 * x}}
model:
  inputs: {x: "f32[n, 1]"}
  nodes: {s: {Linear: x, out_features: 2}, kind: "argmax(s, -1)"}
  outputs: [%s]
  labels: {kind: y}
train: {data: joined, loss: "cross_entropy(s, y)", optimizer: {SGD: {lr: 0.5}}, max_steps: 3}
`, joined, outputs))
	s := runtest.Started(t, spec)
	runtest.Ran(t, s, 0)
	w, err := s.Weights()
	require.NoError(t, err)
	return dir, w
}

func TestInferenceReadsTheOneSourceOfSeveralThatTheOutputsNeed(t *testing.T) {
	for _, joined := range []string{"zip: [xs, ys]", "zip: [ys, xs]", "mix: {more: 1, same: 2}"} {
		dir, w := joinedSpec(t, joined, "kind, x")
		rows, err := inferred(t, filepath.Join(dir, "spec.yaml"), put(t, dir, "new.csv", "x\n1.5\n-4\n7\n"), w)
		require.NoError(t, err, joined)
		require.Len(t, rows, 3)
		for i, want := range []float64{3, -8, 14} {
			require.Equal(t, []any{want}, rows[i]["x"], "%s: through the transform", joined)
			require.Contains(t, []any{"cat", "dog"}, rows[i]["kind"], joined)
		}
	}
}

func TestInferenceThatOneFileDoesNotSufficeForIsAnError(t *testing.T) {
	dir, w := joinedSpec(t, "mix: {more: 1, other: 1}", "kind")
	_, err := inferred(t, filepath.Join(dir, "spec.yaml"), put(t, dir, "new.csv", "x\n1\n"), w)
	require.ErrorContains(t, err, "mixes more and other, whose files are read in different ways")

	two := put(t, dir, "two.yaml", `flowrun: 1
data:
  xs: {csv: x.csv, fields: {x: {type: "f32[]"}}}
  zs: {csv: x.csv, fields: {z: {column: x, type: "f32[]"}}}
  joined: {zip: [xs, zs], batch: 2}
model: {inputs: {x: "f32[n]", z: "f32[n]"}, nodes: {y: x + z}, outputs: [y]}
train: {data: joined, loss: mean(y), optimizer: {SGD: {lr: 0.5}}, max_steps: 3}
`)
	_, err = inferred(t, two, filepath.Join(dir, "new.csv"), flowrun.Weights{Tensors: map[string]*flowrun.Tensor{}})
	require.ErrorContains(t, err, "the data source joined joins others, and the outputs need x of xs; z of zs; only one file can be given")

	dir, w = joinedSpec(t, "zip: [xs, ys]", "kind")
	p, err := flowrun.Load(filepath.Join(dir, "spec.yaml"))
	require.NoError(t, err)
	_, err = p.InferFile(t.Context(), flowrun.FileInference{In: put(t, dir, "new.csv", "x\n1\n"), Data: "xs"}, filepath.Join(dir, "out.csv"), "csv", flowrun.WithWeights(w))
	require.ErrorContains(t, err, "the model doesn't see xs as it is but as the transform of joined gives it: name joined instead")
	_, err = p.InferFile(t.Context(), flowrun.FileInference{In: filepath.Join(dir, "new.csv"), Data: "joined"}, filepath.Join(dir, "out.csv"), "csv", flowrun.WithWeights(w))
	require.NoError(t, err)
}

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// What weights know of data, and what specs and files may say otherwise.

// pets is a folder with a spec that learns species, and a file to learn from.
func pets(t *testing.T, classes, fill string) (dir, spec string) {
	t.Helper()
	dir = t.TempDir()
	put(t, dir, "pets.csv", "size,species\n1,cat\n2,dog\n3,eel\n4,dog\n")
	return dir, petSpec(t, dir, classes, fill)
}

func petSpec(t *testing.T, dir, classes, fill string) string {
	t.Helper()
	return put(t, dir, "spec.yaml", fmt.Sprintf(`flowrun: 1
data:
  pets:
    csv: pets.csv
    missing: [""]
    fields:
      x: {columns: size, type: "f32[1]", fill: %s}
      y: {column: species, type: "i64[]", classes: %s}
    batch: 4
model:
  inputs: {x: "f32[batch, 1]"}
  nodes:
    logits: {Linear: x, out_features: 3}
    species: argmax(logits, dim=-1)
  outputs: [species, logits, x]
  labels: {species: y, logits: y}
train:
  data: pets
  loss: cross_entropy(logits, y)
  optimizer: {SGD: {lr: 0.1}}
  max_steps: 3
`, fill, classes))
}

func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func petWeights(t *testing.T, spec string) flowrun.Weights {
	t.Helper()
	s := runtest.Started(t, spec)
	runtest.Ran(t, s, 0)
	w, err := s.Weights()
	require.NoError(t, err)
	return w
}

func inferred(t *testing.T, spec, in string, w flowrun.Weights) (rows []map[string]any, err error) {
	t.Helper()
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	var out bytes.Buffer
	if _, err = p.InferTo(context.Background(), flowrun.FileInference{In: in}, &out, "jsonl", flowrun.WithWeights(w)); err != nil {
		return nil, err
	}
	for line := range bytes.Lines(out.Bytes()) {
		row := map[string]any{}
		require.NoError(t, json.Unmarshal(line, &row))
		rows = append(rows, row)
	}
	return rows, nil
}

// With another list, the ids of the weights would mean other classes.
func TestAListOfClassesIsThatOfTheWeightsOrAnError(t *testing.T) {
	numbers := "size,species\n1,0\n2,1\n3,2\n4,1\n"
	for _, c := range []struct{ name, csv, before, after, refused string }{
		{"the same", "", "[cat, dog, eel]", "[cat, dog, eel]", ""},
		{"a list of what was learned", "", "3", "[cat, dog, eel]", ""},
		{"no list any more", "", "[cat, dog, eel]", "3", ""},
		{"another order", "", "[cat, dog, eel]", "[dog, cat, eel]", `the field y lists the classes "dog", "cat", "eel", and the weights were trained with "cat", "dog", "eel"`},
		{"another order than was learned", "", "3", "[eel, dog, cat]", `trained with "cat", "dog", "eel"`},
		{"one with another name", "", "3", "[cat, dog, emu]", `trained with "cat", "dog", "eel"`},
		{"names for numbers", numbers, "3", "[cat, dog, eel]", ""},
		{"numbers in another order", numbers, "3", `["1", "0", "2"]`, `trained with "0", "1", "2"`},
		{"a number among names", numbers, "3", `[cat, dog, "0"]`, `trained with "0", "1", "2"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, spec := pets(t, c.before, "0")
			if c.csv != "" {
				put(t, dir, "pets.csv", c.csv)
			}
			w := petWeights(t, spec)
			in := put(t, dir, "new.csv", "size\n1\n2\n3\n")
			before, err := inferred(t, spec, in, w)
			require.NoError(t, err)

			petSpec(t, dir, c.after, "0")
			after, err := inferred(t, spec, in, w)
			p, loadErr := flowrun.Load(spec)
			require.NoError(t, loadErr)
			s, runErr := p.Start(context.Background(), flowrun.WithWeights(w))
			if c.refused != "" {
				require.ErrorContains(t, err, c.refused)
				require.ErrorContains(t, runErr, c.refused)
				return
			}
			require.NoError(t, err)
			require.NoError(t, runErr)
			require.NoError(t, s.Close())
			if c.csv == "" {
				require.Equal(t, before, after)
			}
		})
	}
}

// Weights of other programs know no classes; a spec that lists them says all that is
// needed, also for a field that is an input.
func TestAListInTheSpecNeedsNothingOfTheWeights(t *testing.T) {
	dir, spec := pets(t, "[eel, cat, dog]", "0")
	w := petWeights(t, spec)
	in := put(t, dir, "new.csv", "size,species\n1,dog\n2,eel\n")
	want, err := inferred(t, spec, in, w)
	require.NoError(t, err)
	have, err := inferred(t, spec, in, flowrun.Weights{Tensors: w.Tensors})
	require.NoError(t, err)
	require.Equal(t, want, have)

	text, err := os.ReadFile(spec)
	require.NoError(t, err)
	text = bytes.Replace(text, []byte(`inputs: {x: "f32[batch, 1]"}`), []byte(`inputs: {x: "f32[batch, 1]", y: "i64[batch]"}`), 1)
	text = bytes.Replace(text, []byte("outputs: [species, logits, x]\n  labels: {"), []byte("outputs: [species, logits, x, y]\n  labels: {y: y, "), 1)
	put(t, dir, "spec.yaml", string(text))
	have, err = inferred(t, spec, in, flowrun.Weights{Tensors: w.Tensors})
	require.NoError(t, err)
	require.Equal(t, "dog", have[0]["y"])
	require.Equal(t, "eel", have[1]["y"])
}

// Whoever puts outputs beside rows counts on there being one for each.
func TestARowWithoutAValueThatTrainingWouldDropIsAnErrorOfInfer(t *testing.T) {
	for _, kind := range []string{"csv", "jsonl"} {
		dir, spec := pets(t, "3", "drop")
		w := petWeights(t, spec)
		text, err := os.ReadFile(spec)
		require.NoError(t, err)
		good, bad, place := "size,species\n1,\n2,\n", "size,species\n1,\n,\n3,\n", `new.csv:3, column "size": no value`
		if kind == "jsonl" {
			text = bytes.ReplaceAll(text, []byte("csv: pets.csv\n    missing: [\"\"]"), []byte("jsonl: pets.jsonl"))
			text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("columns: size"), []byte("key: size")), []byte("column:"), []byte("key:"))
			put(t, dir, "spec.yaml", string(text))
			good, bad, place = "{\"size\": [1]}\n{\"size\": [2]}\n", "{\"size\": [1]}\n{\"size\": null}\n", `new.csv:2, column "size": no value`
		}
		rows, err := inferred(t, spec, put(t, dir, "new.csv", good), w)
		require.NoError(t, err)
		require.Len(t, rows, 2)
		_, err = inferred(t, spec, put(t, dir, "new.csv", bad), w)
		require.ErrorContains(t, err, place)
		require.ErrorContains(t, err, "fill: drop")
	}
}

// What a data source of safetensors files reads are its fields: the model's inputs are
// what normalizing makes of them, also when they have the same names.
func TestAFileOfTheSourcesOwnKindIsReadAsTheSourceSays(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, x ...float64) string {
		path := filepath.Join(dir, name)
		require.NoError(t, safetensors.Write(path, map[string]*ir.Tensor{"x": ir.FromFloat64(ir.F32, ir.Shape{len(x)}, x)}))
		return path
	}
	write("x.safetensors", 1, 2, 3, 6) // mean 3, deviation √3.5
	spec := put(t, dir, "spec.yaml", `flowrun: 1
data:
  points: {safetensors: x.safetensors, fields: {x: {type: "f32[]", normalize: element}}, batch: 4}
model:
  inputs: {x: "f32[batch]"}
  nodes: {h: {Linear: "reshape(x, [-1, 1])", out_features: 1}}
  outputs: [x]
train: {data: points, loss: mean(h), optimizer: {SGD: {lr: 0.1}}, max_steps: 1}
`)
	w := petWeights(t, spec)
	in := write("new.safetensors", 3, 6)
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	require.False(t, p.HasInputs(in))
	rows, err := inferred(t, spec, in, w)
	require.NoError(t, err)
	require.InDelta(t, 0, rows[0]["x"], 1e-6)
	require.InDelta(t, 3/math.Sqrt(3.5), rows[1]["x"], 1e-6)
}

// The output is what the model sees, and not what the file has under the same name.
func TestAnOutputThatATransformReplacesIsTheTransformed(t *testing.T) {
	for _, device := range []string{"cpu", "sim:0"} {
		dir := t.TempDir()
		put(t, dir, "x.csv", "a\n1\n2\n3\n")
		spec := put(t, dir, "spec.yaml", `flowrun: 1
data:
  points:
    csv: x.csv
    fields: {x: {column: a, type: "f32[]"}}
    batch: 2
    transform: {x: {if: training, then: x + 100, else: 10 * x}}
model:
  inputs: {x: "f32[batch]"}
  nodes: {h: {Linear: "reshape(x, [-1, 1])", out_features: 1}, y: x + 1}
  outputs: [y, x]
train: {data: points, loss: mean(h), optimizer: {SGD: {lr: 0.1}}, max_steps: 1}
`)
		p, err := flowrun.Load(spec)
		require.NoError(t, err)
		var out bytes.Buffer
		_, err = p.InferTo(context.Background(), flowrun.FileInference{In: filepath.Join(dir, "x.csv")}, &out, "csv", flowrun.On(device))
		require.NoError(t, err)
		require.Equal(t, "y,x\n11,10\n21,20\n31,30\n", out.String(), device)
	}
}

func TestAFieldThatWasNormalizedInTrainingIsSoAfterwards(t *testing.T) {
	dir, spec := pets(t, "3", "0, normalize: element")
	w := petWeights(t, spec)
	in := put(t, dir, "new.csv", "size\n2.5\n")
	rows, err := inferred(t, spec, in, w)
	require.NoError(t, err)
	require.Equal(t, []any{0.0}, rows[0]["x"], "the mean of 1, 2, 3 and 4")
	petSpec(t, dir, "3", "0")
	_, err = inferred(t, spec, in, w)
	require.ErrorContains(t, err, "the field x was normalized when the weights were trained")
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kinds is a spec that learns to tell three kinds of points apart.
const kinds = `flowrun: 1
data:
  points:
    csv: points.csv
    fields:
      x: {columns: [a, b], type: "f32[2]", normalize: element}
      kind: {column: kind, type: "i64[]", classes: 3}
    batch: 8
    shuffle: true
    split: {parts: {train: 0.8, test: 0.2}, stratify: kind}
model:
  inputs: {x: "f32[batch, 2]"}
  nodes:
    scores: {Linear: x, out_features: 3}
    best: argmax(scores, dim=-1)
    probability: softmax(scores, dim=-1)
  outputs: [best, probability]
  labels: {best: kind, probability: kind}
train:
  data: points.train
  loss: cross_entropy(scores, kind)
  optimizer: {SGD: {lr: 0.5}}
  epochs: 20
`

// From a CSV to predictions in another, which has no labels and other columns.
func TestAFileOfExamplesIsGivenTheNamesOfItsClasses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	put := func(name, text string) { require.NoError(t, os.WriteFile(at(name), []byte(text), 0o600)) }
	var rows strings.Builder
	rows.WriteString("a,b,kind\n")
	names := []string{"low", "middle", "high"}
	for i := range 61 {
		fmt.Fprintf(&rows, "%d.%d,%d,%s\n", i%3*4, i%7, i%3*2+i%2, names[i%3])
	}
	put("points.csv", rows.String())
	put("spec.yaml", kinds)
	code, _, problems := flowrunWith(t, "run", at("spec.yaml"), "--save", at("w.safetensors"), "--log", at("log"), "--log-every", "1")
	require.Zero(t, code, problems)
	log, err := os.ReadFile(at("log"))
	require.NoError(t, err)
	require.Contains(t, string(log), `{"step":1,"epoch":0,`)

	put("new.csv", "note,b,a\nx,0,0.5\nx,5,8.5\nx,2,4.5\n")
	code, out, problems := flowrunWith(t, "infer", at("spec.yaml"), "--weights", at("w.safetensors"), "--in", at("new.csv"))
	require.Zero(t, code, problems)
	lines := strings.Split(out, "\n")
	require.Equal(t, "best,probability.high,probability.low,probability.middle", lines[0])
	require.True(t, strings.HasPrefix(lines[1], "low,") && strings.HasPrefix(lines[2], "high,") && strings.HasPrefix(lines[3], "middle,"), out)

	for _, format := range []string{"csv", "jsonl", "safetensors"} {
		code, _, problems = flowrunWith(t, "eval", at("spec.yaml"), "--weights", at("w.safetensors"), "--in", at("new.csv"), "--out", at("y."+format))
		require.Zero(t, code, problems)
		require.FileExists(t, at("y."+format))
	}
	written, err := os.ReadFile(at("y.csv"))
	require.NoError(t, err)
	require.Equal(t, out, string(written))

	for want, args := range map[string][]string{
		"y.xls: its extension names none of the formats csv, jsonl, npy, safetensors": {"--out", at("y.xls")},
		`--format is one of csv, jsonl, npy, safetensors, got "xml"`:                  {"--format", "xml"},
		"would overwrite --in":               {"--out", at("new.csv")},
		`has no data source "none"`:          {"--data", "none"},
		"an npy file holds one array":        {"--out", at("y.npy")},
		"--in takes the name of a file, and": {"--in", "", "--data", "points"},
	} {
		code, _, problems := flowrunWith(t, append([]string{"infer", at("spec.yaml"), "--weights", at("w.safetensors"), "--in", at("new.csv")}, args...)...)
		require.NotZero(t, code, want)
		require.Contains(t, problems, want)
	}
	require.NoFileExists(t, at("y.npy"))
	elsewhere := filepath.Join(t.TempDir(), "link.csv")
	if os.Symlink(at("new.csv"), elsewhere) == nil { // who names a file may name a link to it
		code, linked, problems := flowrunWith(t, "infer", at("spec.yaml"), "--weights", at("w.safetensors"), "--in", elsewhere)
		require.Zero(t, code, problems)
		require.Equal(t, out, linked)
	}
	put("bad.csv", "a,b\n1,2\n1,two\n")
	code, _, problems = flowrunWith(t, "infer", at("spec.yaml"), "--weights", at("w.safetensors"), "--in", at("bad.csv"))
	require.NotZero(t, code)
	require.Contains(t, problems, "bad.csv:3")
}

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
)

// maxBatchOf runs validate --max-batch on a spec, and gives the size that it finds.
func maxBatchOf(t *testing.T, arguments ...string) int64 {
	t.Helper()
	var out, errors bytes.Buffer
	code := execute(context.Background(), append([]string{"validate", "--on", "cpu"}, arguments...), streams{strings.NewReader(""), &out, &errors})
	require.Equal(t, exitDone, code, errors.String())
	m := regexp.MustCompile(`batches of up to ([\d,]+) fit`).FindStringSubmatch(out.String())
	require.NotNil(t, m, out.String())
	n, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64)
	require.NoError(t, err)
	return n
}

func TestTheLargestBatchFitsAndOneMoreDoesNot(t *testing.T) {
	fits := func(p *flowrun.Program, err error) func(batch int64) bool {
		require.NoError(t, err)
		return func(batch int64) bool {
			needs, err := p.TrainingMemory("cpu", batch)
			require.NoError(t, err)
			return needs[0].Bytes <= needs[0].Has
		}
	}
	iris := filepath.Join("..", "..", "graphs", "iris.yaml")
	n := maxBatchOf(t, "--max-batch", iris)
	ok := fits(flowrun.Load(iris))
	require.True(t, ok(n))
	require.False(t, ok(n+1))

	generated := filepath.Join(t.TempDir(), "generated.yaml")
	require.NoError(t, os.WriteFile(generated, []byte(`
flowrun: 1
vars: {size: 4}
data: {d: {generate: {x: "normal(0, 1, [size, 8])"}}}
model:
  inputs: {x: "f32[batch, 8]"}
  nodes: {y: {Linear: x, out_features: 1}}
  outputs: [y]
train: {data: d, loss: mean(square(y)), optimizer: {SGD: {lr: 0.1}}, max_steps: 1}
`), 0o600))
	n = maxBatchOf(t, "--max-batch=size", generated)
	with := func(size int64) bool {
		return fits(flowrun.Load(generated, flowrun.With("size", strconv.FormatInt(size, 10))))(0)
	}
	require.True(t, with(n))
	require.False(t, with(n+1))
}

// BatchNorm takes no batch of one example.
func TestTheLargestBatchIsFoundWhereOneExampleIsTooFew(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rows.csv"), []byte("a,y\n1,0\n2,1\n"), 0o600))
	spec := filepath.Join(dir, "norm.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(`
flowrun: 1
data:
  d: {csv: rows.csv, fields: {x: {columns: [a], type: "f32[1]"}, y: {column: y, type: "i64[]"}}, batch: 4}
model:
  inputs: {x: "f32[n, 1]"}
  nodes: {b: {BatchNorm: x}, l: {Linear: b, out_features: 2}}
  outputs: [l]
train: {data: d, loss: "cross_entropy(l, y)", optimizer: {SGD: {lr: 0.1}}, max_steps: 1}
`), 0o600))
	require.Greater(t, maxBatchOf(t, "--max-batch", spec), int64(1000))
}

func TestMaxBatchSaysWhatItNeeds(t *testing.T) {
	spec, iris := filepath.Join("..", "..", "graphs", "math_net.yaml"), filepath.Join("..", "..", "graphs", "iris.yaml")
	for arguments, says := range map[string]string{
		"--max-batch " + spec:                        "--max-batch needs one --on DEVICE",
		"--max-batch --on cpu " + spec:               "--max-batch=VAR names the var that they follow",
		"--max-batch --on cpu " + spec + " " + iris:  "--max-batch takes one spec",
		"--max-batch --on cpu --format json " + spec: "can't be combined with --format",
		"--on cpu --max-batch 32 " + spec:            "--max-batch takes no number (32)",
		"--on cpu --max-batch size " + spec:          "for the var of this name write --max-batch=size",
		"--max-batch=nothing --on cpu " + spec:       "the spec has no var `nothing`",
	} {
		var out, errors bytes.Buffer
		code := execute(context.Background(), append([]string{"validate"}, strings.Fields(arguments)...), streams{strings.NewReader(""), &out, &errors})
		require.NotEqual(t, exitDone, code, arguments)
		require.Contains(t, errors.String(), says, arguments)
	}
}

// The evaluation's plan stays beside that of a step: both commands count it, and say so.
func TestWhatAnEvaluationNeedsIsShown(t *testing.T) {
	iris := filepath.Join("..", "..", "graphs", "iris.yaml")
	p, err := flowrun.Load(iris)
	require.NoError(t, err)
	needs, err := p.TrainingMemory("cpu", 0)
	require.NoError(t, err)
	require.Positive(t, needs[0].Evaluation)
	for arguments, says := range map[string]string{
		"validate --on cpu --max-batch " + iris: "for the evaluation beside it",
		"explain --device cpu --memory " + iris: diag.Bytes(needs[0].Bytes-needs[0].Evaluation) + " for a step, and " + diag.Bytes(needs[0].Evaluation) + " for the evaluation beside it",
	} {
		var out, errors bytes.Buffer
		code := execute(context.Background(), strings.Fields(arguments), streams{strings.NewReader(""), &out, &errors})
		require.Equal(t, exitDone, code, errors.String())
		require.Contains(t, out.String(), says)
	}
}

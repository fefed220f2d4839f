package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// evaluatedFile evaluates metrics over a file of examples, in batches of a size.
func evaluatedFile(t *testing.T, device string, e *examples, batch int, batches string, metrics map[string]string) (map[string]*flowrun.Tensor, error) {
	t.Helper()
	dir := t.TempDir()
	tensors := e.tensors(ir.F32, len(e.labels))
	for _, x := range tensors { // row i is example i
		x.Type.Shape = x.Type.Shape[1:]
	}
	require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "d.safetensors"), tensors))
	text := fmt.Sprintf(`flowrun: 1
data:
  noise: {generate: {x: "normal(0, 1, [4, %[1]d])", y: "zeros([4], \"i64\")", s: "zeros([4])", b: "zeros([4], \"i32\")", n: "zeros([4])", t: "zeros([4])"}}
  d:
    safetensors: d.safetensors
    fields:
      x: {tensor: x, type: "f32[%[1]d]"}
      y: {tensor: y, type: "i64[]"}
      s: {tensor: s, type: "f32[]"}
      b: {tensor: b, type: "i32[]"}
      n: {tensor: n, type: "f32[]"}
      t: {tensor: t, type: "f32[]"}
    batch: %[2]d
model:
  inputs: {x: "f32[batch, %[1]d]"}
  nodes: {w: {Linear: x, out_features: 1}}
  outputs: [w]
train:
  data: noise
  loss: mean(w)
  optimizer: {SGD: {lr: 0}}
  max_steps: 2
  eval:
    data: d
    every: 1
    %[3]s
    metrics:
`, e.classes, batch, batches)
	for name, call := range metrics {
		text += fmt.Sprintf("      %s: %q\n", name, call)
	}
	path := filepath.Join(dir, "metrics.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	p, err := flowrun.Load(path)
	require.NoError(t, err, text)
	s, err := p.Start(t.Context(), flowrun.On(device))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	runtest.Ran(t, s, 0)
	values := map[string]*flowrun.Tensor{}
	for name := range metrics {
		values[name], err = s.Get("eval." + name)
		require.NoError(t, err)
	}
	return values, nil
}

// Means of plain metrics too: a small last batch weighs what its examples weigh.
func TestAWholeFileIsEvaluatedAlikeInBatchesOfAnySize(t *testing.T) {
	const n = 23
	e := drawnExamples(rand.New(rand.NewPCG(5, 6)), ir.F32, n, 4)
	metrics := allMetrics()
	metrics["plain"], metrics["pair"] = "mean(n)", "stack([mean(n), mean(t)])"
	want := e.brute()
	want["plain"] = want["average"]
	want["pair"] = []float64{want["average"][0], mean(e.targets)}
	for _, device := range []string{"cpu", "sim"} {
		var first map[string]*flowrun.Tensor
		for _, batch := range []int{n, n + 1, 100, n - 1, 5, 1} {
			got, err := evaluatedFile(t, device, e, batch, "", metrics)
			require.NoError(t, err)
			requireMetrics(t, want, got, fmt.Sprintf("in batches of %d", batch))
			if first == nil {
				first = got
			}
			for name := range classMetrics {
				if name != "surprise" {
					require.Equal(t, first[name], got[name], "%s in batches of %d", name, batch)
				}
			}
		}
	}
}

func TestSomeBatchesAreThoseAtTheBeginning(t *testing.T) {
	e := drawnExamples(rand.New(rand.NewPCG(5, 7)), ir.F32, 23, 4)
	metrics := map[string]string{"n": "count(ones_like(b))", "average": "average(n)", "plain": "mean(n)"}
	for batches, n := range map[int]int{1: 5, 4: 20, 5: 23} {
		got, err := evaluatedFile(t, "cpu", e, 5, fmt.Sprintf("batches: %d", batches), metrics)
		require.NoError(t, err)
		requireMetrics(t, map[string][]float64{"n": {float64(n)}, "average": {mean(e.numbers[:n])}, "plain": {mean(e.numbers[:n])}}, got, "")
	}
	_, err := evaluatedFile(t, "cpu", e, 5, "batches: 6", metrics)
	require.ErrorContains(t, err, "eval: batches is 6, but the data source d has 5: leave batches out to use all of them")
}

func TestAMetricWhoseShapeFollowsTheBatchIsRefusedIfBatchesDiffer(t *testing.T) {
	e := drawnExamples(rand.New(rand.NewPCG(5, 8)), ir.F32, 10, 4)
	_, err := evaluatedFile(t, "cpu", e, 4, "", map[string]string{"each": "abs(n - t)"})
	require.ErrorContains(t, err, "eval.each is f32[2] here, but f32[4] in the program")
	_, err = evaluatedFile(t, "cpu", e, 5, "", map[string]string{"each": "abs(n - t)"})
	require.NoError(t, err)
}

package std_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// keyRuns are runs of PyTorch with every combination of what a training section may
// have: testdata/reference/train_keys.json, from train_keys.py.
type keyRuns struct {
	X, Target  numbers
	HeldX      numbers `json:"held_x"`
	HeldTarget numbers `json:"held_target"`
	First      map[string]numbers
	Runs       []keyRun
}

type keyRun struct {
	Keys        []string
	Optimizer   string
	Precision   string // f64 or bf16
	Losses      []float64
	Evaluations []float64
	After       map[string]numbers
}

// has reports whether a key is among those of the run.
func (r keyRun) has(key string) bool { return slices.Contains(r.Keys, key) }

// spec is the run in the language, in a precision: that of the reference, or f32
// beside a reference in f64.
func (r keyRun) spec(precision string) string {
	input, cast, norm := precision, "y", "BatchNorm: a"
	if precision == "bf16" {
		input, cast, norm = "f32", `cast(y, "f32")`, ""
	}
	loss := fmt.Sprintf("mse_loss(%s, target)", cast)
	nodes := fmt.Sprintf("    a: {Linear: \"cast(x, '%s')\", out_features: 4, bias: false, dtype: %[1]s}\n", precision)
	last := "a"
	if norm != "" {
		nodes += fmt.Sprintf("    n: {%s, dtype: %s}\n", norm, precision)
		last = "n"
	}
	nodes += fmt.Sprintf("    t: tanh(%s)\n    y: {Linear: t, out_features: 1, dtype: %s}\n", last, precision)
	source := "%s: {replay: %[1]s.safetensors, fields: {x: {tensor: x, type: \"%[2]s[5, 3]\"}, target: {tensor: target, type: \"%[2]s[5, 1]\"}}}"
	return fmt.Sprintf("flowrun: 1\ndata:\n  %s\n  %s\nmodel:\n  inputs: {x: \"%s[5, 3]\"}\n  nodes:\n%s  outputs: [y]\ntrain:\n  data: rows\n  loss: %s\n  max_steps: %d\n%s",
		fmt.Sprintf(source, "rows", input), fmt.Sprintf(source, "held", input), input, nodes, loss, len(r.Losses), r.train())
}

// train is the rest of the training section.
func (r keyRun) train() string {
	lr := map[string]string{"SGD": "0.03125", "AdamW": "0.0625", "RMSprop": "0.0625"}[r.Optimizer]
	more := map[string]string{
		"SGD": "momentum: 0.5, weight_decay: 0.125, nesterov: true", "AdamW": `betas: [0.5, 0.75], weight_decay: 0.25`, "RMSprop": "alpha: 0.75, momentum: 0.5",
	}[r.Optimizer]
	if r.has("schedule") {
		lr += " * 0.75 ** step"
	}
	text := fmt.Sprintf("  optimizer: {%s: {lr: %s, %s}}\n", r.Optimizer, lr, more)
	var groups string
	if r.has("frozen") {
		groups += "    - {match: a.weight, frozen: true}\n"
	}
	if r.has("groups") {
		groups += "    - {match: \"*.bias\", lr: 0.015625}\n"
	}
	if groups != "" {
		text += "  param_groups:\n" + groups
	}
	if r.has("clip") {
		text += "  clip_grad_norm: 0.5\n"
	}
	if r.has("accumulate") {
		text += "  accumulate: 2\n"
	}
	if r.has("eval") {
		text += "  eval: {data: held, every: 3, batches: 3, metrics: {loss: loss}}\n"
	}
	return text
}

// in gives numbers as a tensor of a dtype; those of the reference's inputs are exact in all.
func (n numbers) in(d flowrun.DType) *flowrun.Tensor {
	return ir.FromFloat64(d, n.Shape, n.Values)
}

// How far a run may be off, relative to the largest magnitude: f64 rounds at 1e-16
// and f32 at 6e-8, which some dozens of operations and seven steps add up. bf16
// rounds at 4e-3 in every operation, in an order that PyTorch chooses otherwise.
var keyTolerance = map[string]float64{"f64": 1e-12, "f32": 2e-5, "bf16": 4e-2}

func TestEveryCombinationOfTrainKeysFollowsPyTorch(t *testing.T) {
	var reference keyRuns
	text, err := os.ReadFile("testdata/reference/train_keys.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &reference))
	require.Len(t, reference.Runs, 128)
	for i, r := range reference.Runs {
		if racetest.Enabled && i%16 != 0 {
			continue
		}
		precisions := []string{r.Precision}
		if r.Precision == "f64" {
			precisions = append(precisions, "f32")
		}
		for j, precision := range precisions {
			device := []string{"cpu", "sim"}[(i/2+j)%2]
			name := fmt.Sprintf("%s/%s/%s/%s", r.Optimizer, strings.Join(r.Keys, "+"), precision, device)
			t.Run(name, func(t *testing.T) { followKeys(t, &reference, r, precision, device) })
		}
	}
}

func followKeys(t *testing.T, reference *keyRuns, r keyRun, precision, device string) {
	dir := t.TempDir()
	dtype := map[string]flowrun.DType{"f64": flowrun.F64, "f32": flowrun.F32, "bf16": flowrun.F32}[precision]
	for name, batches := range map[string][2]numbers{"rows": {reference.X, reference.Target}, "held": {reference.HeldX, reference.HeldTarget}} {
		require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, name+".safetensors"), map[string]*flowrun.Tensor{
			"x": batches[0].in(dtype), "target": batches[1].in(dtype)}))
	}
	path := filepath.Join(dir, "keys.yaml")
	require.NoError(t, os.WriteFile(path, []byte(r.spec(precision)), 0o666))
	first := runtest.Weights(t, runtest.Started(t, path, flowrun.On(device)))
	for name := range first {
		if n, ok := reference.First[name]; ok {
			first[name] = n.in(first[name].Type.DType)
		}
	}
	s := runtest.Started(t, path, flowrun.On(device), flowrun.WithWeights(flowrun.Weights{Tensors: first}))
	_, records := runtest.Ran(t, s, 0)
	var losses, evaluations []float64
	for _, record := range records {
		losses = append(losses, record.Loss)
		if r.has("eval") && record.Step%3 == 0 {
			evaluations = append(evaluations, record.Metrics[len(record.Metrics)-1]) // clipping adds a metric before it
		}
	}
	near := keyTolerance[precision]
	requireNearRelative(t, "the losses", r.Losses, losses, near)
	requireNearRelative(t, "the evaluations", r.Evaluations, evaluations, near)
	after := runtest.Weights(t, s)
	for name, want := range r.After {
		require.Contains(t, after, name)
		got := make([]float64, len(want.Values))
		for i := range got {
			got[i] = after[name].Float(i)
		}
		requireNearRelative(t, name, want.Values, got, near)
	}
}

// requireNearRelative compares numbers relative to their largest magnitude.
func requireNearRelative(t *testing.T, what string, want, got []float64, near float64) {
	t.Helper()
	require.Len(t, got, len(want), what)
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range want {
		require.InDelta(t, v, got[i], near*largest, "%s: element %d of %v, got %v", what, i, want, got)
	}
}

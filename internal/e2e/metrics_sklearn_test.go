package e2e_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// sklearnMetrics computes the metrics of examples on standard input with scikit-learn.
const sklearnMetrics = `
import json, sys, warnings
import numpy as np
from sklearn import metrics as m
warnings.simplefilter("ignore")
e = json.load(sys.stdin)
scores, labels = np.array(e["Scores"], dtype=float), np.array(e["Labels"])
counted = labels != -100
scores, labels = scores[counted], labels[counted]
predicted, classes = scores.argmax(axis=1), list(range(e["Classes"]))
single, pairs = np.array(e["Single"]), np.array(e["Pairs"])
counted = pairs != -100
single, pairs = single[counted], pairs[counted]
two = (single > 0).astype(int)
of = dict(labels=classes, zero_division=0)
numbers, targets = np.array(e["Numbers"]), np.array(e["Targets"])
out = {
    "accuracy": m.accuracy_score(labels, predicted),
    "table": m.confusion_matrix(labels, predicted, labels=classes).ravel().tolist(),
    "precision_each": m.precision_score(labels, predicted, average=None, **of).tolist(),
    "recall_each": m.recall_score(labels, predicted, average=None, **of).tolist(),
    "f1_each": m.f1_score(labels, predicted, average=None, **of).tolist(),
    "precision_macro": m.precision_score(labels, predicted, average="macro", **of),
    "recall_weighted": m.recall_score(labels, predicted, average="weighted", **of),
    "f1_micro": m.f1_score(labels, predicted, average="micro", **of),
    "f1_weighted": m.f1_score(labels, predicted, average="weighted", **of),
    "f1_macro": m.f1_score(labels, predicted, average="macro", **of),
    "accuracy2": m.accuracy_score(pairs, two),
    "probable": m.accuracy_score(pairs, (single > 0.5).astype(int)),
    "precision2": m.precision_score(pairs, two, zero_division=0),
    "recall2": m.recall_score(pairs, two, zero_division=0),
    "f12": m.f1_score(pairs, two, zero_division=0),
    "table2": m.confusion_matrix(pairs, two, labels=[0, 1]).ravel().tolist(),
    "area": m.roc_auc_score(pairs, single),
    "surprise": float(np.exp(m.log_loss(labels, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), labels=classes))),
    "mse": m.mean_squared_error(targets, numbers),
    "rmse": m.root_mean_squared_error(targets, numbers),
    "mae": m.mean_absolute_error(targets, numbers),
    "r2": m.r2_score(targets, numbers),
}
json.dump({k: v if isinstance(v, list) else [float(v)] for k, v in out.items()}, sys.stdout)
`

func TestMetricsAreThoseOfScikitLearn(t *testing.T) {
	python := cmp.Or(os.Getenv("FLOWRUN_TEST_PYTHON"), "python3")
	if err := exec.Command(python, "-c", "from sklearn.metrics import root_mean_squared_error").Run(); err != nil {
		t.Skipf("needs Python with scikit-learn 1.4 or newer (%s: %v); scripts/test installs it if it can", python, err)
	}
	for seed := range uint64(4) {
		// With few examples of many classes, some have no label or are never predicted.
		e := drawnExamples(rand.New(rand.NewPCG(seed, 3)), ir.F32, 24, []int{2, 3, 9, 14}[seed])
		text, err := json.Marshal(map[string]any{"Classes": e.classes, "Scores": e.scores, "Labels": e.labels, "Single": e.single,
			"Pairs": e.pairs, "Numbers": e.numbers, "Targets": e.targets})
		require.NoError(t, err)
		command := exec.Command(python, "-c", sklearnMetrics)
		command.Stdin, command.Stderr = bytes.NewReader(text), os.Stderr
		out, err := command.Output()
		require.NoError(t, err)
		var want map[string][]float64
		require.NoError(t, json.Unmarshal(out, &want))
		calls := map[string]string{}
		for name := range want {
			calls[name] = allMetrics()[name]
		}
		requireMetrics(t, want, evaluateMetrics(t, "cpu", e, ir.F32, 8, calls), "scikit-learn")
	}
}

package e2e_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// examples are what metrics are computed of: scores of some classes with a label each, a
// score of two classes with a label, a number with a target. Some labels are ignored (-100).
type examples struct {
	classes         int
	scores          [][]float64
	labels, pairs   []int64
	single, numbers []float64
	targets         []float64
}

// drawnExamples draws n examples in a dtype's precision; scores have ties.
func drawnExamples(r *rand.Rand, d ir.DType, n, classes int) *examples {
	e := &examples{classes: classes}
	round := func(v float64) float64 { return ir.FromFloat64(d, ir.Shape{1}, []float64{v}).Float(0) }
	for range n {
		row := make([]float64, classes)
		for c := range row {
			row[c] = round(float64(r.IntN(9)-4) / 4)
		}
		label := int64(r.IntN(classes))
		if r.IntN(6) == 0 {
			label = -100
		}
		e.scores, e.labels = append(e.scores, row), append(e.labels, label)
		pair := int64(r.IntN(2))
		if r.IntN(6) == 0 {
			pair = -100
		}
		e.pairs = append(e.pairs, pair)
		e.single = append(e.single, round(float64(r.IntN(41)-20)/8+0.5*float64(max(pair, 0))))
		target := round(20 + r.NormFloat64())
		e.targets, e.numbers = append(e.targets, target), append(e.numbers, round(target+0.5*r.NormFloat64()))
	}
	return e
}

// tensors are the examples as batches of one size.
func (e *examples) tensors(d ir.DType, batch int) map[string]*flowrun.Tensor {
	rows := len(e.labels) / batch
	return map[string]*flowrun.Tensor{
		"x": ir.FromFloat64(d, ir.Shape{rows, batch, e.classes}, slices.Concat(e.scores...)),
		"y": ir.FromInt64(ir.I64, ir.Shape{rows, batch}, e.labels),
		"s": ir.FromFloat64(d, ir.Shape{rows, batch}, e.single),
		"b": ir.FromInt64(ir.I32, ir.Shape{rows, batch}, e.pairs),
		"n": ir.FromFloat64(d, ir.Shape{rows, batch}, e.numbers),
		"t": ir.FromFloat64(d, ir.Shape{rows, batch}, e.targets),
	}
}

// metricSpec is a spec that evaluates metrics over batches of d.safetensors.
func metricSpec(e *examples, d ir.DType, batch int, metrics map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `flowrun: 1
data:
  d:
    replay: d.safetensors
    fields:
      x: {tensor: x, type: "%[1]s[%[2]d, %[3]d]"}
      y: {tensor: y, type: "i64[%[2]d]"}
      s: {tensor: s, type: "%[1]s[%[2]d]"}
      b: {tensor: b, type: "i32[%[2]d]"}
      n: {tensor: n, type: "%[1]s[%[2]d]"}
      t: {tensor: t, type: "%[1]s[%[2]d]"}
model:
  inputs: {x: "%[1]s[batch, classes]"}
  nodes: {w: {Linear: x, out_features: 1, dtype: %[1]s}}
  outputs: [w]
train:
  data: d
  loss: mean(w)
  optimizer: {SGD: {lr: 0}}
  max_steps: 1
  on_nonfinite: continue
  eval:
    data: d
    every: 1
    batches: %[4]d
    metrics:
`, d, batch, e.classes, len(e.labels)/batch)
	for name, call := range metrics {
		fmt.Fprintf(&b, "      %s: %q\n", name, call)
	}
	return b.String()
}

// evaluateMetrics evaluates them over all examples.
func evaluateMetrics(t *testing.T, device string, e *examples, d ir.DType, batch int, metrics map[string]string) map[string]*flowrun.Tensor {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "d.safetensors"), e.tensors(d, batch)))
	path := filepath.Join(dir, "metrics.yaml")
	require.NoError(t, os.WriteFile(path, []byte(metricSpec(e, d, batch, metrics)), 0o666))
	s := runtest.Started(t, path, flowrun.On(device))
	runtest.Ran(t, s, 0)
	values := map[string]*flowrun.Tensor{}
	for name := range metrics {
		v, err := s.Get("eval." + name)
		require.NoError(t, err)
		values[name] = v
	}
	return values
}

var classMetrics = map[string]string{
	"accuracy": "accuracy(x, y)", "percent": "100 * accuracy(x, y)", "top2": "top_k_accuracy(x, y, k=2)",
	"table": "confusion_matrix(x, y)", "surprise": "perplexity(x, y)",
	"precision_each": "precision(x, y, average='none')", "recall_each": "recall(x, y, average='none')", "f1_each": "f1(x, y, average='none')",
	"precision_macro": "precision(x, y)", "recall_weighted": "recall(x, y, average='weighted')", "f1_micro": "f1(x, y, average='micro')",
	"f1_weighted": "f1(x, y, average='weighted')", "f1_macro": "f1(x, y)",
	"accuracy2": "accuracy(s, b)", "precision2": "precision(s, b)", "recall2": "recall(s, b)", "f12": "f1(s, b)", "table2": "confusion_matrix(s, b)",
	"probable": "accuracy(s, b, threshold=0.5)", "area": "auc(s, b)",
}

var numberMetrics = map[string]string{
	"mse": "mse(n, t)", "rmse": "rmse(n, t)", "mae": "mae(n, t)", "r2": "r2(n, t)", "average": "average(n)", "total": "total(t)", "half": "total(n) / 2 + 1",
}

// largest is the index of the first largest element.
func largest(row []float64) (at int64) {
	for c, v := range row {
		if v > row[at] {
			at = int64(c)
		}
	}
	return at
}

// ratio is a / b; 0 if b is.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// confusions counts labels by predictions.
func confusions(classes int, labels []int64, predicted func(i int) int64) [][]float64 {
	table := make([][]float64, classes)
	for c := range table {
		table[c] = make([]float64, classes)
	}
	for i, label := range labels {
		if label != -100 {
			table[label][predicted(i)]++
		}
	}
	return table
}

// averages are the scores of a table of confusions: of each class, and combined.
func averages(table [][]float64) (precision, recall, f1, support []float64, micro float64) {
	hits, all := 0.0, 0.0
	for c := range table {
		predicted, actual := 0.0, 0.0
		for o := range table {
			predicted, actual = predicted+table[o][c], actual+table[c][o]
		}
		precision, recall = append(precision, ratio(table[c][c], predicted)), append(recall, ratio(table[c][c], actual))
		f1, support = append(f1, ratio(2*precision[c]*recall[c], precision[c]+recall[c])), append(support, actual)
		hits, all = hits+table[c][c], all+actual
	}
	return precision, recall, f1, support, ratio(hits, all)
}

func weightedMean(values, weights []float64) float64 {
	sum, total := 0.0, 0.0
	for i, v := range values {
		sum, total = sum+v*weights[i], total+weights[i]
	}
	return ratio(sum, total)
}

func mean(values []float64) float64 {
	return weightedMean(values, slices.Repeat([]float64{1}, len(values)))
}

// brute computes all metrics from all examples at once, in float64.
func (e *examples) brute() map[string][]float64 {
	m := map[string][]float64{}
	table := confusions(e.classes, e.labels, func(i int) int64 { return largest(e.scores[i]) })
	precision, recall, f1, support, micro := averages(table)
	counted, near, surprise := 0.0, 0.0, 0.0
	for i, label := range e.labels {
		if label == -100 {
			continue
		}
		counted++
		order := make([]int, e.classes)
		for c := range order {
			order[c] = c
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(e.scores[i][b], e.scores[i][a]) })
		if slices.Contains(order[:2], int(label)) {
			near++
		}
		sum := 0.0
		for _, v := range e.scores[i] {
			sum += math.Exp(v)
		}
		surprise -= e.scores[i][label] - math.Log(sum)
	}
	m["accuracy"], m["percent"], m["top2"] = []float64{micro}, []float64{100 * micro}, []float64{near / counted}
	if counted == 0 {
		m["accuracy"], m["percent"] = []float64{math.NaN()}, []float64{math.NaN()}
	}
	m["table"], m["surprise"] = slices.Concat(table...), []float64{math.Exp(surprise / counted)}
	m["precision_each"], m["recall_each"], m["f1_each"] = precision, recall, f1
	m["precision_macro"], m["recall_weighted"], m["f1_micro"] = []float64{mean(precision)}, []float64{weightedMean(recall, support)}, []float64{micro}
	m["f1_weighted"], m["f1_macro"] = []float64{weightedMean(f1, support)}, []float64{mean(f1)}
	above := func(threshold float64) func(i int) int64 {
		return func(i int) int64 {
			if e.single[i] > threshold {
				return 1
			}
			return 0
		}
	}
	table = confusions(2, e.pairs, above(0))
	precision, recall, f1, support, micro = averages(table)
	m["accuracy2"], m["precision2"], m["recall2"], m["f12"], m["table2"] = []float64{micro}, precision[1:], recall[1:], f1[1:], slices.Concat(table...)
	_, _, _, _, micro2 := averages(confusions(2, e.pairs, above(0.5)))
	m["probable"] = []float64{micro2}
	if support[0]+support[1] == 0 {
		m["accuracy2"], m["probable"] = []float64{math.NaN()}, []float64{math.NaN()}
	}
	wins := 0.0
	for i, a := range e.pairs {
		for j, b := range e.pairs {
			if a == 1 && b == 0 && e.single[i] > e.single[j] {
				wins++
			} else if a == 1 && b == 0 && e.single[i] == e.single[j] {
				wins += 0.5
			}
		}
	}
	m["area"] = []float64{wins / (support[0] * support[1])}
	squares, absolute, around := 0.0, 0.0, 0.0
	for i, target := range e.targets {
		difference, from := e.numbers[i]-target, target-mean(e.targets)
		squares, absolute, around = squares+difference*difference, absolute+math.Abs(difference), around+from*from
	}
	n := float64(len(e.targets))
	m["mse"], m["rmse"], m["mae"], m["r2"] = []float64{squares / n}, []float64{math.Sqrt(squares / n)}, []float64{absolute / n}, []float64{1 - squares/around}
	m["average"], m["total"], m["half"] = []float64{mean(e.numbers)}, []float64{n * mean(e.targets)}, []float64{n*mean(e.numbers)/2 + 1}
	return m
}

// requireMetrics compares each metric, relative to its size.
func requireMetrics(t *testing.T, want map[string][]float64, got map[string]*flowrun.Tensor, why string) {
	t.Helper()
	for name, v := range got {
		require.Equal(t, len(want[name]), v.Type.Shape.Numel(), name)
		for i, w := range want[name] {
			if math.IsNaN(w) {
				require.True(t, math.IsNaN(v.Float(i)), "%s: %s is %v instead of NaN", why, name, v.Float(i))
				continue
			}
			require.InDelta(t, w, v.Float(i), 2e-6*math.Max(1, math.Abs(w)), "%s: %s, element %d", why, name, i)
		}
	}
}

func allMetrics() map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{classMetrics, numberMetrics} {
		for name, call := range m {
			all[name] = call
		}
	}
	return all
}

func TestMetricsOfAnEvaluationAreThoseOfAllExamplesAtOnce(t *testing.T) {
	for _, device := range []string{"cpu", "sim", "opencl"} {
		t.Run(device, func(t *testing.T) {
			if device == "opencl" {
				runtest.NeedsOpenCL(t)
			}
			for seed, d := range []ir.DType{ir.F32, ir.F16, ir.BF16, ir.F64} {
				batches := []int{60, 12, 1}
				if device == "opencl" {
					batches = batches[1:2] // each size is compiled anew
				}
				if device == "sim" && d == ir.F64 || device == "opencl" && d != ir.F16 {
					continue
				}
				e := drawnExamples(rand.New(rand.NewPCG(uint64(seed), 1)), d, 60, 5)
				var first map[string]*flowrun.Tensor
				for _, batch := range batches {
					got := evaluateMetrics(t, device, e, d, batch, allMetrics())
					requireMetrics(t, e.brute(), got, fmt.Sprintf("%s in batches of %d", d, batch))
					require.Equal(t, "i64[5, 5]", got["table"].Type.String())
					if first == nil {
						first = got
					}
					for name := range classMetrics {
						if name != "surprise" {
							require.Equal(t, first[name], got[name], "%s comes from counts, so its bits are those of any batch size", name)
						}
					}
				}
			}
		})
	}
}

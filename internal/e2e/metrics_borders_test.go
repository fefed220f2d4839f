package e2e_test

import (
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

// filled has n examples, made one by one.
func filled(n, classes int, example func(i int) (scores []float64, label int64, single float64, pair int64)) *examples {
	e := &examples{classes: classes}
	for i := range n {
		scores, label, single, pair := example(i)
		e.scores, e.labels = append(e.scores, scores), append(e.labels, label)
		e.single, e.pairs = append(e.single, single), append(e.pairs, pair)
		e.numbers, e.targets = append(e.numbers, single), append(e.targets, float64(i%3))
	}
	return e
}

func TestMetricsWhereClassesAreMissingOrAllIsWrong(t *testing.T) {
	hot := func(classes int, at int64) []float64 {
		row := make([]float64, classes)
		row[at] = 1
		return row
	}
	for name, e := range map[string]*examples{
		"one class has no labels and is never predicted": filled(6, 3, func(i int) ([]float64, int64, float64, int64) {
			return hot(3, int64(i%2)), int64(i / 3), 1, int64(i % 2)
		}),
		"all wrong": filled(6, 4, func(i int) ([]float64, int64, float64, int64) {
			return hot(4, int64(i+1)%4), int64(i % 4), 2*float64(i%2) - 1, int64(1 - i%2)
		}),
		"only positives": filled(4, 2, func(i int) ([]float64, int64, float64, int64) { return hot(2, 1), 1, float64(i - 2), 1 }),
		"only negatives": filled(4, 2, func(i int) ([]float64, int64, float64, int64) { return hot(2, 0), 0, float64(i - 2), 0 }),
		"all ignored":    filled(4, 2, func(int) ([]float64, int64, float64, int64) { return hot(2, 0), -100, 0, -100 }),
		"all equal":      filled(4, 3, func(i int) ([]float64, int64, float64, int64) { return hot(3, 0), 0, 7, int64(i % 2) }),
		"two classes": filled(5, 2, func(i int) ([]float64, int64, float64, int64) {
			return []float64{0, math.Inf(1 - 2*(i%2))}, int64(i % 2), math.Inf(1 - 2*(i/2)), int64(i % 2)
		}),
	} {
		metrics := map[string]string{}
		for m, call := range classMetrics {
			if m != "surprise" || name != "two classes" { // an infinite logit has no cross entropy
				metrics[m] = call
			}
		}
		requireMetrics(t, e.brute(), evaluateMetrics(t, "cpu", e, ir.F32, 1, metrics), name)
	}
}

func TestALabelOutOfRangeOrAScoreThatIsNoNumberIsSeenInTheMetric(t *testing.T) {
	good := func() *examples { return drawnExamples(rand.New(rand.NewPCG(8, 8)), ir.F32, 20, 3) }
	computed := map[string]string{} // of labels that no file has: those would be an error
	for name, call := range classMetrics {
		computed[name] = strings.ReplaceAll(call, ", y", ", y + 0")
	}
	isNaN := func(e *examples) map[string]bool {
		nan := map[string]bool{}
		for name, v := range evaluateMetrics(t, "cpu", e, ir.F32, 5, computed) {
			for i := range v.Type.Shape.Numel() {
				nan[name] = nan[name] || math.IsNaN(v.Float(i))
			}
		}
		return nan
	}
	for name, nan := range isNaN(good()) {
		require.False(t, nan, name)
	}
	of3 := []string{"accuracy", "percent", "top2", "precision_each", "recall_each", "f1_each", "precision_macro", "recall_weighted", "f1_micro", "f1_weighted", "f1_macro"}
	for _, label := range []int64{3, -1, math.MaxInt32} {
		e := good()
		e.labels[2] = label
		nan := isNaN(e)
		for _, name := range of3 {
			require.True(t, nan[name], "%s with label %d", name, label)
		}
		require.False(t, nan["accuracy2"])
	}
	for _, label := range []int64{2, -1} {
		e := good()
		e.pairs[2] = label
		nan := isNaN(e)
		for _, name := range []string{"accuracy2", "precision2", "recall2", "f12", "probable", "area"} {
			require.True(t, nan[name], "%s with label %d", name, label)
		}
		require.False(t, nan["accuracy"])
	}
	e := good()
	e.pairs[3], e.single[3] = 1, math.NaN()
	require.True(t, isNaN(e)["area"])
	e.pairs[3] = -100
	require.False(t, isNaN(e)["area"], "an ignored label's score isn't looked at")
	e.scores[0], e.labels[0] = []float64{math.NaN(), 1, 0}, 1
	require.False(t, isNaN(e)["accuracy"], "a NaN is the largest, so the label is missed")
}

func TestAreasOfSpreadScoresAreAsExactAsTheirBinsSay(t *testing.T) {
	var r *rand.Rand
	for name, draw := range map[string]func(pair int64) float64{
		"logits":        func(p int64) float64 { return r.NormFloat64()*2 + float64(p) },
		"probabilities": func(p int64) float64 { return 1 / (1 + math.Exp(-r.NormFloat64()*3-float64(p))) },
		"certain":       func(p int64) float64 { return 1 - 1e-4*math.Exp(r.NormFloat64()*2-float64(p)) },
		"rare":          func(p int64) float64 { return 1e-6 * math.Exp(r.NormFloat64()+float64(p)) * 1e3 },
		"large":         func(p int64) float64 { return 1e6 * (r.NormFloat64() + float64(p)) },
		"far":           func(p int64) float64 { return 3e38 * float64(2*p-1) },
	} {
		r = rand.New(rand.NewPCG(4, uint64(len(name)))) // whatever the order of the map
		e := filled(2000, 2, func(i int) ([]float64, int64, float64, int64) {
			pair := int64(r.IntN(2))
			return []float64{0, 1}, 0, float64(float32(draw(pair))), pair
		})
		want := e.brute()["area"][0]
		for _, batch := range []int{2000, 125} {
			got := evaluateMetrics(t, "cpu", e, ir.F32, batch, map[string]string{"area": "auc(s, b)", "coarse": "auc(s, b, bins=256)"})
			require.InDelta(t, want, got["area"].Float(0), e.nearPairs(0.004, 4e-6)/2+1e-7, name)
			require.InDelta(t, want, got["coarse"].Float(0), 0.05, name)
		}
	}
}

// nearPairs is the share of pairs of a positive and a negative whose scores differ by
// less than a share of their distance from 0 and from 1, or an amount: those that may be in one bin.
func (e *examples) nearPairs(share, amount float64) float64 {
	near, all := 0.0, 0.0
	for i, a := range e.pairs {
		for j, b := range e.pairs {
			if a != 1 || b != 0 {
				continue
			}
			all++
			x, y := e.single[i], e.single[j]
			distance := min(max(math.Abs(x), math.Abs(y)), max(math.Abs(x-1), math.Abs(y-1)))
			if math.Abs(x-y) <= share*distance+amount {
				near++
			}
		}
	}
	return near / all
}

// With f32 sums alone, adding 0.1 ten million times gives 1,087,937; one example more or
// less makes a difference only if none is dropped.
func TestSumsOverManyBatchesKeepTheirDigits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`flowrun: 1
data: {d: {generate: {x: "0.1 + 0 * uniform(0, 1, [1000])", c: "ones([1000], \"i32\")"}}}
model: {inputs: {x: "f32[1000]"}, nodes: {w: {Linear: x, out_features: 1}}, outputs: [w]}
train:
  data: d
  loss: mean(w)
  optimizer: {SGD: {lr: 0}}
  max_steps: 1
  eval: {data: d, every: 1, batches: 10000, metrics: {sum: total(x), each: "total(x, dim=[0])", mean: average(x), count: count(c), apart: deviation(x + 1000)}}
`), 0o666))
	s := runtest.Started(t, path, flowrun.On("cpu"))
	_, records := runtest.Ran(t, s, 0)
	tenth := float64(float32(0.1))
	m := records[0].Metrics
	require.InDelta(t, 1e7*tenth, m[0], 0.1)
	require.InDelta(t, 1e7*tenth, m[1], 0.1)
	require.InDelta(t, tenth, m[2], 1e-8)
	require.Equal(t, 1e7, m[3])
	require.InDelta(t, 0, m[4], 1e-3)
}

func TestInTrainingAnAccumulatingModuleSeesItsBatchAlone(t *testing.T) {
	const text = `flowrun: 1
data:
  d: {generate: {x: "uniform(-1, 1, [6, 3])", y: "randint(0, 3, [6])"}}
modules:
  Largest:
    doc: the largest value of an evaluation, and how many batches it had.
    accumulate: true
    inputs: {x: "f32[...]"}
    state: {largest: -1e30, batches: "zeros([], \"i64\")"}
    nodes: {value: next(largest), number: next(batches)}
    update: {largest: "maximum(largest, max(x))", batches: batches + 1}
    outputs: [value, number]
  Scaled: {inputs: {x: "f32[...]"}, nodes: {l: {Largest: x}}, output: 10 * l.number}
model:
  inputs: {x: "f32[6, 3]"}
  nodes:
    h: {Linear: x, out_features: 3}
    seen: {Largest: h}
    out: h + 0 * seen.value
  outputs: [out]
train:
  data: d
  loss: cross_entropy(out, y)
  optimizer: {SGD: {lr: 0.1}}
  metrics: {here: "Scaled(x)", table: "confusion_matrix(out, y)", right: "accuracy(out, y)", truly: "mean(cast(argmax(out, -1) == y, \"f32\"))"}
  eval: {data: d, every: 2, batches: 4, metrics: {here: "Scaled(x)", table: "confusion_matrix(out, y)", model: seen.number, loss: loss}}
  checkpoint: {every: 2}
  max_steps: 4
`
	for _, device := range []string{"cpu", "sim"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "spec.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		s := runtest.Started(t, path, flowrun.On(device))
		_, records := runtest.Ran(t, s, 0)
		require.Equal(t, []string{"here", "table", "right", "truly", "eval.here", "eval.table", "eval.model", "eval.loss"}, mustLoad(t, path).Metrics())
		for i, r := range records {
			require.Equal(t, 10.0, r.Metrics[0])
			require.Equal(t, r.Metrics[3], r.Metrics[2])
			require.EqualValues(t, 6, sum(r.Tensors[1]), "the batch's six")
			if i < 1 {
				require.True(t, math.IsNaN(r.Metrics[4]) && math.IsNaN(r.Tensors[5].Float(8)))
				continue
			}
			require.Equal(t, 40.0, r.Metrics[4])
			require.Equal(t, "i64[3, 3]", r.Tensors[5].Type.String())
			require.EqualValues(t, 24, sum(r.Tensors[5]), "four batches, at each evaluation")
			require.Equal(t, 1.0, r.Metrics[6], "in the model it sees its batch")
		}
		saved, err := flowrun.ReadTensors(filepath.Join(dir, "checkpoints", "step-000000004.safetensors"))
		require.NoError(t, err)
		for name := range saved {
			require.NotContains(t, name, "largest")
			require.NotContains(t, name, "batches")
		}
		require.NoError(t, s.Close())
		resumed := runtest.Started(t, path, flowrun.On(device), flowrun.Resume(filepath.Join(dir, "checkpoints", "step-000000002.safetensors")))
		_, again := runtest.Ran(t, resumed, 0)
		require.Equal(t, records[2].Tensors, again[0].Tensors, "a run remembers the tensors of its last evaluation")
		require.Equal(t, fmt.Sprint(records[2].Metrics[4:]), fmt.Sprint(again[0].Metrics[4:])) // NaN for tensors
	}
}

func mustLoad(t *testing.T, path string) *flowrun.Program {
	t.Helper()
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	return p
}

func sum(x *flowrun.Tensor) (total int64) {
	for i := range x.Type.Shape.Numel() {
		total += x.Int(i)
	}
	return total
}

func TestInInferenceAMetricIsThatOfItsInputs(t *testing.T) {
	p, err := flowrun.Parse("infer.yaml", []byte(`flowrun: 1
model:
  inputs: {x: "f32[2, 3]", y: "i64[2]"}
  nodes: {a: "accuracy(x, y)", t: "confusion_matrix(x, y)"}
  outputs: [a, t]
`))
	require.NoError(t, err)
	out, err := p.Infer(t.Context(), map[string]*flowrun.Tensor{
		"x": ir.FromFloat32(ir.Shape{2, 3}, []float32{0, 1, 0, 0, 0, 1}), "y": ir.FromInt64(ir.I64, ir.Shape{2}, []int64{1, 0}),
	})
	require.NoError(t, err)
	require.Equal(t, 0.5, out["a"].Float(0))
	require.Equal(t, ir.FromInt64(ir.I64, ir.Shape{3, 3}, slices.Concat([]int64{0, 0, 1}, []int64{0, 1, 0}, []int64{0, 0, 0})), out["t"])
}

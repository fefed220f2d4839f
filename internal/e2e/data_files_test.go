package e2e_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// fromFile is a spec that learns a line from points.csv. more are lines of its data
// source, and train of its train section.
func fromFile(t *testing.T, rows int, more, train string) string {
	t.Helper()
	dir := t.TempDir()
	points(t, dir, rows)
	return specOn(t, dir, more, train)
}

func specOn(t *testing.T, dir, more, train string) string {
	t.Helper()
	path := filepath.Join(dir, "spec.yaml")
	text := `flowrun: 1
seed: 5
data:
  points:
    csv: points.csv
    header: true
    fields:
      x: {columns: [a, b], type: "f32[2]"}
      y: {column: c, type: "f32[]"}
` + more + `
model:
  inputs: {x: "f32[batch, 2]"}
  nodes:
    line: {Linear: x, out_features: 1}
    out: reshape(line, [-1])
  outputs: [out]
train:
  loss: mse_loss(out, y)
` + train + "\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// point is the i-th example.
func point(i int) (a, b, c float64) {
	a, b = float64((7*i)%11)/8-0.5, float64((5*i)%13)/8-0.75
	return a, b, a - 2*b + 0.25
}

func points(t *testing.T, dir string, rows int) {
	t.Helper()
	var text strings.Builder
	text.WriteString("a,b,c\n")
	for i := range rows {
		a, b, c := point(i)
		fmt.Fprintf(&text, "%v,%v,%v\n", a, b, c)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "points.csv"), []byte(text.String()), 0o600))
}

const plainTraining = "  data: points\n  optimizer: {SGD: {lr: 0.25}}\n  max_steps: 25"

// onDevices runs a test on the devices that there are.
func onDevices(t *testing.T, f func(t *testing.T, device string)) {
	for _, device := range []string{"cpu", "sim:0", "opencl"} {
		t.Run(device, func(t *testing.T) {
			if device == "opencl" {
				runtest.NeedsOpenCL(t)
			}
			f(t, device)
		})
	}
}

// Ten examples in batches of four: the last of an epoch has two.
func TestTrainingOverAFileIsWhatIsComputedByHand(t *testing.T) {
	onDevices(t, func(t *testing.T, device string) {
		s := runtest.Started(t, fromFile(t, 10, "    batch: 4", plainTraining), flowrun.On(device))
		first := runtest.Weights(t, s)
		w := [2]float64{first["line.weight"].Float(0), first["line.weight"].Float(1)}
		bias := first["line.bias"].Float(0)
		_, records := runtest.Ran(t, s, 0)
		require.Len(t, records, 25)
		for step := range 25 {
			from := step % 3 * 4
			count := min(4, 10-from)
			var loss, db float64
			var dw [2]float64
			for i := range count {
				a, b, c := point(from + i)
				diff := w[0]*a + w[1]*b + bias - c
				loss += diff * diff / float64(count)
				dw[0] += 2 * diff * a / float64(count)
				dw[1] += 2 * diff * b / float64(count)
				db += 2 * diff / float64(count)
			}
			require.InDelta(t, loss, records[step].Loss, 1e-5, "step %d", step)
			require.EqualValues(t, (step+1)/3, records[step].Epoch)
			w[0], w[1], bias = w[0]-0.25*dw[0], w[1]-0.25*dw[1], bias-0.25*db
		}
		last := runtest.Weights(t, s)
		require.InDelta(t, w[0], last["line.weight"].Float(0), 1e-5)
		require.InDelta(t, bias, last["line.bias"].Float(0), 1e-5)
	})
}

// everything that a source can do with the order, and an optimizer with states of its own.
const (
	shuffledData = "    batch: 4\n    shuffle: true\n    split: {parts: {train: 0.8, test: 0.2}}"
	longTraining = "  data: points.train\n  optimizer: {AdamW: {lr: 0.05}}\n  metrics: {smooth: \"ema(loss, 0.9)\"}\n  checkpoint: {every: 1, keep: 100}\n  epochs: 5"
)

// 22 of 27 examples are trained on: five batches of four and one of two.
func TestARunOverAFileInterruptedAnywhereEndsAsIfItHadNotBeen(t *testing.T) {
	onDevices(t, func(t *testing.T, device string) {
		whole := runtest.Started(t, fromFile(t, 27, shuffledData, longTraining), flowrun.On(device))
		require.EqualValues(t, 6, whole.EpochSteps())
		summary, want := runtest.Ran(t, whole, 0)
		require.EqualValues(t, 30, summary.Steps, "5 epochs of 6 steps")
		weights := runtest.Weights(t, whole)
		for _, at := range []int64{1, 4, 5, 6, 7, 11, 12, 29} {
			path := fromFile(t, 27, shuffledData, longTraining)
			s := runtest.Started(t, path, flowrun.On(device))
			_, seen := runtest.Ran(t, s, at)
			require.NoError(t, s.Close())
			resumed := runtest.Started(t, path, flowrun.On(device), flowrun.Resume(""))
			_, more := runtest.Ran(t, resumed, 0)
			seen = append(seen[:at], more...)
			for i := range want {
				require.Equal(t, want[i].Loss, seen[i].Loss, "interrupted after step %d, step %d", at, i+1)
				require.Equal(t, want[i].Metrics, seen[i].Metrics)
			}
			require.Equal(t, weights, runtest.Weights(t, resumed))
			require.NoError(t, resumed.Close())
		}
	})
}

func TestResumingOnOtherDataIsRefusedUnlessAllowed(t *testing.T) {
	start := func(t *testing.T) string {
		path := fromFile(t, 27, shuffledData, longTraining)
		s := runtest.Started(t, path)
		runtest.Ran(t, s, 7)
		require.NoError(t, s.Close())
		return path
	}
	resume := func(path string, options ...flowrun.StartOption) error {
		p, err := flowrun.Load(path)
		require.NoError(t, err)
		s, err := p.Start(context.Background(), append(options, flowrun.Resume(""))...)
		if err == nil {
			_, err = s.Run(context.Background())
		}
		require.NoError(t, s.Close())
		return err
	}
	for want, change := range map[string]func(path string){
		"": func(string) {},
		"its number of examples was 22 and is 26 now": func(path string) { points(t, filepath.Dir(path), 33) },
		"the content of its files, or what the spec makes of it, is another": func(path string) {
			file := filepath.Join(filepath.Dir(path), "points.csv")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, bytes.Replace(text, []byte("0.375"), []byte("0.376"), 1), 0o600))
		},
		"its batch was 4 and is 5 now": func(path string) {
			specOn(t, filepath.Dir(path), strings.Replace(shuffledData, "batch: 4", "batch: 5", 1), longTraining)
		},
		"its shuffle was true and is false now": func(path string) {
			specOn(t, filepath.Dir(path), strings.Replace(shuffledData, "shuffle: true", "shuffle: false", 1), longTraining)
		},
	} {
		path := start(t)
		change(path)
		if want == "" {
			require.NoError(t, resume(path))
			continue
		}
		err := resume(path)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "--allow-changed-data")
		require.NoError(t, resume(path, flowrun.AllowChangedData()), want)
	}
}

func TestARunEndsWithItsDataOrSaysBeforehandThatItIsTooLong(t *testing.T) {
	path := fromFile(t, 10, "    batch: 4\n    repeat: 3", "  data: points\n  optimizer: {SGD: {lr: 0.1}}\n  metrics: {l: loss}\n  until: l < 0")
	s := runtest.Started(t, path)
	summary, _ := runtest.Ran(t, s, 0)
	require.Equal(t, engine.StoppedData, summary.Stopped)
	require.EqualValues(t, 9, summary.Steps)
	_, err := s.Run(context.Background(), flowrun.MaxSteps(10))
	require.EqualError(t, err, "data source points ends after 9 steps, and the run is to have 10: set max_steps: 9, or raise its repeat")

	p, err := flowrun.Load(fromFile(t, 10, "    batch: 4\n    repeat: 3", plainTraining))
	require.NoError(t, err)
	s, err = p.Start(context.Background())
	require.ErrorContains(t, err, "data source points ends after 9 steps, and the run is to have 25")
	require.NoError(t, s.Close())

	for train, want := range map[string]int64{"max_steps: 9": 9, "epochs: 3": 9, "epochs: 2": 6, "{epochs: 2, max_steps: 5}": 5, "{epochs: 2, max_steps: 100}": 6} {
		more := "  " + strings.NewReplacer("{", "", "}", "", ", ", "\n  ").Replace(train)
		s := runtest.Started(t, fromFile(t, 10, "    batch: 4\n    repeat: 3", "  data: points\n  optimizer: {SGD: {lr: 0.1}}\n"+more))
		summary, _ := runtest.Ran(t, s, 0)
		require.Equal(t, want, summary.Steps, train)
		reason := engine.StoppedEpochs
		if strings.Contains(train, fmt.Sprintf("max_steps: %d", want)) {
			reason = engine.StoppedMaxSteps
		}
		require.Equal(t, reason, summary.Stopped, train)
		s = runtest.Started(t, fromFile(t, 10, "    batch: 4\n    repeat: 3", "  data: points\n  optimizer: {SGD: {lr: 0.1}}\n"+more))
		summary, _ = runtest.Ran(t, s, 2)
		require.Equal(t, engine.StoppedMaxSteps, summary.Stopped, "a limit of the caller's")
	}
}

func TestABatchNormThatGetsALastBatchOfOneIsFoundBeforeTheRun(t *testing.T) {
	path := fromFile(t, 9, "    batch: 4", plainTraining)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	norm := strings.Replace(string(text), "out: reshape(line, [-1])", "n: {BatchNorm: line}\n    out: reshape(n, [-1])", 1)
	require.NoError(t, os.WriteFile(path, []byte(norm), 0o600))
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	s, err := p.Start(context.Background())
	require.ErrorContains(t, err, "BatchNorm")
	require.NoError(t, s.Close())
	found := flowrun.Check(path, flowrun.WithFiles())
	require.True(t, found.HasErrors())

	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(norm, "batch: 4", "batch: 4\n    drop_last: true", 1)), 0o600))
	found = flowrun.Check(path, flowrun.WithFiles())
	require.False(t, found.HasErrors(), "%v", found.Items)
	summary, _ := runtest.Ran(t, runtest.Started(t, path), 0)
	require.EqualValues(t, 25, summary.Steps)
}

// What was learned from the training data goes with the weights, whatever has become of
// the file.
func TestInferenceOnAFileUsesWhatTheWeightsKnow(t *testing.T) {
	normalized := func(dir string) string {
		path := specOn(t, dir, shuffledData, longTraining)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		text = bytes.Replace(text, []byte(`type: "f32[2]"`), []byte(`type: "f32[2]", normalize: element`), 1)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	dir := t.TempDir()
	points(t, dir, 27)
	path := normalized(dir)
	s := runtest.Started(t, path)
	runtest.Ran(t, s, 0)
	saved := filepath.Join(dir, "w.safetensors")
	require.NoError(t, s.SaveWeights(saved))
	kept, err := s.Weights()
	require.NoError(t, err)
	require.NoError(t, s.Close())

	// 11 examples with other columns, in another order, and without the label.
	var given strings.Builder
	given.WriteString("b,other,a\n")
	for i := range 11 {
		a, b, _ := point(100 + i)
		fmt.Fprintf(&given, "%v,text,%v\n", b, a)
	}
	in := filepath.Join(t.TempDir(), "given.csv")
	require.NoError(t, os.WriteFile(in, []byte(given.String()), 0o600))
	points(t, dir, 500)

	p, err := flowrun.Load(path)
	require.NoError(t, err)
	read, err := p.ReadWeights(saved)
	require.NoError(t, err)
	require.Equal(t, kept.Tensors, read.Tensors)
	checkpoint, err := p.ReadWeights(filepath.Join(dir, "checkpoints", "step-000000030.safetensors"))
	require.NoError(t, err)
	var texts []string
	for _, weights := range []flowrun.Weights{kept, read, checkpoint} {
		var b bytes.Buffer
		n, err := p.InferTo(context.Background(), flowrun.FileInference{In: in}, &b, "csv", flowrun.WithWeights(weights))
		require.NoError(t, err)
		require.EqualValues(t, 11, n)
		texts = append(texts, b.String())
	}
	require.Equal(t, texts[0], texts[1])
	require.Equal(t, texts[0], texts[2])
	rows, err := csv.NewReader(strings.NewReader(texts[0])).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 12)

	x := map[string]*flowrun.Tensor{}
	facts := factsOf(t, saved)
	values := make([]float32, 0, 22)
	for i := range 11 {
		a, b, _ := point(100 + i)
		values = append(values, float32((a-facts.Mean[0])/facts.Std[0]), float32((b-facts.Mean[1])/facts.Std[1]))
	}
	x["x"] = ir.FromFloat32(flowrun.Shape{11, 2}, values)
	out, err := p.Infer(context.Background(), x, flowrun.WithWeights(kept))
	require.NoError(t, err, "the size of a batch is that of the input")
	for i, row := range rows[1:] {
		got, err := strconv.ParseFloat(row[0], 32)
		require.NoError(t, err)
		require.InDelta(t, out["out"].Float(i), got, 1e-5)
	}

	_, err = p.InferTo(context.Background(), flowrun.FileInference{In: in}, &bytes.Buffer{}, "csv",
		flowrun.WithWeights(flowrun.Weights{Tensors: kept.Tensors}))
	require.ErrorContains(t, err, "the field x needs the mean and the standard deviation of the training data")
}

type fact struct{ Mean, Std []float64 }

// factsOf reads what a file of weights says of the field x.
func factsOf(t *testing.T, path string) fact {
	t.Helper()
	file, err := safetensors.Open(path)
	require.NoError(t, err)
	defer file.Close()
	var facts map[string]fact
	require.NoError(t, json.Unmarshal([]byte(file.Metadata()["flowrun.data"]), &facts))
	require.Len(t, facts["x"].Mean, 2)
	for _, std := range facts["x"].Std {
		require.False(t, math.IsNaN(std) || std < 0.1, "%v", std)
	}
	return facts["x"]
}

// The mean over 13 examples, in batches of 4 and one of 1, isn't the mean of batches'
// means. It is the same whatever the size of batches.
func TestAnEvaluationOverAFileIsTheMeanOverItsExamples(t *testing.T) {
	onDevices(t, func(t *testing.T, device string) {
		for _, batch := range []int{1, 4, 13, 20} {
			path := fromFile(t, 40, fmt.Sprintf("    batch: %d\n    split: {parts: {train: 0.675, test: 0.325}, order: in_order}", batch),
				"  data: points.train\n  optimizer: {SGD: {lr: 0.05}}\n  epochs: 2\n  eval: {data: points.test, every: epoch, metrics: {loss: loss}}")
			s := runtest.Started(t, path, flowrun.On(device))
			var at []int64
			_, err := s.Run(context.Background(), flowrun.Observe(flowrun.Observer{Every: s.EpochSteps(), Observe: func(r flowrun.Record) error {
				if r.Last {
					return nil
				}
				at = append(at, r.Step)
				values, err := s.Weights()
				require.NoError(t, err)
				w, bias := values.Tensors["line.weight"], values.Tensors["line.bias"].Float(0)
				mean := 0.0
				for i := 27; i < 40; i++ {
					a, b, c := point(i)
					diff := w.Float(0)*a + w.Float(1)*b + bias - c
					mean += diff * diff / 13
				}
				require.InDelta(t, mean, r.Metrics[0], 1e-5, "batches of %d, step %d", batch, r.Step)
				return nil
			}}))
			require.NoError(t, err)
			require.Equal(t, []int64{s.EpochSteps(), 2 * s.EpochSteps()}, at)
		}
	})
}

// Whether an epoch's steps are known only from the file or stand in the spec makes no
// difference; what was learned from the data doesn't change when a run is resumed.
func TestEveryEpochIsEverySoManySteps(t *testing.T) {
	run := func(every string) (records []flowrun.Record, files []string) {
		data := strings.Replace(shuffledData, "shuffle", "limit: 26\n    shuffle", 1)
		path := fromFile(t, 40, data, "  data: points.train\n  optimizer: {AdamW: {lr: 0.05}}\n  max_steps: 15\n"+
			fmt.Sprintf("  checkpoint: {every: %s, keep: 2}\n  eval: {data: points.test, every: %s, metrics: {l: loss}}", every, every))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		text = bytes.Replace(text, []byte(`type: "f32[2]"}`), []byte(`type: "f32[2]", normalize: field}`), 1)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		s := runtest.Started(t, path)
		require.EqualValues(t, 6, s.EpochSteps(), "21 examples in batches of 4")
		_, records = runtest.Ran(t, s, 8)
		require.NoError(t, s.Close())
		s = runtest.Started(t, path, flowrun.Resume(""))
		require.EqualValues(t, 8, s.Resumed().Step)
		_, more := runtest.Ran(t, s, 0)
		require.NoError(t, s.Close())
		names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "checkpoints", "*"))
		require.NoError(t, err)
		for _, name := range names {
			files = append(files, filepath.Base(name))
		}
		return append(records, more...), files
	}
	byEpoch, files := run("epoch")
	bySteps, same := run("6")
	require.Equal(t, len(bySteps), len(byEpoch))
	for i := range bySteps {
		require.Equal(t, bySteps[i].Loss, byEpoch[i].Loss)
		require.True(t, bySteps[i].Metrics[0] == byEpoch[i].Metrics[0] || i < 5, "step %d", i+1)
	}
	require.Equal(t, same, files)
	require.Contains(t, files, "step-000000012.safetensors")
}

// Weights from training on other data may know nothing of a field; what they know counts.
func TestARunFromWeightsLearnsOnlyWhatTheyDoNotKnow(t *testing.T) {
	with := func(dir, x, y string) string {
		path := specOn(t, dir, "    batch: 4", plainTraining)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		text = bytes.Replace(text, []byte(`type: "f32[2]"}`), []byte(`type: "f32[2]"`+x+`}`), 1)
		text = bytes.Replace(text, []byte(`type: "f32[]"}`), []byte(`type: "f32[]"`+y+`}`), 1)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	first, second := t.TempDir(), t.TempDir()
	points(t, first, 12)
	points(t, second, 31)
	s := runtest.Started(t, with(first, ", normalize: element", ""))
	runtest.Ran(t, s, 3)
	weights, err := s.Weights()
	require.NoError(t, err)
	require.NoError(t, weights.Save(filepath.Join(first, "w.safetensors")))
	old := factsOf(t, filepath.Join(first, "w.safetensors"))

	s = runtest.Started(t, with(second, ", normalize: element", ", normalize: field"), flowrun.WithWeights(weights))
	require.NoError(t, s.SaveWeights(filepath.Join(second, "w.safetensors")))
	require.Equal(t, old, factsOf(t, filepath.Join(second, "w.safetensors")))
	file, err := safetensors.Open(filepath.Join(second, "w.safetensors"))
	require.NoError(t, err)
	defer file.Close()
	mean := 0.0
	for i := range 31 {
		_, _, c := point(i)
		mean += c / 31
	}
	var facts map[string]fact
	require.NoError(t, json.Unmarshal([]byte(file.Metadata()["flowrun.data"]), &facts))
	require.InDelta(t, mean, facts["y"].Mean[0], 1e-6)
}

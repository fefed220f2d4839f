package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
)

// endings are ways for a run to stop by itself within some dozens of steps, all dependent
// on what it has learned; none is a fixed limit.
var endings = []struct {
	name    string
	keys    string
	stopped string
}{
	{"patience on an evaluation", `early_stop: {metric: eval.loss, patience: 9, min_delta: 0.05}`, "early_stop"},
	{"patience on a metric", `early_stop: {metric: y, patience: 6, mode: max, min_delta: 0.01}`, "early_stop"},
	{"patience on an average", `early_stop: {metric: loss, patience: 5, min_delta: 0.2}`, "early_stop"},
	{"until", `until: loss < 2.0 and step > 20`, "until"},
	{"max_steps", ``, "max_steps"},
}

// A run that is interrupted after any number of steps and resumed equals an uninterrupted
// one: the same records, end, step and reason, states, and checkpoints. The uninterrupted
// run is the reference.
func TestAResumedRunEndsLikeAnUninterruptedOne(t *testing.T) {
	for _, e := range endings {
		for _, device := range []string{"cpu", "sim"} {
			t.Run(e.name+"/"+device, func(t *testing.T) {
				t.Parallel()
				path := ending(t, e.keys)
				straight := runtest.Started(t, path, flowrun.On(device))
				summary, want := runtest.Ran(t, straight, 0)
				require.EqualValues(t, e.stopped, summary.Stopped)
				require.Greater(t, summary.Steps, int64(6), "there is something to interrupt")
				require.LessOrEqual(t, summary.Steps, int64(100))
				kept := checkpointContents(t, path)
				for at := int64(1); at < summary.Steps; at += 1 + summary.Steps/12 {
					resumed(t, e.keys, device, []int64{at}, summary, want, straight, kept)
				}
				resumed(t, e.keys, device, []int64{2, 3, 5, summary.Steps - 1}, summary, want, straight, kept)
			})
		}
	}
}

// ending is a spec with evaluation, best and few checkpoints, with keys for its end.
func ending(t *testing.T, keys string) string {
	t.Helper()
	path := line(t, "{AdamW: {lr: 0.02 * 0.999 ** step}}",
		`eval: {data: others, every: 4, batches: 2, metrics: {loss: loss}}`,
		`checkpoint: {every: 3, keep: 2, best: {metric: eval.loss}}`, keys)
	if keys == "" {
		return path
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	limitless := strings.Replace(string(text), "max_steps: 40", "max_steps: 10000", 1)
	require.NoError(t, os.WriteFile(path, []byte(limitless), 0o666))
	return path
}

// resumed runs the spec in a separate folder, interrupted at the given steps, and
// compares with the uninterrupted run.
func resumed(t *testing.T, keys, device string, stops []int64, summary flowrun.Summary, want []flowrun.Record, straight *flowrun.Session, kept map[string]map[string]*flowrun.Tensor) {
	t.Helper()
	path := ending(t, keys)
	var got []flowrun.Record
	options := []flowrun.StartOption{flowrun.On(device)}
	for _, at := range stops {
		part := runtest.Started(t, path, options...)
		got = append(got, interruptedAt(t, part, at)...)
		options = []flowrun.StartOption{flowrun.On(device), flowrun.Resume("")}
		require.NoError(t, part.Close())
	}
	last := runtest.Started(t, path, options...)
	end, rest := runtest.Ran(t, last, 0)
	got = append(got, rest...)
	why := fmt.Sprint("interrupted at ", stops)
	require.Equal(t, summary.Stopped, end.Stopped, why)
	require.Equal(t, fmt.Sprint(want), fmt.Sprint(got), why) // as text: NaN before the first evaluation
	require.Equal(t, fmt.Sprint(summary.Loss, summary.Metrics), fmt.Sprint(end.Loss, end.Metrics), why)
	for _, state := range straight.Plan().Graph.States {
		require.Equal(t, tensor(t, straight, state.Name), tensor(t, last, state.Name), "%s: %s", why, state.Name)
	}
	requireSameCheckpoints(t, kept, checkpointContents(t, path), why)
	again, none := runtest.Ran(t, last, 0)
	require.Empty(t, none, "it has stopped")
	require.Equal(t, summary.Stopped, again.Stopped, why)
}

// interruptedAt runs a session until its context is cancelled after a step, as by a
// signal, and returns the records.
func interruptedAt(t *testing.T, s *flowrun.Session, at int64) []flowrun.Record {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var records []flowrun.Record
	summary, err := s.Run(ctx, flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
		r.Elapsed, r.Evaluating, r.Evaluations, r.Metrics = 0, 0, 0, append([]float64(nil), r.Metrics...)
		if !r.Last {
			records = append(records, r)
		}
		if r.Step == at {
			cancel()
		}
		return nil
	}}))
	require.NoError(t, err)
	require.EqualValues(t, "interrupted", summary.Stopped)
	return records
}

// checkpointContents returns the tensors of all checkpoints of a spec by file.
func checkpointContents(t *testing.T, path string) map[string]map[string]*flowrun.Tensor {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "checkpoints", "*.safetensors"))
	require.NoError(t, err)
	contents := map[string]map[string]*flowrun.Tensor{}
	for _, file := range files {
		if contents[filepath.Base(file)], err = flowrun.ReadTensors(file); err != nil {
			t.Fatal(err)
		}
	}
	return contents
}

// requireSameCheckpoints compares tensors bit by bit, so NaN equals NaN.
func requireSameCheckpoints(t *testing.T, want, got map[string]map[string]*flowrun.Tensor, why string) {
	t.Helper()
	for file, tensors := range want {
		if got[file] == nil {
			t.Fatalf("%s: there is no %s, but %v", why, file, slices.Sorted(maps.Keys(got)))
		}
		require.Len(t, got[file], len(tensors), "%s: %s", why, file)
		for name, tensor := range tensors {
			require.Equal(t, tensor, got[file][name], "%s: %s of %s", why, name, file)
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)), why)
}

// The best checkpoint is derived again from the records of the steps with checkpoints. A
// mean over random batches fluctuates, so that the best can be anywhere.
func TestTheBestCheckpointBelongsToTheBestRecord(t *testing.T) {
	for _, mode := range []string{"min", "max"} {
		for _, stops := range [][]int64{nil, {7}, {12, 13, 25}, {1, 2, 3, 5, 6, 7, 9}} {
			path := line(t, "{SGD: {lr: 0.001}}", "checkpoint: {every: 4, keep: 1, best: {metric: y, mode: "+mode+"}}")
			var records []flowrun.Record
			var options []flowrun.StartOption
			for _, at := range stops {
				part := runtest.Started(t, path, options...)
				records = append(records, interruptedAt(t, part, at)...)
				options = []flowrun.StartOption{flowrun.Resume("")}
				require.NoError(t, part.Close())
			}
			_, rest := runtest.Ran(t, runtest.Started(t, path, options...), 0)
			records = append(records, rest...)
			require.Len(t, records, 40)
			best, at := math.NaN(), int64(0)
			for _, r := range records {
				v := r.Metrics[1]
				if r.Step%4 == 0 && (at == 0 || mode == "min" && v < best || mode == "max" && v > best) {
					best, at = v, r.Step
				}
			}
			saved, err := flowrun.ReadTensors(filepath.Join(filepath.Dir(path), "checkpoints", "best.safetensors"))
			require.NoError(t, err)
			require.EqualValues(t, at, saved["step"].Int(0), "%s, interrupted at %v", mode, stops)
			require.Less(t, at, int64(40), "later ones are worse, or the test shows nothing")
		}
	}
}

// What early_stop has seen of one metric says nothing about another, however large it was.
func TestEarlyStopBeginsAnewWithAnotherMetric(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stop.yaml")
	spec := func(metric string) string {
		return `
flowrun: 1
data: {points: {generate: {x: "uniform(-1, 1, [8, 2])"}}}
model: {inputs: {x: "f32[8, 2]"}, nodes: {y: {Linear: x, out_features: 1}}, outputs: [y]}
train:
  data: points
  loss: mean(square(y - 1))
  optimizer: {SGD: {lr: 0.1}}
  metrics: {low: 0 - step, high: 1000 - step}
  early_stop: {metric: ` + metric + `, mode: max, patience: 5}
  checkpoint: {every: 2}
  max_steps: 100
`
	}
	run := func(metric string, limit int64, options ...flowrun.StartOption) flowrun.Summary {
		require.NoError(t, os.WriteFile(path, []byte(spec(metric)), 0o666))
		p, err := flowrun.Load(path)
		require.NoError(t, err)
		s, err := p.Start(t.Context(), append(options, flowrun.On("cpu"))...)
		require.NoError(t, err)
		defer s.Close()
		summary, err := s.Run(t.Context(), flowrun.MaxSteps(limit))
		require.NoError(t, err)
		return summary
	}
	run("high", 4)
	summary := run("low", 100, flowrun.Resume(""))
	require.EqualValues(t, "early_stop", summary.Stopped)
	require.EqualValues(t, 1+5, summary.Steps, "the first value is the best, and the next five are worse")
}

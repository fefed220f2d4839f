package e2e_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/device/registry"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/internal/drawtest"
	"github.com/flowrun/flowrun/internal/hooks"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/ir"
)

// longest is the most steps that a run of these tests takes, and the number of rows of
// recorded data.
const longest = 120

// aheadSpec trains on recorded or generated batches; the keys for records, evaluations
// and the end are appended.
const aheadSpec = `flowrun: 1
seed: 5
data:
  drawn:
    generate:
      x: uniform(-1, 1, [4, 1])
      target: 3 * x + 1
  drawn_too:
    generate:
      x: normal(0, 1, [4, 1])
      target: 3 * x + 1
  recorded:
    replay: rows.safetensors
    fields: {x: {tensor: x, type: "f32[4, 1]"}, target: {tensor: target, type: "f32[4, 1]"}}
model:
  inputs: {x: "f32[4, 1]"}
  nodes:
    h: {Linear: x, out_features: 3}
    y: {Linear: tanh(h), out_features: 1}
  outputs: [y]
train:
  data: {TRAIN}
  loss: mse_loss(y, target)
  optimizer: {Adam: {lr: 0.03}}
  accumulate: {ACCUMULATE}
  metrics: {smooth: "ema(loss, 0.8)", high: "max(y)"}
`

// end is a random combination of what a run records and how it ends.
type end struct {
	train, eval     string // sources
	accumulate      int
	observe         int64 // steps between records
	every           int64 // steps between evaluations; 0 for none
	batches         int
	untilStep       int64 // until: step >= untilStep and smooth < untilSmooth; 0 for none
	untilSmooth     float64
	stopBy          string // early_stop's metric; "" for none
	maximise        bool
	patience        int64
	minDelta        float64
	maxSteps        int64
	checkpointEvery int64 // 0 for none
}

func drawEnd(t *rapid.T) end {
	steps := rapid.Int64Range(1, longest)
	maybe := func(g *rapid.Generator[int64]) *rapid.Generator[int64] { return rapid.OneOf(rapid.Just(int64(0)), g) }
	e := end{
		train:           rapid.SampledFrom([]string{"drawn", "drawn", "recorded"}).Draw(t, "train"),
		eval:            rapid.SampledFrom([]string{"drawn", "drawn_too", "recorded"}).Draw(t, "eval"),
		accumulate:      rapid.SampledFrom([]int{1, 1, 3}).Draw(t, "accumulate"),
		observe:         rapid.OneOf(rapid.Int64Range(1, 9), rapid.Just(int64(1000))).Draw(t, "observe"),
		every:           maybe(rapid.Int64Range(1, 50)).Draw(t, "every"),
		batches:         rapid.IntRange(1, 3).Draw(t, "batches"),
		untilStep:       maybe(steps).Draw(t, "until step"),
		maxSteps:        rapid.OneOf(steps, rapid.Just(int64(longest))).Draw(t, "max_steps"),
		checkpointEvery: maybe(rapid.Int64Range(5, 40)).Draw(t, "checkpoint"),
	}
	stops := []string{"", "smooth", "high"}
	if e.every > 0 {
		stops = append(stops, "eval.loss", "eval.loss")
	}
	e.stopBy = rapid.SampledFrom(stops).Draw(t, "early_stop")
	e.maximise = rapid.Bool().Draw(t, "max")
	e.patience = rapid.Int64Range(1, 60).Draw(t, "patience")
	e.minDelta = rapid.SampledFrom([]float64{0, 0.01, 1}).Draw(t, "min_delta")
	if e.untilStep > 0 && rapid.Bool().Draw(t, "at max_steps") {
		e.untilStep = e.maxSteps
	}
	e.goFar(rapid.SampledFrom([]string{"", "until", "early_stop", "max_steps"}).Draw(t, "far ahead until"))
	return e
}

// goFar makes records and evaluations rare before the given kind of end, so that many
// steps can be queued ahead of it; "" changes nothing.
func (e *end) goFar(how string) {
	if how == "" {
		return
	}
	e.train, e.observe, e.every, e.stopBy = "drawn", 1000, 0, ""
	e.checkpointEvery, e.maxSteps, e.untilStep = 0, longest, longest+1
	switch how {
	case "until":
		e.untilStep = longest / 2
	case "early_stop": // the first evaluation stays the best
		e.stopBy, e.every, e.patience, e.minDelta = "eval.loss", 50, 60, 1e9
	case "max_steps":
		e.maxSteps = longest - 20
	}
}

// base is the spec without the keys that end it.
func (e end) base() string {
	return strings.NewReplacer("{TRAIN}", e.train, "{ACCUMULATE}", fmt.Sprint(e.accumulate)).Replace(aheadSpec)
}

func (e end) evalKey(every int64) string {
	return fmt.Sprintf("  eval: {data: %s, every: %d, batches: %d, metrics: {loss: loss}}\n", e.eval, every, e.batches)
}

// text is the spec.
func (e end) text() string {
	text := e.base() + fmt.Sprintf("  max_steps: %d\n", e.maxSteps)
	if e.every > 0 {
		text += e.evalKey(e.every)
	}
	if e.untilStep > 0 {
		text += fmt.Sprintf("  until: step >= %d and smooth < %.9g\n", e.untilStep, e.untilSmooth)
	}
	if e.stopBy != "" {
		mode := map[bool]string{false: "min", true: "max"}[e.maximise]
		text += fmt.Sprintf("  early_stop: {metric: %s, mode: %s, patience: %d, min_delta: %v}\n", e.stopBy, mode, e.patience, e.minDelta)
	}
	if e.checkpointEvery > 0 {
		text += fmt.Sprintf("  checkpoint: {every: %d, keep: 99}\n", e.checkpointEvery)
	}
	return text
}

// outcome is everything observable about a run.
type outcome struct {
	stopped     string
	steps       int64
	records     []string // step, loss and metrics
	checkpoints []int64
}

func (o *outcome) record(step int64, loss float64, metrics []float64) {
	o.records = append(o.records, fmt.Sprint(step, " ", loss, " ", metrics))
}

// expected is the outcome that docs/language.md implies, computed from the records of a
// run that is recorded and evaluated at every step and never ends.
func (e end) expected(table []flowrun.Record) outcome {
	const smooth, high, evalLoss = 0, 1, 2
	var o outcome
	best, at, judged := math.NaN(), int64(0), math.NaN()
	for step := int64(1); ; step++ {
		r := table[step-1]
		evaluated := e.every > 0 && step%e.every == 0
		if evaluated {
			judged = r.Metrics[evalLoss]
		}
		metrics := []float64{r.Metrics[smooth], r.Metrics[high]}
		if e.every > 0 {
			metrics = append(metrics, judged)
		}
		value := map[string]float64{"": math.NaN(), "smooth": r.Metrics[smooth], "high": r.Metrics[high], "eval.loss": math.NaN()}[e.stopBy]
		if e.stopBy == "eval.loss" && evaluated {
			value = judged
		}
		better := value < best-e.minDelta
		if e.maximise {
			better = value > best+e.minDelta
		}
		if !math.IsNaN(value) && (math.IsNaN(best) || better) {
			best, at = value, step
		}
		switch {
		case e.untilStep > 0 && step >= e.untilStep && float32(r.Metrics[smooth]) < float32(e.untilSmooth):
			o.stopped = "until"
		case e.stopBy != "" && step-at >= e.patience:
			o.stopped = "early_stop"
		case step == e.maxSteps:
			o.stopped = "max_steps"
		}
		if step%e.observe == 0 {
			o.record(step, r.Loss, metrics)
		}
		if e.checkpointEvery > 0 && (step%e.checkpointEvery == 0 || o.stopped != "") {
			o.checkpoints = append(o.checkpoints, step)
		}
		if o.stopped != "" {
			o.record(step, r.Loss, metrics) // the last record, which every observer gets
			o.steps = step
			return o
		}
	}
}

// rows writes a recorded source next to a spec, with a batch per step.
func rows(t *testing.T, folder string) {
	t.Helper()
	x := make([]float32, longest*4)
	target := make([]float32, len(x))
	for i := range x {
		x[i] = float32(1.7 * math.Sin(7+2.3*float64(i)))
		target[i] = 3*x[i] + 1
	}
	shape := flowrun.Shape{longest, 4, 1}
	require.NoError(t, flowrun.WriteTensors(filepath.Join(folder, "rows.safetensors"),
		map[string]*flowrun.Tensor{"x": ir.FromFloat32(shape, x), "target": ir.FromFloat32(shape, target)}))
}

// everyStep returns the records of a run on the CPU that is evaluated at every step.
func everyStep(t require.TestingT, e end, folder string) []flowrun.Record {
	path := filepath.Join(folder, "every.yaml")
	require.NoError(t, os.WriteFile(path, []byte(e.base()+e.evalKey(1)+fmt.Sprintf("  max_steps: %d\n", longest)), 0o666))
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	require.Equal(t, []string{"smooth", "high", "eval.loss"}, p.Metrics())
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	var table []flowrun.Record
	_, err = s.Run(context.Background(), flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
		if !r.Last {
			table = append(table, r)
		}
		return nil
	}}))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Len(t, table, longest)
	return table
}

// run runs the spec to its end, and returns the outcome and the states it leaves, at its
// end and after two more steps.
func (e end) run(ctx context.Context, t require.TestingT, folder string, options []flowrun.StartOption, see func(*flowrun.Session, flowrun.Summary)) (outcome, [2]map[string][]byte) {
	path := filepath.Join(folder, "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(e.text()), 0o666))
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "checkpoints")))
	p, err := flowrun.Load(path)
	require.NoError(t, err, e.text())
	s, err := p.Start(ctx, options...)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	var o outcome
	observe := flowrun.Observe(flowrun.Observer{Every: e.observe, Observe: func(r flowrun.Record) error {
		o.record(r.Step, r.Loss, r.Metrics)
		return nil
	}})
	summary, err := s.Run(context.Background(), observe)
	require.NoError(t, err)
	see(s, summary)
	o.stopped, o.steps = string(summary.Stopped), summary.Steps
	require.Equal(t, o.records[len(o.records)-1], fmt.Sprint(summary.Steps, " ", summary.Loss, " ", summary.Metrics))
	entries, err := os.ReadDir(filepath.Join(folder, "checkpoints"))
	require.Equal(t, e.checkpointEvery > 0, err == nil)
	for _, entry := range entries {
		var step int64
		if n, _ := fmt.Sscanf(entry.Name(), "step-%d.safetensors", &step); n == 1 {
			o.checkpoints = append(o.checkpoints, step)
		}
	}
	again, err := s.Run(context.Background())
	require.NoError(t, err)
	require.Zero(t, again.Steps, "it has ended already")
	var states [2]map[string][]byte
	for i := range states {
		states[i] = map[string][]byte{}
		for _, st := range s.Plan().Graph.States {
			v, err := s.Get(st.Name)
			require.NoError(t, err)
			states[i][st.Name] = v.Data
		}
		for more := 0; i == 0 && more < 2 && summary.Steps+2 <= longest; more++ { // there are no rows for more
			require.NoError(t, s.Step(context.Background()))
		}
	}
	return o, states
}

// A plan that runs ahead queues steps before it checks whether the run has ended. This
// must not be observable: not in records and evaluations, not in where or why the run
// ends, not in checkpoints or final states.
func TestRunningAheadDoesntChangeARun(t *testing.T) {
	devices := map[string]struct {
		sim     sim.Options
		options []flowrun.StartOption
	}{
		"cpu":                      {sim.Options{}, []flowrun.StartOption{flowrun.On("cpu")}},
		"a queue":                  {sim.Options{Queue: true}, []flowrun.StartOption{flowrun.On("sim")}},
		"a queue in shared memory": {sim.Options{Queue: true, Unified: true}, []flowrun.StartOption{flowrun.On("sim")}},
		"weights on the host":      {sim.Options{Queue: true}, []flowrun.StartOption{flowrun.On("sim"), flowrun.Place("*.weight", "cpu")}},
	}
	if racetest.Enabled {
		drawtest.Draws(t, 25) // each takes five runs
	}
	folder := t.TempDir()
	rows(t, folder)
	ahead := map[string]int{} // number of runs with steps queued ahead, by how they ended
	// With the race detector a step takes so long that few are queued ahead.
	shown := func() bool {
		return racetest.Enabled || ahead["until"] > 0 && ahead["early_stop"] > 0 && ahead["max_steps"] > 0
	}
	drawtest.Until(t, shown, "no run of each end went ahead", func(t *rapid.T) {
		e := drawEnd(t)
		table := everyStep(t, e, folder)
		e.untilSmooth = 1e9
		if rapid.Bool().Draw(t, "until by metric") {
			e.untilSmooth = table[rapid.IntRange(0, longest-1).Draw(t, "like step")].Metrics[0]
		}
		t.Log(e.text())
		want := e.expected(table)
		var first [2]map[string][]byte
		for _, name := range []string{"cpu", "a queue", "a queue in shared memory", "weights on the host"} {
			d := devices[name]
			got, states := e.run(hooks.With(context.Background(), registry.Options{Sim: d.sim}), t, folder, d.options, func(s *flowrun.Session, summary flowrun.Summary) {
				may := e.untilStep > 0 && e.train != "recorded" && strings.HasPrefix(name, "a queue")
				require.Equal(t, may, s.Plan().RunsAhead, name)
				if may && s.Stats().DeviceToHost.Count < summary.Steps {
					ahead[string(summary.Stopped)]++
				}
			})
			require.Equal(t, want, got, name)
			if first[0] == nil {
				first = states
			}
			require.Equal(t, first, states, name)
		}
	})
}

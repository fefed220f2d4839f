package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/explain"
)

// counted is a program in which every element of every parameter is minus the number of
// steps taken: the gradient of the loss is 1. So each value identifies its step, and
// mixed steps are detected. The evaluation's metrics are these values too; %s is for more
// keys of train.
func counted(t *testing.T, more ...string) string {
	t.Helper()
	text := `
flowrun: 1
data: {ones: {generate: {x: "0 * uniform(-1, 1, [4096]) + 1"}}}
modules:
  Count: {inputs: {x: "f32[n]"}, params: {w: {shape: [n], init: 0}}, output: w * x}
model:
  inputs: {x: "f32[4096]"}
  nodes: {a: {Count: x}, b: {Count: x}, c: {Count: x}, d: {Count: x}, e: {Count: x}, f: {Count: x}, g: {Count: x}, h: {Count: x}, all: a + b + c + d + e + f + g + h}
  outputs: [a, h]
train:
  data: ones
  loss: sum(all)
  optimizer: {SGD: {lr: 1}}
  metrics: {first: mean(a), last: mean(h)}
`
	for _, line := range more {
		text += "  " + line + "\n"
	}
	path := filepath.Join(t.TempDir(), "counted.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// ofOneStep returns the step of the parameters, or an error if they are of different
// steps.
func ofOneStep(values map[string]*flowrun.Tensor) (step float64, err error) {
	step = math.NaN()
	n := 0
	for name, v := range values {
		if !strings.HasSuffix(name, ".w") || strings.Contains(name, "/") {
			continue
		}
		n++
		if v.Type.String() != "f32[4096]" {
			return 0, fmt.Errorf("%s is %s", name, v.Type)
		}
		for i := range v.Type.Shape.Numel() {
			if math.IsNaN(step) {
				step = -v.Float(i)
			}
			if v.Float(i) != -step {
				return 0, fmt.Errorf("element %d of %s is of step %v, and others are of step %v", i, name, -v.Float(i), step)
			}
		}
	}
	if n != 8 {
		return 0, fmt.Errorf("there are %d parameters of 8", n)
	}
	return step, nil
}

// recordsOfOneStep is an observer that checks a record's consistency: the metrics are
// those of the step before, as the forward pass sees the parameters.
func recordsOfOneStep(r flowrun.Record) error {
	before := -float64(r.Step - 1)
	if r.Step > 0 && (r.Metrics[0] != before || r.Metrics[1] != before || r.Loss != before*8*4096) {
		return fmt.Errorf("the record of step %d has the metrics %v and the loss %v", r.Step, r.Metrics, r.Loss)
	}
	if judged := r.Metrics[2:]; len(judged) == 2 && judged[0] != judged[1] && !math.IsNaN(judged[0]) {
		return fmt.Errorf("an evaluation by step %d saw parameters of the steps %v and %v", r.Step, -judged[0], -judged[1])
	}
	return nil
}

// calls calls every method of a value concurrently: each `times` times, in two
// goroutines. An error that isn't allowed fails the test, as does a missing or unknown
// method.
func calls(t *testing.T, of any, times int, allowed func(error) bool, methods map[string]func(i int) error) {
	t.Helper()
	var names []string
	for method := range reflect.TypeOf(of).Methods() {
		names = append(names, method.Name)
		require.Contains(t, methods, method.Name, "the test must drive it too")
	}
	require.Len(t, methods, len(names))
	var all sync.WaitGroup
	for name, call := range methods {
		for range 2 {
			all.Go(func() {
				for i := range times {
					if err := call(i); err != nil && !allowed(err) {
						t.Errorf("%s, call %d: %v", name, i, err)
						return
					}
				}
			})
		}
	}
	all.Wait()
}

// sessionMethods calls every method of a session. Each must return values of one step.
// Close closes it from call closeAt on.
func sessionMethods(t *testing.T, s *flowrun.Session, steps int64, closeAt int) map[string]func(i int) error {
	folder := t.TempDir()
	check := func(values map[string]*flowrun.Tensor, err error) error {
		if err == nil {
			_, err = ofOneStep(values)
		}
		return err
	}
	methods := map[string]func(i int) error{
		"Run": func(int) error {
			_, err := s.Run(context.Background(), flowrun.MaxSteps(steps),
				flowrun.Observe(flowrun.Observer{Every: 1, Observe: recordsOfOneStep}))
			return err
		},
		"Step": func(int) error { return s.Step(context.Background()) },
		"Weights": func(int) error {
			w, err := s.Weights()
			return check(w.Tensors, err)
		},
		"Averages": func(int) error { s.Averages("ema"); return nil },
		"AveragedWeights": func(int) error {
			if _, err := s.AveragedWeights("ema"); err == nil || !strings.Contains(err.Error(), "has no average") {
				return err
			}
			return nil
		},
		"SaveWeights": func(i int) error {
			path := filepath.Join(folder, fmt.Sprintf("%d.safetensors", i%7))
			if err := s.SaveWeights(path); err != nil {
				return err
			}
			return check(flowrun.ReadTensors(path))
		},
		"Get": func(i int) error {
			names := []string{"eval.first", "first", "last", "loss", "step", "a.w", "h", "all", "eval.last"}
			v, err := s.Get(names[i%len(names)])
			if err == nil {
				for i := range v.Type.Shape { // the tensor belongs to the caller
					v.Type.Shape[i] = 1
				}
				for i := range v.Data {
					v.Data[i] = 0xff
				}
			}
			return err
		},
		// Writes that don't change the checked values.
		"Set": func(int) error { return s.Set("stopped", ir.FromInt64(flowrun.Bool, flowrun.Shape{}, []int64{0})) },
		"SetAll": func(int) error {
			return s.SetAll(map[string]*flowrun.Tensor{"stopped": ir.FromInt64(flowrun.Bool, flowrun.Shape{}, []int64{0})})
		},
		"Stats":      func(int) error { s.Stats(); return nil },
		"EpochSteps": func(int) error { s.EpochSteps(); return nil },
		"EvalEvery":  func(int) error { s.EvalEvery(); return nil },
		"Describe":   func(int) error { s.Describe(0); return nil },
		"BatchSize":  func(int) error { s.BatchSize(); return nil },
		"LearningRates": func(i int) error {
			rates, err := s.LearningRates(int64(i+1), 0)
			if err == nil && len(rates) > 0 {
				rates[0].Value = -1 // the caller's own
			}
			return err
		},
		"LogEvery": func(int) error { s.LogEvery(); return nil },
		"MaxSteps": func(int) error { s.MaxSteps(); return nil },
		"Result":   func(int) error { s.Result(flowrun.Summary{}, nil); return nil },
		"Resumed":  func(int) error { s.Resumed(); return nil },
		"Plan":     func(int) error { explain.Of(s.Plan()); return nil },
		"Device": func(int) error {
			if s.Device() != "sim:0" && s.Device() != "cpu" {
				return fmt.Errorf("it is %q", s.Device())
			}
			return nil
		},
		"Close": func(i int) error {
			if i < closeAt {
				return nil
			}
			return s.Close()
		},
	}
	return methods
}

func TestAllMethodsOfASessionAreSafeForConcurrentUse(t *testing.T) {
	const times = 40
	steps := int64(400)
	if racetest.Enabled {
		steps = 100
	}
	for _, device := range []string{"cpu", "sim"} {
		for _, closeAt := range []int{times, 10, 0} {
			t.Run(fmt.Sprintf("%s, closed at %d", device, closeAt), func(t *testing.T) {
				path := counted(t, "until: step < 0", "eval: {data: ones, every: 3, metrics: {first: mean(a), last: mean(h)}}",
					"early_stop: {metric: eval.first, patience: 1000000}", "checkpoint: {dir: kept, every: 2, keep: 1000}")
				p, err := flowrun.Load(path)
				require.NoError(t, err)
				out := filepath.Join(filepath.Dir(path), "run")
				options := []flowrun.StartOption{flowrun.On(device)}
				if device == "cpu" {
					options = append(options, flowrun.KeepIn(out))
				}
				s, err := p.Start(context.Background(), options...)
				require.NoError(t, err)
				calls(t, s, times, func(err error) bool {
					return errors.Is(err, flowrun.ErrRunning) || closeAt < times && errors.Is(err, flowrun.ErrClosed)
				}, sessionMethods(t, s, steps, closeAt))
				require.NoError(t, s.Close())
				require.NoError(t, s.Close(), "a second time")
				if device != "cpu" {
					checkpointsOfOneStep(t, filepath.Join(filepath.Dir(path), "kept"), closeAt < times)
					return
				}
				checkpointsOfOneStep(t, filepath.Join(out, "checkpoints"), closeAt < times)
				if weights := filepath.Join(out, "weights.safetensors"); closeAt == times {
					values, err := flowrun.ReadTensors(weights)
					require.NoError(t, err)
					_, err = ofOneStep(values)
					require.NoError(t, err)
				}
			})
		}
	}
}

// checkpointsOfOneStep compares each checkpoint in a folder with its name.
func checkpointsOfOneStep(t *testing.T, folder string, mayBeNone bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "step-*.safetensors"))
	require.NoError(t, err)
	require.True(t, mayBeNone || len(files) > 0)
	for _, file := range files {
		values, err := flowrun.ReadTensors(file)
		require.NoError(t, err)
		step, err := ofOneStep(values)
		require.NoError(t, err, file)
		require.EqualValues(t, values["step"].Int(0), step, file)
		require.Equal(t, fmt.Sprintf("step-%09d.safetensors", int64(step)), filepath.Base(file))
	}
}

func TestEveryMethodOfAClosedSessionReportsThatItIsClosed(t *testing.T) {
	s := runtest.Started(t, counted(t, "max_steps: 5", "eval: {data: ones, every: 3, metrics: {first: mean(a)}}"), flowrun.On("cpu"))
	_, err := s.Run(context.Background())
	require.NoError(t, err)
	stats, plan := s.Stats(), s.Plan()
	require.NoError(t, s.Close())
	path := filepath.Join(t.TempDir(), "w.safetensors")
	for name, call := range map[string]func() error{
		"Run":             func() error { _, err := s.Run(context.Background()); return err },
		"Step":            func() error { return s.Step(context.Background()) },
		"Get of a state":  func() error { _, err := s.Get("a.w"); return err },
		"Get of a node":   func() error { _, err := s.Get("a"); return err },
		"Get of a metric": func() error { _, err := s.Get("eval.first"); return err },
		"Get of nothing":  func() error { _, err := s.Get("nothing"); return err },
		"Set":             func() error { return s.Set("a.w", ir.FromFloat32(flowrun.Shape{4096}, make([]float32, 4096))) },
		"SetAll":          func() error { return s.SetAll(map[string]*flowrun.Tensor{}) },
		"Weights":         func() error { _, err := s.Weights(); return err },
		"SaveWeights":     func() error { return s.SaveWeights(path) },
	} {
		require.ErrorIs(t, call(), flowrun.ErrClosed, name)
	}
	require.NoFileExists(t, path)
	require.Equal(t, "cpu", s.Device())
	require.Equal(t, stats, s.Stats())
	require.Same(t, plan, s.Plan())
	require.Nil(t, s.Resumed())
}

func TestASessionMayBeClosedFromAnObserver(t *testing.T) {
	s := runtest.Started(t, counted(t, "max_steps: 9", "checkpoint: {dir: kept, every: 2}"), flowrun.On("cpu"))
	_, err := s.Run(context.Background(), flowrun.Observe(flowrun.Observer{Every: 3, Observe: func(r flowrun.Record) error {
		return s.Close()
	}}))
	require.ErrorIs(t, err, flowrun.ErrClosed)
}

func TestASessionAllowsOneRunAtATime(t *testing.T) {
	s := runtest.Started(t, counted(t, "max_steps: 9"), flowrun.On("cpu"))
	calls := 0
	_, err := s.Run(context.Background(), flowrun.Observe(flowrun.Observer{Every: 4, Observe: func(r flowrun.Record) error {
		calls++
		_, err := s.Run(context.Background())
		require.ErrorIs(t, err, flowrun.ErrRunning)
		return nil
	}}))
	require.NoError(t, err)
	require.Equal(t, 3, calls)
	_, err = s.Run(context.Background(), flowrun.Observe(flowrun.Observer{}))
	require.ErrorContains(t, err, "observer 0 has no function")
	_, err = s.Run(context.Background(), flowrun.MaxSteps(12))
	require.NoError(t, err, "neither keeps another from running")
}

// Values are read while other goroutines take steps, so that whoever releases the session
// waits for all of them before its next turn.
func TestValuesReadTogetherAreFromOneStep(t *testing.T) {
	path := counted(t, "max_steps: 1000000000", "eval: {data: ones, every: 1, metrics: {first: mean(a), last: mean(h)}}", "checkpoint: {dir: kept, every: 1, keep: 1000}")
	s := runtest.Started(t, path, flowrun.On("cpu"))
	var others sync.WaitGroup
	var over atomic.Bool
	for range 4 {
		others.Go(func() {
			for steps := 0; !over.Load() && steps < 1_000_000; steps++ {
				if err := s.Step(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	defer others.Wait()
	defer over.Store(true)
	file := filepath.Join(t.TempDir(), "w.safetensors")
	rounds := 10
	if racetest.Enabled {
		rounds = 2
	}
	for range rounds {
		_, err := ofOneStep(runtest.Weights(t, s))
		require.NoError(t, err)
		require.NoError(t, s.SaveWeights(file))
		saved, err := flowrun.ReadTensors(file)
		require.NoError(t, err)
		_, err = ofOneStep(saved)
		require.NoError(t, err)
	}
	records := 0
	ctx, cancel := context.WithCancel(context.Background())
	_, err := s.Run(ctx, flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
		if records++; records == 2*rounds {
			cancel()
		}
		return recordsOfOneStep(r)
	}}))
	require.NoError(t, err)
	checkpointsOfOneStep(t, filepath.Join(filepath.Dir(path), "kept"), false)
}

func TestMetricsOfAnEvaluationCanBeReadWhileItRuns(t *testing.T) {
	s := runtest.Started(t, counted(t, "eval: {data: ones, every: 1, metrics: {first: mean(a), last: mean(h)}}",
		"early_stop: {metric: eval.first, patience: 1000000, mode: min}", "max_steps: 60"), flowrun.On("cpu"))
	var asking sync.WaitGroup
	var over atomic.Bool
	for _, name := range []string{"eval.first", "eval.last"} {
		asking.Go(func() {
			for last := 0.0; !over.Load(); {
				v, err := s.Get(name)
				if err != nil || v.Float(0) > last {
					t.Errorf("%s is %v after %v: %v", name, v, last, err)
					return
				}
				if !math.IsNaN(v.Float(0)) {
					last = v.Float(0)
				}
			}
		})
	}
	_, err := s.Run(context.Background())
	over.Store(true)
	asking.Wait()
	require.NoError(t, err)
	v, err := s.Get("eval.last")
	require.NoError(t, err)
	require.Equal(t, -60.0, v.Float(0))
}

// A run counts steps by the states, whoever has taken them.
func TestStepsTakenElsewhereCountForMaxStepsAndUntil(t *testing.T) {
	step := func(s *flowrun.Session) error { return s.Step(context.Background()) }
	jump := func(to int64) func(s *flowrun.Session) error {
		return func(s *flowrun.Session) error {
			weights, err := s.Weights()
			values := weights.Tensors
			for _, v := range values {
				for i := range v.Type.Shape.Numel() {
					v.SetFloat(i, float64(-to))
				}
			}
			values["step"] = ir.FromInt64(flowrun.I64, flowrun.Shape{}, []int64{to})
			return errors.Join(err, s.SetAll(values))
		}
	}
	for _, c := range []struct {
		more    string
		at      int64 // the step of the run after which others are taken
		aside   func(s *flowrun.Session) error
		steps   int64 // of the run
		end     int64
		stopped string
	}{
		{"max_steps: 10", 3, step, 9, 10, "max_steps"},
		{"max_steps: 10", 9, step, 9, 10, "max_steps"},
		{"until: step >= 10", 3, step, 9, 10, "until"},
		{"until: step >= 10", 9, step, 9, 10, "until"},
		{"max_steps: 10", 3, jump(9), 4, 10, "max_steps"},
		{"max_steps: 10", 3, jump(10), 3, 10, "max_steps"},
		{"max_steps: 10", 3, jump(12), 3, 12, "max_steps"},
		{"max_steps: 10", 6, jump(2), 14, 10, "max_steps"},
		{"until: step >= 10", 6, jump(2), 14, 10, "until"},
	} {
		t.Run(fmt.Sprintf("%s, %d to %d", c.more, c.at, c.end), func(t *testing.T) {
			path := counted(t, c.more, "checkpoint: {dir: kept, every: 1, keep: 100}")
			s := runtest.Started(t, path, flowrun.On("cpu"))
			aside := c.aside
			summary, err := s.Run(context.Background(), flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
				if r.Step != c.at || aside == nil {
					return nil
				}
				defer func() { aside = nil }()
				return aside(s)
			}}))
			require.NoError(t, err)
			require.EqualValues(t, c.stopped, summary.Stopped)
			require.Equal(t, c.steps, summary.Steps, "the others' steps are no steps of the run")
			step, err := s.Get("step")
			require.NoError(t, err)
			require.Equal(t, c.end, step.Int(0))
			checkpointsOfOneStep(t, filepath.Join(filepath.Dir(path), "kept"), false)
		})
	}
}

func TestAllMethodsOfAProgramAreSafeForConcurrentUse(t *testing.T) {
	p, err := flowrun.Load(counted(t, "max_steps: 3", "eval: {data: ones, every: 1, metrics: {first: mean(a)}}"))
	require.NoError(t, err)
	x := ir.FromFloat32(flowrun.Shape{4096}, make([]float32, 4096))
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	file := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, s.SaveWeights(file))
	calls(t, p, 5, func(error) bool { return false }, map[string]func(int) error{
		"Start": func(int) error {
			s, err := p.Start(context.Background(), flowrun.On("cpu"))
			if err != nil {
				return err
			}
			_, err = s.Run(context.Background())
			return errors.Join(err, s.Close())
		},
		"StartInference": func(int) error {
			in, err := p.StartInference(context.Background(), flowrun.On("cpu"))
			if err != nil {
				return err
			}
			return in.Close()
		},
		"StartInferenceOn": func(int) error {
			_, err := p.StartInferenceOn(context.Background(), "none", flowrun.On("cpu"))
			if err == nil || !strings.Contains(err.Error(), `no data source "none"`) {
				return fmt.Errorf("on no data source: %w", err)
			}
			return nil
		},
		"StartGenerator": func(int) error {
			_, err := p.StartGenerator(context.Background(), flowrun.On("cpu"))
			if err == nil || !strings.Contains(err.Error(), "has no generate section") {
				return fmt.Errorf("without a generate section: %w", err)
			}
			return nil
		},
		"Generates":       func(int) error { p.Generates(); return nil },
		"GenerateOptions": func(int) error { return write(p.GenerateOptions().Stop, "") },
		"Infer": func(int) error {
			_, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": x}, flowrun.On("sim"))
			return err
		},
		"Explain":        func(int) error { return p.Explain(io.Discard, flowrun.ExplainOptions{Device: "sim"}) },
		"TrainingMemory": func(int) error { _, err := p.TrainingMemory("cpu", 0); return err },
		"Summarize": func(int) error {
			m, err := p.Summarize(flowrun.SummaryOptions{Device: "sim"})
			if err == nil {
				m.Layers[0].Path = ""
			}
			return err
		},
		"WriteWarnings": func(int) error { return p.WriteWarnings(io.Discard, true) },
		"Warnings":      func(int) error { return write(p.Warnings(), flowrun.Diagnostic{}) },
		"Metrics":       func(int) error { return write(p.Metrics(), "") },
		"Outputs":       func(int) error { return write(p.Outputs(), "") },
		"Inputs": func(int) error {
			inputs := p.Inputs()
			inputs["x"].Shape[0] = 1
			delete(inputs, "x")
			return nil
		},
		"Files":            func(int) error { return write(p.Files(), "") },
		"CheckpointFolder": func(int) error { p.CheckpointFolder(); return nil },
		"ReadWeights":      func(int) error { _, err := p.ReadWeights(file); return err },
		"ReadWeightsBy":    func(int) error { _, err := p.ReadWeightsBy(file, flowrun.WeightsRule{Partial: true}); return err },
		"Name":             func(int) error { p.Name(); return nil },
		"Trains":           func(int) error { p.Trains(); return nil },
		"LogEvery":         func(int) error { p.LogEvery(); return nil },
		"Goals":            func(int) error { p.Goals(); return nil },
		"Seed":             func(int) error { p.Seed(); return nil },
		"Vars":             func(int) error { p.Vars(); return nil },
		"HasInputs":        func(int) error { p.HasInputs(file); return nil },
		"ReadsFiles":       func(int) error { p.ReadsFiles(); return nil },
		"InferFile": func(int) error {
			_, err := p.InferFile(context.Background(), flowrun.FileInference{In: file}, file+".csv", "csv")
			return noSource(err)
		},
		"InferTo": func(int) error {
			_, err := p.InferTo(context.Background(), flowrun.FileInference{In: file}, io.Discard, "csv")
			return noSource(err)
		},
		"DataDecls": func(int) error { return write(p.DataDecls(), flowrun.DataDecl{}) },
		"Data": func(int) error {
			_, err := p.Data(context.Background(), "points", flowrun.DataOptions{})
			return noSource(err)
		},
		"CheckData": func(int) error {
			_, err := p.CheckData(context.Background(), "points", flowrun.DataOptions{})
			return noSource(err)
		},
		"MaxSteps":      func(int) error { p.MaxSteps(); return nil },
		"Rendered":      func(int) error { _, err := p.Rendered(); return err },
		"StopsByItself": func(int) error { p.StopsByItself(); return nil },
	})
	require.Equal(t, "f32[4096]", p.Inputs()["x"].String(), "what was given is the caller's own")
	require.Equal(t, []string{"first", "last", "eval.first"}, p.Metrics())
}

// noSource expects the error of a program that reads no files.
func noSource(err error) error {
	if err != nil && strings.Contains(err.Error(), "has no data source that reads files") {
		return nil
	}
	return fmt.Errorf("without a data source: %w", err)
}

// write modifies a slice returned by a program.
func write[T any](given []T, value T) error {
	for i := range given {
		given[i] = value
	}
	return nil
}

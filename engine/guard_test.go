package engine_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// doubling is a program with a parameter that doubles from 1, so that step 128 makes it
// infinite, beside a finite loss. What must not matter is infinite from the beginning: a
// parameter, and a running maximum of a module.
func doubling(t tester) *program {
	b := newBuilder()
	w := b.state("w", ir.ParamState, scalar(1))
	w.Next = b.op("mul", w.Read, 2.0)
	wall := b.state("wall", ir.ParamState, scalar(math.Inf(1)))
	wall.Next = b.op("mul", wall.Read, 1.0)
	most := b.state("most", ir.BufferState, scalar(math.Inf(-1)))
	most.Next = b.op("maximum", most.Read, b.op("mul", w.Read, 0.5))
	loss := b.state("metrics.loss_step", ir.MetricState, scalar(0))
	loss.Next = b.op("div", 1.0, b.op("cast", b.step.Next, "f32"))
	bad := b.state("step.nonfinite", ir.MetricState, ir.NewTensor(ir.Scalar(ir.I64)))
	bad.Next = b.op("add", bad.Read, 0)
	stopped := b.state("stopped", ir.StopState, ir.NewTensor(ir.Scalar(ir.Bool)))
	stopped.Next = b.op("lt", loss.Next, 0.0)
	return b.program(t)
}

const overflows = 128

func guarded(g engine.Guard) engine.Loop {
	return engine.Loop{Step: "step", Stopped: "stopped", Loss: "metrics.loss_step", NonFinite: "step.nonfinite", MaxSteps: 300, Guard: &g}
}

func keeping() engine.Guard { return engine.Guard{Loss: true, Most: 1 << 20, Limit: time.Minute} }

func TestAParameterThatOverflowsEndsTheRunBeforeItDoes(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		for name, change := range map[string]func(*engine.Loop){
			"at the end":    func(*engine.Loop) {},
			"always":        func(l *engine.Loop) { l.Guard.Always = true },
			"at the border": func(l *engine.Loop) { l.MaxSteps = overflows },
			"observed": func(l *engine.Loop) {
				l.Observers = []engine.Observer{{Every: 50, Sound: true, Observe: func(r engine.Record) error {
					require.Less(t, r.Step, int64(overflows), "it was promised sound states")
					return nil
				}}}
			},
		} {
			s := start(t, doubling(t), devices, lo, engine.Options{})
			loop := guarded(keeping())
			change(&loop)
			summary, err := s.Run(ctx, loop)
			require.NoError(t, err, name)
			require.Equal(t, engine.StoppedNonFinite, summary.Stopped, name)
			d := summary.Divergence
			require.Empty(t, d.Why, name)
			require.True(t, d.Exact, name)
			require.Equal(t, []int64{overflows, overflows - 1, overflows - 1}, []int64{d.Step, d.Sound, summary.Steps}, name)
			require.Equal(t, []string{"w"}, d.States, name)
			require.Equal(t, math.Ldexp(1, overflows-1), get(t, s, "w").Float(0), name)
			require.EqualValues(t, overflows-1, get(t, s, "step").Int(0), name)
			require.EqualValues(t, float32(1.0/(overflows-1)), summary.Loss, name)
		}
		s := start(t, doubling(t), devices, lo, engine.Options{})
		loop := guarded(keeping())
		loop.MaxSteps = overflows - 1
		summary, err := s.Run(ctx, loop)
		require.NoError(t, err)
		require.Equal(t, engine.StoppedMaxSteps, summary.Stopped, "until then all is finite")
		require.Nil(t, summary.Divergence)
	})
}

// Where the step can't be found, the run says why, and has sound states nevertheless.
func TestADivergenceThatIsNotFoundSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(l *engine.Loop, s *engine.Session, interrupt func())
		why    string
		sound  int64
	}{
		"interrupted": {func(l *engine.Loop, _ *engine.Session, interrupt func()) {
			l.Observers = []engine.Observer{{Every: 200, Observe: func(engine.Record) error { interrupt(); return nil }}}
		}, "interrupted", 0},
		"in time": {func(l *engine.Loop, _ *engine.Session, _ func()) { l.Guard.Limit = 1 }, "longer than 1ns", 0},
		"set by others": {func(l *engine.Loop, s *engine.Session, _ func()) {
			l.Observers = []engine.Observer{{Every: 100, Observe: func(r engine.Record) error {
				return s.SetAll(map[string]*ir.Tensor{"most": scalar(7)})
			}}}
		}, "beside the run", 0},
		"sound since then": {func(l *engine.Loop, s *engine.Session, _ func()) {
			l.Guard.Limit = 1
			l.Observers = []engine.Observer{{Every: 60, Sound: true, Observe: func(engine.Record) error { return nil }}}
		}, "longer than 1ns", 120},
		"too large to keep": {func(l *engine.Loop, _ *engine.Session, _ func()) { l.Guard.Most = 8 }, "no checkpoint", -1},
	} {
		ctx, interrupt := context.WithCancel(ctx)
		s := start(t, doubling(t), machine(t, 0), lower.Options{}, engine.Options{})
		loop := guarded(keeping())
		c.change(&loop, s, interrupt)
		summary, err := s.Run(ctx, loop)
		interrupt()
		require.NoError(t, err, name)
		require.Equal(t, engine.StoppedNonFinite, summary.Stopped, name)
		require.Contains(t, summary.Divergence.Why, c.why, name)
		require.False(t, summary.Divergence.Exact, name)
		require.Equal(t, c.sound, summary.Divergence.Sound, name)
	}
}

// Where states are too large to copy, the newest checkpoint takes the place of the copy:
// the run ends at the same step, with the same states.
func TestARunWithoutCopiesGoesBackToItsCheckpoint(t *testing.T) {
	var saved map[string]*ir.Tensor
	names := func(s *engine.Session) (names []string) {
		for _, st := range s.Plan().Graph.States {
			names = append(names, st.Name)
		}
		return names
	}
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		for name, c := range map[string]struct {
			change func(l *engine.Loop, s *engine.Session, interrupt func())
			why    string
			sound  int64
		}{
			"found": {func(*engine.Loop, *engine.Session, func()) {}, "--check-numerics", overflows - 1},
			"interrupted": {func(l *engine.Loop, _ *engine.Session, interrupt func()) {
				l.Observers = append(l.Observers, engine.Observer{Every: 130, Observe: func(engine.Record) error { interrupt(); return nil }})
			}, "interrupted", 120},
			"in time": {func(l *engine.Loop, _ *engine.Session, _ func()) { l.Guard.Limit = 1 }, "longer than 1ns", 120},
			"set by others": {func(l *engine.Loop, s *engine.Session, _ func()) {
				l.Observers = append(l.Observers, engine.Observer{Every: 125, Observe: func(engine.Record) error {
					return s.SetAll(map[string]*ir.Tensor{"most": scalar(7)})
				}})
			}, "beside the run", 120},
			"no checkpoint": {func(l *engine.Loop, _ *engine.Session, _ func()) {
				l.Guard.Reload = func() (map[string]*ir.Tensor, error) { return nil, nil }
			}, "no checkpoint", -1},
			"unreadable": {func(l *engine.Loop, _ *engine.Session, _ func()) {
				l.Guard.Reload = func() (map[string]*ir.Tensor, error) { return nil, errors.New("the disk is gone") }
			}, "the disk is gone", -1},
		} {
			ctx, interrupt := context.WithCancel(ctx)
			s := start(t, doubling(t), devices, lo, engine.Options{})
			loop := guarded(keeping())
			loop.Guard.Most = 8
			loop.Guard.Reload = func() (map[string]*ir.Tensor, error) { return saved, nil }
			loop.Guard.Explain = func(context.Context, *engine.Divergence, map[string]*ir.Tensor) {
				t.Error("it takes copies of all states")
			}
			loop.Observers = []engine.Observer{{Every: 60, Sound: true, Observe: func(r engine.Record) (err error) {
				if !r.Last {
					saved, err = s.GetAll(names(s))
				}
				return err
			}}}
			c.change(&loop, s, interrupt)
			summary, err := s.Run(ctx, loop)
			interrupt()
			require.NoError(t, err, name)
			require.Equal(t, engine.StoppedNonFinite, summary.Stopped, name)
			d := summary.Divergence
			require.Contains(t, d.Why, c.why, name)
			require.Equal(t, c.sound, d.Sound, name)
			require.Equal(t, name == "found", d.Exact, name)
			if c.sound >= 0 {
				require.Equal(t, []int64{c.sound, c.sound}, []int64{get(t, s, "step").Int(0), summary.Steps}, name)
				require.Equal(t, math.Ldexp(1, int(c.sound)), get(t, s, "w").Float(0), name)
			}
			if d.Exact {
				require.EqualValues(t, overflows, d.Step)
				require.Equal(t, []string{"w"}, d.States)
				require.EqualValues(t, float32(1.0/overflows), d.Loss)
			}
		}
	})
}

func TestEarlyStoppingForgetsWhatCameOfADivergence(t *testing.T) {
	s := start(t, doubling(t), machine(t, 0), lower.Options{}, engine.Options{})
	loop := guarded(keeping())
	loop.Metrics = []string{"metrics.loss_step"}
	loop.EarlyStop = &engine.EarlyStop{EarlyStop: ir.EarlyStop{Patience: 10}, Best: math.NaN()}
	loop.Top = engine.NewTop(ir.Watch{}, 0, engine.Value{Value: math.NaN()})
	summary, err := s.Run(ctx, loop)
	require.NoError(t, err)
	require.Equal(t, engine.StoppedNonFinite, summary.Stopped)
	require.EqualValues(t, overflows-1, loop.EarlyStop.At, "the loss falls in each step")
	require.EqualValues(t, float32(1.0/(overflows-1)), loop.EarlyStop.Best)
	require.Equal(t, engine.Value{Value: loop.EarlyStop.Best, Step: overflows - 1}, loop.Top.Best(), "so does the best of the run")
}

func TestARunDoesNotBeginWithNaN(t *testing.T) {
	s := start(t, doubling(t), machine(t, 0), lower.Options{}, engine.Options{})
	require.NoError(t, s.SetAll(map[string]*ir.Tensor{"w": scalar(math.NaN())}))
	_, err := s.Run(ctx, guarded(keeping()))
	require.ErrorContains(t, err, "w is NaN before the first step")
}

// What is looked at costs a 200th of the time, which is nothing in a step: a run without a
// guard takes as many commands.
func TestAGuardRunsNoKernels(t *testing.T) {
	kernels := func(loop engine.Loop) int64 {
		s := start(t, doubling(t), machine(t, 0), lower.Options{}, engine.Options{})
		loop.MaxSteps = 100
		_, err := s.Run(ctx, loop)
		require.NoError(t, err)
		return s.Stats().KernelsRun
	}
	without := guarded(keeping())
	without.Guard = nil
	require.Equal(t, kernels(without), kernels(guarded(keeping())))
}

// Two observers that want the same states sound cost one look.
func TestStatesOfAStepAreLookedAtOnce(t *testing.T) {
	s := start(t, doubling(t), machine(t, 0), lower.Options{}, engine.Options{})
	loop := guarded(keeping())
	loop.MaxSteps = 20
	var good []any
	see := func(engine.Record) error { good = append(good, engine.LatestGood(s)); return nil }
	loop.Observers = []engine.Observer{{Every: 5, Sound: true, Observe: see}, {Every: 5, Sound: true, Observe: see}}
	_, err := s.Run(ctx, loop)
	require.NoError(t, err)
	require.Len(t, good, 10)
	for i := 0; i < len(good); i += 2 {
		require.Same(t, good[i], good[i+1], "a second look would have made another copy")
	}

	// What a caller has set since is looked at.
	loop.Observers[0].Observe = func(r engine.Record) error {
		if r.Last {
			return nil
		}
		return s.Set("w", scalar(math.NaN()))
	}
	loop.Observers[1].Observe = func(r engine.Record) error {
		require.True(t, r.Last, "it was promised sound states")
		return nil
	}
	loop.MaxSteps = 30
	summary, err := s.Run(ctx, loop)
	require.NoError(t, err)
	require.Equal(t, engine.StoppedNonFinite, summary.Stopped)
}

// A metric by which a run stops early, and which says what is best, is read once a step.
func TestAMetricIsReadOnceAStep(t *testing.T) {
	copies := func(both bool) int64 {
		s := start(t, doubling(t), queued(t), lower.Options{Default: 1}, engine.Options{})
		loop := guarded(keeping())
		loop.MaxSteps, loop.Metrics = 20, []string{"metrics.loss_step"}
		loop.EarlyStop = &engine.EarlyStop{EarlyStop: ir.EarlyStop{Patience: 100}, Best: math.NaN()}
		if both {
			loop.Top = engine.NewTop(ir.Watch{}, 0, engine.Value{Value: math.NaN()})
		}
		_, err := s.Run(ctx, loop)
		require.NoError(t, err)
		return s.Stats().DeviceToHost.Count
	}
	require.Equal(t, copies(false), copies(true))
}

func TestASpreadCountsEachKind(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, d := range []ir.DType{ir.F16, ir.BF16, ir.F32, ir.F64} {
		s := engine.SpreadOf(ir.FromFloat64(d, ir.Shape{2, 4}, []float64{1, -2, 3, nan, inf, -inf, -inf, nan}))
		require.Equal(t, engine.Spread{Size: 8, NaN: 2, Positive: 1, Negative: 2, Min: -2, Max: 3, First: 3}, s)
		none := engine.SpreadOf(ir.NewTensor(ir.Type{DType: d, Shape: ir.Shape{0, 3}}))
		require.True(t, none.Finite())
		require.True(t, math.IsNaN(none.Min))
		require.Equal(t, -1, none.First)
	}
}

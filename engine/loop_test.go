package engine_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// countdown is a program whose loss is 1 / (steps taken before), and which stops
// when the average of the last loss and the one before falls below a limit.
func countdown(t tester, limit float64) *program {
	b := newBuilder()
	loss := b.op("div", 1.0, b.op("cast", b.step.Next, "f32"))
	raw := b.state("metrics.loss_step", ir.MetricState, scalar(0))
	raw.Next = loss
	average := b.state("metrics.loss", ir.MetricState, scalar(1))
	average.Next = b.op("mul", b.op("add", average.Read, loss), 0.5)
	stopped := b.state("stopped", ir.StopState, ir.NewTensor(ir.Scalar(ir.Bool)))
	stopped.Next = b.op("lt", average.Next, limit)
	return b.program(t)
}

// countdownLoop ends by its condition. That it ends at all is what many tests are
// about, so it has a limit, which is beyond all of them.
var countdownLoop = engine.Loop{Step: "step", Stopped: "stopped", Loss: "metrics.loss_step", Metrics: []string{"metrics.loss"}, MaxSteps: 200_000}

// countdownEnds computes at which step the condition first holds.
func countdownEnds(limit float32) (step int64, loss, average float32) {
	for average = 1; !(average < limit); {
		step++
		loss = 1 / float32(step)
		average = (average + loss) * 0.5
	}
	return step, loss, average
}

func TestARunStopsWithTheStepAtWhichItsConditionFirstHolds(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		s := start(t, countdown(t, 0.02), devices, lo, engine.Options{})
		summary, err := s.Run(ctx, countdownLoop)
		require.NoError(t, err)
		step, loss, average := countdownEnds(0.02)
		require.Equal(t, step, summary.Steps)
		require.Equal(t, engine.StoppedUntil, summary.Stopped)
		require.EqualValues(t, loss, summary.Loss)
		require.EqualValues(t, average, summary.Metrics[0])
		require.Equal(t, step, get(t, s, "step").Int(0), "the last step is counted")

		summary, err = s.Run(ctx, countdownLoop)
		require.NoError(t, err)
		require.Zero(t, summary.Steps, "it has stopped already")
		require.Equal(t, engine.StoppedUntil, summary.Stopped)
	})
}

func TestARunStopsAtMaxStepsAndCanBeContinued(t *testing.T) {
	s := start(t, countdown(t, 0), machine(t, 0), lower.Options{}, engine.Options{})
	loop := countdownLoop
	for _, limit := range []int64{3, 10, 10, 25} {
		before := get(t, s, "step").Int(0)
		loop.MaxSteps = limit
		summary, err := s.Run(ctx, loop)
		require.NoError(t, err)
		require.Equal(t, engine.StoppedMaxSteps, summary.Stopped)
		require.Equal(t, limit-before, summary.Steps)
		require.Equal(t, limit, get(t, s, "step").Int(0))
	}
}

func TestObserversSeeTheStepsTheyAskFor(t *testing.T) {
	s := start(t, countdown(t, 0), machine(t, 1), lower.Options{Default: 1}, engine.Options{})
	var every, often []int64
	loop := countdownLoop
	loop.MaxSteps = 10
	loop.Observers = []engine.Observer{
		{Every: 4, Observe: func(r engine.Record) error {
			every = append(every, r.Step)
			require.EqualValues(t, 1/float32(r.Step), r.Loss)
			require.Equal(t, len(every) == 3, r.Last)
			return nil
		}},
		{Interval: time.Nanosecond, Observe: func(r engine.Record) error { often = append(often, r.Step); return nil }},
	}
	_, err := s.Run(ctx, loop)
	require.NoError(t, err)
	require.Equal(t, []int64{4, 8, 10}, every)
	require.Equal(t, int64(1), often[0])
	require.Equal(t, int64(10), often[len(often)-1])
}

func TestMetricsAreCopiedOnlyWhenSomebodyLooks(t *testing.T) {
	s := start(t, countdown(t, 0), machine(t, 1), lower.Options{Default: 1}, engine.Options{})
	loop := countdownLoop
	loop.Stopped, loop.MaxSteps = "", 1000
	loop.Observers = []engine.Observer{{Every: 250, Observe: func(engine.Record) error { return nil }}}
	before := s.Stats()
	_, err := s.Run(ctx, loop)
	require.NoError(t, err)
	// The counter once at the start; loss and metric at 250, 500, 750, 1000 and
	// the end.
	require.EqualValues(t, 1+2*5, s.Stats().DeviceToHost.Count-before.DeviceToHost.Count)
}

func TestAnObserversErrorEndsTheRun(t *testing.T) {
	s := start(t, countdown(t, 0), machine(t, 0), lower.Options{}, engine.Options{})
	full := errors.New("the disk is full")
	loop := countdownLoop
	loop.Observers = []engine.Observer{{Every: 5, Observe: func(engine.Record) error { return full }}}
	summary, err := s.Run(ctx, loop)
	require.ErrorIs(t, err, full)
	require.EqualValues(t, 5, summary.Steps)
}

func TestACancelledRunEndsBetweenStepsWithASummary(t *testing.T) {
	s := start(t, countdown(t, 0), machine(t, 0), lower.Options{}, engine.Options{})
	cancelled, cancel := context.WithCancel(ctx)
	loop := countdownLoop
	loop.Observers = []engine.Observer{{Every: 7, Observe: func(engine.Record) error { cancel(); return nil }}}
	summary, err := s.Run(cancelled, loop)
	require.NoError(t, err)
	require.Equal(t, engine.StoppedInterrupted, summary.Stopped)
	require.EqualValues(t, 7, summary.Steps)
	require.EqualValues(t, 1/float32(7), summary.Loss)
}

func TestAFaultEndsTheRun(t *testing.T) {
	devices := machine(t, 0)
	s := start(t, countdown(t, 0), devices, lower.Options{}, engine.Options{})
	loop := countdownLoop
	loop.MaxSteps = 5
	_, err := s.Run(ctx, loop)
	require.NoError(t, err)
	breaks(devices[0], 0)
	loop.MaxSteps = 9
	summary, err := s.Run(ctx, loop)
	require.ErrorIs(t, err, errInjected)
	require.Zero(t, summary.Steps)
}

func TestAPoisonedRunDoesNotReportHalfWrittenMetrics(t *testing.T) {
	devices := machine(t, 0)
	s := start(t, countdown(t, 0), devices, lower.Options{}, engine.Options{})
	loop := countdownLoop
	loop.Observers = []engine.Observer{{Every: 3, Observe: func(r engine.Record) error {
		require.False(t, r.Last)
		failWrite(devices[0], s)
		return nil
	}}}
	_, err := s.Run(ctx, loop)
	require.ErrorAs(t, err, new(*engine.Poisoned))
	require.ErrorIs(t, err, errInjected)
}

// failWrite makes the next step fail at its last node, which writes a home.
func failWrite(d device.Device, s *engine.Session) {
	runs := 0
	for _, v := range s.Plan().Values {
		if v.Kernel != nil {
			runs++
		}
	}
	d.(*sim.Device).Inject(func(e sim.Event) error {
		if e.Kind != "run" {
			return nil
		}
		if runs--; runs > 0 {
			return nil
		}
		return errInjected
	})
}

func TestClosingTheSessionEndsItsRun(t *testing.T) {
	s := start(t, countdown(t, 0), machine(t, 1), lower.Options{Default: 1}, engine.Options{})
	loop := countdownLoop
	loop.Observers = []engine.Observer{{Every: 3, Observe: func(engine.Record) error { return s.Close() }}}
	summary, err := s.Run(ctx, loop)
	require.ErrorIs(t, err, engine.ErrClosed)
	require.EqualValues(t, 3, summary.Steps)
}

func TestAStateSetDuringARunIsUsedByItsNextSteps(t *testing.T) {
	b := newBuilder()
	w, seen := b.param("w", 3), b.param("seen", 3)
	seen.Next = b.op("mul", w.Read, 1.5)
	s := start(t, b.program(t), machine(t, 1), lower.Options{Default: 1, Rules: []ir.PlacementRule{{Match: "w", Device: "cpu"}}}, engine.Options{})
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := s.Run(running, engine.Loop{Step: "step"})
		ended <- err
	}()
	for i := range 5 {
		set(t, s, "w", ir.FromFloat32(ir.Shape{3}, []float32{float32(i), 0, 0}))
		at := get(t, s, "step").Int(0)
		await(t, func() bool { return get(t, s, "step").Int(0) >= at+2 }, "two more steps")
		require.Equal(t, 1.5*float64(i), number(t, s, "seen"))
	}
	cancel()
	require.NoError(t, <-ended)
}

// await waits for what another goroutine does, but not for ever.
func await(t tester, holds func() bool, what string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), "%s: not within a minute", what)
	}
}

func TestARunNeedsItsStatesSet(t *testing.T) {
	p := countdown(t, 0)
	devices := machine(t, 0)
	for _, missing := range []string{"step", "stopped"} {
		s := session(t, plan(t, p, devices, lower.Options{}), devices, engine.Options{})
		for name, v := range p.values {
			if name != missing {
				set(t, s, name, v)
			}
		}
		_, err := s.Run(ctx, countdownLoop)
		var unset *engine.Unset
		require.ErrorAs(t, err, &unset)
		require.Equal(t, missing, unset.State)
	}
}

func TestARunRejectsMissingAndNonScalarStates(t *testing.T) {
	b := newBuilder()
	b.param("w", 2)
	s := start(t, b.program(t), machine(t, 0), lower.Options{}, engine.Options{})
	_, err := s.Run(ctx, engine.Loop{Step: "count"})
	require.ErrorContains(t, err, "no state count")
	_, err = s.Run(ctx, engine.Loop{Step: "step", Loss: "w"})
	require.ErrorContains(t, err, "not a scalar")
	_, err = s.Run(ctx, engine.Loop{Step: "step", Metrics: []string{"w"}, MaxSteps: 1, EarlyStop: &engine.EarlyStop{}})
	require.ErrorContains(t, err, "EarlyStop.Index is 0, a metric that isn't a scalar")
	summary, err := s.Run(ctx, engine.Loop{Step: "step", Metrics: []string{"w"}, MaxSteps: 1})
	require.NoError(t, err)
	require.True(t, math.IsNaN(summary.Metrics[0]))
	require.Equal(t, get(t, s, "w"), summary.Tensors[0])
}

func TestARunEndsWhenItsBestValueIsTooOld(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		s := start(t, countdown(t, 0), devices, lo, engine.Options{})
		loop := countdownLoop
		// The average of 1/step falls by less than 0.05 from step 5 on.
		best, at, average := math.NaN(), int64(0), float32(1)
		var step int64
		for at == 0 || step-at < 3 {
			require.Less(t, step, countdownLoop.MaxSteps)
			step++
			average = (average + 1/float32(step)) * 0.5
			if v := float64(average); math.IsNaN(best) || v < best-0.05 {
				best, at = v, step
			}
		}
		loop.EarlyStop = &engine.EarlyStop{EarlyStop: ir.EarlyStop{Patience: 3, MinDelta: 0.05}, Best: math.NaN()}
		summary, err := s.Run(ctx, loop)
		require.NoError(t, err)
		require.Equal(t, engine.StoppedEarly, summary.Stopped)
		require.Equal(t, step, summary.Steps)
		require.Equal(t, best, loop.EarlyStop.Best)
		require.Equal(t, at, loop.EarlyStop.At)
	})
}

func TestAnEvaluationSeesTheStatesOfItsStepAndRecordsKeepItsValues(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		s := start(t, countdown(t, 0), devices, lo, engine.Options{})
		loop := countdownLoop
		loop.MaxSteps = 8
		loop.Evaluation = engine.NewEvaluation(3, func(context.Context) ([]*ir.Tensor, error) {
			return []*ir.Tensor{ir.ScalarTensor(ir.F64, number(t, s, "step")*10)}, nil
		}, []*ir.Tensor{ir.ScalarTensor(ir.F64, math.NaN())})
		var seen []float64
		loop.Observers = []engine.Observer{{Every: 1, Observe: func(r engine.Record) error {
			seen = append(seen, r.Metrics[1])
			return nil
		}}}
		summary, err := s.Run(ctx, loop)
		require.NoError(t, err)
		require.True(t, math.IsNaN(seen[0]) && math.IsNaN(seen[1]))
		require.Equal(t, []float64{30, 30, 30, 60, 60, 60, 60}, seen[2:], "the last one twice: the run's end")
		require.Equal(t, 60.0, summary.Metrics[1])
	})
	s := start(t, countdown(t, 0), machine(t, 0), lower.Options{}, engine.Options{})
	loop := countdownLoop
	broken := errors.New("no data")
	loop.Evaluation = engine.NewEvaluation(3, func(context.Context) ([]*ir.Tensor, error) { return nil, broken }, nil)
	summary, err := s.Run(ctx, loop)
	require.ErrorIs(t, err, broken)
	require.EqualValues(t, 3, summary.Steps)
}

func TestBetterIsStrictAndNeverTrueOfNaN(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		value, best, delta float64
		maximise, want     bool
	}{
		{1, nan, 0, false, true}, {nan, 1, 0, false, false}, {nan, nan, 0, false, false},
		{1, 1, 0, false, false}, {0.9, 1, 0, false, true}, {0.9, 1, 0.2, false, false}, {0.7, 1, 0.2, false, true},
		{1, 1, 0, true, false}, {1.1, 1, 0, true, true}, {1.1, 1, 0.2, true, false}, {math.Inf(1), 1, 5, true, true},
	} {
		require.Equal(t, c.want, engine.Better(c.value, c.best, c.delta, c.maximise), "%+v", c)
	}
}

package engine_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// Ten examples in batches of four: an epoch has three steps, and the last has two
// examples.
const (
	examples   = 10
	wholeBatch = 4
	lastBatch  = 2
	epochSteps = 3
)

// example is the i-th: three numbers, and one that is to be learned from them.
func example(i int) (x [3]float32, y float32) {
	for j := range x {
		x[j] = float32((7*i+3*j)%11)/8 - 0.5
	}
	return x, x[0] - 2*x[1] + 0.25*x[2] + 0.125
}

// table provides the examples in batches, the last of an epoch smaller. A batch of
// another size than its step's is an error.
type table struct{}

func (table) Batch(step int64, field string, dst []byte) error {
	first := int(step%epochSteps) * wholeBatch
	count := min(wholeBatch, examples-first)
	width := map[string]int{"x": 3, "y": 1}[field]
	if len(dst) != 4*count*width {
		return fmt.Errorf("step %d has %d examples, but %s gets %d bytes", step, count, field, len(dst))
	}
	var values []float32
	for i := range count {
		x, y := example(first + i)
		if field == "x" {
			values = append(values, x[:]...)
		} else {
			values = append(values, y)
		}
	}
	copy(dst, ir.FromFloat32(ir.Shape{len(values)}, values).Data)
	return nil
}

// lineProgram learns a line from batches of a size. Its state home.w can be placed apart;
// one is never trained, and one counts examples. It stops when the loss is below a limit.
func lineProgram(t tester, batch int, limit float64) *program {
	b := newBuilder()
	return learnLine(t, b, batch, limit,
		b.op("source", b.step.Read, "table", "x", "f32", []any{batch, 3}), b.op("source", b.step.Read, "table", "y", "f32", []any{batch, 1}))
}

// generatedProgram is lineProgram with random numbers, which no host needs to copy.
func generatedProgram(t tester, batch int, limit float64) *program {
	b := newBuilder()
	return learnLine(t, b, batch, limit, b.random(1, batch, 3), b.random(2, batch, 1))
}

func learnLine(t tester, b *builder, batch int, limit float64, x, y *ir.Node) *program {
	w, bias, frozen := b.param("home.w", 3, 1), b.param("bias", 1), b.param("frozen", 1)
	seen := b.state("seen", ir.BufferState, scalar(0))
	out := b.output("out", b.op("add", b.op("matmul", x, w.Read), b.op("mul", b.op("add", bias.Read, frozen.Read), 0.5)))
	loss := b.output("loss", b.op("mean", b.op("square", b.op("sub", out, y))))
	for _, p := range []*ir.State{w, bias} {
		p.Next = b.op("sub", p.Read, b.op("mul", b.Apply(ir.GradOp, loss, p.Read), 0.25))
	}
	seen.Next = b.op("add", seen.Read, float64(batch))
	b.state("metrics.loss_step", ir.MetricState, scalar(0)).Next = loss
	average := b.state("metrics.loss", ir.MetricState, scalar(1))
	average.Next = b.op("mul", b.op("add", average.Read, loss), 0.5)
	stopped := b.state("stopped", ir.StopState, ir.NewTensor(ir.Scalar(ir.Bool)))
	stopped.Next = b.op("lt", average.Next, limit)
	p := b.program(t)
	p.sources = map[string]engine.DataSource{"table": table{}}
	return p
}

// withTail starts such a program with a plan for its last batch.
func withTail(t tester, devices []device.Device, lo, tail lower.Options, o engine.Options) *engine.Session {
	t.Helper()
	o.Tail = &engine.Tail{Plan: plan(t, lineProgram(t, lastBatch, 0), devices, tail), Every: epochSteps, Step: "step"}
	return start(t, lineProgram(t, wholeBatch, 0), devices, lo, o)
}

// byHand computes its steps in float64.
func byHand(t tester, steps int) (w [3]float64, bias, seen, loss, average float64) {
	values := lineProgram(t, 1, 0).values
	for j := range w {
		w[j] = values["home.w"].Float(j)
	}
	bias, average = values["bias"].Float(0), 1
	for step := range steps {
		first := step % epochSteps * wholeBatch
		count := min(wholeBatch, examples-first)
		var dw [3]float64
		var db float64
		loss = 0
		for i := range count {
			x, y := example(first + i)
			diff := 0.5*(bias+values["frozen"].Float(0)) - float64(y)
			for j := range x {
				diff += float64(x[j]) * w[j]
			}
			loss += diff * diff / float64(count)
			for j := range x {
				dw[j] += 2 * diff * float64(x[j]) / float64(count)
			}
			db += 2 * diff * 0.5 / float64(count)
		}
		for j := range w {
			w[j] -= 0.25 * dw[j]
		}
		bias -= 0.25 * db
		average = (average + loss) / 2
		seen += float64(count)
	}
	return w, bias, seen, loss, average
}

func TestASmallerLastBatchGivesWhatIsComputedByHand(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		s := withTail(t, devices, lo, lo, engine.Options{})
		for step := 1; step <= 20; step++ {
			steps(t, s, 1)
			w, bias, seen, loss, average := byHand(t, step)
			for j := range w {
				require.InDelta(t, w[j], get(t, s, "home.w").Float(j), 1e-5, "step %d", step)
			}
			require.InDelta(t, bias, number(t, s, "bias"), 1e-5)
			require.InDelta(t, loss, number(t, s, "metrics.loss_step"), 1e-5)
			require.InDelta(t, average, number(t, s, "metrics.loss"), 1e-5)
			require.Equal(t, seen, number(t, s, "seen"))
			require.EqualValues(t, step, get(t, s, "step").Int(0))
		}
	})
}

// Whoever moves the states by hand from a session for one size to one for the other has
// the same bits: whether steps are taken one by one or by a run that queues them, is
// interrupted and goes on, and wherever the smaller batch's plan has its states.
func TestASmallerLastBatchGivesTheBitsOfStatesMovedByHand(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		apart := lo
		apart.Rules = []ir.PlacementRule{{Match: "bias", Device: "cpu"}, {Match: "*.w", Device: devices[len(devices)-1].Name()}}
		for _, tail := range []lower.Options{lo, apart} {
			whole := start(t, lineProgram(t, wholeBatch, 0), devices, lo, engine.Options{})
			last := start(t, lineProgram(t, lastBatch, 0), devices, tail, engine.Options{})
			one := withTail(t, devices, lo, tail, engine.Options{})
			run := withTail(t, devices, lo, tail, engine.Options{})
			eager := withTail(t, devices, lo, tail, engine.Options{NoReplay: true, Sync: true})
			loop := countdownLoop
			for step := range int64(100) {
				if step%epochSteps == epochSteps-1 {
					require.NoError(t, last.SetAll(snapshot(t, whole)))
					steps(t, last, 1)
					require.NoError(t, whole.SetAll(snapshot(t, last)))
				} else {
					steps(t, whole, 1)
				}
				steps(t, one, 1)
				steps(t, eager, 1)
				if loop.MaxSteps = step + 1; step%7 != 0 && step < 60 {
					continue
				}
				_, err := run.Run(ctx, loop)
				require.NoError(t, err)
				want := snapshot(t, whole)
				for _, s := range []*engine.Session{one, run, eager} {
					for name, v := range snapshot(t, s) {
						same(t, want[name], v, fmt.Sprintf("%s after step %d", name, step))
					}
				}
			}
		}
	})
}

// The condition is looked at before a step that isn't masked, so the run ends where it
// does on a device that waits.
func TestARunOverSmallerBatchesEndsWithTheSameStepAheadOrNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Float64Range(0.001, 0.9).Draw(t, "limit")
		tail := lower.Options{Default: rapid.IntRange(0, 1).Draw(t, "tail")}
		with := func(devices []device.Device, lo, tail lower.Options) *engine.Session {
			last := plan(t, generatedProgram(t, lastBatch, limit), devices, tail)
			return start(t, generatedProgram(t, wholeBatch, limit), devices, lo,
				engine.Options{Tail: &engine.Tail{Plan: last, Every: epochSteps, Step: "step"}})
		}
		waits := with(machine(t, 1), lower.Options{}, lower.Options{})
		ahead := with(queued(t), lower.Options{Default: 1}, tail)
		require.True(t, ahead.Plan().RunsAhead)
		loop := countdownLoop
		for range 3 {
			loop.MaxSteps = rapid.Int64Range(1, 300).Draw(t, "max_steps")
			every := rapid.Int64Range(1, 10).Draw(t, "every")
			var seen [2][]engine.Record
			var ends [2]engine.Summary
			for i, s := range []*engine.Session{waits, ahead} {
				loop.Observers = []engine.Observer{{Every: every, Observe: func(r engine.Record) error {
					r.Elapsed = 0
					seen[i] = append(seen[i], r)
					return nil
				}}}
				var err error
				ends[i], err = s.Run(ctx, loop)
				require.NoError(t, err)
				ends[i].Elapsed = 0
			}
			require.Equal(t, ends[0], ends[1])
			require.Equal(t, seen[0], seen[1])
			for name, v := range snapshot(t, waits) {
				same(t, v, get(t, ahead, name), name)
			}
			n := rapid.IntRange(0, 4).Draw(t, "go on")
			steps(t, waits, n)
			steps(t, ahead, n)
			if rapid.Bool().Draw(t, "back") { // a caller goes back, or jumps to another epoch
				at := ir.ScalarTensor(ir.I64, rapid.Int64Range(0, 20).Draw(t, "to"))
				set(t, waits, "step", at)
				set(t, ahead, "step", at)
			}
		}
	})
}

func TestANodeIsReadForTheBatchOfTheNextStep(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		s := withTail(t, devices, lo, lo, engine.Options{})
		for step := range 9 {
			count := wholeBatch
			if step%epochSteps == epochSteps-1 {
				count = lastBatch
			}
			require.Equal(t, ir.Shape{count, 1}, get(t, s, "out").Type.Shape, "step %d", step)
			loss := get(t, s, "loss")
			steps(t, s, 1)
			same(t, loss, get(t, s, "metrics.loss_step"), "loss")
			if step == 5 {
				set(t, s, "frozen", uniform(ir.Shape{1}, 9))
			}
		}
	})
}

func TestAFaultInTheSmallerBatchLeavesTheStatesAsTheyWere(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		s := withTail(t, devices, lo, lo, engine.Options{})
		steps(t, s, epochSteps-1)
		before := snapshot(t, s)
		d := devices[len(devices)-1].(*sim.Device)
		d.Inject(func(e sim.Event) error {
			if e.Kind == "run" {
				return errInjected
			}
			return nil
		})
		require.ErrorIs(t, s.Step(ctx), errInjected)
		d.Inject(nil)
		for name, v := range before {
			same(t, v, get(t, s, name), name)
		}
		steps(t, s, 1)
		w, _, seen, _, _ := byHand(t, epochSteps)
		require.InDelta(t, w[1], get(t, s, "home.w").Float(1), 1e-5)
		require.Equal(t, seen, number(t, s, "seen"))
	})
}

func TestARetryAfterAnyFaultGivesTheFaultFreeResultWithSmallerBatches(t *testing.T) {
	for name, machine := range map[string]machines{"own memory": machine, "shared memory": unified} {
		t.Run(name, func(t *testing.T) { anyFaultWith(t, machine, 3) })
	}
}

func TestBothSessionsAreCounted(t *testing.T) {
	devices := machine(t, 1)
	s := withTail(t, devices, lower.Options{Default: 1}, lower.Options{Default: 1}, engine.Options{})
	alone := start(t, lineProgram(t, wholeBatch, 0), devices, lower.Options{Default: 1}, engine.Options{})
	require.Greater(t, s.Stats().PeakBytes, alone.Stats().PeakBytes, "the smaller batch's plan has memory of its own")
	var kernels []int64
	for range 2 * epochSteps {
		before := s.Stats().KernelsRun
		steps(t, s, 1)
		kernels = append(kernels, s.Stats().KernelsRun-before)
	}
	steps(t, alone, 1)
	require.Equal(t, alone.Stats().KernelsRun, kernels[0])
	require.Equal(t, kernels[epochSteps-1], kernels[2*epochSteps-1])
	require.NotZero(t, kernels[epochSteps-1])
}

func TestATailThatDoesNotFitIsRefused(t *testing.T) {
	devices := machine(t, 0)
	whole := plan(t, lineProgram(t, wholeBatch, 0), devices, lower.Options{})
	other := plan(t, countdown(t, 0), devices, lower.Options{})
	last := plan(t, lineProgram(t, lastBatch, 0), devices, lower.Options{})
	o := engine.Options{DataSources: map[string]engine.DataSource{"table": table{}}}
	for want, tail := range map[string]engine.Tail{
		"engine: Tail.Every is 0; an epoch has at least 1 step":       {Plan: last, Step: "step"},
		"engine: the graph for the smaller batch has no state home.w": {Plan: other, Step: "step", Every: 3},
		"engine: there is no state steps":                             {Plan: last, Step: "steps", Every: 3},
		"engine: the step counter seen is f32[]; it must be i64[]":    {Plan: last, Step: "seen", Every: 3},
	} {
		o.Tail = &tail
		_, err := engine.New(whole, devices, o)
		require.EqualError(t, err, want)
	}
	o.Tail = &engine.Tail{Plan: last, Step: "step", Every: 1}
	s, err := engine.New(whole, devices, o)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.True(t, errors.Is(s.Step(ctx), engine.ErrClosed))
}

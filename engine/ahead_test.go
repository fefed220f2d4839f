package engine_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// A plan that runs ahead queues steps beyond the last one. They must change
// nothing: not the parameters, not the counter, not what is asked for later.
func TestStepsQueuedBeyondTheLastOneChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Float64Range(0.0005, 0.5).Draw(t, "limit")
		p := countdown(t, limit)
		waits := start(t, p, machine(t, 0), lower.Options{}, engine.Options{})
		ahead := start(t, p, queued(t), lower.Options{Default: 1}, engine.Options{})
		require.True(t, ahead.Plan().RunsAhead)
		require.False(t, waits.Plan().RunsAhead)
		for range 3 {
			loop := countdownLoop
			loop.MaxSteps = rapid.Int64Range(0, 3000).Draw(t, "max_steps")
			var seen [2][]engine.Record
			var ends [2]engine.Summary
			every := rapid.Int64Range(1, 1000).Draw(t, "every")
			for i, s := range []*engine.Session{waits, ahead} {
				loop.Observers = []engine.Observer{{Every: every, Observe: func(r engine.Record) error {
					if r.Step > countdownLoop.MaxSteps {
						return errors.New("without a limit the run doesn't end")
					}
					r.Elapsed, r.Metrics = 0, append([]float64(nil), r.Metrics...)
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
			for _, st := range p.graph.States {
				same(t, get(t, waits, st.Name), get(t, ahead, st.Name), st.Name)
			}
			if rapid.Bool().Draw(t, "go on") { // a step goes on, whatever the condition says
				steps(t, waits, 2)
				steps(t, ahead, 2)
			}
		}
	})
}

func TestStepsAreQueuedAheadBetweenTwoLooksAtTheStopCondition(t *testing.T) {
	s := start(t, countdown(t, 0), queued(t), lower.Options{Default: 1}, engine.Options{})
	loop := countdownLoop
	loop.MaxSteps = 100_000
	_, err := s.Run(ctx, loop)
	require.NoError(t, err)
	require.Less(t, s.Stats().DeviceToHost.Count, int64(10_000), "looks at the stop condition, for 100,000 steps")
}

func TestAStepOnTwoDevicesIsNotMasked(t *testing.T) {
	for _, rule := range []string{"metrics.loss", "step", "stopped"} {
		pl := plan(t, countdown(t, 0), queued(t), lower.Options{Default: 1, Rules: []ir.PlacementRule{{Match: rule, Device: "cpu"}}})
		require.False(t, pl.RunsAhead, rule)
	}
}

// A fault at every event of some steps in turn, where each step first takes back that
// the run has ended: after another try, or after what the error asks for has been
// restored, the states are those of steps without a fault.
func TestARetryAfterAFaultBeyondTheLastStepGivesTheFaultFreeResult(t *testing.T) {
	p := countdown(t, 0.5)
	devices := queued(t)
	pl := plan(t, p, devices, lower.Options{Default: 1})
	const count = 7
	var want []map[string]*ir.Tensor // before each step, and after the last
	clean := session(t, pl, devices, engine.Options{})
	require.NoError(t, clean.SetAll(p.values))
	for range count {
		want = append(want, snapshot(t, clean))
		steps(t, clean, 1)
	}
	want = append(want, snapshot(t, clean))
	require.NotZero(t, want[count]["stopped"].Int(0), "it has long ended")

	faults := 0
	for at := 0; ; at++ {
		s := session(t, pl, devices, engine.Options{})
		require.NoError(t, s.SetAll(p.values))
		event, happened := 0, false
		devices[1].(*sim.Device).Inject(func(sim.Event) error {
			if event++; event-1 == at {
				happened = true
				return errInjected
			}
			return nil
		})
		for i := range count {
			if err := s.Step(ctx); err != nil {
				require.ErrorIs(t, err, errInjected)
				if errors.As(err, new(*engine.Poisoned)) {
					require.NoError(t, s.SetAll(want[i]))
				}
				steps(t, s, 1)
			}
			for name, v := range want[i+1] {
				got, err := s.Get(name)
				if err != nil { // the fault was in reading it
					require.ErrorIs(t, err, errInjected)
					got = get(t, s, name)
				}
				same(t, v, got, name)
			}
		}
		devices[1].(*sim.Device).Inject(nil)
		require.NoError(t, s.Close())
		if !happened {
			break
		}
		faults++
	}
	require.Greater(t, faults, 50)
}

// Steps that are queued ahead read frozen weights where these lie, at home on the host:
// what is set there isn't what steps see that were taken before.
func TestQueuedStepsUseTheWeightsFromBeforeASet(t *testing.T) {
	b := newBuilder()
	frozen, sum := b.param("frozen", 5), b.param("sum", 5)
	frozen.Device = "cpu"
	sum.Next = b.op("add", sum.Read, frozen.Read)
	stopped := b.state("stopped", ir.StopState, ir.NewTensor(ir.Scalar(ir.Bool)))
	stopped.Next = b.op("lt", b.op("mean", sum.Next), -1e9)
	p := b.program(t)
	var sums []map[string]*ir.Tensor
	for _, machine := range []machines{machine, unified} {
		s := start(t, p, machine(t, 1), lower.Options{Default: 1}, engine.Options{})
		for i := range 4 {
			_, err := s.Run(ctx, engine.Loop{Step: "step", Stopped: "stopped", MaxSteps: int64(20 * (i + 1))})
			require.NoError(t, err)
			steps(t, s, 3) // queued, and not done
			set(t, s, "frozen", uniform(ir.Shape{5}, int64(i)))
		}
		sums = append(sums, snapshot(t, s))
		require.Equal(t, len(sums) == 2, s.Plan().RunsAhead)
		require.Equal(t, len(sums) == 2, s.Plan().Shared != 0)
	}
	for name := range sums[0] {
		same(t, sums[0][name], sums[1][name], name)
	}
}

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/engine"
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

func TestAStepThatTakesPartInTwoSpacesIsNotMasked(t *testing.T) {
	for _, rule := range []string{"metrics.loss", "step", "stopped"} {
		pl := plan(t, countdown(t, 0), queued(t), lower.Options{Default: 1, Rules: []lower.Rule{{Match: rule, Device: "cpu"}}})
		require.False(t, pl.RunsAhead, rule)
	}
}

package e2e_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/runtest"
)

// endingContext ends when its error has been asked for a number of times. Steps of an
// evaluation ask, those of a run wait for Done, so it ends within an evaluation.
type endingContext struct {
	context.Context
	end  context.CancelFunc
	left int
}

func endingAfter(looks int) *endingContext {
	ctx, end := context.WithCancel(context.Background())
	return &endingContext{ctx, end, looks}
}

func (c *endingContext) Err() error {
	if c.left--; c.left < 0 {
		c.end()
	}
	return c.Context.Err()
}

// The evaluations of `ending` have two batches, at every fourth step; checkpoints are
// written at every third. Where checkpoints are rarer than evaluations, as in the last
// case, which diverges, the metrics before an interrupted one would be the best.
func TestARunInterruptedInAnEvaluationEndsLikeAnUninterruptedOne(t *testing.T) {
	specs := map[string]func(t *testing.T) string{
		"rare checkpoints": func(t *testing.T) string {
			return line(t, "{SGD: {lr: 0.3}}", `eval: {data: others, every: 2, batches: 2, metrics: {loss: loss}}`, "on_nonfinite: continue",
				`checkpoint: {every: 8, best: {metric: eval.loss}}`)
		},
	}
	for _, e := range endings {
		specs[e.name] = func(t *testing.T) string { return ending(t, e.keys) }
	}
	for name, spec := range specs {
		for _, device := range []string{"cpu", "sim"} {
			t.Run(name+"/"+device, func(t *testing.T) {
				t.Parallel()
				interruptEvaluations(t, device, spec)
			})
		}
	}
}

// interruptEvaluations interrupts a spec's run before batches of its evaluations in turn,
// and then, twice, in the evaluation with which it would go on.
func interruptEvaluations(t *testing.T, device string, spec func(t *testing.T) string) {
	path := spec(t)
	straight := runtest.Started(t, path, flowrun.On(device))
	summary, want := runtest.Ran(t, straight, 0)
	kept := checkpointContents(t, path)
	interrupted := 0
	for looks := 0; ; looks += 1 + looks/8 {
		path := spec(t)
		first := runtest.Started(t, path, flowrun.On(device))
		got, end := observed(t, first, endingAfter(looks))
		if end.Stopped != engine.StoppedInterrupted {
			break
		}
		interrupted++
		require.Zero(t, end.Steps%2, "it ends within an evaluation")
		require.NoError(t, first.Close())
		for range 2 {
			again := runtest.Started(t, path, flowrun.On(device), flowrun.Resume(""))
			require.True(t, again.Resumed().EvaluationDue)
			none, end := observed(t, again, endingAfter(0))
			require.Empty(t, none)
			require.Equal(t, engine.StoppedInterrupted, end.Stopped)
			require.NoError(t, again.Close())
		}
		last := runtest.Started(t, path, flowrun.On(device), flowrun.Resume(""))
		rest, end := observed(t, last, context.Background())
		got = append(got, rest...)
		why := fmt.Sprint("interrupted after ", looks, " looks")
		require.Equal(t, summary.Stopped, end.Stopped, why)
		require.Equal(t, fmt.Sprint(want), fmt.Sprint(got), why)
		require.Equal(t, runtest.Weights(t, straight), runtest.Weights(t, last), why)
		requireSameCheckpoints(t, kept, checkpointContents(t, path), why)
		require.NoError(t, last.Close())
	}
	require.Greater(t, interrupted, 2)
}

// In one process, the session itself knows what is due.
func TestASessionCompletesAnInterruptedEvaluation(t *testing.T) {
	path := ending(t, "")
	straight := runtest.Started(t, path)
	_, want := runtest.Ran(t, straight, 0)
	kept := checkpointContents(t, path)
	path = ending(t, "")
	s := runtest.Started(t, path)
	got, end := observed(t, s, endingAfter(5))
	require.Equal(t, engine.StoppedInterrupted, end.Stopped)
	rest, _ := observed(t, s, context.Background())
	require.Equal(t, fmt.Sprint(want), fmt.Sprint(append(got, rest...)))
	requireSameCheckpoints(t, kept, checkpointContents(t, path), "in one process")
}

// observed runs a session until the context ends, and returns the records of its steps.
func observed(t *testing.T, s *flowrun.Session, ctx context.Context) ([]flowrun.Record, flowrun.Summary) {
	t.Helper()
	var records []flowrun.Record
	summary, err := s.Run(ctx, flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
		r.Elapsed, r.Evaluating, r.Evaluations, r.Metrics = 0, 0, 0, append([]float64(nil), r.Metrics...)
		if !r.Last {
			records = append(records, r)
		}
		return nil
	}}))
	require.NoError(t, err)
	return records, summary
}

package report

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// course feeds a trend with a metric's values at steps up to one, and gives the estimate.
func course(goals []ir.Goal, every, until int64, metrics ...func(step float64) float64) float64 {
	run := Run{Goals: goals}
	for i := range metrics {
		run.Metrics = append(run.Metrics, string(rune('a'+i)))
	}
	tr := newTrend(run)
	for step := every; step <= until; step += every {
		r := engine.Record{Step: step}
		for _, m := range metrics {
			r.Metrics = append(r.Metrics, m(float64(step)))
		}
		tr.see(r)
	}
	return tr.reached()
}

func TestTheTrendFindsTheStepOfCommonCourses(t *testing.T) {
	below := func(v float64) []ir.Goal { return []ir.Goal{{Metric: "a", Value: v}} }
	above := func(v float64) []ir.Goal { return []ir.Goal{{Metric: "a", Value: v, Above: true}} }
	noise := rand.New(rand.NewPCG(1, 2))
	noisy := func(f func(float64) float64, share float64) func(float64) float64 {
		return func(s float64) float64 {
			if noise.IntN(12) == 0 { // now and then a wild one
				return f(s) * 3
			}
			return f(s) * (1 + share*noise.NormFloat64())
		}
	}
	exponential := func(s float64) float64 { return 2 * math.Exp(-s/5000) }
	power := func(s float64) float64 { return 30 * math.Pow(s, -0.5) }
	linear := func(s float64) float64 { return 5 - s/10_000 }
	rising := func(s float64) float64 { return 1 - math.Exp(-s/4000) }
	for name, c := range map[string]struct {
		goals   []ir.Goal
		metric  func(float64) float64
		want    float64
		epsilon float64
	}{
		"a loss that halves": {below(0.01), exponential, 5000 * math.Log(200), 1e-3},
		"a power law":        {below(0.15), power, 40_000, 1e-3},
		"a line":             {below(1), linear, 40_000, 1e-3},
		"an accuracy":        {above(0.99), rising, 4000 * math.Log(100), 1e-3},
		"noise":              {below(0.01), noisy(exponential, 0.02), 5000 * math.Log(200), 0.2},
		"noise, power law":   {below(0.15), noisy(power, 0.02), 40_000, 0.5},
	} {
		require.InEpsilon(t, c.want, course(c.goals, 50, 12_000, c.metric), c.epsilon, name)
	}
	both := []ir.Goal{{Metric: "a", Value: 0.01}, {Metric: "step", Value: 60_000, Above: true}}
	require.InEpsilon(t, 60_000, course(both, 50, 12_000, exponential), 1e-9, "the goal that is reached last")
	both[1].Value = 2000
	require.InEpsilon(t, 5000*math.Log(200), course(both, 50, 12_000, exponential), 1e-3, "one goal holds already")
}

func TestWithoutATrendNothingIsSaid(t *testing.T) {
	noise := rand.New(rand.NewPCG(3, 4))
	for name, c := range map[string]struct {
		goal   ir.Goal
		metric func(float64) float64
	}{
		"noise":           {ir.Goal{Metric: "a", Value: 0.1}, func(float64) float64 { return 1 + noise.NormFloat64()/10 }},
		"flat":            {ir.Goal{Metric: "a", Value: 0.1}, func(float64) float64 { return 0.7 }},
		"the wrong way":   {ir.Goal{Metric: "a", Value: 0.1}, func(s float64) float64 { return 1 + s/1000 }},
		"NaN":             {ir.Goal{Metric: "a", Value: 0.1}, func(float64) float64 { return math.NaN() }},
		"infinite":        {ir.Goal{Metric: "a", Value: 0.1}, func(s float64) float64 { return math.Inf(int(s)) }},
		"it levels out":   {ir.Goal{Metric: "a", Value: 0.99, Above: true}, func(s float64) float64 { return 0.8 - math.Exp(-s/500) }},
		"it takes ages":   {ir.Goal{Metric: "a", Value: 0}, func(s float64) float64 { return 5 - s/1e9 }},
		"it was reached":  {ir.Goal{Metric: "a", Value: 0.1}, func(s float64) float64 { return 0.05 - s/1e9 }},
		"a metric unseen": {ir.Goal{Metric: "a", Value: 0.99, Above: true}, func(s float64) float64 { return math.Floor(s / 1e6) }},
	} {
		require.Zero(t, course([]ir.Goal{c.goal}, 50, 12_000, c.metric), name)
	}
	require.Zero(t, course([]ir.Goal{{Metric: "a"}}, 50, 500, func(s float64) float64 { return 5 - s/1000 }), "too few values")
	require.NotNil(t, newTrend(Run{Goals: []ir.Goal{{Metric: "loss_step"}}}))
	require.Nil(t, newTrend(Run{Goals: []ir.Goal{{Metric: "gone"}}}))
	require.Nil(t, newTrend(Run{}))
}

func TestATrendsHistoryIsBounded(t *testing.T) {
	tr := newTrend(Run{Metrics: []string{"a"}, Goals: []ir.Goal{{Metric: "a", Value: 1}}})
	for step := int64(1); step < 300_000; step++ {
		tr.see(engine.Record{Step: step, Metrics: []float64{5 - float64(step)/1e5}})
		if step > 1000 && step%100 == 0 {
			require.Less(t, len(tr.steps), mostPoints)
			require.GreaterOrEqual(t, len(tr.steps), mostPoints/2-1)
		}
	}
	require.InEpsilon(t, 400_000, tr.reached(), 1e-3)
}

func TestTheTimeLeftByATrendIsMarked(t *testing.T) {
	run := Run{Metrics: []string{"loss"}, Open: true, Goals: []ir.Goal{{Metric: "loss", Value: 0.01}}}
	show := func(run Run) string {
		var b strings.Builder
		o := Lines(&b, run)
		for step := int64(100); step <= 10_000; step += 100 {
			require.NoError(t, o.Observe(engine.Record{Step: step, Elapsed: time.Duration(step) * time.Millisecond, Metrics: []float64{2 * math.Exp(-float64(step)/5000)}}))
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		require.NotContains(t, lines[5], "left")
		return lines[len(lines)-1]
	}
	require.Equal(t, "step 10,000  loss 0.2707  1,000 steps/s  10.0s  16.5s left by the trend", show(run))
	run.MaxSteps = 20_000
	require.Equal(t, "step 10,000  loss 0.2707  1,000 steps/s  10.0s  10.0s left at most", show(run))
	run.MaxSteps = 100_000
	require.Contains(t, show(run), "16.5s left by the trend")
	run.Goals = nil
	require.NotContains(t, show(run), "left")
}

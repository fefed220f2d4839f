package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/report"
)

// slope is a spec whose gradients are the batch's means of x and of 2x.
const slope = `flowrun: 1
modules:
  P: {inputs: {c: "any[]"}, params: {w: {shape: [], init: 0.5}}, nodes: {o: w * c}, output: o}
data: {d: {generate: {x: "normal(0, 1, [8])"}}}
model: {inputs: {x: "f32[8]"}, nodes: {m: mean(x), p: {P: m}, q: {P: 2 * m}}, outputs: [p, q]}
train:
  data: d
  loss: p + q
  optimizer: {SGD: {lr: "0.1 * 0.5 ** step"}}
  metrics: {m: m METRICS}
  max_steps: 12
  log_every: 1
  MORE
`

// follow runs a spec and gives the records of its steps, and the names of its metrics.
func follow(t *testing.T, text string, options ...flowrun.StartOption) (records []engine.Record, metrics []string, s *flowrun.Session) {
	t.Helper()
	p, err := flowrun.Parse("s.yaml", []byte(text))
	require.NoError(t, err)
	s, err = p.Start(context.Background(), append(options, flowrun.On("cpu"))...)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	_, err = s.Run(context.Background(), flowrun.Observe(engine.Observer{Every: s.LogEvery(), Evaluations: true, Observe: func(r engine.Record) error {
		if !r.Last {
			records = append(records, r)
		}
		return nil
	}}))
	require.NoError(t, err)
	return records, p.Metrics(), s
}

func with(metrics, more string) string {
	return strings.Replace(strings.Replace(slope, " METRICS", metrics, 1), "  MORE\n", more, 1)
}

func TestTheGradientsNormIsThatBeforeClipping(t *testing.T) {
	for _, c := range []struct {
		metrics, more string
		names         []string
	}{
		{"", "  clip_grad_norm: 0.001\n", []string{"m", "grad_norm"}},
		{", grad_norm: grad_norm", "", []string{"m", "grad_norm"}},
		{", n: 1 * grad_norm", "  clip_grad_norm: 100.0\n", []string{"m", "n", "grad_norm"}},
	} {
		records, names, _ := follow(t, with(c.metrics, c.more))
		require.Equal(t, c.names, names)
		require.Len(t, records, 12)
		for _, r := range records {
			for i, name := range names {
				if name != "m" {
					require.InEpsilon(t, math.Sqrt(5)*math.Abs(r.Metrics[0]), r.Metrics[i], 1e-5, name)
				}
			}
		}
	}
	_, names, _ := follow(t, with("", ""))
	require.Equal(t, []string{"m"}, names, "nobody asked for it")
}

// Of several steps' gradients together, the norm is that of their mean, once they are.
func TestTheNormOfAccumulatedGradientsIsThatOfTheUpdate(t *testing.T) {
	records, _, _ := follow(t, with("", "  clip_grad_norm: 100.0\n  accumulate: 3\n"))
	want, sum := 0.0, 0.0
	for _, r := range records {
		if sum += r.Metrics[0]; r.Step%3 == 0 {
			want, sum = math.Sqrt(5)*math.Abs(sum/3), 0
		}
		require.InDelta(t, want, r.Metrics[1], 1e-5*(1+want), "step %d", r.Step)
	}
}

func TestASpecsOwnGradNormStaysItsOwn(t *testing.T) {
	text := strings.Replace(with("", "  clip_grad_norm: 100.0\n"), "m: mean(x), p: {P: m}", `m: mean(x), grad_norm: m + 7, p: {P: m}`, 1)
	text = strings.Replace(text, "loss: p + q", "loss: p + q + 0 * grad_norm", 1)
	_, names, _ := follow(t, text)
	require.Equal(t, []string{"m"}, names)
	_, err := flowrun.Parse("s.yaml", []byte(with("", "  eval: {data: d, every: 5, metrics: {n: grad_norm}}\n")))
	var broken *flowrun.SpecError
	require.ErrorAs(t, err, &broken)
	require.Contains(t, broken.Diagnostics.Text(), "an evaluation computes no gradients; use it in train.metrics")
}

func TestALearningRateThatIsConstantCostsALogNothing(t *testing.T) {
	_, _, s := follow(t, strings.Replace(with("", ""), "\"0.1 * 0.5 ** step\"", "0.1", 1))
	rates := s.Describe(0).Rates
	require.Equal(t, []flowrun.LearningRate{{Name: "lr", Value: 0.1}}, rates(7, 0))
	require.Zero(t, testing.AllocsPerRun(100, func() { rates(7, 0) }))
}

func TestLearningRatesAreThoseOfTheUpdates(t *testing.T) {
	text := with("", "  accumulate: 2\n  param_groups: [{match: \"p.*\", lr: 0.3}, {match: \"gone.*\", frozen: true}]\n")
	text = strings.Replace(text, ", {match: \"gone.*\", frozen: true}", "", 1)
	records, _, s := follow(t, text)
	before := 0.5
	w, err := s.Get("q.w")
	require.NoError(t, err)
	sum := 0.0
	for _, r := range records {
		rates, err := s.LearningRates(r.Step, r.Skipped)
		require.NoError(t, err)
		update := (r.Step - 1) / 2
		require.Equal(t, []flowrun.LearningRate{{Name: "lr", Value: 0.1 * math.Pow(0.5, float64(update))}, {Name: "lr[p.*]", Value: 0.3}}, rates)
		if sum += 2 * r.Metrics[0]; r.Step%2 == 0 {
			before -= rates[0].Value * sum / 2
			sum = 0
		}
	}
	require.InDelta(t, before, w.Float(0), 1e-5, "they are what the parameter was updated with")
	for _, wrong := range [][2]int64{{0, 0}, {1, -1}, {1, 2}} {
		_, err = s.LearningRates(wrong[0], wrong[1])
		require.ErrorContains(t, err, fmt.Sprintf("LearningRates(%d, %d)", wrong[0], wrong[1]))
	}
}

// The optimizer doesn't count steps that were skipped: what a parameter has moved by, over
// its gradient, is the rate that logs show.
func TestLearningRatesAreThoseOfTheUpdatesWhenStepsWereSkipped(t *testing.T) {
	for _, accumulate := range []int64{1, 2} {
		text := with("", fmt.Sprintf("  accumulate: %d\n  on_nonfinite: skip\n", accumulate))
		text = strings.Replace(text, "normal(0, 1, [8])", "normal(0, 1, [8]) + 0 * log(uniform(-0.5, 1, []))", 1)
		text = strings.Replace(text, "0.1 * 0.5 ** step", "0.1 + 0.01 * step", 1)
		text = strings.Replace(text, "max_steps: 12", "max_steps: 24", 1)
		p, err := flowrun.Parse("s.yaml", []byte(text))
		require.NoError(t, err)
		s, err := p.Start(context.Background(), flowrun.On("cpu"))
		require.NoError(t, err)
		defer s.Close()
		var logged strings.Builder
		var shown, used []float64
		skipped, latest, before, sum := int64(0), 0.0, 0.5, 0.0
		_, err = s.Run(context.Background(), flowrun.Observe(report.NewLog(&logged, s.Describe(0)).Observer()), flowrun.Observe(engine.Observer{Every: 1, Observe: func(r engine.Record) error {
			if r.Last {
				return nil
			}
			rates, err := s.LearningRates(r.Step, r.Skipped)
			require.NoError(t, err)
			shown = append(shown, rates[0].Value)
			w, err := s.Get("q.w")
			require.NoError(t, err)
			switch left := r.Skipped > skipped; {
			case left:
				require.Equal(t, before, w.Float(0))
				if r.Skipped < r.Step {
					require.Equal(t, latest, rates[0].Value, "of the latest step that wasn't skipped")
				}
			default:
				latest = rates[0].Value
				if sum += 2 * r.Metrics[0]; (r.Step-r.Skipped)%accumulate == 0 {
					used = append(used, (before-w.Float(0))*float64(accumulate)/sum)
					require.InDelta(t, used[len(used)-1], latest, 1e-4)
					before, sum = w.Float(0), 0
				}
			}
			skipped = r.Skipped
			return nil
		}}))
		require.NoError(t, err)
		require.Positive(t, skipped)
		require.Greater(t, len(used), 5)
		var lines []float64
		for line := range strings.Lines(logged.String()) {
			var entry struct{ LR float64 }
			require.NoError(t, json.Unmarshal([]byte(line), &entry))
			lines = append(lines, entry.LR)
		}
		require.Equal(t, shown, lines)
	}
}

func TestRecordsSayWhichHaveNewEvaluations(t *testing.T) {
	text := strings.Replace(with("", "  eval: {data: d, every: 5, metrics: {n: mean(x)}}\n"), "log_every: 1\n", "log_every: 4\n", 1)
	records, _, s := follow(t, text)
	var steps []int64
	for i, r := range records {
		steps = append(steps, r.Step)
		require.Equal(t, r.Step%5 == 0, r.Fresh)
		require.Equal(t, r.Step/5, r.Evaluations)
		require.LessOrEqual(t, r.Evaluating, r.Elapsed)
		require.True(t, i == 0 || r.Evaluating >= records[i-1].Evaluating)
	}
	require.Equal(t, []int64{4, 5, 8, 10, 12}, steps)
	require.True(t, slices.IsSorted(steps))
	require.EqualValues(t, 5, s.EvalEvery())
	_, _, s = follow(t, text, flowrun.LogEvery(7))
	require.EqualValues(t, 7, s.LogEvery())
	p, err := flowrun.Parse("s.yaml", []byte(text))
	require.NoError(t, err)
	_, err = p.Start(context.Background(), flowrun.LogEvery(0))
	require.EqualError(t, err, fmt.Sprintf("LogEvery(%d): it takes at least 1 step", 0))
}

func TestGoalsAreTheComparisonsOfUntil(t *testing.T) {
	for until, want := range map[string][]flowrun.Goal{
		"m > 3":                                {{Metric: "m", Value: 3, Above: true}},
		"0.5 >= m and step >= 10":              {{Metric: "m", Value: 0.5}, {Metric: "step", Value: 10, Above: true}},
		"loss_step < 2 and m > 1 and step > 2": {{Metric: "loss_step", Value: 2}, {Metric: "m", Value: 1, Above: true}, {Metric: "step", Value: 2, Above: true}},
		"m > 3 or step > 5":                    nil,
		"m > 3 and isfinite(m)":                nil,
		"m > loss_step":                        nil,
		"m * 2 > 3":                            nil,
	} {
		p, err := flowrun.Parse("s.yaml", []byte(with("", "  until: "+until+"\n")))
		require.NoError(t, err)
		require.Equal(t, want, p.Goals(), until)
	}
}

// Metrics may be one value under several names; whoever shows goals is told the same each
// time.
func TestAGoalHasTheFirstNameOfItsMetric(t *testing.T) {
	text := strings.Replace(with(", z: m, a: m, c: loss, b: loss", "  until: a > 3 and b < 2 and loss_step < 1 and step > 9\n"), "{m: m,", "{", 1)
	for range 50 {
		p, err := flowrun.Parse("s.yaml", []byte(text))
		require.NoError(t, err)
		require.Equal(t, []flowrun.Goal{{Metric: "z", Value: 3, Above: true}, {Metric: "c", Value: 2}, {Metric: "c", Value: 1}, {Metric: "step", Value: 9, Above: true}}, p.Goals())
	}
}

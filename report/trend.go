package report

import (
	"math"
	"slices"
	"time"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// trend estimates when metrics will have reached what until waits for. It keeps each
// metric's history in bounded memory: every so many steps, more of them the longer the run.
type trend struct {
	goals   []ir.Goal
	columns []int     // of the goals' metrics in a record, or one of those below
	steps   []float64 // of the history
	values  [][]float64
	every   int64 // steps between points of the history
	next    int64 // the step of the next one
	fitted  int   // the points of the latest fit
	latest  float64
}

// What goals can be about besides metrics.
const (
	stepColumn = -1
	lossColumn = -2
)

const (
	mostPoints  = 128 // of a history; with more, every second one goes
	fewestMoves = 12  // points without which nothing is said
	// farthest is how many times the steps so far an estimate may reach: beyond, it would
	// be a guess.
	farthest = 20
)

// newTrend is nil where there are no goals to follow.
func newTrend(run Run) *trend {
	if len(run.Goals) == 0 {
		return nil
	}
	t := &trend{goals: run.Goals, every: 1, values: make([][]float64, len(run.Goals))}
	for _, g := range run.Goals {
		column := slices.Index(run.Metrics, g.Metric)
		switch {
		case column >= 0:
		case g.Metric == ir.StepState:
			column = stepColumn
		case g.Metric == "loss_step":
			column = lossColumn
		default:
			return nil
		}
		t.columns = append(t.columns, column)
	}
	return t
}

// see takes a record into the history.
func (t *trend) see(r engine.Record) {
	if r.Step < t.next {
		return
	}
	t.next = r.Step + t.every
	t.steps = append(t.steps, float64(r.Step))
	for i, c := range t.columns {
		v := float64(r.Step)
		switch {
		case c >= 0:
			v = r.Metrics[c]
		case c == lossColumn:
			v = r.Loss
		}
		t.values[i] = append(t.values[i], v)
	}
	if len(t.steps) < mostPoints {
		return
	}
	t.steps = everySecond(t.steps)
	for i := range t.values {
		t.values[i] = everySecond(t.values[i])
	}
	n := len(t.steps)
	t.every = max(t.every, int64(t.steps[n-1]-t.steps[0])/int64(n-1))
	t.fitted = 0
}

// everySecond keeps the last value, and every second one before it.
func everySecond(v []float64) []float64 {
	kept := v[:0]
	for i := (len(v) + 1) % 2; i < len(v); i += 2 {
		kept = append(kept, v[i])
	}
	return kept
}

// reached is the step at which all goals will hold, if the metrics go on as they have;
// 0 where they show no trend towards it.
func (t *trend) reached() float64 {
	if n := len(t.steps); n != t.fitted { // fitting again gives the same
		t.fitted, t.latest = n, t.fit()
	}
	return t.latest
}

func (t *trend) fit() (reached float64) {
	recent := latter(t.steps)
	if len(recent) < fewestMoves {
		return 0
	}
	now := recent[len(recent)-1]
	for i, g := range t.goals {
		at := g.Value // of the step counter
		if t.columns[i] != stepColumn {
			at = crossing(recent, latter(t.values[i]), g)
		}
		if at == 0 || at > farthest*now {
			return 0
		}
		reached = max(reached, at)
	}
	if reached <= now { // they should hold by now: the trend doesn't explain it
		return 0
	}
	return reached
}

// latter is the second half of a history, and of a long one every second point of that: a
// fit looks at all pairs.
func latter(v []float64) []float64 {
	half := v[len(v)/2:]
	if len(half) > mostPoints/4 {
		return everySecond(slices.Clone(half))
	}
	return half
}

// crossing is the step at which a line through the values meets a goal: the line with the
// median of the slopes between any two points (Theil and Sen), which a few wild values
// don't move. It is fitted to the values as they are, to the logarithm of their distance
// from where they can't go beyond, as losses and accuracies approach that, and over the
// logarithm of the step; the one that fits best counts. 0 means that there is no trend.
func crossing(steps, values []float64, g ir.Goal) float64 {
	if values[len(values)-1] >= g.Value == g.Above && values[len(values)-1] != g.Value { // it holds
		return steps[len(steps)-1]
	}
	best, at := math.Inf(1), 0.0
	for _, form := range forms(values, g) {
		y := make([]float64, len(values))
		for i, v := range values {
			y[i] = form.value(v)
		}
		for _, logarithmic := range []bool{false, true} {
			x := slices.Clone(steps)
			for i := range x {
				if logarithmic {
					x[i] = math.Log(x[i])
				}
			}
			slope, first, clear := theilSen(x, y)
			if !clear || slope*form.direction <= 0 {
				continue
			}
			meets := (form.value(g.Value) - first) / slope
			if logarithmic {
				meets = math.Exp(meets)
			}
			misfit := make([]float64, len(values))
			for i := range values {
				misfit[i] = math.Abs(form.inverse(first+slope*x[i]) - values[i])
			}
			slices.Sort(misfit)
			if m := misfit[len(misfit)/2]; m < best && !math.IsNaN(meets) && meets > 0 {
				best, at = m, meets
			}
		}
	}
	return at
}

// form is a way to look at values in which their course may be a line.
type form struct {
	value, inverse func(float64) float64
	direction      float64 // of a slope towards the goal
}

func forms(values []float64, g ir.Goal) []form {
	same := func(v float64) float64 { return v }
	up := -1.0
	if g.Above {
		up = 1
	}
	all := []form{{same, same, up}}
	low, high := slices.Min(values), slices.Max(values)
	if !g.Above && g.Value > 0 && low > 0 { // such as a loss
		all = append(all, form{math.Log, math.Exp, -1})
	}
	if g.Above && g.Value < 1 && low >= 0 && high < 1 { // such as an accuracy
		all = append(all, form{func(v float64) float64 { return math.Log1p(-v) }, func(v float64) float64 { return -math.Expm1(v) }, -1})
	}
	return all
}

// theilSen is the line y = first + slope·x of the median slope and the median of what
// remains. It isn't clear where the values go up about as often as down, by Kendall's tau.
func theilSen(x, y []float64) (slope, first float64, clear bool) {
	slopes := make([]float64, 0, len(x)*(len(x)-1)/2)
	tau := 0
	for i := range x {
		for j := range i {
			s := (y[i] - y[j]) / (x[i] - x[j])
			if math.IsNaN(s) || math.IsInf(s, 0) {
				return 0, 0, false
			}
			slopes = append(slopes, s)
			switch {
			case s > 0:
				tau++
			case s < 0:
				tau--
			}
		}
	}
	slices.Sort(slopes)
	slope = slopes[len(slopes)/2]
	rest := make([]float64, len(x))
	for i := range x {
		rest[i] = y[i] - slope*x[i]
	}
	slices.Sort(rest)
	// Of n independent values, the deviation of tau is sqrt(n(n-1)(2n+5)/18): three of them
	// are no chance, but the values of a metric that is an average aren't independent.
	n := float64(len(x))
	clear = math.Abs(float64(tau)) > 4*math.Sqrt(n*(n-1)*(2*n+5)/18)
	return slope, rest[len(rest)/2], clear
}

// left is how long steps and evaluations will take.
func (l *line) left(r engine.Record, steps, rate float64) time.Duration {
	seconds := steps / rate
	if r.Evaluations > 0 && l.run.EvalEvery > 0 {
		end := float64(r.Step) + steps
		evaluations := math.Floor(end/float64(l.run.EvalEvery)) - math.Floor(float64(r.Step)/float64(l.run.EvalEvery))
		seconds += evaluations * r.Evaluating.Seconds() / float64(r.Evaluations)
	}
	return time.Duration(min(seconds, maxSeconds) * float64(time.Second))
}

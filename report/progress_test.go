package report

import (
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
)

var mathNet = Run{Metrics: []string{"loss", "accuracy"}, MaxSteps: 200_000, Every: 5000}

// records are a run of 35,112 steps, reported every 5,000 and at the end.
func records() []engine.Record {
	var rs []engine.Record
	for step := int64(5000); step <= 35_000; step += 5000 {
		rs = append(rs, engine.Record{
			Step: step, Elapsed: time.Duration(step) * 20 * time.Microsecond,
			Loss: 1 / float64(step), Metrics: []float64{500 / float64(step), 1 - 900/float64(step)},
		})
	}
	return append(rs, engine.Record{Step: 35_112, Elapsed: 702_240 * time.Microsecond, Loss: 0.0031, Metrics: []float64{0.0195, 0.995}, Last: true})
}

func play(t *testing.T, o engine.Observer, records []engine.Record) {
	t.Helper()
	for _, r := range records {
		require.NoError(t, o.Observe(r))
	}
}

// screen does what a terminal does with text and carriage returns, and gives
// the line after each write.
type screen struct {
	line   []rune
	cursor int
	shots  []string
	writes int
}

func (s *screen) Write(b []byte) (int, error) {
	s.writes++
	for _, c := range string(b) {
		if c == '\r' {
			s.cursor = 0
			continue
		}
		for len(s.line) <= s.cursor {
			s.line = append(s.line, ' ')
		}
		s.line[s.cursor] = c
		s.cursor++
	}
	s.shots = append(s.shots, strings.TrimRight(string(s.line), " "))
	return len(b), nil
}

func columns(n int) func() int { return func() int { return n } }

func TestProgressIsOneLineThatIsRedrawn(t *testing.T) {
	var s screen
	p := NewProgress(&s, columns(120), mathNet)
	play(t, p.Observer(), records())
	require.Equal(t, len(records()), s.writes, "a picture is one write")
	golden(t, "progress.txt", strings.Join(s.shots, "\n")+"\n")
}

func TestProgressLeavesTheScreenAsItWas(t *testing.T) {
	var s screen
	p := NewProgress(&s, columns(120), mathNet)
	play(t, p.Observer(), records())
	require.Empty(t, s.shots[len(s.shots)-1])
	require.Zero(t, s.cursor)

	play(t, p.Observer(), records()[:3]) // a run that fails has no last record
	require.NoError(t, p.Clear())
	require.Empty(t, s.shots[len(s.shots)-1])
	n := s.writes
	require.NoError(t, p.Clear())
	require.Equal(t, n, s.writes, "there is nothing to clear twice")
}

func TestAShorterLineErasesALongerOne(t *testing.T) {
	var s screen
	width := 100
	p := NewProgress(&s, func() int { return width }, mathNet)
	rs := records()
	play(t, p.Observer(), rs[:1])
	width = 42
	s.line = s.line[:width] // as xterm does; others break the line, and draw over its end
	play(t, p.Observer(), rs[1:2])
	require.Len(t, s.line, width, "it isn't broken again")
	require.Equal(t, "step 10,000/200,000 (5%)  loss 0.05000", s.shots[1])
}

// evaluated is a record of a run with evaluations after so many seconds.
func evaluated(second float64, fresh bool) engine.Record {
	return engine.Record{Step: int64(100 * second), Elapsed: time.Duration(second * float64(time.Second)), Metrics: []float64{1}, Fresh: fresh, Evaluated: true}
}

// linesThatStay plays records into a terminal and gives the seconds of the lines that stay.
func linesThatStay(t *testing.T, records []engine.Record) (seconds []float64) {
	t.Helper()
	var b strings.Builder
	o := NewProgress(&b, columns(80), Run{Metrics: []string{"eval.loss"}, EvalEvery: 1}).Observer()
	for _, r := range records {
		before := strings.Count(b.String(), "\n")
		require.NoError(t, o.Observe(r))
		if strings.Count(b.String(), "\n") > before {
			seconds = append(seconds, r.Elapsed.Seconds())
			require.True(t, strings.HasSuffix(strings.TrimRight(b.String(), " \n"), "s"), "the line is whole: %q", b.String())
			b.Reset()
		}
	}
	require.NotContains(t, b.String(), "\x1b")
	return seconds
}

func TestALongRunLeavesAHistoryOnATerminal(t *testing.T) {
	var day []engine.Record
	for second := 5.0; second < 86_400; second += 5 {
		day = append(day, evaluated(second, false))
	}
	lines := linesThatStay(t, day)
	require.Equal(t, []float64{10, 20, 30, 40, 50}, lines[:5])
	require.Greater(t, len(lines), 100)
	require.Less(t, len(lines), 300)
	for i := 1; i < len(lines); i++ {
		require.LessOrEqual(t, lines[i]-lines[i-1], 601.0)
	}
}

func TestAnEvaluationsLineStaysUnlessThereAreMany(t *testing.T) {
	require.Equal(t, []float64{4, 8, 12, 22}, linesThatStay(t, []engine.Record{evaluated(1, false), evaluated(4, true), evaluated(6, true), evaluated(8, true),
		evaluated(9, false), evaluated(12, true), evaluated(13, true), evaluated(21, false), evaluated(22, false)}))
	var often []engine.Record
	for ms := 1; ms < 9000; ms++ {
		often = append(often, evaluated(float64(ms)/1000, true))
	}
	require.Len(t, linesThatStay(t, often), 3)
}

func TestProgressNeverReachesTheLastColumn(t *testing.T) {
	var widths []string
	for width := 100; width >= 0; width-- {
		var s screen
		play(t, NewProgress(&s, columns(width), mathNet).Observer(), records()[:1])
		require.LessOrEqual(t, len(s.line), max(0, width-1))
		if n := len(widths); n == 0 || widths[n-1] != s.shots[0] {
			widths = append(widths, s.shots[0])
		}
	}
	golden(t, "widths.txt", strings.Join(widths, "\n")+"\n")
}

func TestLinesArePlain(t *testing.T) {
	var b strings.Builder
	o := Lines(&b, mathNet)
	require.EqualValues(t, 5000, o.Every)
	play(t, o, records())
	golden(t, "lines.txt", b.String())
}

func TestTheLastStepHasOneLineOnly(t *testing.T) {
	var b strings.Builder
	rs := records()[:2]
	last := rs[1]
	last.Last = true
	play(t, Lines(&b, mathNet), append(rs, last))
	require.Equal(t, 2, strings.Count(b.String(), "\n"))
}

func TestARunWithoutStepsHasNoLines(t *testing.T) {
	var b strings.Builder
	play(t, Lines(&b, Run{Metrics: []string{"loss"}, Start: 700}), []engine.Record{{Step: 700, Last: true}})
	require.Empty(t, b.String())
}

func TestWithoutALossMetricTheRawLossIsShown(t *testing.T) {
	var b strings.Builder
	o := Lines(&b, Run{Metrics: []string{"accuracy"}})
	play(t, o, []engine.Record{{Step: 1, Elapsed: 2 * time.Second, Loss: math.NaN(), Metrics: []float64{math.Inf(1)}}})
	require.Equal(t, "step 1  loss_step NaN  accuracy +Inf  0.50 steps/s  2.0s\n", b.String())
}

func TestAResumedRunsSpeedCountsItsOwnStepsOnly(t *testing.T) {
	var b strings.Builder
	o := Lines(&b, Run{Metrics: []string{"loss"}, Start: 100_000, MaxSteps: 101_000})
	play(t, o, []engine.Record{{Step: 100_100, Elapsed: time.Second, Metrics: []float64{1}}})
	require.Equal(t, "step 100,100/101,000 (99%)  loss 1.000  100 steps/s  1.0s  9.0s left\n", b.String())
}

func TestSpeedFollowsTheLatestRecords(t *testing.T) {
	l := newLine(Run{})
	var last float64
	for i := int64(1); i <= 10; i++ { // 10 steps a second
		last = l.rate(mark{10 * i, time.Duration(i) * time.Second})
		require.InDelta(t, 10, last, 1e-9)
	}
	for i := int64(1); i <= 9; i++ { // then 20 steps a second
		now := l.rate(mark{100 + 20*i, time.Duration(10+i) * time.Second})
		require.Greater(t, now, last)
		last = now
	}
	require.InDelta(t, 20, l.rate(mark{300, 20 * time.Second}), 1e-9)
}

func TestATinySpeedDoesNotOverflowTheTimeLeft(t *testing.T) {
	var b strings.Builder
	play(t, Lines(&b, Run{MaxSteps: math.MaxInt64}), []engine.Record{{Step: 1, Elapsed: time.Hour}})
	require.Contains(t, b.String(), "87600h0m0s left")
}

func TestAWriteErrorEndsTheRun(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	record := engine.Record{Step: 1, Elapsed: time.Second, Metrics: []float64{1, 1}}
	require.ErrorIs(t, Lines(w, mathNet).Observe(record), io.ErrClosedPipe)
	require.ErrorIs(t, NewProgress(w, columns(80), mathNet).Observer().Observe(record), io.ErrClosedPipe)
	require.ErrorIs(t, Result{}.WriteText(w), io.ErrClosedPipe)
	require.ErrorIs(t, Result{}.WriteJSON(w), io.ErrClosedPipe)
	require.ErrorIs(t, Result{}.WriteStats(w), io.ErrClosedPipe)
	log := NewLog(w, mathNet)
	require.NoError(t, log.Observer().Observe(engine.Record{Step: 1, Metrics: []float64{1, 1}}))
	require.ErrorIs(t, log.Flush(), io.ErrClosedPipe)
}

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 35_112: "35,112", 1_234_567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		require.Equal(t, want, Count(n))
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 3 << 30: "3.0 GiB", math.MaxInt64: "8.0 EiB"} {
		require.Equal(t, want, diag.Bytes(n))
	}
	for d, want := range map[time.Duration]string{0: "0.0s", time.Microsecond: "1ms", 28 * time.Millisecond: "28ms", 49999 * time.Microsecond: "50ms", 51 * time.Millisecond: "0.1s", 175 * time.Millisecond: "0.2s", 59 * time.Second: "59.0s", 125 * time.Second: "2m5s", 3 * time.Hour: "3h0m0s"} {
		require.Equal(t, want, Duration(d))
	}
}

func TestEvaluationsCountInTheTimeLeftAndNotInTheSpeed(t *testing.T) {
	var b strings.Builder
	o := Lines(&b, Run{Metrics: []string{"loss"}, MaxSteps: 1000, EvalEvery: 100})
	// 100 steps took a second, and their evaluation two; eight more of both are to come,
	// and then a second of steps and the last evaluation.
	play(t, o, []engine.Record{{Step: 100, Elapsed: 3 * time.Second, Evaluating: 2 * time.Second, Evaluations: 1, Metrics: []float64{1}}})
	require.Equal(t, "step 100/1,000 (10%)  loss 1.000  100 steps/s  3.0s  27.0s left\n", b.String())
}

// A step whose evaluation was interrupted has its line from the run that completes it, as in
// a log.
func TestAStepHasItsLineWhenItsEvaluationIsComplete(t *testing.T) {
	var b strings.Builder
	run := Run{Metrics: []string{"eval.loss"}, EvalEvery: 10}
	play(t, Lines(&b, run), []engine.Record{{Step: 10, Due: true, Metrics: []float64{nan}, Last: true}})
	require.Empty(t, b.String())
	run.Start, run.Due = 10, true
	play(t, Lines(&b, run), []engine.Record{{Step: 10, Fresh: true, Evaluated: true, Metrics: []float64{0.5}}})
	require.Contains(t, b.String(), "step 10")
	require.Contains(t, b.String(), "0.5000")
}

func TestALineShowsWhatIsKnownOfARun(t *testing.T) {
	run := Run{Metrics: []string{"loss", "grad_norm"}, EpochSteps: 40, Epochs: 10, MaxSteps: 400, Examples: 32, Memory: 3 << 20, Every: 1,
		Rates: func(step, _ int64) []Rate { return []Rate{{"lr", 0.1 / float64(step)}, {"lr[*.bias]", 0.01}} }}
	record := engine.Record{Step: 50, Elapsed: time.Second, Metrics: []float64{1, 2}}
	var b strings.Builder
	play(t, Lines(&b, run), []engine.Record{record})
	require.Equal(t, "step 50/400 (12%)  epoch 1.25/10  loss 1.000  grad_norm 2.000  lr 0.002, 0.01  50 steps/s  1,600 examples/s  3.0 MiB  1.0s  7.0s left\n", b.String())
	run.Tokens = 32 * 64
	b.Reset()
	play(t, Lines(&b, run), []engine.Record{record})
	require.Contains(t, b.String(), "  102,400 tokens/s  ")

	parts := newLine(run).parts(record)
	require.Equal(t, "step 50/400 (12%)  loss 1.000  lr 0.002, 0.01  50 steps/s  1.0s  7.0s left", fit(parts, 77))
	require.Equal(t, "step 50/400 (12%)  loss 1.000  50 steps/s  7.0s left", fit(parts, 55))
}

package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
)

// redrawEvery is often enough for a line to look alive.
const redrawEvery = 100 * time.Millisecond

// Progress is one line on a terminal, drawn over and over: step, metrics, speed, time.
// Now and then, and at evaluations, the line stays and the next one is begun below it, so
// that a long run leaves a history. It uses no escape sequences, only carriage returns and
// blanks, and writes each picture at once, so that any terminal shows it without flicker.
type Progress struct {
	w     io.Writer
	width func() int
	line  *line
	drawn int           // characters on the screen
	next  time.Duration // when it is to be drawn again
	kept  time.Duration // when the last line was left to stay
}

// NewProgress makes a progress line for a terminal that is width() columns wide
// at the time.
func NewProgress(w io.Writer, width func() int, run Run) *Progress {
	return &Progress{w: w, width: width, line: newLine(run)}
}

// Observer redraws the line ten times a second and clears it at the end.
func (p *Progress) Observer() engine.Observer {
	return engine.Observer{Interval: redrawEvery, Evaluations: true, Observe: func(r engine.Record) error {
		if r.Last {
			return p.Clear()
		}
		since, every := r.Elapsed-p.kept, keepEvery(r.Elapsed)
		stays := since >= every || r.Fresh && since >= every/4
		if !stays && r.Elapsed < p.next { // evaluations may be more frequent
			return nil
		}
		p.next = r.Elapsed + redrawEvery
		text := fit(p.line.parts(r), p.room())
		if stays && text != "" {
			p.kept = r.Elapsed
			return p.draw(text, "\n")
		}
		return p.draw(text, "")
	}}
}

// keepEvery is how long it takes until a line stays: ten seconds at first, growing with the
// run, so that a day leaves some two hundred lines.
func keepEvery(elapsed time.Duration) time.Duration {
	return min(max(10*time.Second, elapsed/20), 10*time.Minute)
}

// room is how many characters a line may have. The last column makes some terminals wrap,
// and Ctrl-C is shown as two characters behind the line.
func (p *Progress) room() int { return max(0, p.width()-1-len("^C")) }

// Clear takes the line off the screen. It is for whoever wants to write there,
// an error message for example, and may be called at any time between steps.
func (p *Progress) Clear() error {
	if p.drawn == 0 {
		return nil
	}
	blanks := strings.Repeat(" ", min(p.drawn+len("^C"), p.width()))
	p.drawn = 0
	_, err := io.WriteString(p.w, "\r"+blanks+"\r")
	return err
}

// draw draws over the line on the screen. In a terminal that has become narrower, that line
// may take several rows, of which the last is drawn over; more blanks than a row has would
// begin another.
func (p *Progress) draw(text, end string) error {
	n := utf8.RuneCountInString(text)
	blanks := strings.Repeat(" ", max(0, min(p.drawn, p.width())-n))
	p.drawn = n
	if end != "" {
		p.drawn = 0
	}
	_, err := io.WriteString(p.w, "\r"+text+blanks+end)
	return err
}

// Lines is progress for files and pipes: a plain line for each step that has one in a log.
func Lines(w io.Writer, run Run) engine.Observer {
	l := newLine(run)
	written := run.Logged()
	return engine.Observer{Every: run.every(), Evaluations: true, Observe: func(r engine.Record) error {
		if r.Step <= written || r.Due { // the run that completes an evaluation has its line
			return nil
		}
		written = r.Step
		_, err := io.WriteString(w, fit(l.parts(r), math.MaxInt)+"\n")
		return err
	}}
}

// part is a piece of a progress line. Where there is no room, those with the
// highest rank go first.
type part struct {
	text string
	rank int
}

// fit joins as many parts as go into width columns, perhaps none: half a number
// would mislead.
func fit(parts []part, width int) string {
	parts = slices.Clone(parts)
	for {
		texts := make([]string, len(parts))
		for i, p := range parts {
			texts[i] = p.text
		}
		text := strings.Join(texts, "  ")
		if utf8.RuneCountInString(text) <= width {
			return text
		}
		if len(parts) == 1 {
			return ""
		}
		worst := 0
		for i, p := range parts {
			if p.rank >= parts[worst].rank {
				worst = i
			}
		}
		parts = slices.Delete(parts, worst, worst+1)
	}
}

// line writes records down as parts.
type line struct {
	run   Run
	trend *trend // nil: there are no goals
	past  []mark // the latest records, the oldest first; speed is measured over them
}

// mark is a step, and the time that steps had taken then, without evaluations.
type mark struct {
	step    int64
	elapsed time.Duration
}

// window is the number of records over which speed is measured: a second of
// redrawing.
const window = 10

func newLine(run Run) *line {
	return &line{run: run, trend: newTrend(run), past: []mark{{run.Start, 0}}}
}

// The parts' ranks. A metric's is metricRank + its index, unless it is the gradients' norm.
const (
	stepRank = iota
	metricRank
	rateRank = 1000 + iota
	leftRank
	elapsedRank
	learningRank
	epochRank
	normRank
	throughputRank
	memoryRank
)

// parts gives "step 12,000/200,000 (6%)", "epoch 1.2/20", "loss 0.4123", "lr 0.001",
// "201,342 steps/s", "6,442,944 examples/s", "12.3 MiB", "0.1s", "0.9s left".
func (l *line) parts(r engine.Record) []part {
	parts := append(l.place(r), l.metrics(r)...)
	if rates := l.run.rates(r); len(rates) > 0 {
		parts = append(parts, part{"lr " + formatRates(rates), learningRank})
	}
	rate := l.rate(mark{r.Step, r.Elapsed - r.Evaluating})
	if rate > 0 {
		parts = append(parts, part{formatRate(rate), rateRank})
		switch {
		case l.run.Tokens > 0:
			parts = append(parts, part{formatSpeed(rate*float64(l.run.Tokens), "tokens/s"), throughputRank})
		case l.run.Examples > 0:
			parts = append(parts, part{formatSpeed(rate*float64(l.run.Examples), "examples/s"), throughputRank})
		}
	}
	if l.run.Memory > 0 {
		parts = append(parts, part{diag.Bytes(l.run.Memory), memoryRank})
	}
	parts = append(parts, part{Duration(r.Elapsed), elapsedRank})
	if left := l.timeLeft(r, rate); left != "" {
		parts = append(parts, part{left, leftRank})
	}
	return parts
}

// place is the step, and the epoch.
func (l *line) place(r engine.Record) []part {
	step := "step " + Count(r.Step)
	if l.run.MaxSteps > 0 && !l.run.Open {
		step += "/" + Count(l.run.MaxSteps) + " (" + strconv.Itoa(int(100*float64(r.Step)/float64(l.run.MaxSteps))) + "%)"
	}
	if l.run.EpochSteps == 0 {
		return []part{{step, stepRank}}
	}
	epoch := fmt.Sprintf("epoch %.2f", float64(r.Step)/float64(l.run.EpochSteps))
	if l.run.Epochs > 0 {
		epoch += "/" + Count(l.run.Epochs)
	}
	return []part{{step, stepRank}, {epoch, epochRank}}
}

// metrics are the metrics that are scalars, and without one called loss the step's loss.
func (l *line) metrics(r engine.Record) (parts []part) {
	if !l.run.NoLoss && !slices.Contains(l.run.Metrics, "loss") {
		parts = append(parts, part{"loss_step " + Metric(r.Loss), metricRank})
	}
	for i, name := range l.run.Metrics {
		if tensorOf(r.Tensors, i) != nil {
			continue // a line has no room for it
		}
		value := noValue
		if hasValue(name, r.Evaluated) {
			value = Metric(r.Metrics[i])
		}
		rank := metricRank + i
		if name == normName {
			rank = normRank
		}
		parts = append(parts, part{name + " " + value, rank})
	}
	return parts
}

// normName is the metric of all gradients' norm.
const normName = "grad_norm"

// timeLeft says how long the run will take: until its last step, where that is known, or by
// the trend of what it waits for; "" if neither says.
func (l *line) timeLeft(r engine.Record, rate float64) string {
	if l.trend != nil {
		l.trend.see(r)
	}
	limit := float64(l.run.MaxSteps - r.Step)
	if rate <= 0 || l.run.MaxSteps > 0 && limit <= 0 {
		return ""
	}
	if !l.run.Open {
		if l.run.MaxSteps == 0 {
			return ""
		}
		return Duration(l.left(r, limit, rate)) + " left"
	}
	if l.trend == nil {
		return ""
	}
	steps := l.trend.reached() - float64(r.Step)
	if steps <= 0 {
		return ""
	}
	if l.run.MaxSteps > 0 && limit <= steps {
		return Duration(l.left(r, limit, rate)) + " left at most"
	}
	return Duration(l.left(r, steps, rate)) + " left by the trend"
}

// maxSeconds, ten years, keeps the time that is left inside of a Duration.
const maxSeconds = 10 * 365 * 24 * 3600

// rate is the steps per second since the oldest mark in the window; 0 if no
// time has passed.
func (l *line) rate(now mark) float64 {
	oldest := l.past[0]
	if len(l.past) == window {
		copy(l.past, l.past[1:])
		l.past = l.past[:window-1]
	}
	l.past = append(l.past, now)
	if now.elapsed <= oldest.elapsed {
		return 0
	}
	return float64(now.step-oldest.step) / (now.elapsed - oldest.elapsed).Seconds()
}

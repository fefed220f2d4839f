package report

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/engine"
)

// redrawEvery is often enough for a line to look alive.
const redrawEvery = 100 * time.Millisecond

// Progress is one line on a terminal, drawn over and over: step, metrics,
// speed, time. It uses no escape sequences, only carriage returns and blanks,
// and writes each picture at once, so that any terminal shows it without
// flicker.
type Progress struct {
	w     io.Writer
	width func() int
	line  *line
	drawn int // characters on the screen
}

// NewProgress makes a progress line for a terminal that is width() columns wide
// at the time.
func NewProgress(w io.Writer, width func() int, run Run) *Progress {
	return &Progress{w: w, width: width, line: newLine(run)}
}

// Observer redraws the line ten times a second and clears it at the end.
func (p *Progress) Observer() engine.Observer {
	return engine.Observer{Interval: redrawEvery, Observe: func(r engine.Record) error {
		if r.Last {
			return p.Clear()
		}
		// The last column makes some terminals wrap, and Ctrl-C is shown as two
		// characters behind the line.
		return p.draw(fit(p.line.parts(r), max(0, p.width()-1-len("^C"))))
	}}
}

// Clear takes the line off the screen. It is for whoever wants to write there,
// an error message for example, and may be called at any time between steps.
func (p *Progress) Clear() error {
	if p.drawn == 0 {
		return nil
	}
	blanks := strings.Repeat(" ", p.drawn+len("^C"))
	p.drawn = 0
	_, err := io.WriteString(p.w, "\r"+blanks+"\r")
	return err
}

func (p *Progress) draw(text string) error {
	n := utf8.RuneCountInString(text)
	blanks := strings.Repeat(" ", max(0, p.drawn-n))
	p.drawn = n
	_, err := io.WriteString(p.w, "\r"+text+blanks)
	return err
}

// Lines is progress for files and pipes: a plain line for each step that has one in a log.
func Lines(w io.Writer, run Run) engine.Observer {
	l := newLine(run)
	written := run.Start
	return engine.Observer{Every: run.every(), Evaluations: true, Observe: func(r engine.Record) error {
		if r.Step <= written {
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
	run  Run
	past []mark // the latest records, the oldest first; speed is measured over them
}

type mark struct {
	step    int64
	elapsed time.Duration
}

// window is the number of records over which speed is measured: a second of
// redrawing.
const window = 10

func newLine(run Run) *line {
	return &line{run: run, past: []mark{{run.Start, 0}}}
}

// The parts' ranks. A metric's is metricRank + its index.
const (
	stepRank = iota
	metricRank
	rateRank    = 1000
	elapsedRank = 1001
	leftRank    = 1002
)

// parts gives "step 12,000/200,000 (6%)", "loss 0.4123", "201,342 steps/s",
// "0.1s", "0.9s left".
func (l *line) parts(r engine.Record) []part {
	step := "step " + formatCount(r.Step)
	if l.run.MaxSteps > 0 {
		step += "/" + formatCount(l.run.MaxSteps) + " (" + strconv.Itoa(int(100*float64(r.Step)/float64(l.run.MaxSteps))) + "%)"
	}
	parts := []part{{step, stepRank}}
	if !slices.Contains(l.run.Metrics, "loss") {
		parts = append(parts, part{"loss_step " + formatMetric(r.Loss), metricRank})
	}
	for i, name := range l.run.Metrics {
		if tensorOf(r.Tensors, i) != nil {
			continue // a line has no room for it
		}
		value := noValue
		if hasValue(name, r.Evaluated) {
			value = formatMetric(r.Metrics[i])
		}
		parts = append(parts, part{name + " " + value, metricRank + i})
	}
	rate := l.rate(mark{r.Step, r.Elapsed})
	if rate > 0 {
		parts = append(parts, part{formatRate(rate), rateRank})
	}
	parts = append(parts, part{formatDuration(r.Elapsed), elapsedRank})
	if left := l.run.MaxSteps - r.Step; rate > 0 && left > 0 {
		eta := time.Duration(min(float64(left)/rate, maxSeconds) * float64(time.Second))
		parts = append(parts, part{formatDuration(eta) + " left", leftRank})
	}
	return parts
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

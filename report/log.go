package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/engine"
)

// Log writes an entry for every so many steps, for each step with an evaluation, and for
// the last step, as JSON lines or as CSV. Entries are buffered; they reach the writer once
// a second at the latest while steps are being taken, and at the end.
type Log struct {
	run             Run
	w               *bufio.Writer
	sync            func() error // of the writer, if it has one
	failed          error        // the first error of any write; every later call gives it again
	encode          func(engine.Record) []byte
	keys            []string // of JSON: `,"accuracy":`
	shown, rateKeys []string // of learning rates
	shownAt         []int    // where they are among those of a record
	rates           []float64
	line            []byte
	written         int64 // the last step that has its line
	flushed         time.Duration
}

// NewLog makes a log of a run as JSON lines:
//
//	{"step":1,"loss":0.7312,"accuracy":0.2,"loss_step":0.7312}
//
// "step" counts steps taken, so the first is 1; where the data has epochs, "epoch" is how
// many of them are complete; then come the metrics in the
// spec's order, the raw loss of the step as "loss_step", and the learning rate as "lr",
// with those of groups of parameters as "lr[PATTERN]". Numbers have all
// their digits. Tensors are nested arrays; that of an evaluation is only in the
// first line after it, where it is new.
func NewLog(w io.Writer, run Run) *Log {
	l := newLog(w, run)
	l.encode = l.encodeJSON
	for _, name := range run.Metrics {
		l.keys = append(l.keys, ","+quoteJSON(name)+":")
	}
	return l
}

func newLog(w io.Writer, run Run) *Log {
	l := &Log{run: run, w: bufio.NewWriterSize(w, 64<<10), written: run.Logged()}
	l.shown, l.shownAt = run.shownRates()
	for _, name := range l.shown {
		l.rateKeys = append(l.rateKeys, ","+quoteJSON(name)+":")
	}
	if file, ok := w.(interface{ Sync() error }); ok {
		l.sync = file.Sync
	}
	return l
}

// Observer writes the lines. Its Sync puts them on the disk, if the log's writer has a
// Sync.
func (l *Log) Observer() engine.Observer {
	return engine.Observer{Every: l.run.every(), Evaluations: true, Observe: l.write, Sync: l.Sync}
}

// Flush hands to the writer what is still buffered. A run whose states can't be read
// any more has no last record, so whoever owns the log calls it when the run is over.
// It gives the first error of any write.
func (l *Log) Flush() error { return l.fail(l.w.Flush()) }

// Sync is Flush, and makes what was written lasting.
func (l *Log) Sync() error {
	err := l.w.Flush()
	if err == nil && l.sync != nil {
		err = l.sync()
	}
	return l.fail(err)
}

// fail gives the first error of all.
func (l *Log) fail(err error) error {
	if err != nil && l.failed == nil {
		l.failed = fmt.Errorf("the log can't be written: %w", err)
	}
	return l.failed
}

// write appends a record, unless its step has been written: a run's end is no
// step of its own. A step whose evaluation isn't complete gets its line from the run
// that completes it.
func (l *Log) write(r engine.Record) error {
	if r.Step > l.written && !r.Due {
		l.written = r.Step
		if _, err := l.w.Write(l.encode(r)); err != nil {
			return l.fail(err)
		}
	}
	if r.Last || r.Elapsed-l.flushed >= time.Second {
		l.flushed = r.Elapsed
		return l.Flush()
	}
	return nil
}

// encodeJSON gives a record's line. It allocates nothing once line has grown to its
// size.
func (l *Log) encodeJSON(r engine.Record) []byte {
	b := append(l.line[:0], `{"step":`...)
	b = strconv.AppendInt(b, r.Step, 10)
	if l.run.EpochSteps > 0 {
		b = append(b, `,"epoch":`...)
		b = strconv.AppendInt(b, r.Epoch, 10)
	}
	for i, key := range l.keys {
		t := tensorOf(r.Tensors, i)
		if t != nil && repeats(l.run.Metrics[i], r) {
			continue
		}
		b = append(b, key...)
		if t != nil {
			b = appendJSONTensor(b, t)
		} else {
			b = appendJSONFloat(b, r.Metrics[i])
		}
	}
	if !l.run.NoLoss {
		b = append(b, `,"loss_step":`...)
		b = appendJSONFloat(b, r.Loss)
	}
	for i, v := range l.ratesOf(r) {
		b = append(b, l.rateKeys[i]...)
		b = appendJSONFloat(b, v)
	}
	l.line = append(b, "}\n"...)
	return l.line
}

// ratesOf are the learning rates of a record's step that the log shows.
func (l *Log) ratesOf(r engine.Record) []float64 {
	l.rates = l.rates[:0]
	all := l.run.rates(r)
	for _, i := range l.shownAt {
		l.rates = append(l.rates, all[i].Value)
	}
	return l.rates
}

// quoteJSON writes a string as JSON.
func quoteJSON(s string) string {
	quoted, _ := json.Marshal(s) // a string can't fail
	return string(quoted)
}

package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/report/tensorboard"
)

// events encodes entries as TensorBoard's events.
type events struct {
	*Log
	event tensorboard.Event
	past  mark // the step and time of the last entry
	note  func(string)
	told  bool
	now   func() time.Time
}

// NewEvents makes a log of a run as a new event file of TensorBoard: for each entry that
// [NewLog]'s has, a scalar for each metric, for "loss_step", the learning rates and
// "steps_per_second". Those of an evaluation are only in the entry of its step. Of metrics
// that are tensors, a vector is a scalar for each element, "f1/0", and a matrix a table
// under Text; both of up to 20 elements in a row and a column. Larger ones are left out,
// which note is told. The spec is a text at the first step.
func NewEvents(w io.Writer, run Run, spec string, note func(string)) *Log {
	e := &events{Log: newLog(w, run), past: mark{step: run.Start}, note: note, now: time.Now}
	e.Log.encode = e.encode
	first := run.Logged() + 1
	if first > 1 && !run.HasEntry(run.Logged()) { // it is that of an interruption, as in a log
		first--
	}
	b := tensorboard.AppendBeginning(nil, e.now(), first)
	if spec != "" {
		e.event.Text("spec", fenced(spec))
		b = e.event.Append(b, e.now(), run.Logged()+1)
	}
	_ = e.fail(write(e.w, string(b)))
	return e.Log
}

// fenced is a text as Markdown shows it, as it is.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "yaml\n" + strings.TrimRight(text, "\n") + "\n" + fence
}

// encode gives a record's event.
func (e *events) encode(r engine.Record) []byte {
	e.event.Reset()
	for i, name := range e.run.Metrics {
		switch t := tensorOf(r.Tensors, i); {
		case repeats(name, r):
		case t != nil:
			e.tensor(name, t)
		default:
			e.event.Scalar(name, r.Metrics[i])
		}
	}
	if !e.run.NoLoss {
		e.event.Scalar("loss_step", r.Loss)
	}
	for i, v := range e.ratesOf(r) {
		e.event.Scalar(e.shown[i], v)
	}
	now := mark{r.Step, r.Elapsed - r.Evaluating}
	if took := now.elapsed - e.past.elapsed; took > 0 && now.step > e.past.step {
		e.event.Scalar("steps_per_second", float64(now.step-e.past.step)/took.Seconds())
	}
	e.past = now
	e.line = e.event.Append(e.line[:0], e.now(), r.Step)
	return e.line
}

// tensor adds a metric that is a tensor.
func (e *events) tensor(name string, t *ir.Tensor) {
	shape := t.Type.Shape
	switch {
	case len(shape) == 1 && shape[0] <= tableLimit:
		for i := range shape[0] {
			e.event.Scalar(fmt.Sprintf("%s/%d", name, i), t.Float(i))
		}
	case len(shape) == 2 && shape[0] <= tableLimit && shape[1] <= tableLimit:
		e.event.Text(name, markdown(t))
	case !e.told && e.note != nil:
		e.told = true
		e.note(fmt.Sprintf("TensorBoard isn't shown the metric %s, %s: it takes vectors and matrices of up to %d rows and columns", name, t.Type, tableLimit))
	}
}

// markdown writes a matrix as a table with the numbers of its rows and columns.
func markdown(t *ir.Tensor) string {
	var b strings.Builder
	rows, columns := t.Type.Shape[0], t.Type.Shape[1]
	b.WriteString("| |")
	for c := range columns {
		fmt.Fprintf(&b, " **%d** |", c)
	}
	b.WriteString("\n|---:|" + strings.Repeat("---:|", columns) + "\n")
	for r := range rows {
		fmt.Fprintf(&b, "| **%d** |", r)
		for c := range columns {
			fmt.Fprintf(&b, " %s |", formatElement(t, r*columns+c))
		}
		b.WriteString("\n")
	}
	return b.String()
}

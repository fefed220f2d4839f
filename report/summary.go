package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/runs"
)

// Result is the outcome of a run.
type Result struct {
	Run     runs.Info // what it was
	Summary engine.Summary
	Stats   engine.Stats
	Best    *runs.Best    // nil if there is none
	Weights *runs.Weights // of the file that it began with; nil: of none
	Out     string        // the folder in which the run is kept; "" if it isn't
	Failure error         // what ended it; nil if nothing went wrong
}

// stopped says each reason in words.
var stopped = map[engine.StopReason]string{
	engine.StoppedUntil:       "`until` condition met",
	engine.StoppedMaxSteps:    "max_steps reached",
	engine.StoppedEpochs:      "epochs reached",
	engine.StoppedEarly:       "no improvement for early_stop",
	engine.StoppedData:        "the training data has ended",
	engine.StoppedInterrupted: "interrupted",
	engine.StoppedNonFinite:   "diverged",
}

// Reason says in words why a run stopped.
func Reason(why string) string { return cmp.Or(stopped[engine.StopReason(why)], why) }

// WriteText writes the summary for people: why it stopped, steps, seconds,
// device, metrics.
func (r Result) WriteText(w io.Writer) error {
	s := r.Summary
	var b strings.Builder
	fmt.Fprintf(&b, "%s: stopped after %s", r.Run.Spec, Steps(s.Steps))
	fmt.Fprintf(&b, " in %s", Duration(s.Elapsed))
	if s.Steps > 0 && s.Elapsed > 0 {
		fmt.Fprintf(&b, " (%s)", formatRate(float64(s.Steps)/s.Elapsed.Seconds()))
	}
	fmt.Fprintf(&b, " on %s: %s\n", r.Run.Device, Reason(string(s.Stopped)))
	if s.Steps > 0 || s.Step > 0 { // a resumed run that takes no step has them too
		rows := make([][2]string, 0, len(r.Run.Metrics)+1)
		for i, name := range r.Run.Metrics {
			switch {
			case !hasValue(name, s.Evaluated):
				rows = append(rows, [2]string{name, noValue})
			case tensorOf(s.Tensors, i) == nil:
				rows = append(rows, [2]string{name, Metric(s.Metrics[i])})
			}
		}
		if !s.NoLoss {
			rows = append(rows, [2]string{"loss_step", Metric(s.Loss)})
		}
		table(&b, rows)
		for i, name := range r.Run.Metrics {
			if t := tensorOf(s.Tensors, i); t != nil && hasValue(name, s.Evaluated) {
				writeTensor(&b, name, t)
			}
		}
	}
	if s.Skipped > 0 {
		fmt.Fprintf(&b, "  %s skipped, as loss or gradients weren't finite\n", Steps(s.Skipped))
	}
	if best := r.Best; best != nil {
		fmt.Fprintf(&b, "best %s: %s at step %s", best.Metric, Metric(best.Value), Count(best.Step))
		if best.File != "" {
			fmt.Fprintf(&b, " (%s)", diag.Printable(best.File))
		}
		b.WriteByte('\n')
	}
	if r.Out != "" {
		fmt.Fprintf(&b, "kept in %s\n", diag.Printable(r.Out))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteStats writes what the run cost: kernels, copies, memory.
func (r Result) WriteStats(w io.Writer) error {
	s := r.Stats
	traffic := func(t engine.Traffic) string {
		if t.Count == 1 {
			return "1 copy, " + diag.Bytes(t.Bytes)
		}
		return Count(t.Count) + " copies, " + diag.Bytes(t.Bytes)
	}
	var b strings.Builder
	rows := [][2]string{
		{"kernels run", Count(s.KernelsRun)},
		{"host to device", traffic(s.HostToDevice)},
		{"device to host", traffic(s.DeviceToHost)},
		{"device to device", traffic(s.DeviceToDevice)},
	}
	if s.Aliased > 0 {
		rows = append(rows, [2]string{"shared memory", Count(s.Aliased) + " copies avoided"})
	}
	rows = append(rows, [2]string{"peak memory", diag.Bytes(s.PeakBytes)})
	if s.DataWait > 0 {
		waited := Duration(s.DataWait)
		if total := r.Summary.Elapsed; total > 0 {
			waited += fmt.Sprintf(", %.1f %% of the time", 100*s.DataWait.Seconds()/total.Seconds())
		}
		rows = append(rows, [2]string{"waiting for data", waited})
	}
	table(&b, rows)
	_, err := io.WriteString(w, b.String())
	return err
}

// table writes rows of two columns, indented.
func table(w io.Writer, rows [][2]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(t, "  %s\t%s\n", row[0], row[1])
	}
	t.Flush()
}

// WriteJSON writes the summary for programs: one object on one line.
func (r Result) WriteJSON(w io.Writer) error {
	text, err := json.Marshal(r.summary())
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// summary is the object that --json prints.
func (r Result) summary() runs.Summary {
	s, stopped, message := r.Summary, string(r.Summary.Stopped), ""
	if r.Failure != nil {
		message = r.Failure.Error()
		if stopped != runs.Diverged {
			stopped = runs.Failed
		}
	}
	if s.Divergence != nil && message == "" {
		message = Divergence(s.Divergence)
	}
	return runs.Summary{
		Spec: r.Run.Spec, Name: r.Run.Name, Version: r.Run.Flowrun, Vars: r.Run.Vars, Seed: r.Run.Seed, Device: r.Run.Device,
		Steps: s.Steps, Step: s.Step, Stopped: stopped, Message: message, Seconds: s.Elapsed.Seconds(),
		LossStep: r.lossStep(), Metrics: r.metricsJSON(), Best: r.Best, Out: r.Out, Weights: r.Weights,
		NonFiniteStep: s.NonFinite, NonFinite: divergenceOf(s.Divergence), Skipped: s.Skipped,
		Copies: runs.Copies{
			HostToDevice:   runs.Traffic(r.Stats.HostToDevice),
			DeviceToHost:   runs.Traffic(r.Stats.DeviceToHost),
			DeviceToDevice: runs.Traffic(r.Stats.DeviceToDevice),
			Aliased:        r.Stats.Aliased,
		},
		KernelsRun: r.Stats.KernelsRun, PeakBytes: r.Stats.PeakBytes, DataWait: r.Stats.DataWait.Seconds(),
	}
}

// lossStep is the loss of the last step, if there was one and it is finite.
func (r Result) lossStep() *float64 {
	v := r.Summary.Loss
	if r.Summary.Step == 0 || r.Summary.NoLoss || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// metricsJSON writes the metrics as an object in the spec's order. Before the
// first step there are no values, and each is null.
func (r Result) metricsJSON() []byte {
	b := []byte{'{'}
	for i, name := range r.Run.Metrics {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, quoteJSON(name)...), ':')
		if t := tensorOf(r.Summary.Tensors, i); t != nil {
			b = appendJSONTensor(b, t)
		} else if i < len(r.Summary.Metrics) {
			b = appendJSONFloat(b, r.Summary.Metrics[i])
		} else {
			b = append(b, "null"...)
		}
	}
	return append(b, '}')
}

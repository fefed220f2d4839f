package report

import (
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/engine"
)

// NewCSV makes a log of a run as CSV (RFC 4180): a line of column names, and then a line
// for each entry that [NewLog]'s has. The columns are those of its keys, and the same in
// every line. Numbers have all their digits; those that aren't finite are NaN, inf and
// -inf. What isn't there is empty: a metric before the first evaluation, a tensor of an
// evaluation in lines between two. A tensor is one cell, with nested arrays as in JSON.
//
// Without named, the line of names is left out, for a file that has it.
func NewCSV(w io.Writer, run Run, named bool) *Log {
	l := newLog(w, run)
	l.encode = l.encodeCSV
	if named {
		_ = l.fail(write(l.w, CSVHeader(run)))
	}
	return l
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// CSVHeader is the first line of a run's CSV.
func CSVHeader(run Run) string {
	var b []byte
	for i, name := range run.columns() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCell(b, name)
	}
	return string(append(b, "\r\n"...))
}

// columns are the keys of an entry, in order.
func (r Run) columns() []string {
	columns := []string{"step"}
	if r.EpochSteps > 0 {
		columns = append(columns, "epoch")
	}
	columns = append(columns, r.Metrics...)
	if !r.NoLoss {
		columns = append(columns, "loss_step")
	}
	rates, _ := r.shownRates()
	return append(columns, rates...)
}

// encodeCSV gives a record's line.
func (l *Log) encodeCSV(r engine.Record) []byte {
	b := strconv.AppendInt(l.line[:0], r.Step, 10)
	if l.run.EpochSteps > 0 {
		b = strconv.AppendInt(append(b, ','), r.Epoch, 10)
	}
	for i, name := range l.run.Metrics {
		b = append(b, ',')
		t := tensorOf(r.Tensors, i)
		switch {
		case !hasValue(name, r.Evaluated) || t != nil && repeats(name, r):
		case t != nil:
			b = appendCell(b, string(appendJSONTensor(nil, t)))
		default:
			b = appendCSVFloat(b, r.Metrics[i])
		}
	}
	if !l.run.NoLoss {
		b = appendCSVFloat(append(b, ','), r.Loss)
	}
	for _, v := range l.ratesOf(r) {
		b = appendCSVFloat(append(b, ','), v)
	}
	l.line = append(b, "\r\n"...)
	return l.line
}

// appendCSVFloat appends a number with as many digits as it takes to read the same bits
// back; what isn't finite as pandas and NumPy read it.
func appendCSVFloat(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, "NaN"...)
	case math.IsInf(v, 1):
		return append(b, "inf"...)
	case math.IsInf(v, -1):
		return append(b, "-inf"...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// appendCell appends a text, in quotes where it needs them.
func appendCell(b []byte, text string) []byte {
	if !strings.ContainsAny(text, ",\"\r\n") {
		return append(b, text...)
	}
	return append(append(append(b, '"'), strings.ReplaceAll(text, `"`, `""`)...), '"')
}

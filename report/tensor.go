package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// tensorOf is metric i of a record or summary, nil if it is a scalar.
func tensorOf(tensors []*ir.Tensor, i int) *ir.Tensor {
	if i < len(tensors) {
		return tensors[i]
	}
	return nil
}

// repeats reports whether a metric's value in a record is that of an earlier step's
// evaluation.
func repeats(metric string, r engine.Record) bool {
	return !r.Fresh && strings.HasPrefix(metric, ir.EvalPrefix)
}

// appendJSONTensor appends nested arrays: [[12,0],[1,7]]. Integers are written as such.
func appendJSONTensor(b []byte, t *ir.Tensor) []byte {
	b, _ = appendJSONPart(b, t, 0, 0)
	return b
}

// appendJSONPart appends what is inside of a dim, from element i on, and gives the
// element behind it.
func appendJSONPart(b []byte, t *ir.Tensor, dim, i int) ([]byte, int) {
	if dim == len(t.Type.Shape) {
		return appendJSONElement(b, t, i), i + 1
	}
	b = append(b, '[')
	for at := range t.Type.Shape[dim] {
		if at > 0 {
			b = append(b, ',')
		}
		b, i = appendJSONPart(b, t, dim+1, i)
	}
	return append(b, ']'), i
}

func appendJSONElement(b []byte, t *ir.Tensor, i int) []byte {
	switch d := t.Type.DType; {
	case d == ir.Bool:
		return strconv.AppendBool(b, t.Int(i) != 0)
	case d.IsInt():
		return strconv.AppendInt(b, t.Int(i), 10)
	}
	return appendJSONFloat(b, t.Float(i))
}

// tableLimit is how many rows and columns of a tensor people are shown.
const tableLimit = 20

// writeTensor writes a metric that is a vector or a matrix as a table, with the numbers
// of its rows and columns; of others, and of large ones, the type.
func writeTensor(w io.Writer, name string, t *ir.Tensor) {
	shape := t.Type.Shape
	if len(shape) > 2 || shape[0] > tableLimit || shape[len(shape)-1] > tableLimit {
		fmt.Fprintf(w, "  %s  %s (its elements are in the output of --json)\n", name, t.Type)
		return
	}
	fmt.Fprintf(w, "  %s\n", name)
	columns := shape[len(shape)-1]
	rows := 1
	if len(shape) == 2 {
		rows = shape[0]
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(first string, cell func(column int) string) {
		cells := []string{"  " + first}
		for c := range columns {
			cells = append(cells, cell(c))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t")+"\t")
	}
	line("", strconv.Itoa)
	for r := range rows {
		first := ""
		if len(shape) == 2 {
			first = strconv.Itoa(r)
		}
		line(first, func(c int) string { return formatElement(t, r*columns+c) })
	}
	table.Flush()
}

// formatElement writes an element as people read it.
func formatElement(t *ir.Tensor, i int) string {
	if t.Type.DType.IsFloat() {
		return Metric(t.Float(i))
	}
	return Count(t.Int(i))
}

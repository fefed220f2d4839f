package results

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/ir"
)

// flushAt is how much text is collected before it is written.
const flushAt = 64 << 10

// text is what csv and jsonl have in common: rows of text.
type text struct {
	w       io.Writer
	outputs []values
	buffer  []byte
	names   [][]string // by output, of the classes as they are written
	rows    int64
	row     func(b []byte, example int) ([]byte, error)
}

// Write appends the rows.
func (t *text) Write(examples int, data [][]byte) (err error) {
	if err := take(t.outputs, examples, data); err != nil {
		return err
	}
	for e := range examples {
		t.rows++
		if t.buffer, err = t.row(t.buffer, e); err != nil {
			return fmt.Errorf("example %d: %w", t.rows, err)
		}
		if len(t.buffer) >= flushAt {
			if err := t.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close writes what is left.
func (t *text) Close() error { return t.flush() }

func (t *text) flush() error {
	_, err := t.w.Write(t.buffer)
	t.buffer = t.buffer[:0]
	return err
}

// number appends an element as text; notFinite is what stands for NaN and infinities, or
// "" for their own names.
func (v *values) number(b []byte, i int, notFinite string) []byte {
	switch d := v.Type.DType; {
	case d == ir.Bool:
		return strconv.AppendBool(b, v.tensor.Int(i) != 0)
	case !d.IsFloat():
		return strconv.AppendInt(b, v.tensor.Int(i), 10)
	default:
		bits := 32
		if d == ir.F64 {
			bits = 64
		}
		x := v.tensor.Float(i)
		if notFinite != "" && (math.IsNaN(x) || math.IsInf(x, 0)) {
			return append(b, notFinite...)
		}
		return strconv.AppendFloat(b, x, 'g', -1, bits)
	}
}

// newCSV writes comma-separated values as RFC 4180 has them, with line feeds.
func newCSV(w io.Writer, outputs []Output, _ int64) (Writer, error) {
	t := &text{w: w, outputs: newValues(outputs)}
	first := true
	for i := range t.outputs {
		o := &t.outputs[i]
		var names []string
		for _, name := range o.Classes {
			names = append(names, string(quoted(nil, name)))
		}
		t.names = append(t.names, names)
		for e := range o.count {
			if !first {
				t.buffer = append(t.buffer, ',')
			}
			first = false
			t.buffer = quoted(t.buffer, o.columnName(e))
		}
	}
	t.buffer = append(t.buffer, '\n')
	t.row = t.csvRow
	return t, nil
}

// columnName is that of an output's element.
func (v *values) columnName(e int) string {
	name := v.Name
	place := make([]int, len(v.Type.Shape))
	for d := len(place) - 1; d >= 0; d-- {
		place[d] = e % v.Type.Shape[d]
		e /= v.Type.Shape[d]
	}
	for d, at := range place {
		if d == len(place)-1 && v.Classes != nil && !v.IDs {
			name += "." + v.Classes[at]
		} else {
			name += "." + strconv.Itoa(at)
		}
	}
	return name
}

// quoted appends a text as a field of CSV.
func quoted(b []byte, s string) []byte {
	if s != "" && !strings.ContainsAny(s, ",\"\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

func (t *text) csvRow(b []byte, example int) ([]byte, error) {
	first := true
	for i := range t.outputs {
		o := &t.outputs[i]
		for e := example * o.count; e < (example+1)*o.count; e++ {
			if !first {
				b = append(b, ',')
			}
			first = false
			if !o.IDs || o.Classes == nil {
				b = o.number(b, e, "")
				continue
			}
			if _, err := o.class(e); err != nil {
				return b, err
			}
			b = append(b, t.names[i][o.tensor.Int(e)]...)
		}
	}
	return append(b, '\n'), nil
}

// newLines writes a JSON object per line.
func newLines(w io.Writer, outputs []Output, _ int64) (Writer, error) {
	t := &text{w: w, outputs: newValues(outputs)}
	var keys []string
	for _, o := range outputs {
		key, err := inJSON(o.Name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key+": ")
		var names []string
		for _, class := range o.Classes {
			name, err := inJSON(class)
			if err != nil {
				return nil, err
			}
			if !o.IDs {
				name += ": "
			}
			names = append(names, name)
		}
		t.names = append(t.names, names)
	}
	t.row = func(b []byte, example int) (_ []byte, err error) {
		b = append(b, '{')
		for i := range t.outputs {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(b, keys[i]...)
			if b, err = t.json(b, i, 0, example*t.outputs[i].count, t.outputs[i].count); err != nil {
				return b, err
			}
		}
		return append(b, "}\n"...), nil
	}
	return t, nil
}

func inJSON(s string) (string, error) {
	encoded, err := json.Marshal(s)
	return string(encoded), err
}

// json appends the elements of an output from a dimension on: nested lists, and an object
// where the last dimension is classes.
func (t *text) json(b []byte, output, dim, from, count int) (_ []byte, err error) {
	o := &t.outputs[output]
	if dim == len(o.Type.Shape) {
		if !o.IDs || o.Classes == nil {
			return o.number(b, from, "null"), nil
		}
		if _, err := o.class(from); err != nil {
			return b, err
		}
		return append(b, t.names[output][o.tensor.Int(from)]...), nil
	}
	named := o.Classes != nil && !o.IDs && dim == len(o.Type.Shape)-1
	open, end := byte('['), byte(']')
	if named {
		open, end = '{', '}'
	}
	b = append(b, open)
	for i := range o.Type.Shape[dim] {
		each := count / o.Type.Shape[dim]
		if i > 0 {
			b = append(b, ", "...)
		}
		if named {
			b = append(b, t.names[output][i]...)
		}
		if b, err = t.json(b, output, dim+1, from+i*each, each); err != nil {
			return b, err
		}
	}
	return append(b, end), nil
}

package jsonl

import (
	"fmt"

	"github.com/flowrun/flowrun/data/records"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// field reads the value that is next as a field's, and reports whether it had its shape.
func (r *reader) field(c *cursor, field int) (bool, error) {
	f := &r.fields[field]
	return r.array(c, field, f.Type.Shape, 0, show(path(f)))
}

// array reads an array of arrays, of a shape, whose first element is the given one of the
// field. It reports whether the value had the shape.
func (r *reader) array(c *cursor, field int, shape ir.Shape, element int, at string) (bool, error) {
	if len(shape) == 0 {
		return true, r.element(c, field, element)
	}
	f := &r.fields[field]
	expected := fmt.Sprintf("field %s is %s", r.rows.Name(field), f.Type)
	if first := c.peek(); first != '[' {
		c.skip()
		return false, r.rows.FaultAt(r.line, at, fmt.Sprintf("%s, where an array of %s is expected; %s", sort(first), diag.Count(shape[0], "element"), expected))
	}
	c.take('[')
	inner := shape[1:]
	stride := inner.Numel()
	n := 0
	for ; c.peek() != ']'; n++ {
		if n >= shape[0] {
			c.skip()
		} else if len(inner) == 0 {
			if err := r.element(c, field, element+n); err != nil {
				return false, err
			}
		} else if ok, err := r.array(c, field, inner, element+n*stride, fmt.Sprintf("%s[%d]", at, n)); !ok || err != nil {
			return false, err
		}
		c.take(',')
	}
	c.take(']')
	if n != shape[0] {
		return false, r.rows.FaultAt(r.line, at, fmt.Sprintf("an array of %s, where %d are expected; %s", diag.Count(n, "element"), shape[0], expected))
	}
	return true, nil
}

// element reads the value that is next as an element of a field.
func (r *reader) element(c *cursor, field, element int) error {
	f := &r.fields[field]
	first := c.peek()
	expected := "a number"
	switch {
	case first == 'n':
		c.skip()
		if done, err := r.rows.Missing(field, element); done || err != nil {
			return err
		}
		return r.rows.Fault(field, element, "the value is null, and field %s has no fill: drop, mean, median or a value", r.rows.Name(field))
	case f.Classes != nil:
		if first == '"' {
			raw := c.quoted()
			text, ok := unquote(raw)
			if !ok {
				return r.rows.Fault(field, element, "%s has half of a surrogate pair, which stands for no character", diag.Quote(string(raw)))
			}
			return r.rows.Text(field, element, text)
		}
		expected = "the string of a class"
	case f.Type.DType == ir.Bool:
		if first == 't' || first == 'f' {
			c.skip()
			r.rows.Bool(field, element, first == 't')
			return nil
		}
		expected = "true or false"
	case first == '-' || first >= '0' && first <= '9':
		return r.number(c, field, element)
	}
	text := c.skip()
	return r.rows.Fault(field, element, "%s is %s, where %s is expected; field %s is %s",
		diag.Cut(string(text)), sort(first), expected, r.rows.Name(field), f.Type.DType)
}

// number reads the number that is next.
func (r *reader) number(c *cursor, field, element int) error {
	text, d := c.literal(), r.fields[field].Type.DType
	switch r.rows.Number(field, element, text, '.') {
	case records.NotAnInteger:
		return r.rows.Fault(field, element, "%s is not written as an integer; field %s is %s: declare it as f32 or f64 to allow fractions",
			diag.Cut(string(text)), r.rows.Name(field), d)
	case records.OutOfRange:
		return r.rows.Fault(field, element, "%s is out of the range of %s, %s; field %s is %s",
			diag.Cut(string(text)), d, records.Range(d), r.rows.Name(field), d)
	}
	return nil
}

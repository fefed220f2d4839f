package csv

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/data/records"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// set sets an element to the value of a column.
func (f *file) set(c *cell, text []byte) error {
	for _, word := range c.missing {
		if string(text) == word {
			done, err := f.rows.Missing(c.field, c.element)
			if done || err != nil {
				return err
			}
			return f.rows.Fault(c.field, c.element, "%s means a missing value, and field %s has no fill; drop the row or fill it: fill: drop, mean, median or a value",
				diag.Quote(word), f.rows.Name(c.field))
		}
	}
	switch {
	case c.classes:
		if len(text) > 0 || c.empty {
			return f.rows.Text(c.field, c.element, text)
		}
		return f.rows.Fault(c.field, c.element, `no text, and field %s needs that of a class; if that means a missing value, list it: missing: [""]`, f.rows.Name(c.field))
	case c.dtype == ir.Bool:
		if v, ok := boolean(text); ok {
			f.rows.Bool(c.field, c.element, v)
			return nil
		}
		return f.wrong(c, text, "is neither true nor false (nor 1 nor 0)")
	}
	switch f.rows.Number(c.field, c.element, text, f.mark) {
	case records.NotANumber:
		return f.wrong(c, text, "is not a number")
	case records.NotAnInteger:
		return f.rows.Fault(c.field, c.element, "%s is not written as an integer; field %s is %s: declare it as f32 or f64 to allow fractions",
			diag.Quote(string(text)), f.rows.Name(c.field), c.dtype)
	case records.OutOfRange:
		return f.wrong(c, text, "is out of the range of "+c.dtype.String()+", "+records.Range(c.dtype))
	}
	return nil
}

// boolean reads a bool, as Python, R, Go and SQL write it.
func boolean(text []byte) (v, ok bool) {
	switch string(text) {
	case "1", "true", "True", "TRUE":
		return true, true
	case "0", "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// wrong reports a value that isn't one of its field's.
func (f *file) wrong(c *cell, text []byte, how string) error {
	if len(text) == 0 {
		return f.rows.Fault(c.field, c.element, `no value, and field %s is %s; if that means a missing value, list it: missing: [""]`, f.rows.Name(c.field), c.dtype)
	}
	return f.rows.Fault(c.field, c.element, "%s %s; field %s is %s%s", diag.Quote(string(text)), how, f.rows.Name(c.field), c.dtype, f.hint(c, text))
}

// Words that other programs write for missing values.
var absent = []string{"na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nil", "<na>", "-", "--", "?", ".", "..", "missing", "unknown"}

// hint says what a value that isn't a number may be.
func (f *file) hint(c *cell, text []byte) string {
	number := func(text []byte, mark byte) bool {
		return records.PutNumber(make([]byte, 8), ir.F64, text, mark) == records.Good
	}
	const space = " \t\u00a0\u200b\u200c\u200d\u2007\u202f\u2060\ufeff\r\n\v\f\u3000"
	bare := bytes.Trim(text, space)
	switch {
	case slices.Contains(absent, strings.ToLower(string(bare))):
		return fmt.Sprintf("; if that means a missing value, list it: missing: [%s]", diag.Quote(string(text)))
	case len(bare) < len(text) && number(bare, f.mark):
		if !f.trim && len(bytes.Trim(text, " \t")) == len(bare) {
			return "; trim: true leaves out the blanks"
		}
		return "; characters around the number can't be seen"
	case f.mark == '.' && bytes.Count(text, []byte{','}) == 1 && number(text, ','):
		return `; if the comma is a decimal mark, say so: decimal: ","`
	case !f.header && f.line == 2:
		return "; if the first row names the columns, say so: header: true"
	}
	return ""
}

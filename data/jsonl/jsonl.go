package jsonl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/data/records"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// version changes whenever the same files and declaration give other values.
const version = "1"

// node is a key that leads to fields, or the top of all keys.
type node struct {
	path   []string
	fields []int // whose values it has
	below  map[string]*node
	order  []*node // below, in the order of the fields
	seen   int64   // the line where it was seen last
}

// reader reads the lines of a file.
type reader struct {
	fields []table.Field
	names  [][]string
	top    *node
	rows   *records.Rows
	line   int64
	text   []byte
}

// open is Kind.Open.
func open(ctx context.Context, in *table.Input) (table.Table, error) {
	paths, err := records.Paths(ctx, in)
	if err != nil {
		return nil, err
	}
	names := make([][]string, len(in.Decl.Fields))
	for i := range names {
		f := &in.Decl.Fields[i]
		names[i] = elements(show(path(f)), f.Type.Shape)
	}
	return records.Open(ctx, in, paths, records.Format{Version: version, Names: names, Read: func(content io.Reader, rows *records.Rows) error {
		r := &reader{fields: in.Decl.Fields, names: names, top: tree(in.Decl.Fields), rows: rows}
		return r.read(content)
	}})
}

// elements names the elements of a value: x[0][0], x[0][1], …
func elements(name string, shape ir.Shape) []string {
	names := []string{name}
	for _, dim := range shape {
		var longer []string
		for _, n := range names {
			for i := range dim {
				longer = append(longer, fmt.Sprintf("%s[%d]", n, i))
			}
		}
		names = longer
	}
	return names
}

// tree makes a tree of the keys of all fields.
func tree(fields []table.Field) *node {
	top := &node{}
	for i := range fields {
		at := top
		for _, key := range path(&fields[i]) {
			next := at.below[key]
			if next == nil {
				next = &node{path: append(slices.Clone(at.path), key)}
				if at.below == nil {
					at.below = map[string]*node{}
				}
				at.below[key] = next
				at.order = append(at.order, next)
			}
			at = next
		}
		at.fields = append(at.fields, i)
	}
	return top
}

// read reads a file's lines. It is records.Format.Read.
func (r *reader) read(content io.Reader) error {
	lines := records.NewLines(content)
	for {
		line, number, err := lines.Next()
		var p *records.Problem
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &p):
			r.rows.Begin(p.Line)
			return r.rows.FaultAt(p.Line, "", p.Message)
		case err != nil:
			return err
		}
		r.line, r.text = number, line
		r.rows.Begin(number)
		if err := r.example(); err != nil {
			return err
		}
		if err := r.rows.End(); err != nil {
			return err
		}
	}
}

// example reads the line's object.
func (r *reader) example() error {
	if _, message := records.CheckText(r.text); message != "" {
		return r.rows.FaultAt(r.line, "", message)
	}
	c := &cursor{text: r.text}
	first := c.peek()
	if first == 0 {
		return r.rows.FaultAt(r.line, "", "the line is blank; each line is a JSON object")
	}
	if !json.Valid(r.text) {
		return r.rows.FaultAt(r.line, "", invalid(r.text))
	}
	if first != '{' {
		return r.rows.FaultAt(r.line, "", fmt.Sprintf("the line is %s; each line is a JSON object: {…}", sort(first)))
	}
	return r.object(c, r.top)
}

// invalid says why a line is not JSON.
func invalid(text []byte) string {
	var raw json.RawMessage
	var wrong *json.SyntaxError
	if err := json.Unmarshal(text, &raw); !errors.As(err, &wrong) {
		return fmt.Sprintf("not JSON: %v", err)
	}
	at := min(max(int(wrong.Offset)-1, 0), len(text))
	message := fmt.Sprintf("not JSON: %v (byte %d of the line)", wrong, wrong.Offset)
	if wrong.Error() == "unexpected end of JSON input" {
		return "not JSON: the line ends inside a value; each line is a whole JSON object"
	}
	for _, word := range []string{"NaN", "Infinity", "-Infinity", "nan", "None", "True", "False", "inf"} {
		// The offset is where the word begins, or behind its minus or common beginning.
		for back := range 2 {
			if from := at - back; from >= 0 && strings.HasPrefix(string(text[from:min(from+len(word), len(text))]), word) {
				return message + fmt.Sprintf("; %s is no JSON, a missing value is null", word)
			}
		}
	}
	return message
}

// object reads the object that is next, for the keys below n.
func (r *reader) object(c *cursor, n *node) error {
	err := c.object(func(key []byte) error {
		child := n.below[string(key)]
		if child == nil {
			c.skip()
			return nil
		}
		if child.seen == r.line {
			c.skip()
			return r.rows.FaultAt(r.line, show(child.path), "the key appears twice in its object")
		}
		child.seen = r.line
		return r.value(c, child)
	})
	if err != nil {
		return err
	}
	for _, child := range n.order {
		if child.seen != r.line {
			if err := r.missing(child, "no key"); err != nil {
				return err
			}
		}
	}
	return nil
}

// value reads the value of a key, for the fields that have it and for the keys below it.
func (r *reader) value(c *cursor, n *node) error {
	first := c.peek()
	if first == 'n' {
		c.skip()
		return r.missing(n, "null")
	}
	start := c.at
	for _, field := range n.fields {
		c.at = start
		ok, err := r.field(c, field)
		if err != nil {
			return err
		}
		if !ok { // it wasn't read to its end
			c.at = start
			c.skip()
		}
	}
	if len(n.below) == 0 {
		return nil
	}
	if c.at = start; first == '{' {
		return r.object(c, n)
	}
	c.skip()
	return r.rows.FaultAt(r.line, show(n.path), fmt.Sprintf("%s, where an object with the key %s is expected", sort(first), diag.Quote(n.order[0].path[len(n.path)])))
}

// missing says that the values of all fields at and below a key are missing.
func (r *reader) missing(n *node, how string) error {
	for _, field := range n.fields {
		f := &r.fields[field]
		elements := f.Type.Shape.Numel()
		if f.Fill.By == table.FillNone || elements == 0 {
			return r.absent(n, field, how)
		}
		if f.Fill.By == table.FillKeep {
			return r.rows.FaultAt(r.line, show(n.path), r.rows.Kept(field))
		}
		if f.Fill.By == table.FillDrop {
			elements = 1 // the row counts once
		}
		for e := range elements {
			if _, err := r.rows.Missing(field, e); err != nil {
				return err
			}
		}
	}
	for _, child := range n.order {
		if err := r.missing(child, how); err != nil {
			return err
		}
	}
	return nil
}

// absent reports a value that is missing and has no fill.
func (r *reader) absent(n *node, field int, how string) error {
	message := fmt.Sprintf("the value is null, and field %s has no fill: drop, mean, median or a value", r.rows.Name(field))
	if how != "null" {
		message = "no key " + diag.Quote(n.path[len(n.path)-1])
		if there := r.keys(n.path[:len(n.path)-1]); len(there) > 0 {
			quoted := make([]string, min(len(there), 8))
			for i := range quoted {
				quoted[i] = diag.Quote(there[i])
			}
			message += "; the keys are " + strings.Join(quoted, ", ")
			if more := len(there) - len(quoted); more > 0 {
				message += fmt.Sprintf(" and %d more", more)
			}
			if near := diag.Suggestion(n.path[len(n.path)-1], there); near != "" {
				return r.rows.FaultAt(r.line, show(n.path), message+"; "+near)
			}
		}
		message += fmt.Sprintf("; if that means a missing value, give field %s a fill", r.rows.Name(field))
	}
	return r.rows.FaultAt(r.line, show(n.path), message)
}

// keys lists the keys of the object at a path of the line.
func (r *reader) keys(path []string) (keys []string) {
	c := &cursor{text: r.text}
	for _, want := range path {
		if c.peek() != '{' {
			return nil
		}
		at := -1
		_ = c.object(func(key []byte) error {
			c.peek()
			if string(key) == want && at < 0 {
				at = c.at
			}
			c.skip()
			return nil
		})
		if at < 0 {
			return nil
		}
		c.at = at
	}
	if c.peek() != '{' {
		return nil
	}
	_ = c.object(func(key []byte) error {
		keys = append(keys, string(key))
		c.skip()
		return nil
	})
	return keys
}

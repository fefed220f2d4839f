// Package replay reads batches recorded in a safetensors file.
package replay

import (
	"errors"
	"fmt"
	"os"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Replay provides batches recorded in a safetensors file: row i of each field's
// tensor, whose shape is [steps] + the field's shape, is the batch of step i. It
// is not safe for concurrent use.
type Replay struct {
	path   string
	file   *safetensors.File
	steps  int64
	fields map[string]*column
}

// column is a field with some of its rows in memory, so that one read of the file
// serves many steps.
type column struct {
	tensor string
	row    int64  // bytes of a row
	first  int64  // the first row in rows
	rows   []byte // whole rows
	spare  []byte // the memory that rows uses
}

// windowBytes is the approximate size of one read of a field.
const windowBytes = 256 << 10

// Open reads the header of a file of recorded batches; messages call it path. It fails
// if a field's tensor is missing or doesn't have the type [steps] + the field's, or if
// the fields have different numbers of steps. It takes ownership of the file, and closes
// it on failure.
func Open(f *os.File, path string, fields []Field) (*Replay, error) {
	file, err := safetensors.New(f, path)
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, errors.Join(fmt.Errorf("%s: a replay needs at least one field", path), file.Close())
	}
	r := &Replay{path: path, file: file, fields: map[string]*column{}}
	for i, f := range fields {
		steps, err := r.recordedSteps(f)
		if err == nil && i > 0 && steps != r.steps {
			err = fmt.Errorf("%s: field %s has %d recorded steps, and field %s has %d; all fields must have the same number",
				path, f.Name, steps, fields[0].Name, r.steps)
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		r.steps = steps
		row := int64(f.Type.Bytes())
		r.fields[f.Name] = &column{
			tensor: f.Tensor,
			row:    row,
			spare:  make([]byte, row*min(steps, max(1, windowBytes/max(1, row)))),
		}
	}
	return r, nil
}

// recordedSteps compares a field with its tensor.
func (r *Replay) recordedSteps(f Field) (int64, error) {
	t, err := r.file.Type(f.Tensor)
	if err != nil {
		return 0, fmt.Errorf("field %s: %w", f.Name, err)
	}
	wrong := func(why string) error {
		return fmt.Errorf("%s: field %s: the tensor %s is %s (%s); batches of %s need %s[steps%s",
			r.path, f.Name, diag.Quote(f.Tensor), t, why, f.Type, f.Type.DType, tail(f.Type.Shape))
	}
	if len(t.Shape) == 0 || t.Shape[0] == 0 {
		return 0, wrong("no steps")
	}
	if row := (ir.Type{DType: t.DType, Shape: t.Shape[1:]}); !row.Equal(f.Type) {
		return 0, wrong(fmt.Sprintf("%d steps of %s", t.Shape[0], row))
	}
	return int64(t.Shape[0]), nil
}

// tail formats a shape that follows a first dimension: ", 1, 8]".
func tail(s ir.Shape) string {
	if len(s) == 0 {
		return "]"
	}
	return ", " + s.String()[1:]
}

// Verify reads the whole file and compares it with its checksum, if it has one.
func (r *Replay) Verify() error { return r.file.Verify() }

// Close closes the file.
func (r *Replay) Close() error { return r.file.Close() }

// Batch writes the field's batch of a step, counted from 0, into dst, which must
// have exactly its size. The error for a step out of range gives the number of
// recorded steps.
func (r *Replay) Batch(step int64, field string, dst []byte) error {
	c := r.fields[field]
	switch {
	case c == nil:
		return fmt.Errorf("%s: no field %q in this replay", r.path, field)
	case step < 0 || step >= r.steps:
		return fmt.Errorf("%s: step %d is out of range: the file has %d steps (0 to %d); set max_steps: %d, or record more",
			r.path, step, r.steps, r.steps-1, r.steps)
	case int64(len(dst)) != c.row:
		return fmt.Errorf("%s: field %s: a batch has %d bytes, the buffer has %d", r.path, field, c.row, len(dst))
	}
	if at := (step - c.first) * c.row; step < c.first || at >= int64(len(c.rows)) {
		if err := c.load(r.file, step, r.steps); err != nil {
			return err
		}
	}
	copy(dst, c.rows[(step-c.first)*c.row:])
	return nil
}

// load reads a row, and following rows until the window is full.
func (c *column) load(file *safetensors.File, step, steps int64) error {
	if c.row == 0 {
		return nil
	}
	n := min(int64(len(c.spare)), (steps-step)*c.row)
	c.rows = nil // after a failed read their content is unknown
	if err := file.ReadAt(c.tensor, c.spare[:n], step*c.row); err != nil {
		return err
	}
	c.first, c.rows = step, c.spare[:n]
	return nil
}

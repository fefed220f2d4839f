package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/ir"
)

// npyTypes are NumPy's names of dtypes; it has none for bf16.
var npyTypes = map[ir.DType]string{ir.Bool: "|b1", ir.U8: "|u1", ir.I32: "<i4", ir.I64: "<i8", ir.F16: "<f2", ir.F32: "<f4", ir.F64: "<f8"}

// array is a file of one array in the order of its examples.
type array struct {
	w       *bufio.Writer
	outputs []values
	left    int64 // examples
}

// newNPY writes a NumPy file of version 1: a header, and the values as they are.
func newNPY(w io.Writer, outputs []Output, examples int64) (Writer, error) {
	if len(outputs) != 1 {
		return nil, fmt.Errorf("an npy file holds one array, but the model has %d outputs: write safetensors, csv or jsonl", len(outputs))
	}
	o := outputs[0]
	dtype := npyTypes[o.Type.DType]
	if dtype == "" {
		return nil, fmt.Errorf("output %s is %s, which NumPy doesn't have: write safetensors, or cast it", o.Name, o.Type.DType)
	}
	shape := fmt.Sprint(examples) + ","
	for _, d := range o.Type.Shape {
		shape += fmt.Sprintf(" %d,", d)
	}
	if len(o.Type.Shape) > 0 { // as NumPy writes it
		shape = strings.TrimSuffix(shape, ",")
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtype, shape)
	const before = 10 // magic, version, length
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n"
	if len(header) > 0xffff {
		return nil, fmt.Errorf("output %s is %s, which has too many dimensions for an npy file", o.Name, o.Type)
	}
	a := &array{w: bufio.NewWriterSize(w, flushAt), outputs: newValues(outputs), left: examples}
	a.w.Write([]byte{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, byte(len(header)), byte(len(header) >> 8)}) // Flush returns its error again
	a.w.WriteString(header)
	return a, nil
}

func (a *array) Write(examples int, data [][]byte) error {
	if err := take(a.outputs, examples, data); err != nil {
		return err
	}
	a.left -= int64(examples)
	_, err := a.w.Write(data[0])
	return err
}

func (a *array) Close() error {
	if err := a.w.Flush(); err != nil {
		return err
	}
	return complete(a.left)
}

// complete is the error for a file whose header promises other than what was written.
func complete(left int64) error {
	if left != 0 {
		return fmt.Errorf("%d examples are missing", left)
	}
	return nil
}

// tensors is a safetensors file. Each of its tensors is in one piece, so the outputs are
// collected in temporary files first.
type tensors struct {
	w       io.Writer
	outputs []values
	left    int64
	total   int64
	files   []*os.File
	writers []*bufio.Writer
}

func newSafetensors(w io.Writer, outputs []Output, examples int64) (_ Writer, err error) {
	t := &tensors{w: w, outputs: newValues(outputs), left: examples, total: examples}
	for range outputs {
		f, err := os.CreateTemp("", "flowrun-*.tmp")
		if err != nil {
			return nil, errors.Join(err, t.discard())
		}
		t.files = append(t.files, f)
		t.writers = append(t.writers, bufio.NewWriterSize(f, flushAt))
	}
	return t, nil
}

func (t *tensors) Write(examples int, data [][]byte) error {
	if err := take(t.outputs, examples, data); err != nil {
		return err
	}
	t.left -= int64(examples)
	for i, w := range t.writers {
		if _, err := w.Write(data[i]); err != nil {
			return err
		}
	}
	return nil
}

// Close puts the file together.
func (t *tensors) Close() error {
	return errors.Join(t.join(), t.discard())
}

func (t *tensors) join() error {
	if err := complete(t.left); err != nil {
		return err
	}
	streams := map[string]safetensors.Stream{}
	for i, o := range t.outputs {
		if err := t.writers[i].Flush(); err != nil {
			return err
		}
		typ := ir.Type{DType: o.Type.DType, Shape: append(ir.Shape{int(t.total)}, o.Type.Shape...)}
		streams[o.Name] = safetensors.Stream{Type: typ, Data: t.files[i]}
	}
	return safetensors.WriteStreams(t.w, streams)
}

func (t *tensors) discard() error {
	var errs []error
	for _, f := range t.files {
		errs = append(errs, f.Close(), os.Remove(f.Name()))
	}
	t.files = nil
	return errors.Join(errs...)
}

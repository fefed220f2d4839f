package results

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
)

// Output is an output of a model.
type Output struct {
	Name string
	Type ir.Type // of one example

	// Classes are the names of the classes that the output is about; nil: none. With IDs,
	// its elements are their ids; without, its last dimension is the classes.
	Classes []string
	IDs     bool
}

// Writer writes outputs. Close must be called, also after an error, and its error means
// that the file isn't complete.
type Writer interface {
	// Write adds a batch of so many examples: for every output its values, one example
	// after the other, dense and little-endian.
	Write(examples int, values [][]byte) error
	Close() error
}

// formats are the formats by the extensions of their files.
var formats = []struct {
	name string
	open func(w io.Writer, outputs []Output, examples int64) (Writer, error)
}{
	{"csv", newCSV}, {"jsonl", newLines}, {"npy", newNPY}, {"safetensors", newSafetensors},
}

// Formats lists the names of formats.
func Formats() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// FormatOf gives the format of a file by its extension.
func FormatOf(path string) (string, error) {
	extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	if slices.Contains(Formats(), extension) {
		return extension, nil
	}
	return "", fmt.Errorf("%s: its extension names none of the formats %s", path, strings.Join(Formats(), ", "))
}

// New begins a file of a format with the outputs of so many examples. It is an error if
// the format can't hold them.
func New(format string, w io.Writer, outputs []Output, examples int64) (Writer, error) {
	for _, o := range outputs {
		last := 0
		if n := len(o.Type.Shape); n > 0 {
			last = o.Type.Shape[n-1]
		}
		if o.Classes != nil && !o.IDs && last != len(o.Classes) {
			return nil, fmt.Errorf("output %s is %s for an example, but there are %d classes: its last dimension must be as large",
				o.Name, o.Type, len(o.Classes))
		}
	}
	for _, f := range formats {
		if f.name == format {
			return f.open(w, outputs, examples)
		}
	}
	return nil, fmt.Errorf("there is no format %q; there are %s", format, strings.Join(Formats(), ", "))
}

// values reads the elements of a batch.
type values struct {
	Output
	tensor ir.Tensor
	count  int // elements of an example
	row    int // bytes of an example
}

func newValues(outputs []Output) []values {
	list := make([]values, len(outputs))
	for i, o := range outputs {
		list[i] = values{Output: o, tensor: ir.Tensor{Type: o.Type}, count: o.Type.Shape.Numel(), row: o.Type.Bytes()}
	}
	return list
}

// take takes a batch's values.
func take(outputs []values, examples int, data [][]byte) error {
	if len(data) != len(outputs) {
		return fmt.Errorf("there are %d outputs, and values of %d", len(outputs), len(data))
	}
	for i := range outputs {
		o := &outputs[i]
		if len(data[i]) != examples*o.row {
			return fmt.Errorf("output %s: %d examples of %s have %d bytes, not %d", o.Name, examples, o.Type, examples*o.row, len(data[i]))
		}
		o.tensor.Data = data[i]
	}
	return nil
}

// class gives the name of the class that an element is the id of.
func (v *values) class(i int) (string, error) {
	id := v.tensor.Int(i)
	if id < 0 || id >= int64(len(v.Classes)) {
		return "", fmt.Errorf("output %s is %d, which is the id of no class: there are %d, from 0 on", v.Name, id, len(v.Classes))
	}
	return v.Classes[id], nil
}

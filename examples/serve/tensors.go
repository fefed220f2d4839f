package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun"
)

// readInputs reads the model's inputs: {"x": [[5.1, 3.5, 1.4, 0.2]]}. null is a missing
// number, NaN. Ids of classes may be given by their names.
func readInputs(body []byte, types map[string]flowrun.Type, classes func(name string) []string) (map[string]*flowrun.Tensor, error) {
	var given map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&given); err != nil {
		return nil, fmt.Errorf("the body must be a JSON object with the model's inputs: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body goes on after its JSON object")
	}
	inputs := map[string]*flowrun.Tensor{}
	for name, value := range given {
		t, known := types[name]
		if !known {
			return nil, fmt.Errorf("the model has no input %q", name)
		}
		r := reader{shape: make(flowrun.Shape, len(t.Shape)), classes: classes(name)}
		err := r.read(value, 0)
		if err == nil && len(r.values) == 0 {
			err = errors.New("it is empty: give at least one example")
		}
		if err == nil {
			inputs[name], err = r.tensor(t.DType)
		}
		if err != nil {
			return nil, fmt.Errorf("the input %s: %w", name, err)
		}
	}
	return inputs, nil
}

// missing is an error for a null that nothing has filled: what a model makes of NaN may
// look like an answer.
func missing(inputs map[string]*flowrun.Tensor) error {
	for name, t := range inputs {
		if !t.Type.DType.IsFloat() {
			continue
		}
		for i := range t.Type.Shape.Numel() {
			if math.IsNaN(t.Float(i)) {
				return fmt.Errorf("the input %s: value %d is null, and the spec has no fill for it", name, i)
			}
		}
	}
	return nil
}

// reader gathers the numbers of nested lists.
type reader struct {
	shape   flowrun.Shape
	known   int // so many dimensions have a size by now
	values  []float64
	classes []string
}

// read reads a list at a depth, or a number below all lists.
func (r *reader) read(value any, depth int) error {
	if depth == len(r.shape) {
		return r.number(value)
	}
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("it must be lists in lists, %d deep", len(r.shape))
	}
	if depth == r.known {
		r.known++
		r.shape[depth] = len(list)
	}
	if len(list) != r.shape[depth] {
		return fmt.Errorf("its lists differ in length: one has %d elements, another %d", r.shape[depth], len(list))
	}
	for _, element := range list {
		if err := r.read(element, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// number reads a number, null, true, false, or a class by its name.
func (r *reader) number(value any) error {
	switch v := value.(type) {
	case nil:
		r.values = append(r.values, math.NaN())
	case float64:
		r.values = append(r.values, v)
	case bool:
		r.values = append(r.values, map[bool]float64{true: 1}[v])
	case string:
		id := slices.Index(r.classes, v)
		if id < 0 && r.classes == nil {
			return fmt.Errorf("%.60q is no number, and it has no classes with names", v)
		}
		if id < 0 {
			return fmt.Errorf("%.60q is none of its classes", v)
		}
		r.values = append(r.values, float64(id))
	default:
		return fmt.Errorf("it must be lists in lists, %d deep, of numbers", len(r.shape))
	}
	return nil
}

// tensor makes a tensor of the numbers. One that the dtype doesn't have is an error.
func (r *reader) tensor(d flowrun.DType) (*flowrun.Tensor, error) {
	if d.IsFloat() {
		return flowrun.FromFloat64(d, r.shape, r.values)
	}
	whole := make([]int64, len(r.values))
	for i, v := range r.values {
		if v != math.Trunc(v) || math.Abs(v) >= 1<<53 {
			return nil, fmt.Errorf("value %d is %v, which is no integer", i, v)
		}
		whole[i] = int64(v)
	}
	return flowrun.FromInt64(d, r.shape, whole)
}

// writeOutputs writes outputs as nested lists. Ids of classes become names, and numbers for
// each class an object. What JSON has no number for, NaN and infinity, becomes null.
func writeOutputs(names []string, outputs map[string]*flowrun.Tensor, classes func(name string) []string) []byte {
	text := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			text = append(text, ", "...)
		}
		w := writer{t: outputs[name], classes: classes(name)}
		text = append(appendText(text, name), ": "...)
		text = w.append(text, 0)
	}
	return append(text, '}')
}

// writer writes a tensor, element after element.
type writer struct {
	t       *flowrun.Tensor
	next    int // element
	classes []string
}

// append writes what is at a depth.
func (w *writer) append(text []byte, depth int) []byte {
	shape := w.t.Type.Shape
	if depth == len(shape) {
		return w.element(text)
	}
	named := w.classes != nil && w.t.Type.DType.IsFloat() && depth == len(shape)-1
	brackets := "[]"
	if named {
		brackets = "{}"
	}
	text = append(text, brackets[0])
	for i := range shape[depth] {
		if i > 0 {
			text = append(text, ", "...)
		}
		if named {
			name := strconv.Itoa(i) // a vocabulary may have fewer entries than it declares
			if i < len(w.classes) {
				name = w.classes[i]
			}
			text = append(appendText(text, name), ": "...)
		}
		text = w.append(text, depth+1)
	}
	return append(text, brackets[1])
}

func (w *writer) element(text []byte) []byte {
	i, d := w.next, w.t.Type.DType
	w.next++
	switch {
	case d == flowrun.Bool:
		return strconv.AppendBool(text, w.t.Int(i) != 0)
	case d.IsFloat():
		v := w.t.Float(i)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(text, "null"...)
		}
		bits := 32
		if d == flowrun.F64 {
			bits = 64
		}
		return strconv.AppendFloat(text, v, 'g', -1, bits)
	}
	if id := w.t.Int(i); id >= 0 && id < int64(len(w.classes)) {
		return appendText(text, w.classes[id])
	}
	return strconv.AppendInt(text, w.t.Int(i), 10)
}

// appendText writes a JSON string.
func appendText(text []byte, s string) []byte {
	quoted, _ := json.Marshal(s)
	return append(text, quoted...)
}

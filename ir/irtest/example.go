package irtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/ir"
)

// Example is an op's documented example.
type Example struct {
	Inputs map[string]*ir.Tensor
	Call   string // in the language
	Value  string // of the call: its type and elements, as Format writes them
}

var line = regexp.MustCompile(`^(.+): (\w+\[.*?\]) = (.+)$`)

// ParseExample reads an op's example.
func ParseExample(op *ir.Op) (Example, error) {
	e := Example{Inputs: map[string]*ir.Tensor{}}
	lines := strings.Split(strings.TrimSpace(op.Example), "\n")
	for i, text := range lines {
		m := line.FindStringSubmatch(text)
		if m == nil {
			return e, fmt.Errorf("the example of %s: %q is no value", op.Name, text)
		}
		if i == len(lines)-1 {
			e.Call, e.Value = m[1], m[2]+" = "+m[3]
			break
		}
		t, err := parseTensor(m[2], m[3])
		if err != nil {
			return e, fmt.Errorf("the example of %s: %q: %w", op.Name, text, err)
		}
		e.Inputs[m[1]] = t
	}
	return e, nil
}

// parseTensor reads a type, f32[2, 2], and nested lists of its elements.
func parseTensor(typ, elements string) (*ir.Tensor, error) {
	name, sizes, _ := strings.Cut(strings.TrimSuffix(typ, "]"), "[")
	d, ok := ir.ParseDType(name)
	if !ok {
		return nil, fmt.Errorf("there is no dtype %s", name)
	}
	shape := ir.Shape{}
	for _, size := range strings.FieldsFunc(sizes, separator) {
		n, err := strconv.Atoi(size)
		if err != nil {
			return nil, err
		}
		shape = append(shape, n)
	}
	a := ir.NewArray(ir.Type{DType: d, Shape: shape})
	words := strings.FieldsFunc(elements, separator)
	if len(words) != a.Len() {
		return nil, fmt.Errorf("it has %d elements", len(words))
	}
	for i, word := range words {
		var err error
		switch {
		case a.F != nil:
			a.F[i], err = strconv.ParseFloat(word, 64)
		case d == ir.Bool:
			var v bool
			if v, err = strconv.ParseBool(word); v {
				a.I[i] = 1
			}
		default:
			a.I[i], err = strconv.ParseInt(word, 10, 64)
		}
		if err != nil {
			return nil, err
		}
	}
	t := a.Tensor()
	if text := Format(t); text != typ+" = "+elements {
		return nil, fmt.Errorf("it would be written %s", text)
	}
	return t, nil
}

func separator(r rune) bool { return strings.ContainsRune("[], ", r) }

// Format writes a tensor as examples do: "f32[2] = [1, 0.5]".
func Format(t *ir.Tensor) string {
	at := 0
	return t.Type.String() + " = " + nested(t, t.Type.Shape, &at)
}

func nested(t *ir.Tensor, shape ir.Shape, at *int) string {
	if len(shape) == 0 {
		*at++
		return element(t, *at-1)
	}
	var items []string
	for range shape[0] {
		items = append(items, nested(t, shape[1:], at))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func element(t *ir.Tensor, i int) string {
	switch d := t.Type.DType; {
	case d == ir.Bool:
		return strconv.FormatBool(t.Float(i) != 0)
	case d.IsInt():
		return strconv.FormatInt(t.Array().I[i], 10)
	}
	text := strconv.FormatFloat(t.Float(i), 'g', -1, 32)
	return strings.TrimPrefix(strings.ToLower(text), "+")
}

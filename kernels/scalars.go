package kernels

import "fmt"

// EvalScalars computes a launch's scalars, in the manifest's order, from the
// op's arguments by name and the shapes of the buffers. An argument that the
// spec left out is nil. The results have the Go types that ScalarTypes tells.
func (k *Kernel) EvalScalars(attr func(name string) (value any, ok bool), inputs [][]int, output []int) ([]any, error) {
	if len(k.Scalars) == 0 {
		return nil, nil
	}
	lookup := func(name string) any {
		if shape, ok := k.shapeOf(name, inputs, output); ok {
			return shape
		}
		v, _ := attr(name)
		return v
	}
	values := make([]any, len(k.Scalars))
	for i := range k.Scalars {
		s := &k.Scalars[i]
		if s.value != nil {
			values[i] = s.value
			continue
		}
		v, ok := attr(s.Expr)
		if s.program != nil {
			var err error
			if v, err = s.program.eval(lookup); err != nil {
				return nil, err
			}
		} else if !ok {
			return nil, fmt.Errorf("kernel %s: the op has no argument %s", k.Name, s.Expr)
		}
		if values[i], ok = s.convert(v); !ok {
			return nil, fmt.Errorf("kernel %s: the scalar %s must be of type %s, got %v (%T)", k.Name, s.Name, s.Type, v, v)
		}
	}
	return values, nil
}

// convert brings a value into the scalar's type.
func (s *Scalar) convert(v any) (any, bool) {
	switch s.Type {
	case "int", "long":
		v, ok := v.(int)
		return v, ok
	case "float":
		switch v := v.(type) {
		case float64:
			return v, true
		case int:
			return float64(v), true
		}
	case "bool":
		v, ok := v.(bool)
		return v, ok
	case "ints":
		switch v := v.(type) {
		case []int:
			return v, true
		case [][2]int:
			flat := make([]int, 0, 2*len(v))
			for _, pair := range v {
				flat = append(flat, pair[0], pair[1])
			}
			return flat, true
		}
	case "number":
		switch v := v.(type) {
		case int, float64:
			return v, true
		case bool:
			return intOf(v), true
		}
	}
	return nil, false
}

// shapeOf finds a buffer's shape by name, of a variadic input the first one.
func (k *Kernel) shapeOf(name string, inputs [][]int, output []int) (shape []int, ok bool) {
	if name == k.Output.Name {
		return output, true
	}
	for i, b := range k.Inputs {
		if b.Name == name && i < len(inputs) {
			return inputs[i], true
		}
	}
	return nil, false
}

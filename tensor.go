package flowrun

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// FromFloat32 makes an f32 tensor. It is an error if the values don't fill the
// shape.
func FromFloat32(shape Shape, values []float32) (*Tensor, error) {
	if err := ir.CheckFill(shape, len(values)); err != nil {
		return nil, err
	}
	return ir.FromFloat32(shape, values), nil
}

// FromFloat64 makes a tensor of a floating dtype d, each value rounded to the
// nearest one that d has. It is an error if d isn't floating, or if the values
// don't fill the shape.
func FromFloat64(d DType, shape Shape, values []float64) (*Tensor, error) {
	if !slices.Contains([]DType{F16, BF16, F32, F64}, d) {
		return nil, fmt.Errorf("FromFloat64 makes tensors of f16, bf16, f32 and f64, not of %s", d)
	}
	if err := ir.CheckFill(shape, len(values)); err != nil {
		return nil, err
	}
	return ir.FromFloat64(d, shape, values), nil
}

// FromInt64 makes a tensor of an integer dtype or of bool, where all but 0 is true. It
// is an error if d is another one, if it can't hold a value, or if the values don't
// fill the shape.
func FromInt64(d DType, shape Shape, values []int64) (*Tensor, error) {
	if !slices.Contains([]DType{Bool, U8, I32, I64}, d) {
		return nil, fmt.Errorf("FromInt64 makes tensors of bool, u8, i32 and i64, not of %s", d)
	}
	if err := ir.CheckFill(shape, len(values)); err != nil {
		return nil, err
	}
	if d.IsInt() {
		for i, v := range values {
			if !d.HasInt(v) {
				return nil, fmt.Errorf("value %d is %d, which %s can't represent", i, v, d)
			}
		}
	}
	return ir.FromInt64(d, shape, values), nil
}

// ReadTensors reads a safetensors file.
func ReadTensors(path string) (map[string]*Tensor, error) { return safetensors.Read(path) }

// WriteTensors writes a safetensors file; it is replaced as a whole or not at
// all.
func WriteTensors(path string, tensors map[string]*Tensor) error {
	if tensors == nil {
		return fmt.Errorf("there are no tensors to write to %s: the map is nil", path)
	}
	if err := checkTensors("tensors", tensors); err != nil {
		return err
	}
	return safetensors.Write(path, tensors)
}

// checkTensors reports the first few of given values that are no tensors, by name.
func checkTensors(what string, values map[string]*Tensor) error {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := values[name].Check(); err != nil {
			problems = append(problems, fmt.Sprintf("%s is %v", diag.Cut(name), err))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("the %s can't be used: %s", what, diag.Few(problems))
}

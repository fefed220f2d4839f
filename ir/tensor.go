package ir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Tensor is a value in the host's memory: dense, row-major, little-endian, the
// bytes that every device and every safetensors file agree on.
type Tensor struct {
	Type Type
	Data []byte // Type.Bytes() long
}

// NewTensor makes a tensor of zeros.
func NewTensor(t Type) *Tensor { return &Tensor{Type: t, Data: make([]byte, t.Bytes())} }

// ScalarTensor makes a scalar of a dtype from an int, a float64 or a bool.
func ScalarTensor(d DType, value any) *Tensor {
	t := NewTensor(Scalar(d))
	switch v := value.(type) {
	case bool:
		i := 0
		if v {
			i = 1
		}
		t.SetInt(0, int64(i))
	case int:
		t.SetInt(0, int64(v))
	case int64:
		t.SetInt(0, v)
	case float64:
		t.SetFloat(0, v)
	default:
		panic(fmt.Sprintf("ir: no scalar can be made from %T", value))
	}
	return t
}

// FromFloat32 makes an f32 tensor. It panics if values don't fill the shape.
func FromFloat32(shape Shape, values []float32) *Tensor {
	mustFill(shape, len(values))
	t := NewTensor(Type{F32, shape})
	for i, v := range values {
		binary.LittleEndian.PutUint32(t.Data[4*i:], math.Float32bits(v))
	}
	return t
}

// FromFloat64 makes a floating tensor of dtype d, rounding to nearest even.
func FromFloat64(d DType, shape Shape, values []float64) *Tensor {
	mustFill(shape, len(values))
	t := NewTensor(Type{d, shape})
	for i, v := range values {
		t.SetFloat(i, v)
	}
	return t
}

// FromInt64 makes a bool or integer tensor of dtype d.
func FromInt64(d DType, shape Shape, values []int64) *Tensor {
	mustFill(shape, len(values))
	t := NewTensor(Type{d, shape})
	for i, v := range values {
		t.SetInt(i, v)
	}
	return t
}

// CheckFill reports a shape that n values don't fill.
func CheckFill(s Shape, n int) error {
	for _, d := range s {
		if d < 0 {
			return fmt.Errorf("%d values for shape %s, which is invalid", n, s)
		}
	}
	if s.Numel() != n {
		return fmt.Errorf("%d values for shape %s", n, s)
	}
	return nil
}

func mustFill(s Shape, n int) {
	if err := CheckFill(s, n); err != nil {
		panic("ir: " + err.Error())
	}
}

// Clone copies the tensor; the copy shares nothing with it.
func (t *Tensor) Clone() *Tensor {
	return &Tensor{Type: Type{t.Type.DType, slices.Clone(t.Type.Shape)}, Data: append([]byte(nil), t.Data...)}
}

// Check reports what can't be a tensor: nil, a type without a dtype or with a
// dimension below 0, data of another length than the type's, or a bool that is
// neither 0 nor 1. The error reads on after "it is": "a tensor
// f32[2] with 4 bytes of data, which takes 8".
func (t *Tensor) Check() error {
	if t == nil {
		return errors.New("a nil tensor")
	}
	if t.Type.DType <= Invalid || t.Type.DType > F64 {
		return fmt.Errorf("a tensor of no dtype (its DType is %d)", t.Type.DType)
	}
	bytes := t.Type.DType.Size()
	for _, d := range t.Type.Shape {
		if d < 0 || d > 0 && bytes > math.MaxInt/d {
			return fmt.Errorf("a tensor of the invalid type %s", t.Type)
		}
		bytes *= d
	}
	if len(t.Data) != bytes {
		return fmt.Errorf("a tensor %s with %d bytes of data, which takes %d", t.Type, len(t.Data), bytes)
	}
	if t.Type.DType == Bool {
		for i, b := range t.Data {
			if b > 1 {
				return fmt.Errorf("a tensor %s whose element %d is %d; a bool is 0 or 1", t.Type, i, b)
			}
		}
	}
	return nil
}

// Float gives element i as a float64, exactly (i64 beyond 2^53 is rounded).
func (t *Tensor) Float(i int) float64 {
	switch t.Type.DType {
	case F16:
		return float64(F16ToF32(binary.LittleEndian.Uint16(t.Data[2*i:])))
	case BF16:
		return float64(BF16ToF32(binary.LittleEndian.Uint16(t.Data[2*i:])))
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:])))
	case F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
	}
	return float64(t.Int(i))
}

// Int gives element i of a bool or integer tensor; of a floating one, its value
// without the fraction.
func (t *Tensor) Int(i int) int64 {
	switch t.Type.DType {
	case Bool, U8:
		return int64(t.Data[i])
	case I32:
		return int64(int32(binary.LittleEndian.Uint32(t.Data[4*i:])))
	case I64:
		return int64(binary.LittleEndian.Uint64(t.Data[8*i:]))
	}
	return int64(t.Float(i))
}

// SetFloat stores v in element i, rounded to the dtype (to nearest even).
func (t *Tensor) SetFloat(i int, v float64) {
	switch t.Type.DType {
	case F16:
		binary.LittleEndian.PutUint16(t.Data[2*i:], F64ToF16(v))
	case BF16:
		binary.LittleEndian.PutUint16(t.Data[2*i:], F64ToBF16(v))
	case F32:
		binary.LittleEndian.PutUint32(t.Data[4*i:], math.Float32bits(float32(v)))
	case F64:
		binary.LittleEndian.PutUint64(t.Data[8*i:], math.Float64bits(v))
	default:
		t.SetInt(i, int64(v))
	}
}

// SetInt stores v in element i; what an integer dtype doesn't have is cut.
func (t *Tensor) SetInt(i int, v int64) {
	switch t.Type.DType {
	case Bool:
		t.Data[i] = 0
		if v != 0 {
			t.Data[i] = 1
		}
	case U8:
		t.Data[i] = uint8(v)
	case I32:
		binary.LittleEndian.PutUint32(t.Data[4*i:], uint32(v))
	case I64:
		binary.LittleEndian.PutUint64(t.Data[8*i:], uint64(v))
	default:
		t.SetFloat(i, float64(v))
	}
}

// Float32s gives all elements as float32.
func (t *Tensor) Float32s() []float32 {
	out := make([]float32, t.Type.Shape.Numel())
	for i := range out {
		out[i] = float32(t.Float(i))
	}
	return out
}

// Array gives the tensor for reference evaluation.
func (t *Tensor) Array() *Array {
	a := NewArray(t.Type)
	for i := range a.Len() {
		if a.F != nil {
			a.F[i] = t.Float(i)
		} else {
			a.I[i] = t.Int(i)
		}
	}
	return a
}

package ir

// Array is a value in reference evaluation: floats in float64 whatever the
// dtype, integers and bools exactly. Exactly one of F and I is not nil.
type Array struct {
	Type Type
	F    []float64 // floating dtypes
	I    []int64   // bool, u8, i32, i64

	// Parts are the results of a scan by their offsets; I is then empty.
	Parts map[int]*Array
}

// NewArray makes an array of zeros.
func NewArray(t Type) *Array {
	a := &Array{Type: t}
	if t.DType.IsFloat() {
		a.F = make([]float64, t.Shape.Numel())
	} else {
		a.I = make([]int64, t.Shape.Numel())
	}
	return a
}

// Len is the number of elements.
func (a *Array) Len() int { return len(a.F) + len(a.I) }

// At gives element i as a float64.
func (a *Array) At(i int) float64 {
	if a.F != nil {
		return a.F[i]
	}
	return float64(a.I[i])
}

// Tensor rounds the array to its dtype.
func (a *Array) Tensor() *Tensor {
	t := NewTensor(a.Type)
	for i := range a.Len() {
		if a.F != nil {
			t.SetFloat(i, a.F[i])
		} else {
			t.SetInt(i, a.I[i])
		}
	}
	return t
}

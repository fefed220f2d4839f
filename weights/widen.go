package weights

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// wider lists the dtypes that have every value of another.
var wider = map[ir.DType][]ir.DType{
	ir.F16:  {ir.F32, ir.F64},
	ir.BF16: {ir.F32, ir.F64},
	ir.F32:  {ir.F64},
	ir.U8:   {ir.I32, ir.I64},
	ir.I32:  {ir.I64},
}

// widens reports whether every value of one dtype is one of the other.
func widens(from, to ir.DType) bool { return slices.Contains(wider[from], to) }

// Converted is a tensor in a wider dtype, or rounded to a narrower one; itself in its own.
func Converted(t *ir.Tensor, to ir.DType) *ir.Tensor {
	if t.Type.DType == to {
		return t
	}
	wide := ir.NewTensor(ir.Type{DType: to, Shape: t.Type.Shape})
	for i := range t.Type.Shape.Numel() {
		wide.SetFloat(i, t.Float(i)) // exact if it is wider: integers are of 32 bits at most
	}
	return wide
}

// Read reads the tensors that a report takes, by the names of the parameters, and compares
// the file with its checksums if it has some. A tensor for several parameters is read once
// for each.
func (f *File) Read(r *Report) (map[string]*ir.Tensor, error) {
	if err := f.Verify(); err != nil {
		return nil, err
	}
	tensors := make(map[string]*ir.Tensor, len(r.Taken))
	for _, t := range r.Taken {
		tensor, err := f.Tensor(t.Tensor)
		if err != nil {
			return nil, err
		}
		if t.From != t.To {
			tensor = Converted(tensor, t.To)
		}
		tensors[t.Param] = tensor
	}
	return tensors, nil
}

package device

import (
	"fmt"
	"math"

	"github.com/flowrun/flowrun/kernels"
)

// Check checks a call against its kernel's manifest entry and the device's memory:
// buffers, dtypes, sizes, scalars, and that the output overlaps no input but one that
// it may overwrite. Drivers call it in Bind.
func (c *Call) Check(d Device) error {
	if err := c.check(d); err != nil {
		return fmt.Errorf("device %s: kernel %s: %w", d.Name(), c.Kernel.Name, err)
	}
	return nil
}

func (c *Call) check(d Device) error {
	k := c.Kernel
	if len(c.Buffers) == 0 {
		return fmt.Errorf("there are no buffers; a call needs at least an output")
	}
	inputs, output := c.Buffers[:len(c.Buffers)-1], &c.Buffers[len(c.Buffers)-1]
	for i := range c.Buffers {
		if err := c.Buffers[i].check(d); err != nil {
			return fmt.Errorf("%s: %w", c.argName(i), err)
		}
	}
	if from, to := c.DTypes(); !k.Serves(from, to) {
		return fmt.Errorf("doesn't serve %v → %s", from, to)
	}
	if len(c.Scalars) != len(k.Scalars) {
		return fmt.Errorf("takes %d scalars, got %d", len(k.Scalars), len(c.Scalars))
	}
	for i := range inputs {
		in := &inputs[i]
		if !in.Slice.overlaps(output.Slice) {
			continue
		}
		same := in.Slice == output.Slice && in.DType == output.DType
		if !same || !k.MayOverwrite(i) {
			return fmt.Errorf("the output overlaps the input %s", c.argName(i))
		}
	}
	return nil
}

// DTypes returns the dtypes of the inputs and of the output.
func (c *Call) DTypes() (inputs []string, output string) {
	last := len(c.Buffers) - 1
	for _, arg := range c.Buffers[:last] {
		inputs = append(inputs, arg.DType)
	}
	return inputs, c.Buffers[last].DType
}

// Tensors returns the inputs and the output in the form that [kernels.Kernel.Launches]
// takes.
func (c *Call) Tensors() (inputs []kernels.Tensor, output kernels.Tensor) {
	all := make([]kernels.Tensor, len(c.Buffers))
	for i, arg := range c.Buffers {
		all[i] = kernels.Tensor{DType: arg.DType, Shape: arg.Shape}
	}
	return all[:len(all)-1], all[len(all)-1]
}

// argName names a buffer for messages.
func (c *Call) argName(i int) string {
	if i == len(c.Buffers)-1 || len(c.Kernel.Inputs) == 0 {
		return c.Kernel.Output.Name
	}
	return c.Kernel.Input(i).Name
}

// check compares a tensor's shape with its memory.
func (a *Arg) check(d Device) error {
	if err := a.Slice.Check(d); err != nil {
		return err
	}
	size := kernels.DTypeSize(a.DType)
	if size == 0 {
		return fmt.Errorf("there is no dtype %q", a.DType)
	}
	if bytes, ok := tensorBytes(a.Shape, size); !ok || bytes != a.Slice.Bytes {
		return fmt.Errorf("%s%v doesn't match the %d bytes of its memory", a.DType, a.Shape, a.Slice.Bytes)
	}
	if a.Slice.Offset%int64(size) != 0 {
		return fmt.Errorf("%s%v begins at byte %d of its buffer, which is not a multiple of %d", a.DType, a.Shape, a.Slice.Offset, size)
	}
	return nil
}

// tensorBytes is the size of a dense tensor; ok is false for impossible shapes.
func tensorBytes(shape []int, size int) (bytes int64, ok bool) {
	bytes = int64(size)
	for _, d := range shape {
		if d < 0 || d > 0 && bytes > math.MaxInt64/int64(d) {
			return 0, false
		}
		bytes *= int64(d)
	}
	return bytes, true
}

// overlaps reports whether two slices have bytes in common.
func (s Slice) overlaps(t Slice) bool {
	return s.Buffer == t.Buffer && s.Bytes > 0 && t.Bytes > 0 &&
		s.Offset < t.Offset+t.Bytes && t.Offset < s.Offset+s.Bytes
}

package sim

import (
	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/kernels"
)

// bindKernel prepares a kernel. A fused one has no file to be compiled: its parts'
// kernels are run one after the other, which gives the same bits by what a fused
// kernel is.
func bindKernel(call *device.Call) (func(), error) {
	if call.Kernel.Fused() == nil {
		return cpu.BindKernel(call, memory)
	}
	return bindFused(call)
}

func bindFused(call *device.Call) (func(), error) {
	recipe, last := call.Kernel.Fused(), len(call.Buffers)-1
	out := call.Buffers[last]
	shape := out.Shape // of all parts but a reduction
	if recipe.Reduced != nil {
		shape = recipe.Reduced
	}
	parts := make([]device.Arg, len(recipe.Parts))
	var runs []func()
	for i, part := range recipe.Parts {
		if i == len(parts)-1 {
			shape = out.Shape
		}
		// The output isn't written before the end, since it may be an input's memory.
		bytes := int64(kernels.Numel(shape) * kernels.DTypeSize(part.DType))
		parts[i] = device.Arg{DType: part.DType, Shape: shape,
			Slice: device.Slice{Buffer: &buffer{memory: device.HostMemory(bytes)}, Bytes: bytes}}
		c := &device.Call{Kernel: part.Kernel, Scalars: part.Scalars}
		for _, o := range part.Operands {
			if o.Part {
				c.Buffers = append(c.Buffers, parts[o.Index])
			} else {
				c.Buffers = append(c.Buffers, call.Buffers[o.Index])
			}
		}
		c.Buffers = append(c.Buffers, parts[i])
		run, err := cpu.BindKernel(c, memory)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	to, from := memory(out.Slice), memory(parts[len(parts)-1].Slice)
	return func() {
		for _, run := range runs {
			run()
		}
		copy(to, from)
	}, nil
}

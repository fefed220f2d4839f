package kernels_test

import (
	"math"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	"github.com/flowrun/flowrun/ir"
)

// Metal lets a device take floats of 32 bits that are below the normal ones for 0, as
// operands, as results, and in between.

// leastNormal is the least normal f32, and the least normal bf16.
const leastNormal = 0x1p-126

// flushes tells a device that does so.
func flushes(d device.Device) bool {
	e, ok := d.(*emulated)
	return ok && e.how&emulator.Flushing != 0
}

// flushed are operands as such a device may take them: 0 for what is below the normal
// numbers. Numbers of f16 never are, as f32.
func flushed(operands []*ir.Array) []*ir.Array {
	all := make([]*ir.Array, len(operands))
	for i, a := range operands {
		all[i] = a
		if a.Type.DType != ir.F32 && a.Type.DType != ir.BF16 {
			continue
		}
		all[i] = ir.NewArray(a.Type)
		for j, v := range a.F {
			if math.Abs(v) < leastNormal {
				v = math.Copysign(0, v)
			}
			all[i].F[j] = v
		}
	}
	return all
}

// withinFlushing tells elements that are near what the reference says of the operands,
// or of them as they may be taken; what is less than a normal number need only be as
// little.
func withinFlushing(d device.Device, op string, n *ir.Node, arrays []*ir.Array, want *ir.Array) func(got *ir.Array, i int) bool {
	taken := flushed(arrays)
	other := n.Op.Reference(n, taken)
	exactly, taking := within(d, op, n, arrays, want), within(d, op, n, taken, other)
	return func(got *ir.Array, i int) bool {
		if exactly(got, i) || taking(got, i) {
			return true
		}
		return n.Type.DType.IsFloat() && math.Abs(got.F[i]) < leastNormal &&
			(math.Abs(want.F[i]) < leastNormal || math.Abs(other.F[i]) < leastNormal)
	}
}

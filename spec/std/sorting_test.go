package std_test

import (
	"fmt"
	"testing"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// Values, indices and gradients are those that PyTorch's topk and kthvalue give.
func TestTopkGivesValuesIndicesAndGradients(t *testing.T) {
	x := ir.FromFloat64(ir.F32, ir.Shape{2, 4}, []float64{3, 1, 4, 1, 5, 9, 2, 6})
	nodes := []string{"values: topk(x, 2).values", "indices: topk(x, 2).indices", "least: topk(x, 3, dim=-1, largest=false).indices",
		"larger: kthvalue(x, 2, dim=0).values", "third: kthvalue(x, 3, keepdim=true).values",
		"gx: grad(sum(topk(x, 2).values * cast(arange(1, 3), 'f32')), x)"}
	for _, device := range []string{"cpu", "opencl"} {
		t.Run(device, func(t *testing.T) {
			if device == "opencl" {
				runtest.NeedsOpenCL(t)
			}
			got := evaluated(t, device, map[string]*flowrun.Tensor{"x": x}, nodes...)
			requireNear(t, []float64{4, 3, 9, 6}, got["values"], 0)
			requireNear(t, []float64{2, 0, 1, 3}, got["indices"], 0)
			requireNear(t, []float64{1, 3, 0, 2, 0, 3}, got["least"], 0)
			requireNear(t, []float64{5, 9, 4, 6}, got["larger"], 0)
			requireNear(t, []float64{3, 6}, got["third"], 0)
			requireNear(t, []float64{2, 0, 1, 0, 0, 1, 0, 2}, got["gx"], 0)
		})
	}
}

// Adding at many equal indices and at some out of range, on a device as on the CPU: the
// same sums in the same order, bit for bit.
func TestAdditionsAtIndicesAreTheSameOnADevice(t *testing.T) {
	runtest.NeedsOpenCL(t)
	const n = 5000 // more than a group of work-items sorts
	index, values := make([]int64, n), floats(3*n, 1)
	for i := range index {
		index[i] = int64(i * i % 93)
	}
	in := map[string]*flowrun.Tensor{"index": ir.FromInt64(ir.I32, ir.Shape{n}, index), "v": ir.FromFloat32(ir.Shape{n, 3}, values)}
	nodes := []string{"added: index_add(zeros([90, 3]), 0, index - 3, v)", "ordered: sort(v, 0)",
		"largest: scatter_reduce(zeros([90, 3]), 0, broadcast_to(reshape(index - 3, [-1, 1]), [5000, 3]), v, 'amax')",
		"means: scatter_reduce(zeros([90, 3]), 0, broadcast_to(reshape(index - 3, [-1, 1]), [5000, 3]), v, 'mean', include_self=false)"}
	got := evaluated(t, "opencl", in, nodes...)
	for name, want := range evaluated(t, "cpu", in, nodes...) {
		requireSame(t, want, got[name], fmt.Sprintf("%s on a device", name))
	}
}

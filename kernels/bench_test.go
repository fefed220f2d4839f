package kernels_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// What kernels cost on every device, launch and wait included, 100 launches at a
// time.
func BenchmarkKernels(b *testing.B) {
	for _, c := range []struct {
		op     string
		args   []any
		inputs []ir.Shape
	}{
		{"add", nil, []ir.Shape{{16}, {16}}},
		{"add", nil, []ir.Shape{{1 << 20}, {1 << 20}}},
		{"add", nil, []ir.Shape{{1 << 10, 1 << 10}, {1 << 10}}},
		{"exp", nil, []ir.Shape{{1 << 20}}},
		{"sum", nil, []ir.Shape{{1 << 20}}},
		{"sum", list(0), []ir.Shape{{1 << 10, 1 << 10}}},
		{"sum", list(1), []ir.Shape{{1 << 10, 1 << 10}}},
		{"sum", list(0), []ir.Shape{{8, 16}}},
		{"softmax", list(1), []ir.Shape{{1 << 10, 1 << 10}}},
		{"layer_norm", nil, []ir.Shape{{1 << 10, 1 << 10}, {1 << 10}, {1 << 10}}},
		{"permute", list([]int{1, 0}), []ir.Shape{{1 << 10, 1 << 10}}},
		{"matmul", nil, []ir.Shape{{1, 8}, {8, 16}}},
		{"matmul", nil, []ir.Shape{{64, 64}, {64, 64}}},
		{"matmul", nil, []ir.Shape{{512, 512}, {512, 512}}},
	} {
		for _, d := range devices(b) {
			b.Run(fmt.Sprint(c.op, c.inputs, "/", d.Name()), func(b *testing.B) {
				g := ir.NewBuilder(&ir.Graph{})
				var args []any
				var in []*ir.Array
				for i, s := range c.inputs {
					x := seeded(uint64(i), s).tensor(ir.F32).Array()
					in = append(in, x)
					args = append(args, g.NewState("x", ir.ParamState, x.Type).Read)
				}
				n, err := g.Call(ir.LookupOp(c.op), append(args, c.args...))
				require.NoError(b, err)
				call, free := bindable(b, d, load(b).Kernel(c.op), n, in)
				defer free()
				run, err := d.Bind(call)
				require.NoError(b, err)
				require.NoError(b, run.Run())
				require.NoError(b, d.Sync())
				for b.Loop() {
					for range 100 {
						if err := run.Run(); err != nil {
							b.Fatal(err)
						}
					}
					if err := d.Sync(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/launch")
			})
		}
	}
}

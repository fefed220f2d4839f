package kernels_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/kernels"
)

// walked are kernels that stand for all that can be fused: a fused kernel's way
// through its operands depends on how many there are and on whether it reduces.
var walked = []string{"neg", "sub", "where", "sum", "any", "min"}

// Whatever the shapes, a fused kernel gives the bits of its part's own kernel, and so
// what the reference says. The shapes are the same in every run, so that a device's
// compiler sees each kind of walk once.
func TestFusedKernelsAreRightWhateverTheShapes(t *testing.T) {
	types := []map[string]string{{"T": "f32"}}
	for _, d := range fusingDevices(t) {
		t.Run(d.Name(), func(t *testing.T) {
			var calls []drawnCall
			var all []*kernels.Kernel
			for _, name := range walked {
				for seed := range fewCalls {
					c := rapid.Custom(drawCall(types, name)).Example(seed)
					n, _ := nodeOf(t, kernel(t, name), name, c.types, c.opCase)
					calls, all = append(calls, c), append(all, fusedAlone(t, kernel(t, name), n))
				}
			}
			if e, ok := d.(*emulated); ok {
				require.NoError(t, e.modules.load(all...))
			}
			for i, c := range calls {
				k := kernel(t, walked[i/fewCalls])
				n, arrays := nodeOf(t, k, k.Name, c.types, c.opCase)
				call, free := fusedCall(t, d, all[i], n, arrays)
				got := result(t, d, call, n.Type)
				free()
				what := fmt.Sprintf("%s of %v, fused", kernelName(n), operandTypes(n))
				require.Empty(t, difference(d, n, arrays, n.Op.Reference(n, arrays), got.Array()), what)
				require.True(t, sameBits(launch(t, d, k, n, arrays).Tensor(), got), what)
			}
		})
	}
}

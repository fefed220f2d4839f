package kernels_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
)

// Whatever the shapes and the arguments, every kernel gives what the reference
// says, on every device: ones in every place, sizes of zero, odd ones.
func TestKernelsAreRightWhateverTheShapes(t *testing.T) {
	for _, d := range devices(t) {
		t.Run(d.Name(), func(t *testing.T) {
			for _, k := range load(t).Kernels() {
				types := typesOn(d, k)
				for _, op := range k.Ops {
					t.Run(k.Name, func(t *testing.T) {
						rapid.Check(t, func(rt *rapid.T) {
							chosen := rapid.SampledFrom(types).Draw(rt, "types")
							n, arrays := nodeOf(t, k, op, chosen, drawing{T: rt}.of(op))
							if wrong := difference(d, n, arrays, n.Op.Eval(n, arrays), launch(t, d, k, n, arrays)); wrong != "" {
								rt.Fatal(wrong)
							}
						})
					})
				}
			}
		})
	}
}

// typesOn lists the choices of dtypes that a device has a kernel for.
func typesOn(d device.Device, k *kernels.Kernel) []map[string]string {
	return slices.DeleteFunc(combinations(k), func(types map[string]string) bool {
		return testing.Short() && fromSource(d) && !isCommon(types) || hasAny(d.Info().Lacks, types)
	})
}

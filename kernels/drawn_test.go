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
				if !matters(t, d, k) {
					continue
				}
				types := typesOn(d, k)
				for _, op := range k.Ops {
					t.Run(k.Name, func(t *testing.T) {
						tryDrawn(t, !runsOtherwise(d), types, op, func(c drawnCall) string {
							n, arrays := nodeOf(t, k, op, c.types, c.opCase)
							return difference(d, n, arrays, n.Op.Reference(n, arrays), launch(t, d, k, n, arrays))
						})
					})
				}
			}
		})
	}
}

// runsOtherwise tells a device that runs the same kernels as another one of the suite,
// in another way.
func runsOtherwise(d device.Device) bool {
	e, ok := d.(*emulated)
	return d.Info().Kind == "sim" || ok && e.how != 0
}

// drawnCall is a call of an op that was drawn, and the seed of a cotangent for it.
type drawnCall struct {
	opCase
	types     map[string]string
	cotangent uint64
}

// drawCall draws a call of an op in some of the choices of dtypes.
func drawCall(types []map[string]string, op string) func(rt *rapid.T) drawnCall {
	return func(rt *rapid.T) drawnCall {
		chosen := rapid.SampledFrom(types).Draw(rt, "types")
		d := drawing{T: rt}
		return drawnCall{d.of(op), chosen, d.seed()}
	}
}

// fewCalls are how many are enough where the same is tried in full on another device.
// They are the same in every run.
const fewCalls = 20

// tryDrawn draws calls of an op and says what is wrong with them: in full others in
// each run, and the least of those that are wrong.
func tryDrawn(t *testing.T, full bool, types []map[string]string, op string, wrong func(drawnCall) string) {
	t.Helper()
	draw := drawCall(types, op)
	if full {
		rapid.Check(t, func(rt *rapid.T) {
			if text := wrong(draw(rt)); text != "" {
				rt.Fatal(text)
			}
		})
		return
	}
	for seed := range fewCalls {
		if text := wrong(rapid.Custom(draw).Example(seed)); text != "" {
			t.Fatalf("seed %d: %s", seed, text)
		}
	}
}

// turn picks the one of some choices of dtypes, if there is any, whose turn it is at a
// kernel.
func turn(number int, choices []map[string]string) []map[string]string {
	if len(choices) == 0 {
		return nil
	}
	return choices[number%len(choices):][:1]
}

// typesOn lists the choices of dtypes that a device has a kernel for.
func typesOn(d device.Device, k *kernels.Kernel) []map[string]string {
	return slices.DeleteFunc(k.Choices(), func(types map[string]string) bool {
		return !k.In(d.Info().Language) || testing.Short() && fromSource(d) && !isCommon(types) || hasAny(d.Info().Lacks, types)
	})
}

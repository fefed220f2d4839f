package cpu

import "math"

// one_hot: 1 at place x[i] of row i, else 0. A class out of range gives a row of NaN.
//
// x [...] → out f32 [..., classes]; its last dimension says how many. Bound by bytes.
func init() { register("one_hot", oneHot) }

func oneHot(a *Args) func() {
	out := view[float32](a.Output)
	last := len(a.Output.Shape) - 1
	if last < 0 {
		fail("the output must have a dimension for the classes")
	}
	n := a.Output.Shape[last]
	mustBe(a.Output, append(append([]int(nil), a.input(0).Shape...), n))
	read, places := indices(a.input(0), n)
	return func() {
		clear(out)
		read()
		for i, class := range places {
			if class < 0 {
				fill(out[i*n:(i+1)*n], float32(math.NaN()))
				continue
			}
			out[i*n+class] = 1
		}
	}
}

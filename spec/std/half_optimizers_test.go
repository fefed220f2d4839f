package std_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// With gradients near 1e-3, whose squares f16 can't hold, and which change with the parameters,
// parameters in 16 bits take the steps of f64, each rounded once. Where a step falls between two
// numbers of 16 bits, f32 may round it the other way, so a parameter may be off by a unit of
// 0.01, where it began.
func TestAdamOnSmallGradientsRoundsOnlyParameters(t *testing.T) {
	curvatures := []float64{0.1, 0.05, 0.2, 0.01, 0.001}
	for name, decay := range map[string]float64{"Adam": 0, "AdamW": 0.5} {
		for _, d := range halves {
			_, s := start(t, fmt.Sprintf(`flowrun: 1
modules:
  P: {inputs: {c: "any[]"}, params: {w: {shape: [5], init: 0.01}}, nodes: {o: w + 0}, output: o}
model: {nodes: {p: {P: 1.0, dtype: %s}}, outputs: [p]}
train:
  loss: sum(square(cast(p, "f32")) * stack([0.1, 0.05, 0.2, 0.01, 0.001])) / 2
  optimizer: {%s: {lr: 0.001, weight_decay: %v}}
  max_steps: 60
`, d, name, decay), "cpu")
			_, err := s.Run(context.Background())
			require.NoError(t, err)
			got := get(t, s, "p.w")
			require.Equal(t, d, got.Type.DType)
			for i, curvature := range curvatures {
				want := adamSteps(d, curvature, decay)
				unit := map[flowrun.DType]float64{ir.F16: 0x1p-10, ir.BF16: 0x1p-7}[d] // of 1
				require.InDelta(t, want, got.Float(i), 0.01*unit, "%s in %s, gradients from %v on", name, d, 0.01*curvature)
			}
		}
	}
}

// adamSteps is a parameter after 60 steps of Adam in f64, rounded after each.
func adamSteps(d flowrun.DType, curvature, decay float64) float64 {
	w, m, v := ir.ScalarTensor(d, 0.01).Float(0), 0.0, 0.0
	for step := range 60 {
		g := ir.ScalarTensor(d, curvature*w).Float(0) // a gradient has its parameter's dtype
		m, v = 0.9*m+0.1*g, 0.999*v+0.001*g*g
		n := float64(step + 1)
		mean, square := m/(1-math.Pow(0.9, n)), v/(1-math.Pow(0.999, n))
		w -= 0.001*decay*w + 0.001*mean/(math.Sqrt(square)+1e-8)
		w = ir.ScalarTensor(d, w).Float(0)
	}
	return w
}

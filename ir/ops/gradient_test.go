package ops_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

func TestGradientsAreTheSlopesOfValues(t *testing.T) {
	for _, op := range languageOps() {
		if op.Grad == nil {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { checkSlopes(rt, op.Name, draw(rt, op, ir.F64)) })
		})
	}
}

func TestGradientsOfSpecialFormsAreTheSlopesOfValues(t *testing.T) {
	for _, f := range specialForms {
		rapid.Check(t, func(rt *rapid.T) { checkSlopes(rt, f.expr, drawOver(rt, f.expr, f.low, f.high, ir.F64)) })
	}
}

// checkSlopes compares gradients with central differences.
func checkSlopes(t *rapid.T, what string, p *program) {
	indexed := slices.ContainsFunc(p.out.Inputs, func(n *ir.Node) bool { return n.Type.DType.IsInt() })
	cotangent := ir.NewArray(p.out.Type)
	for i, v := range p.value().F {
		if !indexed || !math.IsNaN(v) { // what an index outside gives has no slope
			cotangent.F[i] = math.Cos(float64(3*i + 1)) // any weights will do
		}
	}
	const step = 6e-6 // see below
	scalar := func() float64 {
		sum := 0.0
		for i, v := range p.value().F {
			if cotangent.F[i] != 0 {
				sum += v * cotangent.F[i]
			}
		}
		return sum
	}
	for key, node := range p.grads(cotangent) {
		x := p.values[p.inputs[key]]
		if x.F == nil {
			require.Nil(t, node, "%s: integers have no gradient", what)
			continue
		}
		require.NotNil(t, node, "%s: %s has no gradient", what, key)
		got, want := p.eval(node)[0], ir.NewArray(x.Type)
		for i, v := range x.F {
			// The best step is the cube root of the precision: the difference then
			// misses the slope by about step² times the third derivative, and by
			// precision/step for rounding, 4e-11 each. Third derivatives reach some
			// thousands (pow, prod, reciprocal at 0.2).
			x.F[i] = v + step
			up := scalar()
			x.F[i] = v - step
			down := scalar()
			x.F[i] = v
			want.F[i] = (up - down) / (2 * step)
		}
		// Where values are sums of many products, their roundings come to more: a few of
		// each value, of those of the sum of values.
		tolerance := 1e-6
		for i, v := range p.value().F {
			if m := math.Abs(v * cotangent.F[i]); cotangent.F[i] != 0 && !math.IsInf(m, 0) && !math.IsNaN(m) {
				tolerance += 8 * 0x1p-53 * m / step
			}
		}
		requireClose(t, want, got, tolerance, "gradient of "+key+" in "+what)
	}
}

// TestGradientsHaveTheirOperandsDType also holds for narrow floats, where a
// gradient computes in f32 what f16 doesn't hold.
func TestGradientsHaveTheirOperandsDType(t *testing.T) {
	for _, op := range languageOps() {
		if op.Grad == nil {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				d := rapid.SampledFrom([]ir.DType{ir.F16, ir.BF16, ir.F32}).Draw(rt, "dtype")
				p := draw(rt, op, d)
				cotangent := ir.NewArray(p.out.Type)
				if cotangent.F == nil {
					return
				}
				for key, g := range p.grads(cotangent) { // checks every type on the way
					if g != nil {
						require.Equal(rt, p.inputs[key].Type, g.Type)
					}
				}
			})
		})
	}
}

package ops_test

import (
	"math"
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
			rapid.Check(t, func(rt *rapid.T) { checkSlopes(rt, draw(rt, op, ir.F64)) })
		})
	}
}

func TestGradientsOfSpecialFormsAreTheSlopesOfValues(t *testing.T) {
	for _, f := range moreSamples {
		rapid.Check(t, func(rt *rapid.T) { checkSlopes(rt, f(&source{rt, ir.F64, map[int]bool{}})) })
	}
}

// checkSlopes compares gradients with central differences.
func checkSlopes(t *rapid.T, s sample) {
	p := compile(t, s.expr, s.inputs)
	cotangent := ir.NewArray(p.out.Type)
	for i := range cotangent.F {
		cotangent.F[i] = math.Cos(float64(3*i + 1)) // any weights will do
	}
	scalar := func() float64 {
		sum := 0.0
		for i, v := range p.value().F {
			sum += v * cotangent.F[i]
		}
		return sum
	}
	for key, node := range p.grads(cotangent) {
		x := s.inputs[key]
		if x.F == nil {
			require.Nil(t, node, "%s: integers have no gradient", s.expr)
			continue
		}
		require.NotNil(t, node, "%s: %s has no gradient", s.expr, key)
		got, want := p.eval(node)[0], ir.NewArray(x.Type)
		for i, v := range x.F {
			// The best step is the cube root of the precision: the difference then
			// misses the slope by about step² times the third derivative, and by
			// precision/step for rounding, 4e-11 each. Third derivatives reach some
			// thousands (pow, prod, reciprocal at 0.2).
			const step = 6e-6
			x.F[i] = v + step
			up := scalar()
			x.F[i] = v - step
			down := scalar()
			x.F[i] = v
			want.F[i] = (up - down) / (2 * step)
		}
		requireClose(t, want, got, 1e-6, "gradient of "+key+" in "+s.expr)
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
				s := draw(rt, op, d)
				p := compile(rt, s.expr, s.inputs)
				cotangent := ir.NewArray(p.out.Type)
				if cotangent.F == nil {
					return
				}
				for key, g := range p.grads(cotangent) { // checks every type on the way
					if g != nil {
						require.Equal(rt, s.inputs[key].Type, g.Type)
					}
				}
			})
		})
	}
}

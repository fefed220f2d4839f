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
	// Where values are sums of many products, their roundings come to more: a few of
	// each value, of those of the sum of values.
	tolerance := 1e-6
	for i, v := range p.value().F {
		if m := math.Abs(v * cotangent.F[i]); cotangent.F[i] != 0 && !math.IsInf(m, 0) && !math.IsNaN(m) {
			tolerance += 8 * 0x1p-53 * m / step
		}
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
			f := func(offset float64) float64 {
				x.F[i] = v + offset
				defer func() { x.F[i] = v }()
				return scalar()
			}
			want.F[i] = (f(step) - f(-step)) / (2 * step)
			if math.Abs(want.F[i]-got.F[i]) > tolerance && kinked(f, step, tolerance) {
				t.Skip("values that have been computed from inputs are tied")
			}
		}
		requireClose(t, want, got, tolerance, "gradient of "+key+" in "+what)
	}
}

// kinked reports whether f has a kink within a step of 0 that makes its central difference
// miss the slope by more than a tolerance. Inputs are drawn apart from one another, but what
// an op computes of them before it takes a maximum can be tied.
//
// The second difference of a smooth function is quadratic in the step. That of a kink at k
// where the slope changes by j is j(h-|k|), or 0 for a step h below |k|; the central
// difference misses by 1/2h of it. If that is more than the tolerance, then halving or
// doubling the step doesn't make a quarter or four times of it, by at least h times the miss.
func kinked(f func(offset float64) float64, step, tolerance float64) bool {
	bend := func(h float64) float64 { return f(h) - 2*f(0) + f(-h) }
	half, one, two := bend(step/2), bend(step), bend(2*step)
	return max(math.Abs(one-4*half), math.Abs(two-4*one)) > step*tolerance
}

func TestKinksAreKnownFromCurves(t *testing.T) {
	const step, tolerance = 6e-6, 1e-6
	for _, at := range []float64{0, 0.1, 0.3, 0.5, 2. / 3, 0.9, -0.4, -0.99} {
		for _, change := range []float64{1e-3, -1, 3} {
			bent := func(x float64) float64 { return 1 + x + 500*x*x + change*max(x-at*step, 0) }
			require.True(t, kinked(bent, step, tolerance), "at %v steps, by %v", at, change)
		}
	}
	for name, smooth := range map[string]func(float64) float64{
		"a kink farther away": func(x float64) float64 { return max(x, 2.5*step) },
		"a power":             func(x float64) float64 { return math.Pow(0.2+x, -3) },
		"a wave":              func(x float64) float64 { return math.Sin(1 + 20*x) },
	} {
		require.False(t, kinked(smooth, step, tolerance), name)
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

package rewrite

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// isNormal looks at the bits of a number of a floating dtype: its exponent is neither
// the least, of zero and the subnormal numbers, nor the largest, of infinities and NaN.
func isNormal(t *ir.Tensor, i int) bool {
	digits := map[ir.DType]int{ir.F16: 10, ir.BF16: 7, ir.F32: 23, ir.F64: 52}[t.Type.DType]
	size := t.Type.DType.Size()
	var bits uint64
	for j := size - 1; j >= 0; j-- {
		bits = bits<<8 | uint64(t.Data[i*size+j])
	}
	ones := uint64(1)<<(8*size-1-digits) - 1
	exponent := bits >> digits & ones
	return exponent != 0 && exponent != ones
}

var floatDTypes = []ir.DType{ir.F16, ir.BF16, ir.F32, ir.F64}

// nearEnds are the numbers of a dtype at both ends of its normal ones, and some in
// between, found by the bits: a step down from the least is subnormal, a step up from
// the largest infinite.
func nearEnds(d ir.DType) []float64 {
	all := []float64{1, 1.5, -2, 3, largest(d)}
	for e := -1080; e < 1030; e++ {
		for _, v := range []float64{math.Ldexp(1, e), math.Ldexp(1.5, e)} {
			t := ir.ScalarTensor(d, v)
			below, above := ir.ScalarTensor(d, v/4), ir.ScalarTensor(d, v*4)
			if isNormal(t, 0) && (!isNormal(below, 0) || !isNormal(above, 0)) || e%64 == 0 && isNormal(t, 0) {
				all = append(all, t.Float(0), -t.Float(0))
			}
		}
	}
	return all
}

// largest is the number before infinity.
func largest(d ir.DType) float64 {
	v := 1.0
	for !math.IsInf(ir.ScalarTensor(d, 2*v).Float(0), 0) {
		v *= 2
	}
	for step := v / 2; step > 0; step /= 2 {
		if next := ir.ScalarTensor(d, v+step).Float(0); next == v+step && !math.IsInf(next, 0) {
			v = next
		}
	}
	return v
}

// What combines to a normal number may be combined, up to the last at either end;
// what doesn't may not.
func TestConstantsAreCombinedUpToBothEndsOfTheRange(t *testing.T) {
	for _, d := range floatDTypes {
		var allowed, refused int
		ends := nearEnds(d)
		for _, x := range ends {
			for _, y := range ends {
				b := ir.NewBuilder(&ir.Graph{})
				c, e := b.Const(ir.ScalarTensor(d, x)), b.Const(ir.ScalarTensor(d, y))
				for op, f := range map[string]func(x, y float64) float64{
					"product":  func(x, y float64) float64 { return x * y },
					"quotient": func(x, y float64) float64 { return x / y },
				} {
					want := isNormal(ir.ScalarTensor(d, f(x, y)), 0)
					require.Equal(t, want, normalConsts(c, e, f), "%s of %v and %v in %s", op, x, y, d)
					if want {
						allowed++
					} else {
						refused++
					}
				}
			}
		}
		require.Greater(t, allowed, 100, d)
		require.Greater(t, refused, 100, d)
	}
}

// In a list of constants each is looked at, the last too.
func TestEachOfSeveralConstantsMustCombine(t *testing.T) {
	product := func(x, y float64) float64 { return x * y }
	for at := range 3 {
		values := []float32{1, 1, 1}
		values[at] = 0x1p-100
		b := ir.NewBuilder(&ir.Graph{})
		list, small := b.Const(ir.FromFloat32(ir.Shape{3}, values)), b.Const(ir.ScalarTensor(ir.F32, 0x1p-27))
		require.False(t, normalConsts(list, small, product), "element %d", at)
		require.False(t, normalConsts(small, list, product), "element %d", at)
	}
	b := ir.NewBuilder(&ir.Graph{})
	ones := func(n int) *ir.Node {
		values := make([]float32, n)
		for i := range values {
			values[i] = 1
		}
		return b.Const(ir.FromFloat32(ir.Shape{n}, values))
	}
	require.True(t, normalConsts(ones(1), ones(maxCombined), product))
	require.True(t, normalConsts(ones(maxCombined), ones(1), product))
	require.False(t, normalConsts(ones(1), ones(maxCombined+1), product), "too many to look at")
	require.False(t, normalConsts(ones(2), ones(2), product), "neither is one number")
}

// A rewrite that combines constants must hold wherever both sides stay within the normal
// numbers, also where the constants are near an end of them and the variable brings
// the result back.
func TestRewritesThatCombineConstantsHoldAtBothEndsOfTheRange(t *testing.T) {
	set, err := Default()
	require.NoError(t, err)
	manifest := mustLoad(t)
	tried := 0
	for _, r := range set.Rewrites {
		if !r.Rounding || !strings.HasPrefix(r.Name, "product-of-") && !strings.HasPrefix(r.Name, "quotient-") {
			continue
		}
		tried++
		t.Run(r.Name, func(t *testing.T) {
			g := &generator{Rand: rand.New(rand.NewPCG(uint64(tried), 2)), wide: true}
			m := NewMatch(anyPlace{})
			proofs := 0
			for tries := 0; proofs < 5*wantedProofs; tries++ {
				require.Less(t, tries, mostTries, "%d occurrences were found", proofs)
				left := g.occurrence(r)
				if left == nil || !m.Find(r, left) {
					continue
				}
				right, err := r.result(m, g.b)
				require.NoError(t, err)
				run := &runner{manifest, g.values, map[*ir.Node]*ir.Tensor{}}
				want, err := run.value(left)
				require.NoError(t, err)
				if want.Type.Shape.Numel() == 0 || !run.staysNormal(left) {
					continue
				}
				proofs++
				got, err := run.value(right.(*ir.Node))
				require.NoError(t, err)
				for i := range want.Type.Shape.Numel() {
					require.True(t, agree(r, want, got, nil, i), "%s gives %s, its replacement %s",
						fmt.Sprint(describe(left), describe(left.Inputs[0])), want, got)
				}
			}
		})
	}
	require.Equal(t, 3, tried)
}

// staysNormal tells a node whose value is normal numbers alone, as are those that it
// is computed of.
func (r *runner) staysNormal(n *ir.Node) bool {
	v, err := r.value(n)
	if err != nil || !v.Type.DType.IsFloat() {
		return false
	}
	for i := range v.Type.Shape.Numel() {
		if !isNormal(v, i) {
			return false
		}
	}
	for _, in := range n.Inputs {
		if !r.staysNormal(in) {
			return false
		}
	}
	return true
}

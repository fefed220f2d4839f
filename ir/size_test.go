package ir_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// Against arithmetic without bounds.
func TestSizesSaturate(t *testing.T) {
	size := rapid.OneOf(rapid.IntRange(0, 9), rapid.IntRange(0, math.MaxInt), rapid.IntRange(math.MaxInt-9, math.MaxInt),
		rapid.Map(rapid.IntRange(0, 62), func(n int) int { return 1 << n }))
	clamp := func(v *big.Int) int {
		if !v.IsInt64() {
			return math.MaxInt
		}
		return int(v.Int64())
	}
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(size, 0, 6).Draw(t, "sizes")
		sum, product := big.NewInt(0), big.NewInt(1)
		for _, s := range sizes {
			sum.Add(sum, big.NewInt(int64(s)))
			product.Mul(product, big.NewInt(int64(s)))
		}
		require.Equal(t, clamp(sum), ir.AddSize(sizes...))
		require.Equal(t, clamp(product), ir.Shape(sizes).Numel(), "%v", sizes)
		d := rapid.SampledFrom([]ir.DType{ir.Bool, ir.F16, ir.F32, ir.F64}).Draw(t, "dtype")
		require.Equal(t, clamp(product.Mul(product, big.NewInt(int64(d.Size())))), ir.Type{DType: d, Shape: sizes}.Bytes())
	})
}

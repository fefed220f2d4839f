package arrays

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

var integers = []Elem{
	{Class: Int, Size: 1}, {Class: Int, Size: 2}, {Class: Int, Size: 4}, {Class: Int, Size: 8},
	{Class: Uint, Size: 1}, {Class: Uint, Size: 2}, {Class: Uint, Size: 4}, {Class: Uint, Size: 8},
}

// edges are integers next to which types end or floats begin to round.
func edges() []*big.Int {
	var all []*big.Int
	for _, bits := range []uint{0, 7, 8, 11, 12, 15, 16, 24, 25, 31, 32, 53, 54, 63, 64} {
		for by := int64(-2); by <= 2; by++ {
			v := new(big.Int).Lsh(big.NewInt(1), bits)
			v.Add(v, big.NewInt(by))
			all = append(all, v, new(big.Int).Neg(v))
		}
	}
	return append(all, big.NewInt(65504), big.NewInt(65505), big.NewInt(65520))
}

// holds reports whether an integer type has a value, by its definition.
func holds(e Elem, v *big.Int) bool {
	bits := uint(8 * e.Size)
	least, end := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), bits)
	if e.Class == Int {
		end.Rsh(end, 1)
		least.Neg(end)
	}
	return v.Cmp(least) >= 0 && v.Cmp(end) < 0
}

// exactly reports whether a float has an integer as its value: it has few enough digits
// and isn't larger than the largest.
func exactly(d ir.DType, v *big.Int) bool {
	digits := map[ir.DType]uint{ir.F16: 11, ir.BF16: 8, ir.F32: 24, ir.F64: 53}[d]
	f := new(big.Float).SetPrec(digits).SetInt(v)
	back, accuracy := f.Int(nil)
	if accuracy != big.Exact || back.Cmp(v) != 0 {
		return false
	}
	return d != ir.F16 || new(big.Int).Abs(v).Cmp(big.NewInt(65504)) <= 0
}

func stored(e Elem, v *big.Int) []byte {
	b := make([]byte, 8)
	binary.LittleEndian.PutUint64(b, new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64)).Uint64())
	b = b[:e.Size]
	if e.Big {
		slices.Reverse(b)
	}
	return b
}

func TestAnIntegerIsConvertedExactlyOrNotAtAll(t *testing.T) {
	for _, e := range integers {
		for _, big := range []bool{false, true} {
			e.Big = big && e.Size > 1
			for _, name := range ir.DTypeNames() {
				d, _ := ir.ParseDType(name)
				if d == ir.Bool {
					continue
				}
				for _, v := range edges() {
					if holds(e, v) {
						requireExact(t, e, d, v)
					}
				}
			}
		}
	}
}

func requireExact(t *testing.T, e Elem, d ir.DType, v *big.Int) {
	x := ir.NewTensor(ir.Scalar(d))
	bad := convert(x.Data, stored(e, v), e, d)
	fits := v.IsInt64() && (d.IsFloat() && exactly(d, v) || !d.IsFloat() && holds(Of(d), v))
	require.Equal(t, fits, bad == nil, "%s from %s to %s", v, e, d)
	if !fits {
		require.True(t, e.checked(d), "%s from %s to %s is looked at on opening", v, e, d)
		return
	}
	if d.IsFloat() {
		want, _ := new(big.Float).SetInt(v).Float64()
		require.Equal(t, want, x.Float(0), "%s from %s to %s", v, e, d)
	} else {
		require.Equal(t, v.Int64(), x.Int(0), "%s from %s to %s", v, e, d)
	}
}

func TestAFloatBecomesTheNearestOneAndNeverInfinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{
			0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), 65519.99, 65520, -65520, math.MaxFloat32, 0x1.fffffefp127, 0x1.ffffffp127,
			0x1.fefffp127, 0x1.ffp127, 5e-324, 1e-50, math.MaxFloat64,
		})).Draw(t, "v")
		for _, d := range []ir.DType{ir.F16, ir.BF16, ir.F32, ir.F64} {
			x := ir.NewTensor(ir.Scalar(d))
			bad := convert(x.Data, binary.BigEndian.AppendUint64(nil, math.Float64bits(v)), Elem{Float, 8, true}, d)
			want := ir.NewTensor(ir.Scalar(d))
			want.SetFloat(0, v)
			overflows := math.IsInf(want.Float(0), 0) && !math.IsInf(v, 0)
			require.Equal(t, overflows, bad != nil, "%g to %s", v, d)
			if !overflows {
				require.Equal(t, want.Data, x.Data, "%g to %s", v, d)
			}
		}
	})
}

func TestNaNStaysNaN(t *testing.T) {
	for _, d := range []ir.DType{ir.F16, ir.BF16, ir.F32, ir.F64} {
		x := ir.NewTensor(ir.Scalar(d))
		require.Nil(t, convert(x.Data, binary.LittleEndian.AppendUint32(nil, 0x7fc00001), Elem{Class: Float, Size: 4}, d))
		require.True(t, math.IsNaN(x.Float(0)))
	}
}

// Elements are converted in chunks of 512.
func TestAMisfitIsCountedFromTheBeginning(t *testing.T) {
	for _, at := range []int{0, 1, 511, 512, 513, 1023, 1024, 1500} {
		src := make([]byte, 2*1501)
		src[2*at+1] = 1
		bad := convert(make([]byte, 1501), src, Elem{Class: Uint, Size: 2}, ir.U8)
		require.Equal(t, &misfit{at, "is 256; u8 holds 0 to 255"}, bad)
	}
	require.Nil(t, convert(nil, nil, Elem{Class: Uint, Size: 2}, ir.U8))
}

func TestWhatElementsMayBecome(t *testing.T) {
	for _, c := range []struct {
		from Elem
		to   ir.DType
		help string
	}{
		{Elem{Class: Float, Size: 8}, ir.I32, "store integers, or declare f64 and round it in transform"},
		{Elem{Class: Brain, Size: 2}, ir.U8, "store integers, or declare bf16 and round it in transform"},
		{Elem{Class: Bool, Size: 1}, ir.F32, "declare bool, and convert it in transform"},
		{Elem{Class: Uint, Size: 1}, ir.Bool, "store truth values, or declare u8 and compare it in transform"},
		{Elem{Class: Uint, Size: 4}, ir.Bool, "store truth values, or declare i64 and compare it in transform"},
		{Elem{Class: Int, Size: 2}, ir.Bool, "store truth values, or declare i32 and compare it in transform"},
	} {
		help, ok := c.from.Fits(c.to)
		require.False(t, ok)
		require.Equal(t, c.help, help)
	}
	for _, e := range integers {
		for _, d := range []ir.DType{ir.U8, ir.I32, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64} {
			_, ok := e.Fits(d)
			require.True(t, ok, "%s to %s", e, d)
		}
	}
}

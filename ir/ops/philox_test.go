package ops_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
	"github.com/flowrun/flowrun/ir/ops"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

func TestPhiloxGivesItsAuthorsKnownAnswers(t *testing.T) {
	const ones = math.MaxUint32
	for _, v := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{want: [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		require.Equal(t, v.want, kit.Philox(v.counter, v.key))
	}
}

// random builds and evaluates a random op.
func random(t *testing.T, op *ir.Op, low, high any, n int, d ir.DType, step int64, key int) *ir.Array {
	b := ir.NewBuilder(&ir.Graph{})
	at := b.Const(ir.FromInt64(ir.I64, ir.Shape{}, []int64{step}))
	node, err := b.Call(op, []any{low, high, []int{n}, d, at, key})
	require.NoError(t, err)
	values, err := irtest.Reference([]*ir.Node{node}, nil)
	require.NoError(t, err)
	return values[0]
}

func TestElementsStepsAndKeysFillTheWholeCounter(t *testing.T) {
	const step, key = 0x0000000700000009, -3 // both halves are used, and the sign
	a := random(t, ops.Randint, 0, 1<<32, 9, ir.I64, step, key)
	for i, v := range a.I {
		block := kit.Philox([4]uint32{uint32(i / 4), 0, 9, 7}, [2]uint32{math.MaxUint32 - 2, math.MaxUint32})
		require.Equal(t, int64(block[i%4]), v, "element %d", i)
	}
}

func TestRandintMapsAWordByItsUpperHalf(t *testing.T) {
	words := random(t, ops.Randint, 0, 1<<32, 64, ir.I64, 5, 11).I
	draws := random(t, ops.Randint, -7, 100, 64, ir.I32, 5, 11).I
	for i, u := range words {
		require.Equal(t, -7+int64(uint64(u)*107>>32), draws[i])
	}
}

func TestUniformRoundsEachOperationToF32(t *testing.T) {
	words := random(t, ops.Randint, 0, 1<<32, 64, ir.I64, 0, 1).I
	f32 := random(t, ops.Uniform, -0.1, 0.7, 64, ir.F32, 0, 1).F
	f16 := random(t, ops.Uniform, -0.1, 0.7, 64, ir.F16, 0, 1).F
	f64 := random(t, ops.Uniform, -0.1, 0.7, 64, ir.F64, 0, 1).F
	low, high := float32(-0.1), float32(0.7)
	for i, word := range words {
		u := float64(word>>8) / (1 << 24)
		product := float32(float64(high-low) * u) // exact in float64, then rounded
		want := float32(float64(low) + float64(product))
		require.Equal(t, float64(want), f32[i])
		narrow := float64(ir.F16ToF32(ir.F64ToF16(float64(want))))
		if narrow >= 0.7 {
			narrow = 0.69970703125 // the f16 before 0.7
		}
		require.Equal(t, narrow, f16[i])
		require.InDelta(t, -0.1+0.8*u, f64[i], 1e-15)
	}
}

func TestNormalIsBoxMullerOverPairsOfWords(t *testing.T) {
	words := random(t, ops.Randint, 0, 1<<32, 8, ir.I64, 3, 2).I
	z := random(t, ops.Normal, 10.0, 2.0, 7, ir.F32, 3, 2).F // an odd number: half of the last pair
	for i := range z {
		u, v := float64(words[i&^1]>>8), float64(words[i|1]>>8)
		r := math.Sqrt(-2 * math.Log((u+1)/(1<<24)))
		angle := 2 * math.Pi * v / (1 << 24)
		want := 10 + 2*r*math.Cos(angle)
		if i%2 == 1 {
			want = 10 + 2*r*math.Sin(angle)
		}
		require.InDelta(t, want, z[i], 1e-12)
	}
}

func TestNormalHasItsMeanAndDeviation(t *testing.T) {
	const n = 100_000
	sum, squares := 0.0, 0.0
	for _, z := range random(t, ops.Normal, 0.0, 1.0, n, ir.F32, 0, 42).F {
		sum += z
		squares += z * z
	}
	// The mean of n draws deviates by 1/sqrt(n), that of their squares by
	// sqrt(2/n); five such deviations happen once in two million keys.
	require.InDelta(t, 0, sum/n, 5/math.Sqrt(n))
	require.InDelta(t, 1, squares/n, 5*math.Sqrt(2.0/n))
}

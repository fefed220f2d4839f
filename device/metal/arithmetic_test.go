package metal

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/drivertest"
)

// operations are those that kernels require to be rounded once, to nearest even, with
// their results. The third is a product plus a number, which Metal would contract by
// default.
var operations = []struct {
	name, source string
	result       func(a, b, c float32) float32
}{
	{"a sum", "a + b", func(a, b, _ float32) float32 { return a + b }},
	{"a product", "a * b", func(a, b, _ float32) float32 { return a * b }},
	{"a product and a sum", "a * b + c", func(a, b, c float32) float32 { return float32(a*b) + c }},
	{"both in one", "fma(a, b, c)", multiplyAdd},
	{"a quotient", "a / b", func(a, b, _ float32) float32 { return a / b }},
	{"a reciprocal", "1.0f / a", func(a, _, _ float32) float32 { return 1 / a }},
	{"a square root", "sqrt(from_bits(to_bits(a) & 0x7fffffff))", func(a, _, _ float32) float32 {
		return float32(math.Sqrt(math.Abs(float64(a))))
	}},
	{"a number of an i32", "(float)(i32)to_bits(a)", func(a, _, _ float32) float32 { return float32(int32(math.Float32bits(a))) }},
	{"a number of an i64", "(float)(i64)((u64)to_bits(a) << 32 | to_bits(b))", func(a, b, _ float32) float32 {
		return float32(int64(uint64(math.Float32bits(a))<<32 | uint64(math.Float32bits(b))))
	}},
}

// multiplyAdd is a·b + c, rounded once.
func multiplyAdd(a, b, c float32) float32 {
	exact := new(big.Float).SetPrec(300).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
	v, _ := exact.Add(exact, big.NewFloat(float64(c))).Float32()
	return v
}

// floats decodes f32 values.
func floats(contents []byte) []float32 {
	values := make([]float32, len(contents)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(contents[4*i:]))
	}
	return values
}

// TestArithmeticIsRoundedOnce checks on the device the arithmetic that docs/metal.md
// assumes, on numbers with normal results.
func TestArithmeticIsRoundedOnce(t *testing.T) {
	const n = 4000
	random := rand.New(rand.NewSource(1))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(math.Ldexp(1+random.Float64(), random.Intn(16)-8))
		if random.Intn(2) == 0 {
			values[i] = -values[i]
		}
	}
	for _, o := range operations {
		t.Run(o.name, func(t *testing.T) {
			sources, _ := drivertest.Overlay(t, "metal", "neg", negSource(
				"float a = x[i], b = x[(i + 1) % n], c = x[(i + 2) % n]; out[i] = "+o.source+";"))
			d := open(t, loader(t), sources)
			x, out := drivertest.Tensor(t, d, values...), drivertest.Tensor(t, d, make([]float32, n)...)
			require.NoError(t, drivertest.BindNeg(t, x, out).Run())
			wrong, last := 0, ""
			for i, got := range floats(drivertest.Read(t, out.Slice)) {
				a, b, c := values[i], values[(i+1)%n], values[(i+2)%n]
				if want := o.result(a, b, c); got != want {
					wrong++
					last = fmt.Sprintf("of a = %v, b = %v and c = %v, %s is %v, and should be %v", a, b, c, o.source, got, want)
				}
			}
			require.Zero(t, wrong, "of %d; %s", n, last)
		})
	}
}

package records

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// element reads what PutNumber wrote.
func element(dst []byte, d ir.DType) float64 {
	return (&ir.Tensor{Type: ir.Type{DType: d}, Data: dst[:d.Size()]}).Float(0)
}

// rounded is the value of a dtype that is nearest to a text, by big arithmetic: its
// precision, and its least exponent.
func rounded(t require.TestingT, d ir.DType, text string) float64 {
	precision := map[ir.DType]uint{ir.F16: 11, ir.BF16: 8, ir.F32: 24, ir.F64: 53}[d]
	least := map[ir.DType]int{ir.F16: -24, ir.BF16: -133, ir.F32: -149, ir.F64: -1074}[d]
	greatest := map[ir.DType]int{ir.F16: 16, ir.BF16: 128, ir.F32: 128, ir.F64: 1024}[d]
	exact, ok := new(big.Rat).SetString(text)
	require.True(t, ok, text)
	if exact.Sign() == 0 {
		return 0
	}
	// The exponent e of 2^(e-1) <= |exact| < 2^e says how many bits remain for subnormals.
	wide := new(big.Float).SetPrec(2000).SetRat(exact)
	bits := min(int(precision), wide.MantExp(nil)-least)
	if bits <= 0 {
		// Below the least value: half of it is a tie to 0.
		half := new(big.Float).SetMantExp(big.NewFloat(1), least-1)
		v := 0.0
		if new(big.Float).Abs(wide).Cmp(half) > 0 {
			v = math.Ldexp(1, least)
		}
		return math.Copysign(v, float64(exact.Sign()))
	}
	narrow := new(big.Float).SetPrec(uint(bits)).SetMode(big.ToNearestEven).SetRat(exact)
	if narrow.MantExp(nil) > greatest {
		return math.Inf(exact.Sign())
	}
	v, _ := narrow.Float64()
	return v
}

var floats = []ir.DType{ir.F16, ir.BF16, ir.F32, ir.F64}

// agrees compares PutNumber with big arithmetic.
func agrees(t require.TestingT, d ir.DType, text string) {
	dst := make([]byte, 8)
	verdict := PutNumber(dst, d, []byte(text), '.')
	want := rounded(t, d, text)
	if math.IsInf(want, 0) {
		require.Equal(t, OutOfRange, verdict, "%s as %s", text, d)
		return
	}
	require.Equal(t, Good, verdict, "%s as %s", text, d)
	require.Equal(t, want, element(dst, d), "%s as %s", text, d)
}

func TestFloatsAreRoundedOnceFromTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[-+]?[0-9]{1,25}(\.[0-9]{0,25})?`).Draw(t, "digits")
		text := digits + fmt.Sprintf("e%d", rapid.IntRange(-60, 60).Draw(t, "exponent"))
		for _, d := range floats {
			agrees(t, d, text)
		}
	})
}

func TestTextsBesideTheMiddleOfTwoNeighboursAreRoundedToTheNearer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(floats[:3]).Draw(t, "dtype")
		// A value and its neighbour away from 0, by the bits of the dtype.
		var a, b float64
		switch d {
		case ir.F16:
			h := rapid.Uint16Range(0, 0x7bfe).Draw(t, "bits")
			a, b = float64(ir.F16ToF32(h)), float64(ir.F16ToF32(h+1))
		case ir.BF16:
			h := rapid.Uint16Range(0, 0x7f7e).Draw(t, "bits")
			a, b = float64(ir.BF16ToF32(h)), float64(ir.BF16ToF32(h+1))
		default:
			h := rapid.Uint32Range(0, 0x7f7ffffe).Draw(t, "bits")
			a, b = float64(math.Float32frombits(h)), float64(math.Float32frombits(h+1))
		}
		middle := strconv.FormatFloat((a+b)/2, 'f', 160, 64)
		above := middle + strings.Repeat("0", rapid.IntRange(0, 60).Draw(t, "zeros")) + "1"
		sign := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign")
		agrees(t, d, sign+middle)
		agrees(t, d, sign+above)
		exact, _ := new(big.Rat).SetString(middle)
		least, _ := new(big.Rat).SetString("1e-200")
		agrees(t, d, sign+exact.Sub(exact, least).FloatString(200))
	})
}

func TestNumbersAtTheLimitsOfTheFastWay(t *testing.T) {
	for _, text := range []string{
		"9007199254740991", "9007199254740992", "9007199254740993", "9007199254740991e22", "9007199254740991e23",
		"1e22", "1e23", "1e-22", "1e-23", "123456789e-22", "1844674407370955160", "1844674407370955161", "18446744073709551615",
		"18446744073709551616", "0.1844674407370955161", "0.00000000000000000000018446744073709551615", "00000000000000000000000000001.5",
		"0.0000000000000000000000000000000000000000000001e46", "1e400", "1e-400", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324",
		"1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "65519.999999999999999999999", "65520", "65519",
		"3.4028235677973366e38", "3.4028235677973365e38", "340282356779733661637539395458142568447.99999", "340282356779733661637539395458142568448",
		"3.39e38", "3.3961775292304957e38", "3.3961775292304958e38", "2.98e-8", "2.9802322387695312e-8", "2.98023223876953125e-8", "2.980232238769531250000001e-8",
	} {
		for _, d := range floats {
			agrees(t, d, text)
			agrees(t, d, "-"+text)
		}
	}
}

// strict is what PutNumber accepts, checked another way: ParseFloat takes more, and this
// leaves the rest out.
func strict(text string) bool {
	if strings.Trim(text, "+-.0123456789eE") != "" {
		return false
	}
	_, err := strconv.ParseFloat(text, 64)
	return err == nil || strings.Contains(err.Error(), "value out of range")
}

func FuzzANumberIsWhatStrconvTakesWithoutItsExtras(f *testing.F) {
	for _, text := range []string{"1", "-1.5e-3", "1_0", "0x1p3", "inf", "NaN", ".", "+", "1e", "1e+", "١", "", " 1", "1 ", "1..2", ".5", "5.", "1e5.5", "e5", "--1", "1\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dst := make([]byte, 8)
		verdict := PutNumber(dst, ir.F64, []byte(text), '.')
		if strict(text) != (verdict != NotANumber) {
			t.Fatalf("%q: %v", text, verdict)
		}
		if v, err := strconv.ParseFloat(text, 64); verdict == Good && (err != nil || math.Float64bits(v) != binary.LittleEndian.Uint64(dst)) {
			t.Fatalf("%q is %v", text, element(dst, ir.F64))
		}
		// An integer is one as big reads it, if it has nothing but digits and a sign.
		n, ok := new(big.Int).SetString(text, 10)
		ok = ok && strings.Trim(text, "+-0123456789") == ""
		switch verdict := PutNumber(dst, ir.I64, []byte(text), '.'); {
		case ok && n.IsInt64():
			if verdict != Good || int64(binary.LittleEndian.Uint64(dst)) != n.Int64() {
				t.Fatalf("%q is %d, %v", text, int64(binary.LittleEndian.Uint64(dst)), verdict)
			}
		case ok && verdict != OutOfRange, !ok && strict(text) && verdict != NotAnInteger, !ok && !strict(text) && verdict != NotANumber:
			t.Fatalf("%q: %v", text, verdict)
		}
	})
}

func TestADecimalCommaIsAPointElsewhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[-+]?[0-9]{0,20}[.,]?[0-9]{0,20}(e[0-9]{1,2})?`).Draw(t, "text")
		point, comma := make([]byte, 8), make([]byte, 8)
		swapped := strings.NewReplacer(".", ",", ",", ".").Replace(text)
		for _, d := range floats {
			require.Equal(t, PutNumber(point, d, []byte(text), '.'), PutNumber(comma, d, []byte(swapped), ','))
			require.Equal(t, point, comma)
		}
	})
}

func TestIntegersAreHeldToTheirRange(t *testing.T) {
	for d, limits := range map[ir.DType][2]string{
		ir.U8: {"0", "255"}, ir.I32: {"-2147483648", "2147483647"}, ir.I64: {"-9223372036854775808", "9223372036854775807"},
	} {
		require.Equal(t, limits[0]+" to "+limits[1], Range(d))
		for i, limit := range limits {
			dst := make([]byte, 8)
			require.Equal(t, Good, PutNumber(dst, d, []byte(limit), '.'))
			n, _ := new(big.Int).SetString(limit, 10)
			require.Equal(t, n.Int64(), (&ir.Tensor{Type: ir.Type{DType: d}, Data: dst[:d.Size()]}).Int(0))
			beyond := n.Add(n, big.NewInt(int64(2*i-1)))
			require.Equal(t, OutOfRange, PutNumber(dst, d, []byte(beyond.String()), '.'), "%s as %s", beyond, d)
		}
	}
}

func TestConvertingAllocatesNothing(t *testing.T) {
	dst := make([]byte, 8)
	for _, text := range []string{"5.1", "-12345", "0.30000000000000004", "1e-300"} {
		b := []byte(text)
		require.Zero(t, testing.AllocsPerRun(100, func() { PutNumber(dst, ir.F64, b, '.') }), text)
		require.Zero(t, testing.AllocsPerRun(100, func() { PutNumber(dst, ir.I64, b, '.') }), text)
	}
}

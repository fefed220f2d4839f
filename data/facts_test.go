package data

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

var noUnknown = table.Classes{Count: 3, Unknown: -1}

// Fractions are exact, so nothing is lost in the mean that is compared with.
func exactMoments(values []float64) (mean, std float64) {
	sum, squares := new(big.Rat), new(big.Rat)
	for _, v := range values {
		sum.Add(sum, new(big.Rat).SetFloat64(v))
	}
	n := new(big.Rat).SetInt64(int64(len(values)))
	m := new(big.Rat).Quo(sum, n)
	for _, v := range values {
		d := new(big.Rat).Sub(new(big.Rat).SetFloat64(v), m)
		squares.Add(squares, d.Mul(d, d))
	}
	variance, _ := squares.Quo(squares, n).Float64()
	mean, _ = m.Float64()
	return mean, math.Sqrt(variance)
}

func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return values[(n-1)/2]/2 + values[n/2]/2
}

func TestMeansDeviationsAndMediansAreThoseOfThePart(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.SampledFrom([]int64{2, 3, 10, 101}).Draw(r, "n")
		dtype := rapid.SampledFrom([]ir.DType{ir.F16, ir.BF16, ir.F32, ir.F64}).Draw(r, "dtype")
		offset := rapid.SampledFrom([]float64{0, 100}).Draw(r, "offset")
		missing := rapid.Bool().Draw(r, "missing")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		typ := ir.Type{DType: dtype, Shape: ir.Shape{2}}
		d := declare(t, "a", n).numbers("x", typ, func(row int64, _ int) float64 {
			if missing && row > 1 && random.IntN(4) == 0 {
				return math.NaN()
			}
			return math.Round((offset+random.NormFloat64())*16) / 16
		}).texts("set", ir.U8, table.Classes{Count: 2, Unknown: -1}, []string{"test", "train"}, func(row int64, _ int) int {
			if row < 2 {
				return int(row) // both have values
			}
			return random.IntN(2)
		})
		d.Batch = n
		d.Fields[0].Fill = table.Fill{By: rapid.SampledFrom([]table.FillBy{table.FillMean, table.FillMedian}).Draw(r, "fill")}
		d.Fields[0].Normalize = rapid.SampledFrom([]table.Normalize{table.NotNormalized, table.PerElement, table.PerField}).Draw(r, "normalize")
		d.Split = &table.Split{By: "set", Parts: []table.Part{{Name: "train", Values: []string{"train"}}, {Name: "test", Values: []string{"test"}}}}

		// What the training part has, element by element.
		var all []float64
		elements := make([][]float64, 2)
		size := dtype.Size()
		for row := range n {
			if d.values[1][4*row] != 1 {
				continue
			}
			for e := range 2 {
				x := learned.Float(dtype, d.values[0][(int(row)*2+e)*size:])
				if x == x {
					elements[e], all = append(elements[e], x), append(all, x)
				}
			}
		}
		s := opened(t, d.Decl, nil, Options{Part: "test", LearnFrom: "train"})
		fact := s.Facts()["x"]
		near := func(want, got float64) {
			require.InDelta(r, want, got, 1e-12*max(1, math.Abs(want)))
		}
		for e := range 2 {
			mean, std := exactMoments(elements[e])
			if d.Fields[0].Fill.By == table.FillMean {
				near(mean, fact.Fill[e])
			} else {
				require.Equal(r, middle(elements[e]), fact.Fill[e])
			}
			if d.Fields[0].Normalize == table.PerElement {
				near(mean, fact.Mean[e])
				near(std, fact.Std[e])
			}
		}
		if d.Fields[0].Normalize == table.PerField {
			mean, std := exactMoments(all)
			near(mean, fact.Mean[0])
			near(std, fact.Std[0])
		}
		// The same facts give the same batches, wherever they come from.
		again, err := learned.Parse(s.Facts().JSON())
		require.NoError(r, err)
		given := opened(t, d.Decl, nil, Options{Part: "test", Facts: again})
		require.Equal(r, s.Fingerprint(), given.Fingerprint())
		typ, _ = s.BatchType(0, "x")
		a, b := make([]byte, typ.Bytes()), make([]byte, typ.Bytes())
		require.NoError(r, s.Batch(0, "x", a))
		require.NoError(r, given.Batch(0, "x", b))
		require.Equal(r, a, b)
		for ; len(a) > 0; a = a[size:] {
			x := learned.Float(dtype, a)
			require.False(r, math.IsNaN(x), "nothing is missing any more")
		}
	})
}

func TestValuesAreNormalizedAfterMissingOnesAreFilled(t *testing.T) {
	d := declare(t, "a", 4).numbers("x", ir.Scalar(ir.F32), func(row int64, _ int) float64 { return []float64{1, 3, math.NaN(), 5}[row] })
	d.Batch = 4
	d.Fields[0].Fill.By, d.Fields[0].Normalize = table.FillMean, table.PerElement
	s := opened(t, d.Decl, nil, Options{})
	std := math.Sqrt(8.0 / 3)
	got := floats(t, s, 0, "x")
	for i, want := range []float64{-2 / std, 0, 0, 2 / std} {
		require.InDelta(t, want, got[i], 1e-7)
	}
}

func TestEqualValuesAreNotDivided(t *testing.T) {
	d := declare(t, "a", 3).numbers("x", ir.Scalar(ir.F32), func(int64, int) float64 { return 0.1 })
	d.Batch, d.Fields[0].Normalize = 3, table.PerElement
	s := opened(t, d.Decl, nil, Options{})
	require.Equal(t, []float64{0}, s.Facts()["x"].Std)
	require.Equal(t, []float64{0, 0, 0}, floats(t, s, 0, "x"))
}

func TestAnElementWithoutValuesHasNoMean(t *testing.T) {
	d := declare(t, "a", 3).numbers("x", ir.Type{DType: ir.F32, Shape: ir.Shape{2}}, func(_ int64, e int) float64 { return []float64{1, math.NaN()}[e] })
	for _, fill := range []table.FillBy{table.FillMean, table.FillMedian} {
		d.Fields[0].Fill.By = fill
		_, err := tryOpen(t, d.Decl, nil, Options{})
		require.EqualError(t, err, "element 2 of the field x has no value in the training data that a mean or median could be of")
	}
	d = declare(t, "a", 3).numbers("x", ir.Scalar(ir.F64), func(int64, int) float64 { return 1e308 })
	d.Fields[0].Fill.By = table.FillMedian
	require.Equal(t, 1e308, opened(t, d.Decl, nil, Options{}).Facts()["x"].Fill[0])
}

func TestManyElementsHaveMediansOfTheirOwn(t *testing.T) {
	const n, elements = 5, 1024 + 3 // more than are found in one go
	d := declare(t, "a", n).numbers("x", ir.Type{DType: ir.F32, Shape: ir.Shape{elements}}, func(row int64, e int) float64 { return float64((int(row)*7+e)%n)*float64(e) - 100 })
	d.Fields[0].Fill.By = table.FillMedian
	fill := opened(t, d.Decl, nil, Options{}).Facts()["x"].Fill
	for e := range elements {
		require.Equal(t, float64(float32(2*e-100)), fill[e], "element %d", e)
	}
}

func TestClassesAreTheTrainingPartsInTheOrderOfTheirBytes(t *testing.T) {
	texts := []string{"b", "a", "é", "Z", "unused"}
	for _, dtype := range []ir.DType{ir.U8, ir.I32, ir.I64} {
		d := declare(t, "a", 8).texts("y", dtype, noUnknown, texts, func(row int64, _ int) int { return []int{0, 1, 2, 0, 1, 2, 3, 3}[row] })
		d.Batch = 6
		d.Split = &table.Split{InOrder: true, Parts: []table.Part{{Name: "train", Fraction: 0.75}, {Name: "test", Fraction: 0.25}}}
		s := opened(t, d.Decl, nil, Options{Part: "train"})
		require.Equal(t, []learned.Text{"a", "b", "é"}, s.Facts()["y"].Classes)
		typ, _ := s.BatchType(0, "y")
		dst := make([]byte, typ.Bytes())
		require.NoError(t, s.Batch(0, "y", dst))
		for i, want := range []byte{1, 0, 2, 1, 0, 2} {
			require.Equal(t, want, dst[i*dtype.Size()])
		}
		_, err := tryOpen(t, d.Decl, nil, Options{Part: "test", Facts: s.Facts()})
		require.EqualError(t, err, `m.csv:8, column "c0": "Z" is no class of the field y that the training data has: "a", "b", "é"; declare an id for unknown ones, or remove the row`)
		d.Fields[0].Classes.Unknown = 2
		test := opened(t, d.Decl, nil, Options{Part: "test", Facts: s.Facts()})
		typ, _ = test.BatchType(0, "y")
		dst = make([]byte, typ.Bytes())
		require.NoError(t, test.Batch(0, "y", dst))
		require.Equal(t, byte(2), dst[0])
		name, ok := s.Facts()["y"].Name(2)
		require.True(t, ok)
		require.Equal(t, "é", name)
		_, ok = s.Facts()["y"].Name(3)
		require.False(t, ok)
	}
}

func TestAnotherNumberOfClassesListsThoseThatAreThere(t *testing.T) {
	d := declare(t, "a", 4).texts("y", ir.I64, noUnknown, []string{"q\u200b", "p"}, func(row int64, _ int) int { return int(row % 2) })
	_, err := tryOpen(t, d.Decl, nil, Options{})
	require.EqualError(t, err, `the field y is declared to have 3 classes, and the training data has 2: "p", "q\u200b"; declare as many, or name them`)
	d.Fields[0].Classes.Count = 2
	opened(t, d.Decl, nil, Options{})
	d.Fields[0].Classes = &table.Classes{Count: 3, Names: []string{"p", "none", "q\u200b"}, Unknown: -1}
	require.Equal(t, []int64{2}, batch(t, opened(t, d.Decl, nil, Options{}), 0, "y"), "the names say what the ids are")
	d.Fields[0].Classes = &table.Classes{Count: 2, Names: []string{"p", "q"}, Unknown: -1}
	_, err = tryOpen(t, d.Decl, nil, Options{})
	require.ErrorContains(t, err, `m.csv:2, column "c0": "q\u200b" is no class of the field y`)
}

func TestEachUnknownClassIsReportedWhereAllAreAskedFor(t *testing.T) {
	d := declare(t, "a", 6).texts("y", ir.I64, table.Classes{Count: 1, Names: []string{"p"}, Unknown: -1}, []string{"p", "q", "r"}, func(row int64, _ int) int { return int(row % 3) })
	var rows []int64
	_, err := tryOpen(t, d.Decl, nil, Options{Fault: func(f *table.Fault) error { rows = append(rows, f.Row); return nil }})
	require.ErrorIs(t, err, table.ErrFaults)
	require.Equal(t, []int64{3, 4, 6, 7}, rows)
	rows = nil
	_, err = tryOpen(t, d.Decl, nil, Options{Fault: func(f *table.Fault) error { rows = append(rows, f.Row); return errClosed }})
	require.Error(t, err)
	require.Equal(t, []int64{3}, rows)
}

func TestAnIDHasToFitItsType(t *testing.T) {
	var texts []string
	for i := range 300 {
		texts = append(texts, fmt.Sprintf("%03d", i))
	}
	for count, fits := range map[int]bool{256: true, 257: false} {
		d := declare(t, "a", int64(count)).texts("y", ir.U8, table.Classes{Count: count, Unknown: -1}, texts, func(row int64, _ int) int { return int(row) })
		_, err := tryOpen(t, d.Decl, nil, Options{})
		if fits {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, `the field y is u8[], which the id 256 of "256" doesn't fit`)
		}
	}
}

func TestAVocabularyIsOneListOfAllItsFields(t *testing.T) {
	vocabulary := table.Classes{Count: 10, Unknown: -1, Vocabulary: true}
	letters := []string{"c", "a", "b", "d", "x"}
	make := func(c table.Classes) declared {
		return declare(t, "a", 3).
			texts("in", ir.I64, c, letters, func(row int64, e int) int { return []int{0, 0, 1, 1, 2, 2}[row*2+int64(e)] }, 2).
			texts("out", ir.I64, c, letters, func(row int64, e int) int { return []int{0, 1, 1, 2, 2, 3}[row*2+int64(e)] }, 2)
	}
	s := opened(t, make(vocabulary).Decl, nil, Options{})
	for _, name := range []string{"in", "out"} {
		require.Equal(t, []learned.Text{"a", "b", "c", "d"}, s.Facts()[name].Classes)
	}
	require.Equal(t, []int64{1, 3}, batch(t, s, 2, "out"))

	vocabulary.Count = 3
	_, err := tryOpen(t, make(vocabulary).Decl, nil, Options{})
	require.EqualError(t, err, `the field in may have 3 different values, and the training data has 4: "a", "b", "c", "d"; declare as many, or an id for unknown ones`)

	// Of a, b (4 times each), c (3) and d (1), two are kept; the id between is the unknown one.
	vocabulary.Unknown = 1
	s = opened(t, make(vocabulary).Decl, nil, Options{})
	require.Equal(t, []learned.Text{"a", "b"}, s.Facts()["in"].Classes)
	require.Equal(t, []int64{2, 1}, batch(t, s, 2, "out"))
	require.Equal(t, []int64{1, 1}, batch(t, s, 0, "in"))
	_, known := s.Facts()["in"].Name(1)
	require.False(t, known)
	name, _ := s.Facts()["in"].Name(2)
	require.Equal(t, "b", name)
}

// Windows of a text share characters; only as many are read as have all of them.
func TestWhatOverlapsIsReadOnceAndMissesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		stride := rapid.IntRange(1, 4).Draw(r, "stride")
		length := rapid.IntRange(1, 20).Draw(r, "length")
		n := rapid.Int64Range(1, 50).Draw(r, "n")
		text := rapid.SliceOfN(rapid.IntRange(0, 25), int(n)*stride+length, int(n)*stride+length).Draw(r, "text")
		var letters []string
		for c := range 26 {
			letters = append(letters, string(rune('a'+c)))
		}
		d := declare(t, "a", n).texts("x", ir.I64, table.Classes{Count: 26, Unknown: -1, Vocabulary: true}, letters,
			func(row int64, e int) int { return text[int(row)*stride+e] }, length)
		d.overlap = int64((length+stride-1)/stride - 1)
		d.Batch = n
		parts := []string{""}
		if n > 1 {
			d.Split = &table.Split{Parts: []table.Part{{Name: "p", Fraction: 0.5}, {Name: "q", Fraction: 0.5}}}
			parts = []string{"p", "q"}
		}
		for _, part := range parts {
			s := opened(t, d.Decl, nil, Options{Part: part})
			var want []string
			typ, _ := s.BatchType(0, "x")
			dst := make([]byte, typ.Bytes())
			require.NoError(r, s.Batch(0, "x", dst))
			for _, id := range int64s(dst) {
				name, ok := s.Facts()["x"].Name(id)
				require.True(r, ok)
				want = append(want, name)
			}
			slices.Sort(want)
			want = slices.Compact(want)
			var got []string
			for _, c := range s.Facts()["x"].Classes {
				got = append(got, string(c))
			}
			require.Equal(r, want, got)
		}
	})
}

func TestFactsAreTheSameAfterJSON(t *testing.T) {
	unknown := int64(0)
	f := learned.Facts{
		"y": {Classes: []learned.Text{"", "\xff", "<é>\u2028", `{"base64": 1}`}, Unknown: &unknown},
		"x": {Mean: []float64{0.1, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1), 1.0 / 3}, Std: []float64{1e-300, 0}, Fill: []float64{math.Nextafter(1, 2)}},
	}
	again, err := learned.Parse(f.JSON())
	require.NoError(t, err)
	require.Equal(t, f, again)
	require.Equal(t, f.JSON(), again.JSON())
	none, err := learned.Parse("")
	require.NoError(t, err)
	require.Empty(t, none)
	for wrong, want := range map[string]string{
		"{": "unexpected end", "nonsense": "invalid character", "null": "it is null", `{"x": {"mean": [NaN]}}`: "invalid character 'N'", `{"x": {"mean": [1e999]}}`: "number 1e999 at byte",
		"[]": "array at byte 1 is another type than flowrun writes", `{"x": {"mean": "a"}}`: "string at byte", `{"y": {"classes": [3]}}`: "number at byte",
		`{"x": null}`: `the field "x" can't be: it is null`, `{"x": {"std": [1, -2]}}`: "a standard deviation is -2", `{"y": {"classes": [], "unknown": -1}}`: "the id for unknown values is -1",
		`{"y": {"classes": ["a", "b", "a"]}}`: `the class "a" has two ids`, `{"y": {"classes": ["\u001b", "\u001b"]}}`: `the class "\x1b" has two ids`,
	} {
		_, err := learned.Parse(wrong)
		require.ErrorContains(t, err, "what the weights know of ", wrong)
		require.ErrorContains(t, err, want, wrong)
		require.NotContains(t, err.Error(), "Go value")
	}
}

func TestFactsOfOtherWeightsAreRefusedByName(t *testing.T) {
	d := declare(t, "a", 3).numbers("x", ir.Type{DType: ir.F32, Shape: ir.Shape{2}}, func(row int64, _ int) float64 { return float64(row) }).
		texts("y", ir.I64, table.Classes{Count: 1, Unknown: -1}, []string{"p"}, func(int64, int) int { return 0 })
	d.Fields[0].Normalize = table.PerElement
	good := opened(t, d.Decl, nil, Options{}).Facts()
	for want, f := range map[string]learned.Facts{
		"the field x needs the mean and the standard deviation of the training data, which these weights don't know": {},
		"the field y needs the classes of the training data, which these weights don't know":                         {"x": good["x"]},
		"the field x needs a mean for 2 elements, and the weights know 1":                                            {"x": {Mean: []float64{1}, Std: []float64{1}}},
	} {
		_, err := tryOpen(t, d.Decl, nil, Options{Facts: f})
		require.ErrorContains(t, err, want)
	}
	opened(t, d.Decl, nil, Options{Facts: good})
}

func TestWhatWasLearnedIsKeptForTheSameExamples(t *testing.T) {
	cache := prepared.In(t.TempDir())
	d := declare(t, "a", 10).numbers("x", ir.Scalar(ir.F32), func(row int64, _ int) float64 { return float64(row) })
	d.Fields[0].Normalize = table.PerElement
	d.Split = &table.Split{Parts: []table.Part{{Name: "p", Fraction: 0.5}, {Name: "q", Fraction: 0.5}}}
	reads := func() int64 {
		before := d.reads.Load()
		opened(t, d.Decl, nil, Options{Cache: cache, Part: "p"})
		return d.reads.Load() - before
	}
	require.Positive(t, reads())
	require.Zero(t, reads())
	for _, change := range []func(){
		func() { d.print = "other content" },
		func() { d.Split.Seed = 1 },
		func() { d.Limit = 9 },
		func() { d.Fields[0].Normalize = table.PerField },
		func() { d.Fields[0].Fill.By = table.FillMean },
	} {
		change()
		require.Positive(t, reads())
		require.Zero(t, reads())
	}
}

func TestLearningCanBeStopped(t *testing.T) {
	d := declare(t, "a", 3).numbers("x", ir.Scalar(ir.F32), func(row int64, _ int) float64 { return float64(row) })
	d.Fields[0].Normalize = table.PerElement
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Open(ctx, d.Decl, nil, Options{Cache: prepared.In(t.TempDir())})
	require.ErrorIs(t, err, context.Canceled)
}

func TestASplitFieldNeedsNotAllClassesInThePart(t *testing.T) {
	d := declare(t, "a", 4).ids("x").texts("set", ir.I64, table.Classes{Count: 2, Unknown: -1}, []string{"train", "test"}, func(row int64, _ int) int { return int(row / 2) })
	d.Batch = 2
	d.Split = &table.Split{By: "set", Parts: []table.Part{{Name: "a", Values: []string{"train"}}, {Name: "b", Values: []string{"test"}}}}
	s := opened(t, d.Decl, nil, Options{Part: "b", LearnFrom: "a"})
	require.Equal(t, []int64{2, 3}, batch(t, s, 0, "x"))
	require.Equal(t, []int64{0, 0}, batch(t, s, 0, "set"))
	require.True(t, bytes.Contains([]byte(s.Facts().JSON()), []byte(`"test"`)))
}

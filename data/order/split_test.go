package order

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data/table"
)

func partsOf(fractions ...float64) []table.Part {
	var parts []table.Part
	for i, f := range fractions {
		parts = append(parts, table.Part{Name: string(rune('a' + i)), Fraction: f})
	}
	return parts
}

// scanned is a column in pieces of three.
func scanned(texts []string, codes []int32) func(string) (Column, error) {
	return func(string) (Column, error) {
		return Column{Texts: texts, Scan: func(each func([]int32) error) error {
			for piece := range slices.Chunk(codes, 3) {
				if err := each(piece); err != nil {
					return err
				}
			}
			return nil
		}}, nil
	}
}

func rowsOf(r Rows) []int64 {
	var rows []int64
	for i := range r.Len() {
		rows = append(rows, r.At(i))
	}
	return rows
}

// split gives the rows of all parts.
func split(s *table.Split, x Examples) ([][]int64, error) {
	var all [][]int64
	for _, p := range s.Parts {
		r, err := Split(s, x, p.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, rowsOf(r))
	}
	return all, nil
}

func TestPartsShareNoExampleAndHaveTheirFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 100), 1, 5).Draw(t, "weights")
		n := rapid.SampledFrom([]int64{1, 2, 5, 63, 64, 100, 1000}).Draw(t, "n")
		sum := 0
		for _, w := range weights {
			sum += w
		}
		rest := rapid.SampledFrom([]int{0, 10}).Draw(t, "rest") // in no part
		var fractions []float64
		for _, w := range weights {
			fractions = append(fractions, float64(w)/float64(sum+rest))
		}
		const classes = 3
		texts := []string{"x", "y", "z"}
		codes := make([]int32, n)
		var members [classes]int64
		for i := range codes {
			codes[i] = rapid.Int32Range(0, classes-1).Draw(t, "code")
			members[codes[i]]++
		}
		for _, s := range []*table.Split{{}, {InOrder: true}, {Stratify: "y"}} {
			s.Parts, s.Seed = partsOf(fractions...), 3
			all, err := split(s, Examples{N: n, Column: scanned(texts, codes)})
			if err != nil {
				require.Regexp(t, "the part [a-e] would have no example", err)
				continue
			}
			seen := map[int64]bool{}
			for i, rows := range all {
				require.NotEmpty(t, rows)
				require.True(t, slices.IsSorted(rows))
				var had [classes]int64
				for _, row := range rows {
					require.False(t, seen[row])
					seen[row] = true
					had[codes[row]]++
				}
				if s.Stratify == "" {
					require.Less(t, math.Abs(float64(len(rows))-fractions[i]*float64(n)), 1.0)
					continue
				}
				for c := range classes {
					require.Less(t, math.Abs(float64(had[c])-fractions[i]*float64(members[c])), 1.0)
				}
			}
			if rest == 0 {
				require.Len(t, seen, int(n), "each is in a part")
			}
		}
	})
}

func TestFractionsThatFloatsCantHoldGiveWholeNumbers(t *testing.T) {
	for _, c := range []struct {
		n    int64
		f    []float64
		want []int64
	}{
		{100, []float64{0.29, 0.71}, []int64{29, 71, 0}},
		{150, []float64{0.8, 0.2}, []int64{120, 30, 0}},
		{10, []float64{0.7, 0.2, 0.1}, []int64{7, 2, 1, 0}},
		{3, []float64{0.7, 0.3}, []int64{2, 1, 0}},
		{10, []float64{0.34, 0.33, 0.33}, []int64{4, 3, 3, 0}}, // the largest remainder
		{1000, []float64{0.5, 0.25}, []int64{500, 250, 250}},   // a quarter is in no part
		{1 << 40, []float64{0.5, 0.5}, []int64{1 << 39, 1 << 39, 0}},
	} {
		counts, empty := apportion(partsOf(c.f...), c.n, false)
		require.Nil(t, empty)
		require.Equal(t, c.want, counts, "%+v", c)
	}
}

// A tenth of 3 examples is none, which isn't made one in silence. A class has few examples
// more often than a data source, and there one in each part is closest to the proportions.
func TestAPartThatRoundsToNothingIsEmpty(t *testing.T) {
	for _, filled := range []bool{false, true} {
		counts, empty := apportion(partsOf(0.9, 0.1), 3, filled)
		if filled {
			require.Nil(t, empty)
			require.Equal(t, []int64{2, 1, 0}, counts)
		} else {
			require.Equal(t, 0.1, empty.Fraction)
		}
	}
	_, empty := apportion(partsOf(0.5, 0.5), 1, true)
	require.NotNil(t, empty)
}

func TestASplitIsDrawnUniformly(t *testing.T) {
	const n, splits = 12, 20_000
	codes := []int32{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1}
	for _, stratify := range []string{"", "y"} {
		var in, together [n]float64
		for seed := range int64(splits) {
			s := &table.Split{Parts: partsOf(0.25, 0.75), Stratify: stratify, Seed: seed}
			r, err := Split(s, Examples{N: n, Column: scanned([]string{"p", "q"}, codes)}, "a")
			require.NoError(t, err)
			require.Equal(t, int64(3), r.Len())
			rows := rowsOf(r)
			for _, row := range rows {
				in[row]++
				if rows[0] == 0 {
					together[row]++
				}
			}
		}
		for row := range n {
			require.InDelta(t, splits/4, in[row], 5*math.Sqrt(splits*0.25*0.75), "row %d", row)
		}
		for row := 1; row < n; row++ { // given that 0 is there, one of 7 or two of 11 others
			want := in[0] * 2 / 11
			if stratify != "" {
				want = in[0] / 7
				if codes[row] == 1 {
					want = in[0] / 4
				}
			}
			require.InDelta(t, want, together[row], 5*math.Sqrt(want), "row %d", row)
		}
	}
}

func TestASplitByTextsHasTheRowsWithThem(t *testing.T) {
	codes := []int32{0, 1, 2, 0, 3, 1}
	x := Examples{N: 6, Column: scanned([]string{"train", "dev", "test", "spare"}, codes)}
	s := &table.Split{By: "set", Parts: []table.Part{{Name: "a", Values: []string{"train", "none"}}, {Name: "b", Values: []string{"test", "dev"}}}}
	all, err := split(s, x)
	require.NoError(t, err)
	require.Equal(t, [][]int64{{0, 3}, {1, 2, 5}}, all)
	s.Parts[1].Values = []string{"Test"}
	_, err = Split(s, x, "a")
	require.EqualError(t, err, `the part b has no example: in none of 6 is set "Test"; its values are "train"; "dev"; "test"; "spare"`)
	_, err = Split(s, x, "c")
	require.EqualError(t, err, `there is no part "c"`)
}

func TestExamplesOfNoPartAreCountedAloud(t *testing.T) {
	var notes []string
	x := Examples{N: 6, Column: scanned([]string{"train", "dev", "test", "spare"}, []int32{0, 1, 2, 1, 0, 1}), Note: func(note string) { notes = append(notes, note) }}
	s := &table.Split{By: "set", Parts: []table.Part{{Name: "a", Values: []string{"train", "spare", "none"}}, {Name: "b", Values: []string{"test"}}}}
	_, err := Split(s, x, "a")
	require.NoError(t, err)
	require.Equal(t, []string{
		`3 of 6 examples are in no part of the split: no part lists set "dev"`,
		`the part a of the split lists "spare"; "none", which set never is`,
	}, notes)
	notes = nil
	s.Parts = []table.Part{{Name: "a", Values: []string{"train", "dev"}}, {Name: "b", Values: []string{"test"}}}
	_, err = Split(s, x, "a")
	require.NoError(t, err)
	require.Empty(t, notes)
}

func TestAPartThatWouldBeEmptyIsNamed(t *testing.T) {
	for _, inOrder := range []bool{false, true} {
		s := &table.Split{Parts: partsOf(0.9, 0.05, 0.05), InOrder: inOrder}
		_, err := Split(s, Examples{N: 10}, "a")
		require.EqualError(t, err, "the part c would have no example: there are 10, and 0.05 of them is too few; change the fractions")
		_, err = Split(s, Examples{N: 16}, "a")
		require.NoError(t, err)
	}
	s := &table.Split{Parts: partsOf(0.5, 0.5), Stratify: "y"}
	x := Examples{N: 3, Column: scanned([]string{"p", "q"}, []int32{0, 1, 0})}
	_, err := Split(s, x, "a")
	require.ErrorContains(t, err, `the part b would have no example of the class "q" of y: there are 1, too few for 2 parts`)
	x.Column = scanned([]string{"p", "q"}, []int32{0, 1, 0, 1})
	x.N = 4
	_, err = Split(s, x, "a")
	require.NoError(t, err)
	x.Column = func(string) (Column, error) { return Column{}, errors.New("y isn't there") }
	_, err = Split(s, x, "a")
	require.EqualError(t, err, "y isn't there")
}

func TestPartsInOrderShareNoValuesOfOverlappingExamples(t *testing.T) {
	s := &table.Split{Parts: partsOf(0.5, 0.5), InOrder: true}
	all, err := split(s, Examples{N: 10, Overlap: 2})
	require.NoError(t, err)
	require.Equal(t, [][]int64{{0, 1, 2}, {5, 6, 7, 8, 9}}, all)
	_, err = Split(s, Examples{N: 10, Overlap: 5}, "b")
	require.ErrorContains(t, err, "the part a would have no example: of its 5, the last 5 share values")
}

func TestStratifyingDependsOnTextsAndNotOnTheirCodes(t *testing.T) {
	codes := make([]int32, 60)
	other := make([]int32, 60)
	for i := range codes {
		codes[i] = rand.Int32N(2)
		other[i] = 1 - codes[i]
	}
	codes[0], codes[1], codes[2], codes[3] = 0, 0, 1, 1
	other[0], other[1], other[2], other[3] = 1, 1, 0, 0
	s := &table.Split{Parts: partsOf(0.5, 0.5), Stratify: "y"}
	a, err := split(s, Examples{N: 60, Column: scanned([]string{"p", "q"}, codes)})
	require.NoError(t, err)
	b, err := split(s, Examples{N: 60, Column: scanned([]string{"q", "p"}, other)})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(a), fmt.Sprint(b))
}

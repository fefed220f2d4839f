package data

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

func TestJoinedExamplesStayTogether(t *testing.T) {
	a, b := declare(t, "a", 20).ids("x"), declare(t, "b", 10).numbers("y", ir.Scalar(ir.I64), func(row int64, _ int) float64 { return float64(100 + row) })
	a.Split = &table.Split{InOrder: true, Parts: []table.Part{{Name: "first", Fraction: 0.5}, {Name: "second", Fraction: 0.5}}}
	z := &table.Decl{Name: "z", Zip: []string{"a.second", "b"}, Batch: 3, Shuffle: true,
		Split: &table.Split{Parts: []table.Part{{Name: "train", Fraction: 0.7}, {Name: "test", Fraction: 0.3}}}}
	all := []*table.Decl{z, a.Decl, b.Decl}
	seen := map[int64]bool{}
	for part, n := range map[string]int64{"train": 7, "test": 3} {
		s := opened(t, z, all, Options{Part: part})
		require.Equal(t, n, s.Examples())
		for step := range s.EpochSteps() {
			x, y := batch(t, s, step, "x"), batch(t, s, step, "y")
			for i := range x {
				require.Equal(t, x[i]-10+100, y[i])
				require.False(t, seen[x[i]])
				seen[x[i]] = true
			}
		}
	}
	require.Len(t, seen, 10)
}

func TestWhatCantBeJoinedIsRefused(t *testing.T) {
	a, b := declare(t, "a", 4).ids("x"), declare(t, "b", 4).ids("y")
	z := &table.Decl{Name: "z", Zip: []string{"a", "b"}, Batch: 2}
	m := &table.Decl{Name: "m", Mix: []table.Share{{Source: "a", Weight: 1}}, Batch: 2}
	all := []*table.Decl{a.Decl, b.Decl, z, m}
	opened(t, z, all, Options{})
	try := func(want string, change func()) {
		t.Helper()
		ad, bd, zd := *a.Decl, *b.Decl, *z
		closed := a.closed.Load()
		change()
		_, err := tryOpen(t, z, all, Options{})
		require.EqualError(t, err, want)
		if a.closed.Load() > closed {
			require.Equal(t, closed+1, a.closed.Load())
		}
		*a.Decl, *b.Decl, *z = ad, bd, zd
	}
	try("a has 3 examples and b has 4; only as many can be joined", func() { a.Decl.Limit = 3 })
	try("the field x is in two of the data sources that are joined; give one another name", func() { b.Decl.Fields = []table.Field{{Name: "x", Type: ir.Scalar(ir.I64)}} })
	try("data source c: it isn't declared as one that reads files", func() { z.Zip = []string{"a", "c"} })
	try("data source a.train: it isn't declared as one that reads files", func() { z.Zip = []string{"a.train", "b"} })
	try("data source m: a mix can't be joined or mixed itself", func() { z.Zip = []string{"a", "m"} })
	try("b contains batches, and batches can't be joined", func() { b.Decl.Kind = "memory-batches" })
	try("data source b: no such table", func() { b.Decl.Files = []table.File{{Name: "none"}} })
}

func TestAMixDrawsByWeightAndPassesEachSourceInItsOwnOrder(t *testing.T) {
	offset := func(by float64) func(int64, int) float64 {
		return func(row int64, _ int) float64 { return by + float64(row) }
	}
	a, b := declare(t, "a", 10).numbers("x", ir.Scalar(ir.I64), offset(0)), declare(t, "b", 4).numbers("x", ir.Scalar(ir.I64), offset(100))
	a.Shuffle = true
	m := &table.Decl{Name: "m", Mix: []table.Share{{Source: "a", Weight: 3}, {Source: "b", Weight: 1}}, Batch: 4}
	all := []*table.Decl{a.Decl, b.Decl, m}
	s := opened(t, m, all, Options{Seed: 3})
	require.Equal(t, []int64{16, 4}, []int64{s.Examples(), s.EpochSteps()}, "4 runs pass a once")
	var fromA, fromB []int64
	const steps = 40 // b is passed ten times, a twelve
	for step := range int64(steps) {
		got := batch(t, s, step, "x")
		inB := 0
		for _, v := range got {
			if v >= 100 {
				fromB = append(fromB, v)
				inB++
			} else {
				fromA = append(fromA, v)
			}
		}
		require.Equal(t, 1, inB, "a batch is a run")
	}
	for i, v := range fromB {
		require.Equal(t, int64(100+i%4), v, "in its order, and again")
	}
	orders := map[string]bool{}
	for pass := range steps * 3 / 10 {
		seen := map[int64]bool{}
		for _, v := range fromA[10*pass : 10*pass+10] {
			seen[v] = true
		}
		require.Len(t, seen, 10, "each once in each pass")
		orders[string(rune(fromA[10*pass]))] = true
	}
	require.Greater(t, len(orders), 3, "shuffled anew")
	again := opened(t, m, all, Options{Seed: 3})
	for _, step := range []int64{39, 7, 8, 0, 39} {
		require.Equal(t, batch(t, s, step, "x"), batch(t, again, step, "x"))
	}
	require.NotEqual(t, s.Fingerprint(), opened(t, m, all, Options{Seed: 4}).Fingerprint())
	a.Decl.Limit = 9
	require.NotEqual(t, s.Fingerprint(), opened(t, m, all, Options{Seed: 3}).Fingerprint())
}

func TestAMixLearnsFromAllItsSources(t *testing.T) {
	c := table.Classes{Count: 3, Unknown: -1}
	a := declare(t, "a", 2).texts("y", ir.I64, c, []string{"q", "p"}, func(row int64, _ int) int { return int(row) })
	b := declare(t, "b", 2).texts("y", ir.I64, c, []string{"r", "q"}, func(row int64, _ int) int { return int(row) })
	m := &table.Decl{Name: "m", Mix: []table.Share{{Source: "a", Weight: 1}, {Source: "b", Weight: 1}}, Batch: 4}
	s := opened(t, m, []*table.Decl{a.Decl, b.Decl}, Options{})
	require.ElementsMatch(t, []int64{1, 0, 2, 1}, batch(t, s, 0, "y"))
}

func TestWhatCantBeMixedIsRefused(t *testing.T) {
	a, b := declare(t, "a", 4).ids("x"), declare(t, "b", 4).ids("x")
	m := &table.Decl{Name: "m", Mix: []table.Share{{Source: "a", Weight: 1}, {Source: "b", Weight: 2}}, Batch: 2}
	all := []*table.Decl{a.Decl, b.Decl, m}
	opened(t, m, all, Options{})
	try := func(want string, o Options, change func()) {
		t.Helper()
		bd, md, shares := *b.Decl, *m, m.Mix[1]
		fields := append([]table.Field(nil), b.Decl.Fields...)
		change()
		_, err := tryOpen(t, m, all, o)
		require.EqualError(t, err, want)
		*b.Decl, *m = bd, md
		m.Mix[1], b.Decl.Fields = shares, fields
	}
	try("a has a field x, and b has none; data sources that are mixed have the same fields", Options{}, func() { b.Decl.Fields = nil })
	try("b has a field y, and a has none; data sources that are mixed have the same fields", Options{}, func() { b.Decl.Fields[0].Name = "y" })
	try("the field x isn't declared alike by a and by b, which are mixed", Options{}, func() { b.Decl.Fields[0].Fill.By = table.FillMean })
	try("the weights of a mix are from 1, and their sum up to 1048576", Options{}, func() { m.Mix[1].Weight = 0 })
	try("the weights of a mix are from 1, and their sum up to 1048576", Options{}, func() { m.Mix[1].Weight = 1 << 20 })
	try("a mix has no limit and no parts; give them to the data sources that are mixed", Options{Part: "p"}, func() {})
	try("one of a and b contains batches and the other examples", Options{}, func() { b.Decl.Kind = "memory-batches" })
}

package data

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

func TestAnEpochHasEachExampleOnceInWhateverOrderItIsRead(t *testing.T) {
	number := 0
	rapid.Check(t, func(r *rapid.T) {
		number++
		n := rapid.SampledFrom([]int64{1, 2, 7, 64, 100}).Draw(r, "n")
		d := declare(t, "a", n).ids("x").numbers("y", ir.Scalar(ir.F32), func(row int64, _ int) float64 { return float64(2 * row) })
		d.Batch = rapid.Int64Range(1, n+1).Draw(r, "batch")
		d.Shuffle = rapid.Bool().Draw(r, "shuffle")
		d.DropLast = d.Batch <= n/2 && rapid.Bool().Draw(r, "drop")
		d.Limit = rapid.SampledFrom([]int64{0, 0, n, n + 1, (n + 1) / 2}).Draw(r, "limit")
		if d.Limit > 0 {
			n = min(n, d.Limit)
		}
		d.DropLast = d.DropLast && d.Batch <= n/2
		parts := []string{""}
		if n > 1 && rapid.Bool().Draw(r, "split") {
			d.Split = &table.Split{Parts: []table.Part{{Name: "train", Fraction: 0.5}, {Name: "test", Fraction: 0.5}}, InOrder: rapid.Bool().Draw(r, "in order")}
			parts = []string{"train", "test"}
			d.DropLast = false
		}
		seen := map[int64]int{}
		const epochs = 3
		for _, part := range parts {
			s := opened(t, d.Decl, nil, Options{Part: part, Seed: 5})
			last := int64(0)
			if !d.DropLast {
				last = s.Examples() % d.Batch
			}
			require.Equal(r, last, s.Remainder())
			require.Zero(r, s.Steps())
			walked := map[int64][]int64{}
			for step := range epochs * s.EpochSteps() {
				got := batch(r, s, step, "x")
				y := floats(r, s, step, "y")
				for i, v := range got {
					seen[v]++
					require.Equal(r, float64(2*v), y[i], "fields are of the same example")
				}
				walked[step] = got
				want := d.Batch
				if last > 0 && (step+1)%s.EpochSteps() == 0 {
					want = last
				}
				require.Len(r, got, int(want))
			}
			again := opened(t, d.Decl, nil, Options{Part: part, Seed: 5})
			require.Equal(r, s.Fingerprint(), again.Fingerprint())
			for range 10 {
				step := rapid.Int64Range(0, epochs*s.EpochSteps()-1).Draw(r, "step")
				require.Equal(r, walked[step], batch(r, again, step, "x"), "step %d", step)
			}
			if !d.Shuffle {
				require.Equal(r, walked[0], batch(r, s, s.EpochSteps(), "x"))
			}
			ordered := opened(t, d.Decl, nil, Options{Part: part, Seed: 6, InOrder: true})
			var all []int64
			for step := range ordered.EpochSteps() {
				all = append(all, batch(r, ordered, step, "x")...)
			}
			require.Len(r, all, int(s.Examples()), "an evaluation leaves nothing out")
			require.True(r, slices.IsSorted(all))
		}
		if !d.DropLast {
			require.Len(r, seen, int(n))
			for row, times := range seen {
				require.Equal(r, epochs, times, "example %d", row)
				require.Less(r, row, n)
			}
		}
	})
}

func TestTheOrderDependsOnSeedNameAndEpochAlone(t *testing.T) {
	d := declare(t, "a", 1000).ids("x")
	d.Batch, d.Shuffle = 1000, true
	first := batch(t, opened(t, d.Decl, nil, Options{Seed: 1}), 0, "x")
	s := opened(t, d.Decl, nil, Options{Seed: 1})
	require.NotEqual(t, first, batch(t, s, 1, "x"), "another epoch")
	require.NotEqual(t, first, batch(t, opened(t, d.Decl, nil, Options{Seed: 2}), 0, "x"), "another seed")
	d.Decl.Batch = 250
	s = opened(t, d.Decl, nil, Options{Seed: 1})
	var all []int64
	for step := range int64(4) {
		all = append(all, batch(t, s, step, "x")...)
	}
	require.Equal(t, first, all, "another size of batches")
	d.Decl.Name = "b"
	require.NotEqual(t, first[:250], batch(t, opened(t, d.Decl, nil, Options{Seed: 1}), 0, "x"), "another name")
}

func TestTheFingerprintTellsWhateverChangesBatches(t *testing.T) {
	make := func(change func(*declared)) string {
		d := declare(t, "a", 100).numbers("x", ir.Scalar(ir.F32), func(row int64, _ int) float64 { return float64(row) })
		d.Batch = 10
		d.Split = &table.Split{Parts: []table.Part{{Name: "p", Fraction: 0.5}, {Name: "q", Fraction: 0.5}}}
		if change != nil {
			change(&d)
		}
		return opened(t, d.Decl, nil, Options{Part: "p"}).Fingerprint()
	}
	base := make(nil)
	require.Equal(t, base, make(nil))
	require.Equal(t, base, make(func(d *declared) { d.Repeat = 7 }), "how many there are changes none of them")
	seen := []string{base}
	for i, change := range []func(*declared){
		func(d *declared) { d.Batch = 11 },
		func(d *declared) { d.Shuffle = true },
		func(d *declared) { d.DropLast = true },
		func(d *declared) { d.Limit = 99 },
		func(d *declared) { d.Split.Seed = 1 },
		func(d *declared) { d.Split.InOrder = true },
		func(d *declared) { d.print = "other content" },
		func(d *declared) { d.Fields[0].Normalize = table.PerElement },
	} {
		got := make(change)
		require.NotContains(t, seen, got, "change %d", i)
		seen = append(seen, got)
	}
}

func TestASourceThatRepeatsEnds(t *testing.T) {
	d := declare(t, "a", 10).ids("x")
	d.Batch, d.Repeat = 4, 2
	s := opened(t, d.Decl, nil, Options{})
	require.Equal(t, int64(6), s.Steps())
	require.Equal(t, []int64{8, 9}, batch(t, s, 5, "x"))
	require.EqualError(t, s.Batch(6, "x", make([]byte, 32)), "the data source a: step 6 is out of range: it provides 6 steps (0 to 5); set max_steps: 6, or repeat it more often")
	require.ErrorContains(t, s.Batch(-1, "x", make([]byte, 32)), "step -1 is out of range")
	require.ErrorContains(t, s.Batch(0, "z", make([]byte, 32)), `no field "z"`)
	require.EqualError(t, s.Batch(5, "x", make([]byte, 32)), "the field x of a: the batch of step 5 has 16 bytes, the buffer has 32")
}

// The numbers are a spec's largest.
func TestHugeBatchesAndRepeatsNeedNoMoreThanTheData(t *testing.T) {
	d := declare(t, "a", 10).ids("x")
	d.Batch = 1 << 40
	s := opened(t, d.Decl, nil, Options{})
	require.Equal(t, []int64{1, 10}, []int64{s.EpochSteps(), s.Remainder()})
	require.Equal(t, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, batch(t, s, 7, "x"))

	d.Batch, d.Repeat = 5, math.MaxInt64/2
	require.Equal(t, int64(math.MaxInt64-1), opened(t, d.Decl, nil, Options{}).Steps())
	d.Repeat++
	s = opened(t, d.Decl, nil, Options{})
	require.Zero(t, s.Steps(), "more than can be counted")
	require.Equal(t, []int64{5, 6, 7, 8, 9}, batch(t, s, 1<<60+1, "x"))
}

func TestRecordedBatchesAreGivenAsTheyAre(t *testing.T) {
	d := declare(t, "a", 3).numbers("x", ir.Type{DType: ir.I64, Shape: ir.Shape{2}}, func(row int64, e int) float64 { return float64(10*row) + float64(e) })
	d.Kind, d.Batch = "memory-batches", 0
	s := opened(t, d.Decl, nil, Options{})
	require.Equal(t, []int64{3, 3, 0}, []int64{s.Steps(), s.EpochSteps(), s.Remainder()})
	require.Equal(t, []int64{20, 21}, batch(t, s, 2, "x"))
	require.EqualError(t, s.Batch(3, "x", make([]byte, 16)), "the data source a: step 3 is out of range: the file has 3 steps (0 to 2); set max_steps: 3, or record more")
	d.Decl.Repeat = 2
	s = opened(t, d.Decl, nil, Options{})
	require.Equal(t, []int64{0, 1}, batch(t, s, 3, "x"))
}

func TestWhatCantGiveABatchIsRefused(t *testing.T) {
	for want, change := range map[string]func(*declared){
		"a: no examples": func(d *declared) { d.rows, d.Files[0].Path = 0, "a" },
		"its 10 examples don't fill a batch of 11, and drop_last leaves smaller ones out": func(d *declared) { d.Batch, d.DropLast = 11, true },
		`it has no parts, so there is no part "p"`:                                        func(d *declared) { d.Split = nil },
		`there is no part "p"`: func(d *declared) { d.Split.Parts = nil },
		"the field x is declared as f32[], and its values are i64[]": func(d *declared) { d.Fields[0].Type = ir.Scalar(ir.F32) },
		"it has no batch size":            func(d *declared) { d.Batch = 0 },
		"no such table":                   func(d *declared) { d.Files[0].Name = "" },
		`there is no kind of file "none"`: func(d *declared) { d.Kind = "none" },
	} {
		d := declare(t, "a", 10).ids("x")
		d.Split = &table.Split{Parts: []table.Part{{Name: "p", Fraction: 1}}}
		_, err := tryOpen(t, d.Decl, nil, Options{Part: "p"})
		require.NoError(t, err, "without the change")
		before := d.closed.Load()
		change(&d)
		_, err = tryOpen(t, d.Decl, nil, Options{Part: "p"})
		require.EqualError(t, err, want)
		if want != "no such table" && d.Kind == "memory" {
			require.Equal(t, before+1, d.closed.Load(), want)
		}
	}
}

func TestAFailureIsGivenToWhoeverAsksAndReadingCanBeTriedAgain(t *testing.T) {
	d := declare(t, "a", 10).ids("x")
	s := opened(t, d.Decl, nil, Options{})
	d.failing.Store(true)
	for range 3 {
		require.EqualError(t, s.Batch(0, "x", make([]byte, 8)), "the disk is gone")
	}
	d.failing.Store(false)
	for s.Batch(0, "x", make([]byte, 8)) != nil { // what was read ahead may still have failed
		time.Sleep(time.Millisecond)
	}
	for step := range int64(10) {
		err := s.Batch(step, "x", make([]byte, 8))
		if err != nil {
			err = s.Batch(step, "x", make([]byte, 8))
		}
		require.NoError(t, err)
		require.Equal(t, []int64{step}, batch(t, s, step, "x"))
	}
}

func TestReadingAheadIsBoundedAndEndsWithTheSource(t *testing.T) {
	before := runtime.NumGoroutine()
	d := declare(t, "a", 1000).ids("x")
	s, err := tryOpen(t, d.Decl, nil, Options{})
	require.NoError(t, err)
	require.LessOrEqual(t, runtime.NumGoroutine(), before, "nothing runs before a batch is asked for")
	require.Equal(t, []int64{0}, batch(t, s, 0, "x"))
	require.Eventually(t, func() bool { return d.reads.Load() >= mostAhead }, 5*time.Second, time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	require.Equal(t, int64(mostAhead), d.reads.Load())
	require.Positive(t, s.Waited())
	waited := s.Waited()
	for step := range int64(mostAhead) {
		require.Equal(t, []int64{step}, batch(t, s, step, "x"))
	}
	require.Equal(t, waited, s.Waited(), "what has been read is there at once")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.Equal(t, int64(1), d.closed.Load())
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "a goroutine is left")
	}
	require.ErrorIs(t, s.Batch(0, "x", make([]byte, 8)), errClosed)
}

func TestALargeBatchIsReadOneAhead(t *testing.T) {
	d := declare(t, "a", 8).numbers("x", ir.Type{DType: ir.Bool, Shape: ir.Shape{aheadBytes}}, func(row int64, _ int) float64 { return 0 })
	d.Decl.Batch = 1
	s := opened(t, d.Decl, nil, Options{})
	require.NoError(t, s.Batch(0, "x", make([]byte, aheadBytes)))
	require.Eventually(t, func() bool { return d.reads.Load() == 2 }, 5*time.Second, time.Millisecond)
	require.Len(t, s.ahead.slots, 2)
}

func TestManyMayAskForAnyStepAtOnce(t *testing.T) {
	d := declare(t, "a", 500).ids("x")
	d.Batch, d.Shuffle = 3, true
	s := opened(t, d.Decl, nil, Options{})
	want := opened(t, d.Decl, nil, Options{})
	var wg sync.WaitGroup
	for p := range int64(6) {
		wg.Go(func() {
			for i := range int64(50) {
				step := (p*211 + i*i*7) % 400
				dst := make([]byte, 24)
				if (step+1)%167 == 0 {
					dst = dst[:16]
				}
				if err := s.Batch(step, "x", dst); err != nil {
					t.Error(err)
					return
				}
				if p == 0 && !slices.Equal(int64s(dst), batch(t, want, step, "x")) {
					t.Errorf("step %d differs", step)
				}
			}
		})
	}
	wg.Wait()
}

func TestWhereStepsWaitSeveralBatchesAreReadAtOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // otherwise one core has one reader
	d := declare(t, "a", 100).ids("x")
	d.Batch, d.Shuffle = 7, true
	want := opened(t, d.Decl, nil, Options{})
	var all [][]int64
	for step := range int64(60) {
		all = append(all, batch(t, want, step, "x"))
	}
	require.NoError(t, want.Close()) // it would read on
	d.meet = make(chan struct{})
	for _, jump := range []int64{1, 13} { // whatever is read, each step gets its own
		s := opened(t, d.Decl, nil, Options{})
		for step, i := int64(0), 0; i < 60; step, i = (step+jump)%60, i+1 {
			require.Equal(t, all[step], batch(t, s, step, "x"), step)
		}
		require.NoError(t, s.Close())
	}
	require.Greater(t, d.met.Load(), int64(10))
}

func TestClosingEndsThoseThatWait(t *testing.T) {
	d := declare(t, "a", 100_000).ids("x")
	s, err := tryOpen(t, d.Decl, nil, Options{})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for p := range int64(4) {
		wg.Go(func() {
			for step := p; ; step = (step + 997) % 100_000 {
				if err := s.Batch(step, "x", make([]byte, 8)); err != nil {
					if err != errClosed {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	time.Sleep(10 * time.Millisecond)
	require.NoError(t, s.Close())
	wg.Wait()
}

func TestABatchAllocatesNothing(t *testing.T) {
	d := declare(t, "a", 1000).ids("x").texts("y", ir.I64, table.Classes{Count: 2, Unknown: -1}, []string{"p", "q"}, func(row int64, _ int) int { return int(row % 2) })
	d.Batch, d.Shuffle = 16, true
	s := opened(t, d.Decl, nil, Options{})
	step, dst := int64(0), make([]byte, 16*8)
	next := func() {
		if (step+1)%s.EpochSteps() == 0 {
			step++
		}
		require.NoError(t, s.Batch(step, "x", dst))
		require.NoError(t, s.Batch(step, "y", dst))
		step++
	}
	for range 200 {
		next()
	}
	require.Less(t, testing.AllocsPerRun(500, next), 1.0)
}

func BenchmarkBatch(b *testing.B) {
	d := declare(b, "a", 60_000).numbers("x", ir.Type{DType: ir.F32, Shape: ir.Shape{784}}, func(row int64, e int) float64 { return float64(e) })
	d.Batch, d.Shuffle = 64, true
	for name, normalize := range map[string]table.Normalize{"as it is": "", "normalized": table.PerElement} {
		d.Fields[0].Normalize = normalize
		s := opened(b, d.Decl, nil, Options{})
		dst := make([]byte, 64*784*4)
		step := int64(0)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(64 * 784 * 4)
			b.ReportAllocs()
			for b.Loop() {
				if (step+1)%s.EpochSteps() == 0 {
					step++
				}
				require.NoError(b, s.Batch(step, "x", dst))
				step++
			}
		})
	}
}

func TestPlacesAreThoseOfTheBatchsExamples(t *testing.T) {
	a, b := declare(t, "a", 20).ids("x"), declare(t, "b", 20).ids("x")
	a.Batch, a.Shuffle, a.Limit = 7, true, 15
	m := &table.Decl{Name: "m", Mix: []table.Share{{Source: "a", Weight: 2}, {Source: "b", Weight: 1}}, Batch: 5}
	for _, d := range []*table.Decl{a.Decl, m} {
		s := opened(t, d, []*table.Decl{a.Decl, b.Decl}, Options{})
		for _, step := range []int64{0, 1, s.EpochSteps() - 1, s.EpochSteps(), 50} {
			places, err := s.Places(step, "x")
			require.NoError(t, err)
			x := batch(t, s, step, "x")
			require.Len(t, places, len(x))
			for i, p := range places {
				require.Equal(t, x[i]+2, p.Row)
			}
		}
		_, err := s.Places(0, "y")
		require.ErrorContains(t, err, `no field "y"`)
		_, err = s.Places(-1, "x")
		require.ErrorContains(t, err, "out of range")
	}
}

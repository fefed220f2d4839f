package order

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// requirePermutation requires each number below n once.
func requirePermutation(t require.TestingT, n int64, at func(int64) int64) {
	seen := make([]bool, n)
	for i := range n {
		v := at(i)
		require.True(t, v >= 0 && v < n && !seen[v], "%d at %d of %d", v, i, n)
		seen[v] = true
	}
}

func TestAPermutationHasEachNumberOnce(t *testing.T) {
	var p Permutation
	for n := range int64(301) {
		for epoch := range int64(3) {
			p.Set(n, KeyOf("test", "", epoch))
			requirePermutation(t, n, p.At)
			if n > 0 {
				p.random.Seed(KeyOf("test", "", epoch))
				w := newNetwork(n, &p.random)
				requirePermutation(t, n, w.at)
			}
		}
	}
	for _, n := range []int64{TableLimit - 1, TableLimit, TableLimit + 1} {
		p.Set(n, KeyOf("test", ""))
		requirePermutation(t, n, p.At)
		require.Equal(t, n <= TableLimit, p.shuffled != nil)
	}
	n := int64(1) << 42
	p.Set(n, KeyOf("test", ""))
	for i := range int64(1000) {
		require.Less(t, p.At(i), n)
	}
}

func TestAPermutationIsAFunctionOfItsKey(t *testing.T) {
	var fresh, used Permutation
	for _, n := range []int64{10, 1000, TableLimit + 10} {
		used.Set(TableLimit, KeyOf("other", ""))
		used.Set(n, KeyOf("a", "b", 1))
		fresh = Permutation{}
		fresh.Set(n, KeyOf("a", "b", 1))
		first := make([]int64, 10)
		for i := range first {
			first[i] = fresh.At(int64(i))
			require.Equal(t, first[i], used.At(int64(i)))
		}
		for _, key := range []Key{KeyOf("ab", "", 1), KeyOf("a", "b", 2), KeyOf("a", "b", 1, 0), KeyOf("a", "b", 1).With(0)} {
			used.Set(n, key)
			same := 0
			for i := range first {
				if used.At(int64(i)) == first[i] {
					same++
				}
			}
			require.Less(t, same, 10)
		}
	}
}

// A seed has to mean the same order for ever.
func TestOrdersStayWhatTheyAre(t *testing.T) {
	var p Permutation
	p.Set(10, KeyOf("shuffle", "iris.train", 7, 3))
	var small, large []int64
	for i := range int64(10) {
		small = append(small, p.At(i))
	}
	p.Set(TableLimit*3, KeyOf("shuffle", "iris.train", 7, 3))
	for i := range int64(5) {
		large = append(large, p.At(i))
	}
	require.Equal(t, []int64{4, 1, 9, 5, 2, 6, 7, 0, 3, 8}, small)
	require.Equal(t, []int64{2713621, 10835454, 261991, 10409066, 8063640}, large)
}

// requireEven requires a chi-square within five standard deviations of its mean.
func requireEven(t *testing.T, chi2 float64, freedom int, what string) {
	t.Helper()
	require.InDelta(t, float64(freedom), chi2, 5*math.Sqrt(2*float64(freedom)), what)
}

func TestPositionsPairsAndParitiesAreUniform(t *testing.T) {
	const n, epochs = 11, 40_000
	var table Permutation
	orders := map[string]func(key Key) func(int64) int64{
		"table":   func(key Key) func(int64) int64 { table.Set(n, key); return table.At },
		"network": func(key Key) func(int64) int64 { var d draws; d.Seed(key); w := newNetwork(n, &d); return w.at },
	}
	for name, order := range orders {
		var positions, pairs [n][n]float64
		for epoch := range int64(epochs) {
			at := order(KeyOf("uniform", name, epoch))
			var p [n]int64
			for i := range p {
				p[i] = at(int64(i))
				positions[i][p[i]]++
				if i > 0 {
					pairs[p[i-1]][p[i]]++
				}
			}
		}
		chi2, pair2 := 0.0, 0.0
		for i := range n {
			for j := range n {
				const want = float64(epochs) / n
				chi2 += (positions[i][j] - want) * (positions[i][j] - want) / want
				if i != j {
					const want = float64(epochs) / n // of n-1 places where pairs are, n(n-1) pairs
					pair2 += (pairs[i][j] - want) * (pairs[i][j] - want) / want
				}
			}
		}
		requireEven(t, chi2, (n-1)*(n-1), name+": positions")
		requireEven(t, pair2, n*(n-1)-2*n+1, name+": pairs")

		if name == "network" {
			continue // its parity is that of its rounds; it promises positions and pairs
		}
		even := 0
		for epoch := range int64(epochs) {
			at := order(KeyOf("parity", name, epoch))
			inversions := 0
			for i := range int64(n) {
				for j := range i {
					if at(j) > at(i) {
						inversions++
					}
				}
			}
			even += 1 - inversions%2
		}
		require.InDelta(t, epochs/2, even, 5*math.Sqrt(epochs)/2, name+": parities")
	}
}

func TestALargeOrderHasNoPattern(t *testing.T) {
	const n, buckets = TableLimit*2 + 12345, 64
	var p Permutation
	p.Set(n, KeyOf("large", ""))
	var counts, steps [buckets]float64
	before := int64(0)
	const draws = 1 << 18
	for i := range int64(draws) {
		v := p.At(i)
		counts[v*buckets/n]++
		steps[(v-before+n)%n*buckets/n]++
		before = v
	}
	for what, c := range map[string][buckets]float64{"places of the first": counts, "distances of neighbours": steps} {
		chi2 := 0.0
		for _, got := range c {
			chi2 += (got - draws/buckets) * (got - draws/buckets) / (draws / buckets)
		}
		requireEven(t, chi2, buckets-1, what)
	}
}

func TestRowsAreFoundByTheirPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int64{1, 63, 64, 65, 511, 512, 513, 5000}).Draw(t, "n")
		chance := rapid.SampledFrom([]float64{0.001, 0.1, 0.5, 1}).Draw(t, "chance")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		s, want := newSet(n), []int64(nil)
		for row := range n {
			if r.Float64() < chance {
				s.add(row)
				want = append(want, row)
			}
		}
		rows := s.rows()
		require.Equal(t, int64(len(want)), rows.Len())
		for i, row := range want {
			require.Equal(t, row, rows.At(int64(i)))
		}
		few := rows.First(3)
		require.Equal(t, int64(min(3, len(want))), few.Len())
	})
	r := Range(5, 3)
	require.Equal(t, []int64{5, 6, 7}, []int64{r.At(0), r.At(1), r.At(2)})
}

// By brute force: walk through all steps.
func TestABatchIsWhereWalkingThereWouldLead(t *testing.T) {
	for n := int64(1); n < 20; n++ {
		for size := int64(1); size < 22; size++ {
			for _, drop := range []bool{false, true} {
				b := Batches{N: n, Size: size, DropLast: drop}
				if drop && size > n {
					require.Zero(t, b.Steps())
					continue
				}
				step := int64(0)
				for epoch := range int64(3) {
					for first := int64(0); first < n; first += size {
						count := min(size, n-first)
						if drop && count < size {
							continue
						}
						e, f, c := b.At(step)
						require.Equal(t, []int64{epoch, first, count}, []int64{e, f, c}, "step %d of %+v", step, b)
						if count < size {
							require.Equal(t, count, b.Remainder())
						}
						step++
					}
				}
				require.Equal(t, step, 3*b.Steps())
			}
		}
	}
}

func TestAMixHasEachRunsWeightsAndPassesEachSource(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 4).Draw(t, "sources")
		weights := rapid.SliceOfN(rapid.Int64Range(1, 5), k, k).Draw(t, "weights")
		examples := rapid.SliceOfN(rapid.Int64Range(1, 30), k, k).Draw(t, "examples")
		m, jumped := NewMix(weights, examples, KeyOf("mix", "m")), NewMix(weights, examples, KeyOf("mix", "m"))
		total := int64(0)
		for _, w := range weights {
			total += w
		}
		require.Zero(t, m.Len()%total)
		drawn := make([]int64, k)
		for draw := range 2 * m.Len() {
			s, number := m.At(draw)
			require.Equal(t, drawn[s], number, "each source goes on where it was")
			drawn[s]++
			if (draw+1)%total == 0 {
				for i, w := range weights {
					require.Equal(t, (draw+1)/total*w, drawn[i])
				}
			}
			if draw+1 == m.Len()-total {
				require.True(t, slices.ContainsFunc([]int{0, 1, 2, 3}[:k], func(i int) bool { return drawn[i] < examples[i] }), "a run less isn't enough")
			}
			if draw+1 == m.Len() {
				for i := range examples {
					require.GreaterOrEqual(t, drawn[i], examples[i])
				}
			}
		}
		for range 20 {
			at := rapid.Int64Range(0, 2*m.Len()).Draw(t, "draw")
			s, number := m.At(at)
			s2, number2 := jumped.At(at)
			require.Equal(t, fmt.Sprint(s, number), fmt.Sprint(s2, number2))
		}
	})
}

func BenchmarkPermutation(b *testing.B) {
	var p Permutation
	b.Run("set", func(b *testing.B) {
		for b.Loop() {
			p.Set(TableLimit, KeyOf("a", ""))
		}
	})
	p.Set(TableLimit*100, KeyOf("a", ""))
	b.Run("computed", func(b *testing.B) {
		for b.Loop() {
			p.At(12345)
		}
	})
	s := newSet(100_000_000)
	for i := range int64(100_000_000) {
		if mix(uint64(i))%10 < 8 {
			s.add(i)
		}
	}
	rows := s.rows()
	b.Run("rows", func(b *testing.B) {
		for b.Loop() {
			rows.At(rand.Int64N(rows.Len()))
		}
	})
}

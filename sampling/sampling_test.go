package sampling_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/sampling"
)

var inf = math.Inf(1)

func sampler(t require.TestingT, s sampling.Settings) *sampling.Sampler {
	drawn, err := sampling.New(s)
	require.NoError(t, err)
	return drawn
}

// allowed are the tokens that can be drawn, by sorting, and the sum of their weights.
func allowed(logits []float64, s sampling.Settings) (tokens []int, weights map[int]float64) {
	for i, l := range logits {
		if !math.IsInf(l, -1) {
			tokens = append(tokens, i)
		}
	}
	slices.SortStableFunc(tokens, func(a, b int) int {
		switch {
		case logits[a] > logits[b]:
			return -1
		case logits[a] < logits[b]:
			return 1
		}
		return a - b
	})
	if s.TopK > 0 {
		tokens = tokens[:min(len(tokens), s.TopK)]
	}
	weights = map[int]float64{}
	total := 0.0
	for _, i := range tokens {
		weights[i] = math.Exp((logits[i] - logits[tokens[0]]) / s.Temperature)
		total += weights[i]
	}
	if s.TopP > 0 && s.TopP < 1 {
		sum := 0.0
		for n, i := range tokens {
			if sum += weights[i]; sum >= s.TopP*total {
				for _, j := range tokens[n+1:] {
					delete(weights, j)
				}
				tokens = tokens[:n+1]
				break
			}
		}
	}
	return tokens, weights
}

func TestTokensAreDrawnWithTheirProbabilities(t *testing.T) {
	logits := []float64{0.1, 2, -1, 2, -inf, 0.5, 1.5}
	for _, s := range []sampling.Settings{
		{Temperature: 1}, {Temperature: 0.5, Seed: -3}, {Temperature: 2, TopK: 3}, {Temperature: 1, TopP: 0.6},
		{Temperature: 1, TopK: 4, TopP: 0.9, Seed: 1 << 40}, {Temperature: 1, TopK: 100}, {Temperature: 1e30},
	} {
		const n = 40_000
		count := map[int]int{}
		draw := sampler(t, s)
		for step := range uint64(n) {
			i, err := draw.Sample(logits, step)
			require.NoError(t, err)
			count[i]++
		}
		tokens, weights := allowed(logits, s)
		total := 0.0
		for _, w := range weights {
			total += w
		}
		seen := 0
		for _, i := range tokens {
			p := weights[i] / total
			require.InDelta(t, p*n, float64(count[i]), 5*math.Sqrt(p*(1-p)*n)+1, "%+v: token %d", s, i)
			seen += count[i]
		}
		require.Equal(t, n, seen, "%+v: others were drawn", s)
	}
}

func TestOnlyTheLikeliestAreDrawn(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		logits := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1, 1.5, -2, 3, 3, -inf, 1e300, -1e300}), 1, 20).Draw(r, "logits")
		if !slices.ContainsFunc(logits, func(l float64) bool { return !math.IsInf(l, -1) }) {
			return
		}
		s := sampling.Settings{
			Temperature: rapid.SampledFrom([]float64{1e-300, 0.1, 1, 5, math.MaxFloat64}).Draw(r, "temperature"),
			TopK:        rapid.IntRange(0, 25).Draw(r, "k"),
			TopP:        rapid.SampledFrom([]float64{0, 1e-9, 0.3, 0.75, 1}).Draw(r, "p"),
			Seed:        rapid.Int64().Draw(r, "seed"),
		}
		tokens, _ := allowed(logits, s)
		draw := sampler(r, s)
		for step := range uint64(20) {
			i, err := draw.Sample(logits, step)
			require.NoError(r, err)
			require.Contains(r, tokens, i)
		}
	})
}

func TestTemperatureZeroTakesTheLikeliestAndOfEqualsTheFirst(t *testing.T) {
	for _, s := range []sampling.Settings{{}, {Temperature: 1, TopK: 1}, {Temperature: 5e-324}, {TopP: 0.1, TopK: 2}} {
		s.Seed = 7
		i, err := sampler(t, s).Sample([]float64{-inf, 1, 3, 2.999, 2}, 5)
		require.NoError(t, err)
		require.Equal(t, 2, i)
	}
	i, err := sampler(t, sampling.Settings{}).Sample([]float64{1, 3, 3}, 0)
	require.NoError(t, err)
	require.Equal(t, 1, i)
}

func TestASeedAndAStepDecide(t *testing.T) {
	logits := make([]float64, 1000)
	one, other := sampler(t, sampling.Settings{Temperature: 1, Seed: 1}), sampler(t, sampling.Settings{Temperature: 1, Seed: 1})
	var forth, back [50]int
	for i := range 50 {
		forth[i], _ = one.Sample(logits, uint64(i))
		back[49-i], _ = other.Sample(logits, uint64(49-i))
	}
	require.Equal(t, forth, back)
	again := sampler(t, sampling.Settings{Temperature: 1, Seed: 2})
	differ := 0
	for i := range 50 {
		if x, _ := again.Sample(logits, uint64(i)); x != forth[i] {
			differ++
		}
	}
	require.Greater(t, differ, 40)
	// The first words of Philox 4x32-10 with key and counter 0 are 6627e8d5 e169c58d (Random123's known answers).
	first, err := sampler(t, sampling.Settings{Temperature: 1}).Sample(make([]float64, 1<<16), 0)
	require.NoError(t, err)
	require.Equal(t, 0x6627, first)
}

func TestLogitsThatAreNoNumbersAreAnError(t *testing.T) {
	draw := sampler(t, sampling.Settings{Temperature: 1})
	for _, bad := range []float64{math.NaN(), inf} {
		_, err := draw.Sample([]float64{0, bad}, 0)
		require.ErrorContains(t, err, "the logit of token 1 is ")
	}
	for _, none := range [][]float64{nil, {-inf}, {-inf, -inf}} {
		_, err := draw.Sample(none, 0)
		require.ErrorIs(t, err, sampling.ErrNothing)
	}
}

func TestSettingsThatMeanNothingAreRefused(t *testing.T) {
	for want, s := range map[string]sampling.Settings{
		"the temperature must be finite and at least 0, got -1":   {Temperature: -1},
		"the temperature must be finite and at least 0, got NaN":  {Temperature: math.NaN()},
		"the temperature must be finite and at least 0, got +Inf": {Temperature: inf},
		"top-k must be at least 0 (0: all tokens), got -1":        {TopK: -1},
		"top-p must be above 0 and at most 1, got 1.5":            {TopP: 1.5},
		"top-p must be above 0 and at most 1, got -0.1":           {TopP: -0.1},
		"top-p must be above 0 and at most 1, got NaN":            {TopP: math.NaN()},
	} {
		_, err := sampling.New(s)
		require.EqualError(t, err, want)
	}
}

func TestDrawingAllocatesNothing(t *testing.T) {
	logits := make([]float64, 500)
	for i := range logits {
		logits[i] = math.Sin(float64(i))
	}
	for _, s := range []sampling.Settings{{}, {Temperature: 1}, {Temperature: 1, TopK: 40}, {Temperature: 1, TopK: 40, TopP: 0.9}, {Temperature: 1, TopP: 0.9}} {
		draw, step := sampler(t, s), uint64(0)
		sample := func() { _, _ = draw.Sample(logits, step); step++ }
		sample()
		require.Zero(t, testing.AllocsPerRun(20, sample), "%+v", s)
	}
}

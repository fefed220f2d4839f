// Package sampling draws tokens from logits: with a temperature, from the most likely ones
// alone (top-k, top-p), and the same ones for the same seed. It knows nothing of models.
//
// Everything is computed in float64, in a fixed order. Tokens are ranked by their logits,
// and of equal logits the smaller id comes first: so the likeliest token, the k likeliest
// and those that together have a probability are well defined. A logit of -Inf is a token
// that can't be drawn; NaN and +Inf are errors.
package sampling

import (
	"errors"
	"fmt"
	"math"
)

// Settings say how tokens are drawn.
type Settings struct {
	// Temperature is what logits are divided by: below 1 likely tokens become likelier.
	// 0 takes the likeliest token.
	Temperature float64
	// TopK is how many of the likeliest tokens can be drawn; 0: all of them.
	TopK int
	// TopP, above 0 and at most 1, keeps the likeliest tokens up to the first with which
	// they have this probability together, after Temperature and TopK; 0 is as 1: all.
	TopP float64
	// Seed decides what is drawn.
	Seed int64
}

// Check reports settings that mean nothing.
func (s *Settings) Check() error {
	switch {
	case math.IsNaN(s.Temperature) || math.IsInf(s.Temperature, 0) || s.Temperature < 0:
		return fmt.Errorf("the temperature must be finite and at least 0, got %v", s.Temperature)
	case s.TopK < 0:
		return fmt.Errorf("top-k must be at least 0 (0: all tokens), got %d", s.TopK)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return fmt.Errorf("top-p must be above 0 and at most 1, got %v", s.TopP)
	}
	return nil
}

// Sampler draws tokens. It keeps its memory from one to the next. It is for one goroutine
// at a time.
type Sampler struct {
	Settings
	heap    []int32 // tokens, the likeliest at [0]
	kept    []int32 // the likeliest tokens, in their order
	weights []float64
}

// New makes a sampler.
func New(s Settings) (*Sampler, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return &Sampler{Settings: s}, nil
}

// ErrNothing says that no token has a probability.
var ErrNothing = errors.New("no token can be drawn: all logits are -Inf, or there are none")

// Sample draws the token of a step: equal logits, settings and steps give equal tokens,
// whatever was drawn before.
func (s *Sampler) Sample(logits []float64, step uint64) (int, error) {
	best := -1
	for i, l := range logits {
		if math.IsNaN(l) || math.IsInf(l, 1) {
			return 0, fmt.Errorf("the logit of token %d is %v", i, l)
		}
		if !math.IsInf(l, -1) && (best < 0 || l > logits[best]) {
			best = i
		}
	}
	switch {
	case best < 0:
		return 0, ErrNothing
	case s.Temperature == 0 || s.TopK == 1:
		return best, nil
	}
	weight := func(i int32) float64 { return math.Exp((logits[i] - logits[best]) / s.Temperature) }
	u := uniform(s.Seed, step)
	if all := s.TopK == 0 || s.TopK >= len(logits); all && (s.TopP == 0 || s.TopP == 1) {
		total := 0.0
		for i := range logits {
			total += weight(int32(i))
		}
		return draw(u*total, best, len(logits), func(i int) (int, float64) { return i, weight(int32(i)) }), nil
	}
	total := s.keep(logits, weight)
	return draw(u*total, best, len(s.kept), func(i int) (int, float64) { return int(s.kept[i]), s.weights[i] }), nil
}

// draw gives the token in whose share of the weights, laid side by side, a point lies.
func draw(point float64, best, n int, at func(int) (token int, weight float64)) int {
	last := best // where rounding puts the point beyond all shares
	for i := range n {
		token, weight := at(i)
		if weight == 0 {
			continue
		}
		last = token
		if point -= weight; point < 0 {
			return token
		}
	}
	return last
}

// keep gathers the tokens that can be drawn, and gives the sum of their weights.
func (s *Sampler) keep(logits []float64, weight func(int32) float64) float64 {
	s.heap, s.kept, s.weights = s.heap[:0], s.kept[:0], s.weights[:0]
	for i := range logits {
		if !math.IsInf(logits[i], -1) {
			s.heap = append(s.heap, int32(i))
		}
	}
	for i := len(s.heap)/2 - 1; i >= 0; i-- {
		s.sink(logits, i)
	}
	most := len(s.heap)
	if s.TopK > 0 {
		most = min(most, s.TopK)
	}
	total, limited := 0.0, s.TopP > 0 && s.TopP < 1
	share := math.Inf(1) // the weight with which there is enough
	if limited && most == len(s.heap) {
		for _, i := range s.heap {
			total += weight(i)
		}
		share, total = s.TopP*total, 0
	}
	for len(s.kept) < most && !(total >= share) {
		i := s.pop(logits)
		w := weight(i)
		s.kept, s.weights = append(s.kept, i), append(s.weights, w)
		total += w
	}
	if limited && math.IsInf(share, 1) { // of the k likeliest
		all := total
		total = 0
		for n, w := range s.weights {
			if total += w; total >= s.TopP*all {
				s.kept, s.weights = s.kept[:n+1], s.weights[:n+1]
				break
			}
		}
	}
	return total
}

// likelier ranks tokens.
func likelier(logits []float64, a, b int32) bool {
	return logits[a] > logits[b] || logits[a] == logits[b] && a < b
}

func (s *Sampler) pop(logits []float64) int32 {
	top, last := s.heap[0], len(s.heap)-1
	s.heap[0] = s.heap[last]
	s.heap = s.heap[:last]
	s.sink(logits, 0)
	return top
}

func (s *Sampler) sink(logits []float64, i int) {
	for {
		child := 2*i + 1
		if child >= len(s.heap) {
			return
		}
		if right := child + 1; right < len(s.heap) && likelier(logits, s.heap[right], s.heap[child]) {
			child = right
		}
		if !likelier(logits, s.heap[child], s.heap[i]) {
			return
		}
		s.heap[i], s.heap[child] = s.heap[child], s.heap[i]
		i = child
	}
}

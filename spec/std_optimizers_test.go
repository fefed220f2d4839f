package spec_test

import (
	"math"
	"testing"
)

// Each optimizer against its loop in float64, over 20 steps, with its options
// one by one and together.

func TestDampeningDoesNotApplyToTheFirstStep(t *testing.T) {
	v := 0.0
	follow(t, "{SGD: {lr: 0.1, momentum: 0.9, dampening: 0.4}}", func(s int, w, g float64) float64 {
		if s == 0 {
			v = g
		} else {
			v = 0.9*v + 0.6*g
		}
		return w - 0.1*v
	})
}

func TestAMSGradTakesTheLargestSecondMoment(t *testing.T) {
	for _, name := range []string{"Adam", "AdamW"} {
		m, v, largest := 0.0, 0.0, 0.0
		follow(t, "{"+name+": {lr: 0.1, betas: [0.8, 0.5], amsgrad: true, weight_decay: 0}}", func(s int, w, g float64) float64 {
			m, v = 0.8*m+0.2*g, 0.5*v+0.5*g*g
			largest = max(largest, v)
			n := float64(s + 1)
			return w - 0.1*(m/(1-math.Pow(0.8, n)))/(math.Sqrt(largest/(1-math.Pow(0.5, n)))+1e-8)
		})
	}
}

func TestAdamWithoutOptionsTakesPyTorchsDefaults(t *testing.T) {
	for name, decay := range map[string]float64{"Adam": 0, "AdamW": 0.01} {
		m, v := 0.0, 0.0
		follow(t, "{"+name+": {lr: 0.01}}", func(s int, w, g float64) float64 {
			m, v = 0.9*m+0.1*g, 0.999*v+0.001*g*g
			n := float64(s + 1)
			return w*(1-0.01*decay) - 0.01*(m/(1-math.Pow(0.9, n)))/(math.Sqrt(v/(1-math.Pow(0.999, n)))+1e-8)
		})
	}
}

func TestRMSpropIsTorchs(t *testing.T) {
	square := 0.0
	follow(t, "{RMSprop: {lr: 0.01}}", func(_ int, w, g float64) float64 {
		square = 0.99*square + 0.01*g*g
		return w - 0.01*g/(math.Sqrt(square)+1e-8)
	})
	square, average, velocity := 0.0, 0.0, 0.0
	follow(t, "{RMSprop: {lr: 0.01, alpha: 0.9, eps: 1e-4, weight_decay: 0.1, momentum: 0.8, centered: true}}", func(_ int, w, g float64) float64 {
		g += 0.1 * w
		square = 0.9*square + 0.1*g*g
		average = 0.9*average + 0.1*g
		velocity = 0.8*velocity + g/(math.Sqrt(square-average*average)+1e-4)
		return w - 0.01*velocity
	})
}

func TestAdagradIsTorchs(t *testing.T) {
	total := 0.0
	follow(t, "{Adagrad: {lr: 0.1}}", func(_ int, w, g float64) float64 {
		total += g * g
		return w - 0.1*g/(math.Sqrt(total)+1e-10)
	})
	total = 0.5
	follow(t, "{Adagrad: {lr: 0.1, lr_decay: 0.2, weight_decay: 0.1, initial_accumulator_value: 0.5, eps: 1e-3}}", func(s int, w, g float64) float64 {
		g += 0.1 * w
		total += g * g
		return w - 0.1/(1+0.2*float64(s))*g/(math.Sqrt(total)+1e-3)
	})
}

func TestLionStepsByTheSignOfItsMomentum(t *testing.T) {
	m := 0.0
	step := func(decay float64) func(s int, w, g float64) float64 {
		return func(_ int, w, g float64) float64 {
			direction := math.Copysign(1, 0.9*m+0.1*g)
			m = 0.99*m + 0.01*g
			return w*(1-0.01*decay) - 0.01*direction
		}
	}
	follow(t, "{Lion: {lr: 0.01}}", step(0))
	m = 0
	follow(t, "{Lion: {lr: 0.01, weight_decay: 0.3}}", step(0.3))
}

func TestAnOptimizersRateCanBeASchedule(t *testing.T) {
	v := 0.0
	follow(t, `{SGD: {lr: "warmup_cosine(step, 0.1, 5, 15)", momentum: 0.9}}`, func(s int, w, g float64) float64 {
		v = 0.9*v + g
		return w - warmupCosine(s, 0.1, 5, 15, 0)*v
	})
}

func warmupCosine(s int, lr float64, warmup, total int, least float64) float64 {
	if s < warmup {
		return lr * float64(s+1) / float64(warmup)
	}
	progress := min(float64(s-warmup)/float64(total-warmup), 1)
	return least + (lr-least)*(1+math.Cos(math.Pi*progress))/2
}

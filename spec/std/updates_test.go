package std_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
)

// numbersSpec has the numbers a to d, and updates of all kinds.
const numbersSpec = `
flowrun: 1
modules:
  Number:
    inputs: {like: "f64[]"}
    args: {start: float}
    params: {w: {shape: [], init: start}}
    output: w + 0 * like
data:
  d: {generate: {x: "cast(1.0, 'f64')"}}
model:
  inputs: {x: "f64[]"}
  nodes:
    a: {Number: x, start: 0.5, dtype: f64}
    b: {Number: x, start: -0.75, dtype: f64}
    c: {Number: x, start: 0.25, dtype: f64, trainable: false}
    d: {Number: x, start: 9, dtype: f64, trainable: false}
    product: a * b
  outputs: [a, b, c, d]
train:
  data: d
  updates:
    first: {loss: square(product - 1), parameters: a.*, optimizer: {SGD: {lr: 0.125}}, sees_earlier: %[1]t}
    second:
      loss: square(a + b * b)
      optimizer: {SGD: {lr: 0.0625 * 0.5 ** step}}
      param_groups: [{match: a.w, optimizer: {AdamW: {lr: 0.03125, betas: [0.5, 0.5], eps: 0.25, weight_decay: 0.5}}}]
      clip_grad_norm: 0.5
      every: 2
      sees_earlier: %[1]t
    third: {assign: {c.w: "c.w + a.w * b.w", b.w: b.w + 0.125 * step}, when: product < -0.3, sees_earlier: %[1]t}
    fourth: {copy: {a.*: d.*}, rate: 0.25, when: step >= 3, every: 3, sees_earlier: %[1]t}
  metrics: {second: second_loss}
  max_steps: 9
`

// numbersAfter makes the same steps by hand, and gives a to d and the losses of each.
func numbersAfter(steps int, seesEarlier bool) (all [][]float64) {
	a, b, c, d := 0.5, -0.75, 0.25, 0.5
	m, v, updates := 0.0, 0.0, 0
	for step := 1; step <= steps; step++ {
		a0, b0 := a, b
		first := (a0*b0 - 1) * (a0*b0 - 1)
		a -= 0.125 * 2 * (a0*b0 - 1) * b0
		x, y := a0, b0
		if seesEarlier {
			x, y = a, b
		}
		second := (x + y*y) * (x + y*y)
		if step%2 == 0 {
			ga, gb := 2*(x+y*y), 4*(x+y*y)*y
			norm := root(ga*ga + gb*gb)
			if scale := 0.5 / (norm + 1e-6); scale < 1 {
				ga, gb = ga*scale, gb*scale
			}
			m, v = 0.5*m+0.5*ga, 0.5*v+0.5*ga*ga
			lost := 1 - power(0.5, updates+1)
			a = a*(1-0.03125*0.5) - 0.03125*(m/lost)/(root(v/lost)+0.25)
			b -= 0.0625 * power(0.5, updates) * gb
			updates++
		}
		x, y = a0, b0
		if seesEarlier {
			x, y = a, b
		}
		if a0*b0 < -0.3 {
			c, b = c+x*y, y+0.125*float64(step)
		}
		if x = a0; seesEarlier {
			x = a
		}
		if step%3 == 0 {
			d += 0.25 * (x - d)
		}
		all = append(all, []float64{a, b, c, d, first, second})
	}
	return all
}

func TestUpdatesSeeWhatEarlierOnesWroteAsSaid(t *testing.T) {
	for _, seesEarlier := range []bool{true, false} {
		for _, device := range []string{"cpu", "sim"} {
			t.Run(fmt.Sprintf("%t on %s", seesEarlier, device), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "numbers.yaml")
				text := fmt.Sprintf(numbersSpec, seesEarlier)
				require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
				s := runtest.Started(t, path, flowrun.On(device))
				for step, want := range numbersAfter(9, seesEarlier) {
					_, records := runtest.Ran(t, s, int64(step+1))
					got := make([]float64, 0, len(want))
					weights := runtest.Weights(t, s)
					for _, name := range []string{"a.w", "b.w", "c.w", "d.w"} {
						got = append(got, weights[name].Float(0))
					}
					metrics := records[len(records)-1].Metrics
					require.Equal(t, metrics[0], metrics[2], "second and second_loss")
					got = append(got, metrics[1], metrics[2])
					requireNearRelative(t, fmt.Sprintf("step %d", step+1), want, got, 1e-14)
				}
			})
		}
	}
}

func root(x float64) float64 { return math.Sqrt(x) }

func power(x float64, n int) float64 { return math.Pow(x, float64(n)) }

package std_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
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
	m, v, updates, shown := 0.0, 0.0, 0, 0.0
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
			shown = second
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
		all = append(all, []float64{a, b, c, d, first, shown})
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

// A loss is no matter in steps in which its update doesn't have its turn.
func TestALossThatIsNotFiniteMattersInTheTurnsOfItsUpdateAlone(t *testing.T) {
	const text = `
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
    m: {Number: x, start: %v, dtype: f64, trainable: false}
  outputs: [a, m]
train:
  data: d
  updates:
    first: {loss: square(a - 1), optimizer: {SGD: {lr: 0.125}}}
    second: {loss: square(a) / m, optimizer: {SGD: {lr: 0.25, momentum: 0.5}}, when: m > 2, every: %d, clip_grad_norm: 8, accumulate: 2}
    third: {assign: {m.w: m.w + 1}}
  metrics: {smooth: "ema(second_loss, 0.5)", second: second_loss}
  on_nonfinite: %s
  max_steps: 8
`
	for _, on := range []string{"stop", "skip", "continue"} {
		path := filepath.Join(t.TempDir(), "turns.yaml")
		require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, text, 0, 2, on), 0o666))
		summary, records := runtest.Ran(t, runtest.Started(t, path, flowrun.On("cpu")), 0)
		require.EqualValues(t, 8, summary.Step)
		require.Zero(t, summary.Skipped)
		require.Zero(t, summary.NonFinite, on)
		for step, r := range records { // at steps 4, 6 and 8, m is 3, 5 and 7
			require.Len(t, r.Metrics, 5)
			if require.True(t, !math.IsNaN(r.Metrics[0]) && !math.IsInf(r.Metrics[0], 0)); step < 3 {
				require.Zero(t, r.Metrics[0]+r.Metrics[1], "step %d", step+1)
			}
			require.Equal(t, step >= 3, r.Metrics[1] > 0, "step %d: %v", step+1, r.Metrics)
		}
		require.Equal(t, records[4].Metrics[1], records[3].Metrics[1], "held in between")
	}
	// And in its turn it does: m is -2 + 2 when the condition holds.
	path := filepath.Join(t.TempDir(), "turns.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(fmt.Sprintf(text, -1, 2, "stop"), "m > 2", "m == 0", 1)), 0o666))
	summary, _ := runtest.Ran(t, runtest.Started(t, path, flowrun.On("cpu")), 0)
	require.EqualValues(t, 2, summary.NonFinite)
}

func root(x float64) float64 { return math.Sqrt(x) }

func power(x float64, n int) float64 { return math.Pow(x, float64(n)) }

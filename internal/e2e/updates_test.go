package e2e_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/report"
)

// severalUpdates is a spec with updates of all kinds, averages, an evaluation of one of
// them, and checkpoints.
func severalUpdates(t *testing.T, keys ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "updates.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
flowrun: 1
seed: 3
modules:
  Memory: {inputs: {x: "f32[n, m]"}, state: {seen: "zeros([4])", last: 0.0}, output: seen}
data:
  d: {generate: {x: "normal(0, 1, [8, 4])", fault: "where(uniform(-0.2, 0.8, []) > 0, 1.0, FAULT)"}}
model:
  inputs: {x: "f32[8, 4]"}
  nodes:
    memory: {Memory: x}
    online: {Linear: x + memory, out_features: 3}
    normed: {BatchNorm: online}
    target: {Linear: x, out_features: 3, trainable: false}
    head: {Linear: tanh(normed), out_features: 2}
  outputs: [head, target]
train:
  data: d
  updates:
    first:
      loss: mean(square(online - x_sum)) + mean(square(online - target))
      parameters: online.*
      optimizer: {AdamW: {lr: 0.05 * 0.9 ** step}}
      param_groups: [{match: "*.bias", optimizer: {SGD: {lr: 0.1, momentum: 0.5}}}]
      accumulate: 2
      clip_grad_norm: 1
    second: {loss: mean(abs(head - 1)) * fault, optimizer: {SGD: {lr: 0.02 + 0.01 * step}}, when: first_loss > 1, every: 1}
    target: {copy: {online.*: target.*}, rate: 0.5, every: 3}
    memory: {assign: {memory.seen: "0.5 * memory.seen + mean(x, 0)", memory.last: "cast(step, 'f32')"}}
  averages: {ema: {decay: 0.8}, swa: {start: 4, every: 2}}
  eval: {data: d, every: 4, weights: ema, metrics: {loss: first_loss + second_loss}}
  checkpoint: {every: 3, keep: 100}
  max_steps: 20
KEYS
`), 0o666))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	fault := "1.0"
	if len(keys) > 0 && strings.Contains(keys[0], "on_nonfinite") {
		fault = "log(zeros([]))"
	}
	replaced := strings.NewReplacer("x_sum", "sum(x, -1, keepdim=true)", "FAULT", fault, "KEYS", strings.Join(keys, "\n")).Replace(string(text))
	replaced = strings.Replace(replaced, "loss: mean(square(online - sum(x, -1, keepdim=true))) +", "loss: >-\n        mean(square(online - sum(x, -1, keepdim=true))) +", 1)
	require.NoError(t, os.WriteFile(path, []byte(replaced), 0o666))
	return path
}

func TestARunWithSeveralUpdatesResumesBitByBit(t *testing.T) {
	for _, device := range []string{"cpu", "sim"} {
		straight := runtest.Started(t, severalUpdates(t), flowrun.On(device))
		_, want := runtest.Ran(t, straight, 0)
		path := severalUpdates(t)
		var got []flowrun.Record
		options := []flowrun.StartOption{flowrun.On(device)}
		for _, at := range []int64{1, 2, 7, 12} { // in the middle of an accumulation, too
			part := runtest.Started(t, path, options...)
			got = append(got, interruptedAt(t, part, at)...)
			require.NoError(t, part.Close())
			options = []flowrun.StartOption{flowrun.On(device), flowrun.Resume("")}
		}
		last := runtest.Started(t, path, options...)
		_, rest := runtest.Ran(t, last, 0)
		require.Equal(t, fmt.Sprint(want), fmt.Sprint(append(got, rest...)))
		for _, st := range straight.Plan().Graph.States {
			require.Equal(t, tensor(t, straight, st.Name), tensor(t, last, st.Name), "%s on %s", st.Name, device)
		}
	}
}

func TestASkippedStepIsNoStepOfAnyUpdate(t *testing.T) {
	s := runtest.Started(t, severalUpdates(t, "  on_nonfinite: skip"), flowrun.On("cpu"))
	skipped, before := int64(0), statesOf(t, s)
	for step := int64(1); step <= 20; step++ {
		summary, _ := runtest.Ran(t, s, step)
		after := statesOf(t, s)
		changed := false
		for _, st := range s.Plan().Graph.States {
			if st.Kind == ir.ParamState || st.Kind == ir.OptimState || st.Kind == ir.BufferState {
				changed = changed || string(before[st.Name].Data) != string(after[st.Name].Data)
			}
		}
		require.Equal(t, summary.Skipped == skipped, changed, "step %d", step)
		skipped, before = summary.Skipped, after
	}
	require.Greater(t, skipped, int64(1))
	require.Less(t, skipped, int64(15))
}

func TestARunEndsSoundWhereTheLossOfALaterUpdateIsNot(t *testing.T) {
	going := severalUpdates(t, "  on_nonfinite: continue")
	summary, s := diverged(t, stopping(t, going), flowrun.On("cpu"))
	require.Equal(t, summary.NonFinite-1, summary.Step)
	require.Contains(t, summary.Divergence.Cause.Node.Path, "fault")
	require.Equal(t, statesAt(t, going, summary.Step), statesOf(t, s))
}

func TestRatesOfNamedUpdatesHaveTheirNames(t *testing.T) {
	s := runtest.Started(t, severalUpdates(t), flowrun.On("cpu"))
	rates, err := s.LearningRates(3, 0)
	require.NoError(t, err)
	// How often `when` has held isn't known to the schedule, so the second has none.
	require.Equal(t, []flowrun.LearningRate{{Name: "lr.first", Value: 0.05 * math.Pow(0.9, 1)}, {Name: "lr.first[*.bias]", Value: 0.1}}, rates)
}

func TestARunWithoutALossShowsNone(t *testing.T) {
	p, err := flowrun.Parse("k.yaml", []byte(`
flowrun: 1
modules:
  Centre: {inputs: {x: "f32[n]"}, params: {at: {shape: [], init: 0}}, output: square(x - at)}
data: {d: {generate: {x: "normal(3, 1, [1000])"}}}
model: {inputs: {x: "f32[1000]"}, nodes: {c: {Centre: x}}, outputs: [c]}
train:
  data: d
  updates: {move: {assign: {c.at: mean(x)}}}
  metrics: {error: mean(c)}
  max_steps: 3
`))
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	var lines, table strings.Builder
	summary, err := s.Run(context.Background(), flowrun.Observe(report.NewLog(&lines, s.Describe(0)).Observer()), flowrun.Observe(report.NewCSV(&table, s.Describe(0), true).Observer()))
	require.NoError(t, err)
	require.True(t, summary.NoLoss)
	require.Regexp(t, `^\{"step":3,"error":[0-9.]+\}\n$`, lines.String())
	require.True(t, strings.HasPrefix(table.String(), "step,error\r\n"), table.String())
	at, err := s.Get("c.at")
	require.NoError(t, err)
	require.InDelta(t, 3, at.Float(0), 0.2)
}

// An update that sees what an earlier one wrote computes the model again: with what a loop
// over time and a module without kept activations are made of, too.
func TestALaterUpdateComputesLoopsAndRecomputedModulesAgain(t *testing.T) {
	const text = `
flowrun: 1
seed: 5
data: {d: {generate: {x: "normal(0, 1, [4, 48, 3])"}}}
model:
  inputs: {x: "f32[4, 48, 3]"}
  nodes:
    first: {MLP: x, hidden_features: 8, CHECKPOINT}
    loop: {GRU: first, hidden_size: 5}
    y: {Linear: loop.out, out_features: 1}
  outputs: [y]
train:
  data: d
  updates:
    a: {loss: mean(square(y - 1)), parameters: "first.*", optimizer: {SGD: {lr: 0.5}}}
    b: {loss: mean(square(y - 1)), parameters: ["loop.*", "y.*"], optimizer: {SGD: {lr: 0.5}}}
  max_steps: 3
`
	run := func(text string) (map[string]*flowrun.Tensor, []flowrun.Record) {
		path := filepath.Join(t.TempDir(), "loops.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		s := runtest.Started(t, path, flowrun.On("cpu"))
		_, records := runtest.Ran(t, s, 0)
		return statesOf(t, s), records
	}
	kept, records := run(strings.Replace(text, "CHECKPOINT", "checkpoint_activations: false", 1))
	again, _ := run(strings.Replace(text, "CHECKPOINT", "checkpoint_activations: true", 1))
	require.Equal(t, kept, again)
	for _, r := range records {
		require.Less(t, r.Metrics[1], r.Metrics[0], "the second loss is that after the first update")
	}
}

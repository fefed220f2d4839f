package std_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
)

const netModule = `
flowrun: 1
modules:
  Net:
    inputs: {x: "f64[n, m]"}
    args: {out: int}
    nodes: {a: {Linear: x, out_features: 5}, b: {Linear: tanh(a), out_features: out}}
    output: b
`

const ganLoop = netModule + `
model:
  inputs: {real: "f64[6, 2]", noise: "f64[6, 3]"}
  nodes:
    g: {Net: noise, out: 2, dtype: f64}
    d: {Net: real, out: 1, dtype: f64}
    on_made: {Net: g, out: 1, share: d}
  outputs: [g]
train:
  data: rows
  updates:
    first: {loss: mean(softplus(-d)) + mean(softplus(on_made)), parameters: d.*, optimizer: {Adam: {lr: 0.05, betas: [0.5, 0.9]}}}
    second: {loss: mean(softplus(-on_made)), parameters: g.*, optimizer: {Adam: {lr: 0.02, betas: [0.5, 0.9]}}, every: 2}
  max_steps: 8
`

const actorCriticLoop = netModule + `
model:
  inputs: {s: "f64[6, 3]", a: "f64[6, 2]", r: "f64[6, 1]", s2: "f64[6, 3]"}
  nodes:
    actor: {Net: s, out: 2, dtype: f64}
    critic: {Net: "concat([s, a], 1)", out: 1, dtype: f64}
    on_actor: {Net: "concat([s, tanh(actor)], 1)", out: 1, share: critic}
    actor_t: {Net: s2, out: 2, trainable: false, dtype: f64}
    critic_t: {Net: "concat([s2, tanh(actor_t)], 1)", out: 1, trainable: false, dtype: f64}
    wanted: detach(r + 0.875 * critic_t)
  outputs: [actor]
train:
  data: rows
  updates:
    first: {loss: "mse_loss(critic, wanted)", parameters: critic.*, optimizer: {SGD: {lr: 0.05, momentum: 0.5}}, clip_grad_norm: 1}
    second: {loss: -mean(on_actor), parameters: actor.*, optimizer: {AdamW: {lr: 0.02, weight_decay: 0.125}}, every: 2}
    targets: {copy: {actor.*: actor_t.*, critic.*: critic_t.*}, rate: 0.25, every: 2}
  averages: {ema: {decay: 0.75, match: actor.*}}
  max_steps: 8
`

// A GAN and an actor-critic with target networks follow PyTorch's loops step by step, in f64:
// testdata/reference/updates.json, from updates.py. Targets aren't loaded: they begin as copies.
func TestLoopsOfSeveralUpdatesFollowPyTorchStepByStep(t *testing.T) {
	var loops map[string]struct {
		Batches, First map[string]numbers
		Losses         [][]float64
		After          []map[string]numbers
	}
	text, err := os.ReadFile("testdata/reference/updates.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &loops))
	for name, spec := range map[string]string{"gan": ganLoop, "actor_critic": actorCriticLoop} {
		want := loops[name]
		require.Len(t, want.After, 8)
		dir := t.TempDir()
		rows, first := map[string]*flowrun.Tensor{}, map[string]*flowrun.Tensor{}
		var fields []string
		for _, field := range slices.Sorted(maps.Keys(want.Batches)) {
			rows[field] = want.Batches[field].in(flowrun.F64)
			fields = append(fields, fmt.Sprintf("%s: {tensor: %[1]s, type: \"f64%s\"}", field, want.Batches[field].Shape[1:]))
		}
		for w, n := range want.First {
			if !strings.Contains(w, "_t.") && !strings.HasPrefix(w, "ema.") {
				first[w] = n.in(flowrun.F64)
			}
		}
		require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "rows.safetensors"), rows))
		require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "first.safetensors"), first))
		spec += "  init: {safetensors: first.safetensors, partial: true}\ndata: {rows: {replay: rows.safetensors, fields: {" + strings.Join(fields, ", ") + "}}}\n"
		path := filepath.Join(dir, name+".yaml")
		require.NoError(t, os.WriteFile(path, []byte(spec), 0o666))
		s := runtest.Started(t, path, flowrun.On(map[string]string{"gan": "cpu", "actor_critic": "sim"}[name]))
		for step, after := range want.After {
			runtest.Ran(t, s, int64(step+1))
			what := fmt.Sprintf("%s, step %d", name, step+1)
			requireNearRelative(t, what+": losses", want.Losses[step], []float64{get(t, s, "metrics.first_loss").Float(0), get(t, s, "metrics.second_loss").Float(0)}, 1e-12)
			for w, n := range after {
				if rest, averaged := strings.CutPrefix(w, "ema."); averaged {
					w = "optimizer.averages.ema.actor." + rest
				}
				got := get(t, s, w)
				values := make([]float64, len(n.Values))
				for i := range values {
					values[i] = got.Float(i)
				}
				// Roundings of 1e-16 grow with the roots and quotients of Adam.
				requireNearRelative(t, what+": "+w, n.Values, values, 1e-11)
			}
		}
	}
}

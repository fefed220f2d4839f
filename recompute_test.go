package flowrun_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/lower"
)

// recomputeSpec trains a stack of blocks; RECOMPUTE stands for the key that is tested.
const recomputeSpec = `
flowrun: 1
seed: 3
modules:
  Inner:
    inputs: {x: "float[n, width]"}
    nodes:
      a: {Linear: x, out_features: 3 * width}
      d: {Dropout: tanh(a), p: 0.25}
      out: {Linear: d, out_features: width}
    output: exp(-square(out))
  Block:
    inputs: {x: "float[n, width]"}
    nodes:
      norm: {BatchNorm: x}
      i: {Inner: norm, INNER}
      gate: silu(i) * normal(1, 0.1, [n, width])
    output: x + gate
data: {d: {generate: {x: "normal(0, 1, [32, 8])", y: "mean(x, 1, keepdim=true)"}}}
model:
  inputs: {x: "f32[batch, 8]"}
  nodes:
    first: {Linear: x, out_features: 16}
    h: {Block: first, repeat: 6, dtype: DTYPE, RECOMPUTE}
    y_hat: {Linear: h, out_features: 1}
  outputs: [y_hat]
train:
  data: d
  loss: mse_loss(y_hat, y)
  optimizer: {Adam: {lr: 0.01}}
  clip_grad_norm: 1
  max_steps: 100
`

// recomputed loads recomputeSpec with a key for the stack, and one inside of its blocks.
func recomputed(t *testing.T, key, inner, dtype string) *flowrun.Program {
	t.Helper()
	text := strings.NewReplacer("RECOMPUTE", key, "INNER", inner, "DTYPE", dtype).Replace(recomputeSpec)
	p, err := flowrun.Parse("spec.yaml", []byte(strings.ReplaceAll(text, ", }", "}")))
	require.NoError(t, err)
	return p
}

// fiveSteps trains for five steps, and gives the plan and all states.
func fiveSteps(t *testing.T, p *flowrun.Program, device string, more ...flowrun.StartOption) (*lower.Plan, map[string]*flowrun.Tensor) {
	t.Helper()
	s, err := p.Start(context.Background(), append(more, flowrun.On(device))...)
	require.NoError(t, err)
	defer s.Close()
	for range 5 {
		require.NoError(t, s.Step(context.Background()))
	}
	states := map[string]*flowrun.Tensor{}
	for _, st := range s.Plan().Graph.States {
		states[st.Name], err = s.Get(st.Name)
		require.NoError(t, err)
	}
	return s.Plan(), states
}

// The memory is that without fused kernels, which keep some of the same values out of it.
func TestRecomputedActivationsGiveTheSameBitsInLessMemory(t *testing.T) {
	for _, dtype := range []string{"inherit", "f16", "f64"} {
		kept, want := fiveSteps(t, recomputed(t, "", "", dtype), "cpu", flowrun.Sync())
		for _, c := range []struct {
			key, inner string
			most       float64 // of the memory that transient values take if all are kept
		}{
			{"checkpoint_activations: true", "", 0.65},
			{"checkpoint_activations: {every: 2}", "", 0.75},
			{"checkpoint_activations: {every: 4}", "", 0.95},
			{"", "checkpoint_activations: true", 0.9},
			{"checkpoint_activations: true", "checkpoint_activations: true", 0.65},
		} {
			t.Run(fmt.Sprint(dtype, " ", c.key, " inner ", c.inner), func(t *testing.T) {
				plan, got := fiveSteps(t, recomputed(t, c.key, c.inner, dtype), "cpu", flowrun.Sync())
				require.Equal(t, want, got)
				require.Less(t, float64(plan.Spaces[0].Arena), c.most*float64(kept.Spaces[0].Arena))
				require.Greater(t, len(plan.Graph.Nodes), len(kept.Graph.Nodes), "values are computed again")
			})
		}
	}
}

func TestRecomputedActivationsGiveTheSameBitsWhereKernelsAreFused(t *testing.T) {
	for _, device := range []string{"cpu", "opencl:0"} {
		if !slices.ContainsFunc(flowrun.Devices(), func(d flowrun.DeviceInfo) bool { return d.Name == device && d.Missing == "" }) {
			t.Skip("no device " + device)
		}
		_, want := fiveSteps(t, recomputed(t, "", "", "inherit"), device)
		_, got := fiveSteps(t, recomputed(t, "checkpoint_activations: {every: 2}", "", "inherit"), device)
		require.Equal(t, want, got)
	}
}

// Under a precision too, and with dropout between layers and positions.
func TestScansAreRecomputedWithTheSameBits(t *testing.T) {
	spec := func(precision, key string) *flowrun.Program {
		p, err := flowrun.Parse("spec.yaml", []byte(`
flowrun: 1
modules:
  Drop: {inputs: {x: "f32[batch, width]"}, nodes: {d: {Dropout: x, p: 0.2}}, output: d}
  Block:
    inputs: {x: "f32[time, batch, width]"}
    nodes:
      r: {GRU: x, hidden_size: 2 * width, num_layers: 2, dropout: 0.3}
      d: {Drop: r.out, scan: 0}
      out: {Linear: d, out_features: width}
    output: x + tanh(out)
data: {d: {generate: {x: "normal(0, 1, [40, 4, 3])"}}}
model:
  precision: `+precision+`
  inputs: {x: "f32[time, batch, 3]"}
  nodes: {h: {Block: x, repeat: 3`+key+`}}
  outputs: [h]
train: {data: d, loss: mean(square(h - 1)), optimizer: {Adam: {lr: 0.01}}, max_steps: 10}
`))
		require.NoError(t, err)
		return p
	}
	for _, precision := range []string{"f32", "bf16", "f16"} {
		kept, want := fiveSteps(t, spec(precision, ""), "cpu")
		plan, got := fiveSteps(t, spec(precision, ", checkpoint_activations: true"), "cpu")
		require.Equal(t, want, got, precision)
		require.Less(t, float64(plan.Spaces[0].Arena), 0.75*float64(kept.Spaces[0].Arena), precision)
	}
}

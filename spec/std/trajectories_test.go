package std_test

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// recordings are whole runs of PyTorch in float64, as the standard library says
// them: testdata/reference/NAME.yaml replays NAME.safetensors.
var recordings = []struct {
	name    string
	steps   int
	devices []string
}{
	{"mlp_adam", 200, []string{"cpu", "sim"}},
	{"gpt_adamw", 120, []string{"cpu", "sim", "opencl"}},
	{"convnet_momentum", 120, []string{"cpu", "opencl"}},
}

// A trainer in f32 follows one in f64 to about 1e-4 in each loss, and to 1e-3 of
// a parameter's largest magnitude at the end: rounding errors of 6e-8 grow
// through the updates, most of all where Adam divides by the root of a small
// second moment. A loss near 0 is the logarithm of a sum that f32 rounds at 1, where half a
// unit in the last place is 2^-24.
func TestTheStandardLibraryFollowsPyTorchLossByLoss(t *testing.T) {
	for _, r := range recordings {
		for _, device := range r.devices {
			t.Run(r.name+"/"+device, func(t *testing.T) {
				if device == "opencl" {
					runtest.NeedsOpenCL(t)
				}
				follow(t, r.name, r.steps, device)
			})
		}
	}
}

func follow(t *testing.T, name string, steps int, device string) {
	recorded, err := flowrun.ReadTensors("testdata/reference/" + name + ".safetensors")
	require.NoError(t, err)
	initial := map[string]*flowrun.Tensor{}
	for tensor, value := range recorded {
		if parameter, ok := strings.CutPrefix(tensor, "init/"); ok {
			initial[parameter] = value
		}
	}
	p, err := flowrun.Load("testdata/reference/" + name + ".yaml")
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.WithWeights(flowrun.Weights{Tensors: initial}), flowrun.On(device))
	require.NoError(t, err)
	defer s.Close()
	losses := recorded["losses"].Float32s()
	step := 0
	if racetest.Enabled {
		steps = 3
	}
	_, err = s.Run(context.Background(), flowrun.MaxSteps(int64(steps)), flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
		if !r.Last {
			want := float64(losses[step])
			require.InDelta(t, want, r.Loss, 1e-4*want+0x1p-24, "step %d", step)
			step++
		}
		return nil
	}}))
	require.NoError(t, err)
	require.Equal(t, steps, step)
	if racetest.Enabled {
		return
	}
	for parameter := range initial {
		got, err := s.Get(parameter)
		require.NoError(t, err)
		want, have := recorded["final/"+parameter].Float32s(), got.Float32s()
		if strings.HasSuffix(parameter, "qkv.bias") {
			requireKeyBiasesClose(t, parameter, want, have)
		}
		requireClose(t, parameter, want, have, 1e-3)
	}
}

// requireKeyBiasesClose compares the middle third of a joint bias, and then takes
// it out of the comparison. A softmax doesn't change when all its scores move
// together, so the bias of the keys has no gradient but rounding errors, which
// Adam divides by their own size: PyTorch in f32 ends up 2.2e-3 away from itself
// in f64 there, and under 1e-5 in every other parameter.
func requireKeyBiasesClose(t *testing.T, name string, want, got []float32) {
	third := len(want) / 3
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := third; i < 2*third; i++ {
		require.InDelta(t, want[i], got[i], 1e-2*largest, "%s, element %d", name, i)
		got[i] = want[i]
	}
}

func TestReplayedLabelsCanHaveEitherWidth(t *testing.T) {
	labels := []int64{0, 2, 1, 1, -100, 0, 2, 2}
	var losses []float64
	for _, d := range []flowrun.DType{flowrun.I32, flowrun.I64} {
		dir := t.TempDir()
		require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "batches.safetensors"), map[string]*flowrun.Tensor{
			"x": ir.FromFloat32(flowrun.Shape{2, 4, 3}, floats(24, 1)),
			"y": ir.FromInt64(d, flowrun.Shape{2, 4}, labels),
		}))
		p, err := flowrun.Parse(filepath.Join(dir, "labels.yaml"), []byte(`
flowrun: 1
data:
  recorded:
    replay: batches.safetensors
    fields: {x: {tensor: x, type: "f32[4, 3]"}, y: {tensor: y, type: "`+d.String()+`[4]"}}
model:
  inputs: {x: "f32[batch, 3]"}
  nodes: {logits: {Linear: x, out_features: 3}}
  outputs: [logits]
train: {data: recorded, loss: "cross_entropy(logits, y)", optimizer: {SGD: {lr: 0.5}}, max_steps: 2}
`))
		require.NoError(t, err)
		s, err := p.Start(context.Background())
		require.NoError(t, err)
		summary, err := s.Run(context.Background())
		require.NoError(t, err)
		losses = append(losses, summary.Loss)
		require.NoError(t, s.Close())
	}
	require.Equal(t, losses[0], losses[1])
	require.NotZero(t, losses[0])
}

package std_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

const referenceSpec = "testdata/reference/math_net.yaml"

// torchNames are PyTorch's names in the recording, by ours.
var torchNames = map[string]string{"h1.weight": "0.weight", "h2.weight": "2.weight", "sum_bits.weight": "4.weight"}

// reference gives the recording: initial and final parameters under our names,
// and every step's loss.
func reference(t *testing.T) (initial, final map[string]*flowrun.Tensor, losses []float32) {
	recorded, err := flowrun.ReadTensors("testdata/reference/math_net.safetensors")
	require.NoError(t, err)
	initial, final = map[string]*flowrun.Tensor{}, map[string]*flowrun.Tensor{}
	for ours, theirs := range torchNames {
		initial[ours] = recorded["init/"+theirs]
		final[ours] = recorded["final/"+theirs]
	}
	return initial, final, recorded["losses"].Float32s()
}

// A trainer in f32 follows one in f64 to about 1e-4 in each loss over these 400
// steps, and to 1e-3 of a parameter's largest magnitude at their end: rounding
// errors of 6e-8 grow through 400 updates with a learning rate of 0.1.
func TestTrainingFollowsPyTorchLossByLoss(t *testing.T) {
	for _, device := range []string{"cpu", "sim"} {
		t.Run(device, func(t *testing.T) {
			initial, final, losses := reference(t)
			p, err := flowrun.Load(referenceSpec)
			require.NoError(t, err)
			s, err := p.Start(context.Background(), flowrun.WithWeights(flowrun.Weights{Tensors: initial}), flowrun.On(device))
			require.NoError(t, err)
			defer s.Close()
			step := 0
			summary, err := s.Run(context.Background(), flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
				if r.Last {
					return nil
				}
				require.InDelta(t, losses[step], r.Loss, 1e-4*float64(losses[step]), "step %d", step)
				step++
				return nil
			}}))
			require.NoError(t, err)
			require.EqualValues(t, 400, summary.Steps)
			require.Equal(t, 400, step)
			for name, want := range final {
				got, err := s.Get(name)
				require.NoError(t, err)
				requireClose(t, name, want.Float32s(), got.Float32s(), 1e-3)
			}
		})
	}
}

// requireClose compares relative to the largest magnitude.
func requireClose(t *testing.T, name string, want, got []float32, tolerance float64) {
	require.Len(t, got, len(want))
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := range want {
		require.InDelta(t, want[i], got[i], tolerance*largest, "%s, element %d", name, i)
	}
}

func TestAReplayThatRunsOutIsAnError(t *testing.T) {
	p, err := flowrun.Load(referenceSpec)
	require.NoError(t, err)
	s, err := p.Start(context.Background())
	require.NoError(t, err)
	defer s.Close()
	summary, err := s.Run(context.Background(), flowrun.MaxSteps(500))
	require.ErrorContains(t, err, "ends after 400 steps, and the run is to have 500")
	require.Zero(t, summary.Steps, "it is known before the first one")
}

func TestALinkOutOfTheSpecsFolderIsNotFollowed(t *testing.T) {
	elsewhere, err := filepath.Abs("testdata/reference/math_net.safetensors")
	require.NoError(t, err)
	dir := t.TempDir()
	text, err := os.ReadFile(referenceSpec)
	require.NoError(t, err)
	file := filepath.Join(dir, "spec.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o644))
	if err := os.Symlink(elsewhere, filepath.Join(dir, "math_net.safetensors")); err != nil {
		t.Skip("there are no symbolic links here: ", err)
	}
	p, err := flowrun.Load(file)
	require.NoError(t, err)
	_, err = p.Start(context.Background())
	require.ErrorContains(t, err, "--allow-read")

	p, err = flowrun.Load(file, flowrun.AllowRead(filepath.Dir(elsewhere)))
	require.NoError(t, err)
	s, err := p.Start(context.Background())
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

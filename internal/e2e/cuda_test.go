package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	fakecuda "github.com/flowrun/flowrun/internal/fakegpu/cuda"
	"github.com/flowrun/flowrun/internal/runtest"
)

func TestOnCUDADevicesAreListed(t *testing.T) {
	fakecuda.Need(t)
	found := 0
	for _, d := range flowrun.Devices() {
		if d.Kind != "cuda" {
			continue
		}
		found++
		require.Empty(t, d.Missing)
		require.True(t, strings.HasPrefix(d.Name, "cuda:"))
		require.Contains(t, d.Description, "compute capability")
		require.Positive(t, d.Memory)
	}
	require.Positive(t, found)
}

// halfMathNet is math_net with its weights and activations in f16.
func halfMathNet(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(mathNet)
	require.NoError(t, err)
	half := strings.NewReplacer(`"f32"`, `"f16"`, "x: f32[", "x: f16[", "bias: false}", "bias: false, dtype: f16}").Replace(string(text))
	require.NotContains(t, half, "f32")
	file := filepath.Join(t.TempDir(), "math_net.yaml")
	require.NoError(t, os.WriteFile(file, []byte(half), 0o600))
	return file
}

// TestOnCUDAMathNetLearns runs math_net to its end on a GPU, and its first steps on
// the fake.
func TestOnCUDAMathNetLearns(t *testing.T) {
	fakecuda.Need(t)
	for dtype, spec := range map[string]string{"f32": mathNet, "f16": halfMathNet(t)} {
		for name, options := range map[string][]flowrun.StartOption{
			"weights at home on the device": {flowrun.On("cuda")},
			"weights at home on the host":   {flowrun.On("cuda"), flowrun.Place("*.weight", "cpu")},
		} {
			t.Run(dtype+", "+name, func(t *testing.T) {
				p, err := flowrun.Load(spec)
				require.NoError(t, err)
				s, err := p.Start(context.Background(), options...)
				require.NoError(t, err)
				defer s.Close()
				var run []flowrun.RunOption
				if fakecuda.Loaded() {
					run = append(run, flowrun.MaxSteps(300))
				}
				summary, err := s.Run(context.Background(), run...)
				require.NoError(t, err)
				crossed := s.Stats().HostToDevice.Count
				if len(options) == 1 {
					require.Less(t, crossed, int64(100), "nothing goes to the device but what it starts with")
				} else {
					require.GreaterOrEqual(t, crossed, 3*summary.Steps, "every step writes the three layers' weights at home")
				}
				if fakecuda.Loaded() {
					require.EqualValues(t, 300, summary.Steps)
					return
				}
				require.EqualValues(t, "until", summary.Stopped)
				require.GreaterOrEqual(t, summary.Metrics[1], 0.995)
				t.Logf("%d steps in %v: %v a step", summary.Steps, summary.Elapsed, summary.Elapsed/time.Duration(summary.Steps))
			})
		}
	}
}

// losses are those of math_net's first steps.
func losses(t *testing.T, steps int64, options ...flowrun.StartOption) (all []float64) {
	t.Helper()
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), options...)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(context.Background(), flowrun.MaxSteps(steps), flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
		all = append(all, r.Loss)
		return nil
	}}))
	require.NoError(t, err)
	return all
}

func TestAGraphOnCUDAOpenCLAndTheCPULearnsAsOnTheCPU(t *testing.T) {
	fakecuda.Need(t)
	runtest.NeedsOpenCL(t)
	const steps = 300
	want := losses(t, steps)
	got := losses(t, steps, flowrun.On("cuda"), flowrun.Place("h1", "opencl"), flowrun.Place("h1.weight", "opencl"), flowrun.Place("h2.weight", "cpu"))
	for i := range want {
		// Losses are near 0.25; devices round differently in the last place, and
		// 300 steps of learning carry that along.
		require.InDelta(t, want[i], got[i], 1e-4, "step %d", i)
	}
}

func TestOnCUDAAKernelCanBeEditedWithoutBuildingFlowrun(t *testing.T) {
	fakecuda.Need(t)
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(folder+"/cuda", 0o755))
	require.NoError(t, os.WriteFile(folder+"/cuda/bits_of.cu",
		[]byte("\nextern \"C\" __global__ void flowrun_bits_of(const T *x, T *out, int n, int bits) { this is no C }\n"), 0o600))
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("cuda"), flowrun.KernelsFrom(folder))
	require.NoError(t, err)
	defer s.Close()
	err = s.Step(context.Background())
	require.ErrorContains(t, err, folder+"/cuda/bits_of.cu")
	require.ErrorContains(t, err, " failed on cuda:0: device cuda:0: kernel ")
}

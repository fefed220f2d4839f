package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/device"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/internal/runtest"
)

func TestOnMetalDevicesAreListed(t *testing.T) {
	fakemetal.Need(t)
	found := 0
	for _, d := range flowrun.Devices() {
		if d.Kind != "metal" {
			continue
		}
		found++
		require.Empty(t, d.Missing)
		require.True(t, strings.HasPrefix(d.Name, "metal:"))
		require.NotEmpty(t, d.Description)
		require.Positive(t, d.Memory)
		require.Equal(t, d.Speed != device.Speed{}, d.Auto, "auto chooses by estimates")
	}
	require.Positive(t, found)
}

// TestOnMetalMathNetLearns runs math_net to its end: some 55,000 steps, which take the
// fake a quarter of a minute.
func TestOnMetalMathNetLearns(t *testing.T) {
	fakemetal.Need(t)
	for dtype, spec := range map[string]string{"f32": mathNet, "f16": halfMathNet(t)} {
		for name, options := range map[string][]flowrun.StartOption{
			"weights at home on the device": {flowrun.On("metal")},
			"weights at home on the host":   {flowrun.On("metal"), flowrun.Place("*.weight", "cpu")},
		} {
			t.Run(dtype+", "+name, func(t *testing.T) {
				p, err := flowrun.Load(spec)
				require.NoError(t, err)
				s, err := p.Start(context.Background(), options...)
				require.NoError(t, err)
				defer s.Close()
				var run []flowrun.RunOption
				// Of the four, the fake has time for one in each dtype and one with each home.
				whole := (dtype == "f32") == (len(options) == 1)
				brief := fakemetal.Loaded() && (testing.Short() || racetest.Enabled || !whole)
				if brief {
					run = append(run, flowrun.MaxSteps(300))
				}
				summary, err := s.Run(context.Background(), run...)
				require.NoError(t, err)
				stats := s.Stats()
				if len(options) == 1 {
					require.Less(t, stats.HostToDevice.Count, int64(100), "nothing goes to the device but what it starts with")
				} else if s.Plan().Shared != 0 {
					require.GreaterOrEqual(t, stats.Aliased, 3*summary.Steps, "the device reads the three layers' weights at home, after every step")
				} else {
					require.GreaterOrEqual(t, stats.HostToDevice.Count, 3*summary.Steps, "every step writes the three layers' weights at home")
				}
				if brief {
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

// TestOnMetalWithSeparateMemoryAGraphLearnsTheSame runs with copies what has aliases
// where the host and the GPU share their memory.
func TestOnMetalWithSeparateMemoryAGraphLearnsTheSame(t *testing.T) {
	fakemetal.Need(t)
	const steps = 300
	learn := func() []float64 {
		return losses(t, steps, flowrun.On("metal"), flowrun.Place("h1.weight", "cpu"), flowrun.Place("h2", "cpu"))
	}
	want := learn()
	fakemetal.Play(t, fakemetal.Machine{Discrete: true})
	require.Equal(t, want, learn(), "every bit of it")
}

// All that train knows, with weights, the optimizer's states and a layer on either side of
// the memory that the host and the GPU share; interrupted, and resumed.
func TestOnMetalWithSeparateMemoryAllTrainKeysGiveTheSame(t *testing.T) {
	fakemetal.Need(t)
	text, err := os.ReadFile(mathNet)
	require.NoError(t, err)
	spec := strings.NewReplacer("optimizer: {SGD: {lr: lr}}", `optimizer: {AdamW: {lr: 0.01}}
  accumulate: 3
  clip_grad_norm: 0.05
  eval: {data: problems, every: 5, batches: 2, metrics: {loss: "mse_loss(sum_bits, target)"}}
  early_stop: {metric: eval.loss, patience: 200}
  checkpoint: {every: 7}`, "step >= 1000 and accuracy >= 0.995", "step >= 33").Replace(string(text))
	for name, options := range map[string][]flowrun.StartOption{
		"states on the host":   {flowrun.On("metal"), flowrun.Place("*.weight", "cpu"), flowrun.Place("metrics.*", "cpu")},
		"updates on the host":  {flowrun.On("metal"), flowrun.Place("optimizer.*", "cpu"), flowrun.Place("h2.weight", "cpu")},
		"a layer on the GPU":   {flowrun.On("cpu"), flowrun.Place("h2", "metal:0"), flowrun.Place("h1.weight", "metal:0")},
		"a layer on the host":  {flowrun.On("metal"), flowrun.Place("h2", "cpu")},
		"the step on the host": {flowrun.On("metal"), flowrun.Place("step", "cpu")},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(t *testing.T, parts ...int64) (seen [][]float64, weights map[string]*flowrun.Tensor) {
				file := filepath.Join(t.TempDir(), "spec.yaml")
				require.NoError(t, os.WriteFile(file, []byte(spec), 0o600))
				p, err := flowrun.Load(file)
				require.NoError(t, err)
				how := options
				for _, until := range parts {
					s, err := p.Start(t.Context(), how...)
					require.NoError(t, err)
					_, err = s.Run(t.Context(), flowrun.MaxSteps(until), flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
						if !r.Last {
							seen = append(seen, append(slices.Clone(r.Metrics), r.Loss))
						}
						return nil
					}}))
					require.NoError(t, err)
					weights, err = s.Weights()
					require.NoError(t, err)
					require.NoError(t, s.Close())
					how = append(options[:len(options):len(options)], flowrun.Resume(""))
				}
				return seen, weights
			}
			seen, weights := run(t, 17, 100)
			fakemetal.Play(t, fakemetal.Machine{Discrete: true})
			wantSeen, wantWeights := run(t, 100)
			require.Len(t, seen, 33)
			require.Equal(t, fmt.Sprint(wantSeen), fmt.Sprint(seen), "every bit of it; NaN, before the first evaluation, is equal to itself")
			require.Equal(t, wantWeights, weights)
		})
	}
}

func TestAGraphOnMetalOpenCLAndTheCPULearnsAsOnTheCPU(t *testing.T) {
	fakemetal.Need(t)
	runtest.NeedsOpenCL(t)
	const steps = 300
	want := losses(t, steps)
	got := losses(t, steps, flowrun.On("metal"), flowrun.Place("h1", "opencl"), flowrun.Place("h1.weight", "opencl"), flowrun.Place("h2.weight", "cpu"))
	for i := range want {
		// Losses are near 0.25; devices round differently in the last place, and
		// 300 steps of learning carry that along.
		require.InDelta(t, want[i], got[i], 1e-4, "step %d", i)
	}
}

func TestOnMetalAKernelCanBeEditedWithoutBuildingFlowrun(t *testing.T) {
	fakemetal.Need(t)
	folder := t.TempDir()
	source, err := os.ReadFile("../../kernels/metal/bits_of.metal")
	require.NoError(t, err)
	broken := strings.Replace(string(source), "    if (", "    this is no C;\n    if (", 1)
	require.NotEqual(t, string(source), broken)
	require.NoError(t, os.Mkdir(folder+"/metal", 0o755))
	require.NoError(t, os.WriteFile(folder+"/metal/bits_of.metal", []byte(broken), 0o600))
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("metal"), flowrun.KernelsFrom(folder))
	require.NoError(t, err)
	defer s.Close()
	err = s.Step(context.Background())
	require.ErrorContains(t, err, folder+"/metal/bits_of.metal")
	require.ErrorContains(t, err, " failed on metal:0: device metal:0: kernel ")
}

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
)

// Without shared memory, aliases become copies.
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

// All keys of train, with weights, optimizer states and a layer on both sides of the
// memory; interrupted and resumed.
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
					trained, err := s.Weights()
					require.NoError(t, err)
					weights = trained.Tensors
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

package std_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// At the same parameters and batches, gradients in precision: bf16 are as far from those in f32
// as torch.autocast's are from those in f64: no step enlarges a difference. Both round the same
// values to 8 bits, save that autocast rounds biases and, inside attention, weights, too. That
// turns the rounding of some values the other way, so one parameter's error may differ by a
// fifth, and on average over all by a 20th. If gradients were rounded where they are summed, too,
// the GPT's errors would be 1.17 times autocast's.
func TestPrecisionHasGradientsAsExactAsAutocasts(t *testing.T) {
	var recorded struct {
		Gradients map[string]map[string]float64
	}
	text, err := os.ReadFile("testdata/reference/autocast.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &recorded))
	require.Len(t, recorded.Gradients, 2)
	for name, theirs := range recorded.Gradients {
		mean := 0.0
		for _, at := range []string{"init/", "final/"} {
			exact, low := gradientsIn(t, name, at, "f32"), gradientsIn(t, name, at, "bf16")
			for parameter := range exact {
				ratio := meanError(exact[parameter], low[parameter]) / theirs[at+parameter]
				require.Less(t, ratio, 1.2, "%s: %s%s", name, at, parameter)
				mean += ratio / float64(len(theirs))
			}
		}
		require.Less(t, mean, 1.05, name)
	}
}

// meanError is the error of gradients over their norm, as a root mean square over batches.
func meanError(exact, low []*flowrun.Tensor) float64 {
	mean := 0.0
	for b := range exact {
		off, size := 0.0, 0.0
		for i := range exact[b].Type.Shape.Numel() {
			off += math.Pow(low[b].Float(i)-exact[b].Float(i), 2)
			size += math.Pow(exact[b].Float(i), 2)
		}
		mean += off / size / float64(len(exact))
	}
	return math.Sqrt(mean)
}

// optimizerGiven finds a recorded spec's optimizer.
var optimizerGiven = regexp.MustCompile(`(?s)  optimizer:.*\n  max_steps: 120`)

// gradientsIn has, for each parameter of a recorded spec, the gradients of batches at
// the parameters recorded.
func gradientsIn(t *testing.T, name, at, precision string) map[string][]*flowrun.Tensor {
	t.Helper()
	path := "testdata/reference/" + name
	tensors, err := flowrun.ReadTensors(path + ".safetensors")
	require.NoError(t, err)
	parameters := map[string]*flowrun.Tensor{}
	for tensor, value := range tensors {
		if parameter, ok := strings.CutPrefix(tensor, at); ok {
			parameters[parameter] = value
		}
	}
	text, err := os.ReadFile(path + ".yaml")
	require.NoError(t, err)
	spec := strings.Replace(string(text), "\nmodel:\n", "\nmodel:\n  precision: "+precision+"\n", 1)
	// The velocity, 0 before each step, is the gradient after it.
	spec = optimizerGiven.ReplaceAllString(spec, "  optimizer: {SGD: {lr: 0, momentum: 0.5}}\n  max_steps: 60")
	p, err := flowrun.Parse(path+".yaml", []byte(spec))
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.WithWeights(flowrun.Weights{Tensors: parameters}), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	gradients := map[string][]*flowrun.Tensor{}
	for range 60 {
		require.NoError(t, s.Step(context.Background()))
		for parameter, value := range parameters {
			velocity := "optimizer." + parameter + ".velocity"
			gradients[parameter] = append(gradients[parameter], get(t, s, velocity))
			require.NoError(t, s.Set(velocity, ir.NewTensor(value.Type)))
		}
	}
	return gradients
}

package std_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// A convnet and a GPT in precision: bf16 learn as under torch.autocast in bfloat16, from the
// same parameters and batches. Both round activations to 8 bits, so an activation is off by up
// to 2^-9 of itself; where they differ (autocast rounds gradients after each op, precision for
// products alone), these errors are independent, and each step adds to them. So a loss may
// differ by some units of 2^-9 of the largest one, eight at most here, and on average by two. The
// convnet is followed for as long as its steps don't enlarge them: at step 28 its loss jumps
// from 0.1 to 3.
func TestPrecisionLearnsLikeTorchAutocast(t *testing.T) {
	var recorded map[string]json.RawMessage
	text, err := os.ReadFile("testdata/reference/autocast.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &recorded))
	for name, steps := range map[string]int{"convnet_momentum": 26, "gpt_adamw": 60} {
		var want []float64
		require.NoError(t, json.Unmarshal(recorded[name], &want))
		want = want[:steps]
		got := lossesIn(t, name, "bf16", len(want))
		largest, sum := 0.0, 0.0
		for i := range want {
			largest = max(largest, want[i])
			off := math.Abs(got[i] - want[i])
			sum += off
			require.Less(t, off, 0x1p-6*largest, "%s: step %d", name, i)
		}
		require.Less(t, sum/float64(len(want)), 0x1p-8*largest, name)
	}
}

// lossesIn trains a recorded spec in a precision.
func lossesIn(t *testing.T, name, precision string, steps int) (losses []float64) {
	t.Helper()
	tensors, err := flowrun.ReadTensors("testdata/reference/" + name + ".safetensors")
	require.NoError(t, err)
	initial := map[string]*flowrun.Tensor{}
	for tensor, value := range tensors {
		if parameter, ok := strings.CutPrefix(tensor, "init/"); ok {
			initial[parameter] = value
		}
	}
	text, err := os.ReadFile("testdata/reference/" + name + ".yaml")
	require.NoError(t, err)
	p, err := flowrun.Parse("testdata/reference/"+name+".yaml", []byte(strings.Replace(string(text), "\nmodel:\n", "\nmodel:\n  precision: "+precision+"\n", 1)))
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.WithWeights(flowrun.Weights{Tensors: initial}), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	for range steps {
		require.NoError(t, s.Step(context.Background()))
		loss, err := s.Get(ir.LossState)
		require.NoError(t, err)
		losses = append(losses, loss.Float(0))
	}
	return losses
}

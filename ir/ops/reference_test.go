package ops_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/ir"
)

var reference = filepath.Join("..", "..", "spec", "std", "testdata", "reference")

// notOps are what the reference cases call that is no op: modules of the
// standard library, tested there.
var notOps = []string{"cross_entropy", "mse_loss", "l1_loss", "binary_cross_entropy_with_logits",
	"scaled_dot_product_attention"}

type referenceCase struct {
	Name   string
	Expr   string
	Inputs map[string]struct{ DType string }
	Out    struct{ DType string }
	Grads  []string
}

func TestValuesAndGradientsAreThoseOfPyTorch(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(reference, "ops.json"))
	require.NoError(t, err)
	var file struct {
		Tolerance struct{ F32 struct{ RTol, ATol float64 } }
		Cases     []referenceCase
	}
	require.NoError(t, json.Unmarshal(text, &file))
	tensors, err := safetensors.Read(filepath.Join(reference, "ops.safetensors"))
	require.NoError(t, err)

	run := 0
	for _, c := range file.Cases {
		fn := regexp.MustCompile(`^\w+`).FindString(c.Expr)
		if slices.Contains(notOps, fn) {
			continue
		}
		run++
		t.Run(c.Name, func(t *testing.T) { c.run(t, tensors, file.Tolerance.F32.RTol) })
	}
	require.Equal(t, len(file.Cases)-6, run, "cases that ran")
}

func (c referenceCase) run(t *testing.T, tensors map[string]*ir.Tensor, tolerance float64) {
	inputs := map[string]*ir.Array{}
	for key := range c.Inputs {
		inputs[key] = tensors[c.Name+"/in/"+key].Array()
	}
	p := compile(t, c.Expr, inputs)
	require.Equal(t, c.Out.DType, p.out.Type.DType.String())
	requireNear(t, tensors[c.Name+"/out"], p.value(), tolerance, "value")
	if len(c.Grads) == 0 {
		return
	}
	grads := p.grads(tensors[c.Name+"/cotangent"].Array())
	for _, key := range c.Grads {
		require.NotNil(t, grads[key], "gradient of %s", key)
		requireNear(t, tensors[c.Name+"/grad/"+key], p.eval(grads[key])[0], tolerance, "gradient of "+key)
	}
}

// requireNear allows an error relative to the largest magnitude in the tensor.
// Ours is computed in float64; what is left is that the reference is rounded to
// f32, a relative 6e-8.
func requireNear(t *testing.T, want *ir.Tensor, got *ir.Array, tolerance float64, what string) {
	require.True(t, want.Type.Shape.Equal(got.Type.Shape), "%s: shape %s instead of %s", what, got.Type.Shape, want.Type.Shape)
	largest := 0.0
	for i := range got.Len() {
		largest = max(largest, math.Abs(want.Float(i)))
	}
	for i := range got.Len() {
		require.LessOrEqual(t, math.Abs(want.Float(i)-got.At(i)), tolerance*largest, "%s, element %d: %v instead of %v",
			what, i, got.At(i), want.Float(i))
	}
}

package std_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// operatorCase is one of the cases that PyTorch computed in float64.
type operatorCase struct {
	Name   string
	Expr   string
	Inputs map[string]struct {
		DType string
		Shape []int
	}
	Out struct {
		DType string
		Shape []int
	}
	Grads []string
}

// TestOperatorsGivePyTorchsValuesAndGradients takes the reference cases all the
// way: from an expression in a spec through type rules, autodiff, rewrites,
// lowering and kernels. An error is relative to the largest magnitude in the
// tensor, and f32 has 2e-5 of it, as the recording says.
func TestOperatorsGivePyTorchsValuesAndGradients(t *testing.T) {
	text, err := os.ReadFile("testdata/reference/ops.json")
	require.NoError(t, err)
	var file struct{ Cases []operatorCase }
	require.NoError(t, json.Unmarshal(text, &file))
	values, err := flowrun.ReadTensors("testdata/reference/ops.safetensors")
	require.NoError(t, err)

	for _, device := range []string{"cpu", "sim"} {
		for _, c := range file.Cases {
			t.Run(device+"/"+c.Name, func(t *testing.T) {
				runCase(t, c, values, device)
			})
		}
	}
}

func runCase(t *testing.T, c operatorCase, values map[string]*flowrun.Tensor, device string) {
	var spec strings.Builder
	fmt.Fprintf(&spec, "flowrun: 1\nname: case\nmodel:\n  inputs:\n")
	inputs := map[string]*flowrun.Tensor{}
	for name, in := range c.Inputs {
		fmt.Fprintf(&spec, "    %s: \"%s%s\"\n", name, in.DType, strings.ReplaceAll(fmt.Sprint(in.Shape), " ", ", "))
		inputs[name] = values[c.Name+"/in/"+name]
	}
	outputs := []string{"out"}
	if len(c.Grads) > 0 {
		fmt.Fprintf(&spec, "    cotangent: \"f32%s\"\n", strings.ReplaceAll(fmt.Sprint(c.Out.Shape), " ", ", "))
		inputs["cotangent"] = values[c.Name+"/cotangent"]
	}
	fmt.Fprintf(&spec, "  nodes:\n    out: %q\n", c.Expr)
	for _, name := range c.Grads {
		fmt.Fprintf(&spec, "    grad_%s: \"grad(sum(out * cotangent), %s)\"\n", name, name)
		outputs = append(outputs, "grad_"+name)
	}
	fmt.Fprintf(&spec, "  outputs: [%s]\n", strings.Join(outputs, ", "))

	p, err := flowrun.Parse("case.yaml", []byte(spec.String()))
	require.NoError(t, err, spec.String())
	got, err := p.Infer(context.Background(), inputs, flowrun.On(device))
	require.NoError(t, err)
	require.Equal(t, c.Out.DType, got["out"].Type.DType.String())
	requireReference(t, values[c.Name+"/out"], got["out"])
	for _, name := range c.Grads {
		requireReference(t, values[c.Name+"/grad/"+name], got["grad_"+name])
	}
}

// requireReference compares element by element.
func requireReference(t *testing.T, want, got *flowrun.Tensor) {
	t.Helper()
	require.True(t, slices.Equal(want.Type.Shape, got.Type.Shape), "%s instead of %s", got.Type, want.Type)
	largest := 0.0
	for i := range want.Type.Shape.Numel() {
		largest = max(largest, math.Abs(want.Float(i)))
	}
	for i := range want.Type.Shape.Numel() {
		require.InDelta(t, want.Float(i), got.Float(i), 2e-5*largest+2e-6, "element %d", i)
	}
}

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
	"github.com/flowrun/flowrun/internal/runtest"
)

// convolutionCase is a convolution as PyTorch computes it: testdata/reference/convolutions.py.
type convolutionCase struct {
	Op                 string
	Options            map[string]any
	X, W, B, Cotangent numbers
	Y                  numbers
	First, Second      []numbers
}

// call writes the convolution with its options.
func (c convolutionCase) call() string {
	text, _ := json.Marshal(c.Options)
	options := strings.Trim(strings.NewReplacer(`":`, "=", `,"`, ", ").Replace(string(text)), "{}")
	options = strings.ReplaceAll(strings.ReplaceAll(options, `="`, `=§`), `"`, "")
	options = strings.ReplaceAll(options, "=§same", `='same'`)
	if options != "" {
		options = ", " + options
	}
	return c.Op + "(x, w, b" + options + ")"
}

// spec computes the value, its first derivatives, and the derivatives of the sum of their
// squares.
func (c convolutionCase) spec() string {
	inputs := ""
	for name, n := range map[string]numbers{"x": c.X, "w": c.W, "b": c.B, "cotangent": c.Cotangent} {
		inputs += fmt.Sprintf("    %s: \"f32%s\"\n", name, n.Shape)
	}
	return "flowrun: 1\nmodel:\n  inputs:\n" + inputs + "  nodes:\n    y: \"" + c.call() + `"
    scalar: sum(y * cotangent)
    first_0: grad(scalar, x)
    first_1: grad(scalar, w)
    first_2: grad(scalar, b)
    squares: sum(square(first_0)) + sum(square(first_1)) + sum(square(first_2))
    second_0: grad(squares, x)
    second_1: grad(squares, w)
  outputs: [y, first_0, first_1, first_2, second_0, second_1]
`
}

func TestConvolutionsAndTheirDerivativesArePyTorchs(t *testing.T) {
	text, err := os.ReadFile("testdata/reference/convolutions.json")
	require.NoError(t, err)
	var cases []convolutionCase
	require.NoError(t, json.Unmarshal(text, &cases))
	for _, device := range []string{"cpu", "opencl"} {
		for i, c := range cases {
			t.Run(fmt.Sprint(device, "/", i, " ", c.Op), func(t *testing.T) {
				if device == "opencl" {
					runtest.NeedsOpenCL(t)
				}
				p, err := flowrun.Parse("convolution.yaml", []byte(c.spec()))
				require.NoError(t, err, c.spec())
				got, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{
					"x": c.X.f32(), "w": c.W.f32(), "b": c.B.f32(), "cotangent": c.Cotangent.f32()}, flowrun.On(device))
				require.NoError(t, err)
				requireNumbers(t, c.Y, got["y"])
				for i, want := range c.First {
					requireNumbers(t, want, got[fmt.Sprint("first_", i)])
				}
				for i, want := range c.Second {
					requireNumbers(t, want, got[fmt.Sprint("second_", i)])
				}
			})
		}
	}
}

// requireNumbers compares with what float64 gives: sums of some dozen products of f32.
func requireNumbers(t *testing.T, want numbers, got *flowrun.Tensor) {
	t.Helper()
	require.True(t, slices.Equal(want.Shape, got.Type.Shape), "%s instead of %s", got.Type, want.Shape)
	largest := 0.0
	for _, v := range want.Values {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range want.Values {
		require.InDelta(t, v, got.Float(i), 2e-6*largest, "element %d", i)
	}
}

// The initial values of PyTorch's layers are uniform between ± 1 / sqrt(what an element of
// the result is a sum of), where a transposed convolution counts as its transpose does.
func TestConvolutionLayersBeginAsPyTorchs(t *testing.T) {
	for node, c := range map[string]struct {
		weight flowrun.Shape
		terms  int
	}{
		"Conv1d: 'flatten(x, 2)', out_channels: 10, kernel_size: 5, groups: 2":                             {flowrun.Shape{10, 3, 5}, 15},
		"Conv2d: x, out_channels: 8, kernel_size: [3, 2], padding: same":                                   {flowrun.Shape{8, 6, 3, 2}, 36},
		"Conv3d: 'unsqueeze(x, 2)', out_channels: 8, kernel_size: [1, 3, 2], padding: [0, 1, 1]":           {flowrun.Shape{8, 6, 1, 3, 2}, 36},
		"ConvTranspose1d: 'flatten(x, 2)', out_channels: 10, kernel_size: 5, stride: 2, output_padding: 1": {flowrun.Shape{6, 10, 5}, 50},
		"ConvTranspose2d: x, out_channels: 8, kernel_size: [3, 2], groups: 2":                              {flowrun.Shape{6, 4, 3, 2}, 24},
		"ConvTranspose3d: 'unsqueeze(x, 2)', out_channels: 4, kernel_size: [1, 3, 2], dilation: [1, 1, 2]": {flowrun.Shape{6, 4, 1, 3, 2}, 24},
	} {
		p, err := flowrun.Parse("layer.yaml", []byte(`
flowrun: 1
data: {noise: {generate: {x: "uniform(0, 1, [2, 6, 7, 8])"}}}
model: {inputs: {x: "f32[2, 6, 7, 8]"}, nodes: {y: {`+node+`}}, outputs: [y]}
train: {data: noise, loss: mean(square(y)), optimizer: {SGD: {lr: 0.1}}, max_steps: 1}
`))
		require.NoError(t, err, node)
		s, err := p.Start(context.Background())
		require.NoError(t, err)
		weight, bias := get(t, s, "y.weight"), get(t, s, "y.bias")
		require.Equal(t, c.weight, weight.Type.Shape, node)
		bound := 1 / math.Sqrt(float64(c.terms))
		for _, x := range []*flowrun.Tensor{weight, bias} {
			values := x.Float32s()
			require.LessOrEqual(t, float64(slices.Max(values)), bound, node)
			require.GreaterOrEqual(t, float64(slices.Min(values)), -bound, node)
		}
		// Of a hundred numbers, one is in each fifth at the ends: all but 1 in 10⁹ times.
		require.Greater(t, float64(slices.Max(weight.Float32s())), 0.6*bound, node)
		require.Less(t, float64(slices.Min(weight.Float32s())), -0.6*bound, node)
		require.NoError(t, s.Close())
	}
}

func TestPaddingIsNumbersOrAWord(t *testing.T) {
	for padding, want := range map[string]string{
		`'"full"'`:  "the argument padding of Conv2d must be one of valid, same, got \"full\"",
		"true":      "the argument padding of Conv2d must be a number or a list of numbers, or one of valid, same, got the bool true",
		"[1, 1, 1]": "padding must be one int or one for each of two dimensions, got [1, 1, 1]",
		"-1":        "the argument padding of Conv2d must be at least 0, got -1",
		"0.5":       "padding must be a list of ints; element 0 is the float 0.5",
	} {
		_, err := flowrun.Parse("padding.yaml", []byte(`
flowrun: 1
model: {inputs: {x: "f32[1, 2, 4, 4]"}, nodes: {y: {Conv2d: x, out_channels: 2, kernel_size: 3, padding: `+padding+`}}, outputs: [y]}
`))
		require.ErrorContains(t, err, want)
	}
}

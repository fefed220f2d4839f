package std_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// exact is an array of testdata/reference/functions.json, which names what JSON can't hold.
type exact struct {
	Shape  flowrun.Shape
	Values []number
	Int    bool
}

type number float64

func (n *number) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	*n = number(v)
	return err
}

func (e exact) tensor() *flowrun.Tensor {
	d := ir.F64
	if e.Int {
		d = ir.I64
	}
	t := ir.NewTensor(ir.Type{DType: d, Shape: e.Shape})
	for i, v := range e.Values {
		if e.Int {
			t.SetInt(i, int64(v))
		} else {
			t.SetFloat(i, float64(v))
		}
	}
	return t
}

// functionCase is a call of a function or layer as PyTorch computes it, with the first
// derivatives of its weighted sum, and those of the sum of their squares.
type functionCase struct {
	Call           string
	Inputs, Params map[string]exact
	Out, Cotangent exact
	First, Second  map[string]exact
}

func (c functionCase) spec() string {
	var text strings.Builder
	text.WriteString("flowrun: 1\nmodel:\n  inputs:\n")
	for name, in := range c.Inputs {
		fmt.Fprintf(&text, "    %s: %q\n", name, in.tensor().Type)
	}
	call, outputs := strconv.Quote(c.Call), []string{"out"}
	if strings.HasPrefix(c.Call, "{") {
		call = strings.TrimSuffix(c.Call, "}") + ", dtype: f64}"
	}
	fmt.Fprintf(&text, "    cotangent: %q\n  nodes:\n    out: %s\n", c.Cotangent.tensor().Type, call)
	at := func(name string) string {
		if _, ok := c.Params[name]; ok {
			return "out." + name
		}
		return name
	}
	squares := []string{"0"}
	for name := range c.First {
		fmt.Fprintf(&text, "    first_%s: grad(sum(out * cotangent), %s)\n", name, at(name))
		outputs, squares = append(outputs, "first_"+name), append(squares, "sum(square(first_"+name+"))")
	}
	for name := range c.Second {
		fmt.Fprintf(&text, "    second_%s: grad(%s, %s)\n", name, strings.Join(squares, " + "), at(name))
		outputs = append(outputs, "second_"+name)
	}
	if len(c.First) == 0 {
		text.WriteString("    unused: cotangent + 0\n")
		outputs = append(outputs, "unused")
	}
	return text.String() + "  outputs: [" + strings.Join(outputs, ", ") + "]\n"
}

// Values and derivatives are PyTorch's in f64, but for the order in which is added.
func TestFunctionsAndLayersArePyTorchs(t *testing.T) {
	text, err := os.ReadFile("testdata/reference/functions.json")
	require.NoError(t, err)
	var cases []functionCase
	require.NoError(t, json.Unmarshal(text, &cases))
	for _, c := range cases {
		t.Run(c.Call, func(t *testing.T) {
			p, err := flowrun.Parse("function.yaml", []byte(c.spec()))
			require.NoError(t, err, c.spec())
			options := []flowrun.StartOption{flowrun.On("cpu")}
			if len(c.Params) > 0 {
				weights := map[string]*flowrun.Tensor{}
				for name, v := range c.Params {
					weights["out."+name] = v.tensor()
				}
				options = append(options, flowrun.WithWeights(flowrun.Weights{Tensors: weights}))
			}
			inputs := map[string]*flowrun.Tensor{"cotangent": c.Cotangent.tensor()}
			for name, v := range c.Inputs {
				inputs[name] = v.tensor()
			}
			got, err := p.Infer(context.Background(), inputs, options...)
			require.NoError(t, err)
			requireExact(t, c.Out, got["out"], "the value")
			for _, name := range slices.Sorted(maps.Keys(c.First)) {
				requireExact(t, c.First[name], got["first_"+name], "the gradient of "+name)
			}
			for _, name := range slices.Sorted(maps.Keys(c.Second)) {
				requireExact(t, c.Second[name], got["second_"+name], "the second derivative of "+name)
			}
		})
	}
}

// requireExact compares to some hundred roundings of f64, relative to the largest or to 1,
// which the inputs are about.
func requireExact(t *testing.T, want exact, got *flowrun.Tensor, what string) {
	t.Helper()
	require.True(t, slices.Equal(want.Shape, got.Type.Shape), "%s is %s instead of %s", what, got.Type, want.Shape)
	largest := 1.0
	for _, v := range want.Values {
		if !math.IsInf(float64(v), 0) {
			largest = max(largest, math.Abs(float64(v)))
		}
	}
	for i, n := range want.Values {
		w, g := float64(n), valueAt(got, i)
		if same := w == g || w != w && g != g; !same {
			require.InDelta(t, w, g, 1e-13*largest, "%s, element %d", what, i)
		}
	}
}

// valueAt is an element of any dtype.
func valueAt(t *flowrun.Tensor, i int) float64 {
	if t.Type.DType.IsFloat() {
		return t.Float(i)
	}
	return float64(t.Int(i))
}

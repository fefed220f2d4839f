package std_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// recurrentCase is a case of recurrent.json.
type recurrentCase struct {
	Node                           string
	Inputs, Params, Outputs, Grads map[string]numbers
}

func (n numbers) f64() *flowrun.Tensor { return ir.FromFloat64(flowrun.F64, n.Shape, n.Values) }

// spec is a model with the case's node, r, its outputs and the gradients.
func (c recurrentCase) spec() string {
	var text strings.Builder
	text.WriteString("flowrun: 1\nmodel:\n  inputs:\n")
	for _, name := range slices.Sorted(maps.Keys(c.Inputs)) {
		fmt.Fprintf(&text, "    %s: %q\n", name, c.Inputs[name].f64().Type)
	}
	fmt.Fprintf(&text, "  nodes:\n    r: %s\n", c.Node)
	cell := strings.Contains(c.Node, "Cell")
	value := func(name string) string {
		switch {
		case !cell:
			return "r." + name
		case !strings.Contains(c.Node, "LSTM"):
			return "r"
		case name == "out":
			return "r.h"
		}
		return "r.c"
	}
	loss := "sum(square(" + value("out") + "))"
	outputs := []string{}
	for _, name := range slices.Sorted(maps.Keys(c.Outputs)) {
		fmt.Fprintf(&text, "    the_%s: %s\n", name, value(name))
		outputs = append(outputs, "the_"+name)
		switch name {
		case "h_n":
			loss += " + sum(sin(r.h_n))"
		case "c_n":
			loss += " + sum(" + value(name) + " ** 3)"
		}
	}
	fmt.Fprintf(&text, "    objective: %s\n", loss)
	for name := range c.Grads {
		of := name
		if _, isParam := c.Params[name]; isParam {
			of = "r." + name
		}
		fmt.Fprintf(&text, "    grad_%s: grad(objective, %s)\n", name, of)
		outputs = append(outputs, "grad_"+name)
	}
	fmt.Fprintf(&text, "  outputs: [%s]\n", strings.Join(outputs, ", "))
	return text.String()
}

func TestRecurrentNetworksGivePyTorchsValuesAndGradients(t *testing.T) {
	text, err := os.ReadFile("testdata/reference/recurrent.json")
	require.NoError(t, err)
	var cases []recurrentCase
	require.NoError(t, json.Unmarshal(text, &cases))
	for _, c := range cases {
		t.Run(c.Node, func(t *testing.T) {
			p, err := flowrun.Parse("recurrent.yaml", []byte(c.spec()))
			require.NoError(t, err, c.spec())
			inputs, params := map[string]*flowrun.Tensor{}, map[string]*flowrun.Tensor{}
			for name, x := range c.Inputs {
				inputs[name] = x.f64()
			}
			for name, x := range c.Params {
				params["r."+name] = x.f64()
			}
			got, err := p.Infer(context.Background(), inputs, flowrun.On("cpu"), flowrun.WithWeights(flowrun.Weights{Tensors: params}))
			require.NoError(t, err)
			compare := func(name string, want numbers) {
				require.Equal(t, want.Shape, got[name].Type.Shape, name)
				for i, v := range want.Values { // roundings of f64 over a dozen positions
					require.InDelta(t, v, got[name].Float(i), 1e-12, "%s, element %d", name, i)
				}
			}
			for name, want := range c.Outputs {
				compare("the_"+name, want)
			}
			for name, want := range c.Grads {
				compare("grad_"+name, want)
			}
		})
	}
}

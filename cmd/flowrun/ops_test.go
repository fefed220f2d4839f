package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
)

func TestExamplesOfOpsGiveTheirResults(t *testing.T) {
	for name, op := range ir.Ops() {
		if op.Family == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			e, err := irtest.ParseExample(op)
			require.NoError(t, err)
			require.Equal(t, e.Value, runExample(t, e))
		})
	}
}

// runExample runs an example as a program on the CPU.
func runExample(t *testing.T, e irtest.Example) string {
	t.Helper()
	var spec strings.Builder
	spec.WriteString("flowrun: 1\nmodel:\n")
	if len(e.Inputs) > 0 {
		spec.WriteString("  inputs:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Inputs)) {
		fmt.Fprintf(&spec, "    %s: %q\n", name, e.Inputs[name].Type)
	}
	call, err := json.Marshal(e.Call)
	require.NoError(t, err)
	fmt.Fprintf(&spec, "  nodes: {out: %s}\n  outputs: [out]\n", call)
	p, err := flowrun.Parse("example.yaml", []byte(spec.String()))
	require.NoError(t, err)
	out, err := p.Infer(context.Background(), e.Inputs, flowrun.On("cpu"))
	require.NoError(t, err)
	return irtest.Format(out["out"])
}

func TestFactsOfOpsHaveNoEmptyCell(t *testing.T) {
	for _, op := range documentedOps() {
		for _, fact := range factsOf(op) {
			for _, cell := range strings.Split(fact.text, ";") {
				require.NotEmpty(t, strings.TrimSpace(cell), "%s of %s: %q", fact.what, op.Name, fact.text)
			}
		}
	}
}

func TestGradientsOfOpsAreThoseOfADifferentiation(t *testing.T) {
	for _, op := range documentedOps() {
		e, err := irtest.ParseExample(op)
		require.NoError(t, err)
		require.Equal(t, differentiable(t, e), op.HasGradient(), op.Name)
	}
}

// differentiable tries to differentiate an example with respect to each of its inputs, where
// any of them are f32, as the dtype that is asked for, and the others as they are.
func differentiable(t *testing.T, e irtest.Example) bool {
	names := slices.Sorted(maps.Keys(e.Inputs))
	for some := range 1 << len(names) {
		inputs := map[string]string{}
		for i, name := range names {
			typ := e.Inputs[name].Type
			if some>>i&1 == 1 && typ.DType != ir.Bool {
				typ.DType = ir.F32
			}
			inputs[name] = typ.String()
		}
		for _, x := range names {
			spec, err := json.Marshal(map[string]any{"flowrun": 1, "model": map[string]any{"inputs": inputs,
				"nodes":   map[string]any{"out": strings.ReplaceAll(e.Call, `"i32"`, `"f32"`), "gradient": fmt.Sprintf("grad(sum(cast(out, 'f32')), %s)", x)},
				"outputs": []string{"gradient"}}})
			require.NoError(t, err)
			if _, err = flowrun.Parse("example.yaml", spec); err == nil {
				return true
			}
		}
	}
	return false
}

func TestOpsAreFoundByTheirNamesElsewhere(t *testing.T) {
	for name, want := range map[string]string{
		"matmul": "matmul(a, b, transpose_a=false, transpose_b=false)\n", "torch.matmul": "matmul(a, b",
		"torch.mm": "torch.mm is called matmul here.\n\nmatmul(a, b", "cat": "cat is called concat here.\n\nconcat(tensors, dim=0)",
		"nn.functional.ReLU": "nn.functional.ReLU is called relu here.\n\nrelu(x)", "elu": "elu(x, alpha=1.0)",
	} {
		var out bytes.Buffer
		require.Equal(t, exitDone, execute(context.Background(), []string{"ops", name}, streams{out: &out, errors: &out}), name)
		require.True(t, strings.HasPrefix(out.String(), want), out.String())
	}
	for name, want := range map[string]string{
		"relus": `there is no operation "relus"; did you mean "relu"?`, "nothing": "flowrun ops lists them",
		"nn.Dropout": "Dropout is a module: flowrun modules Dropout", "svd": "of linear algebra there are matmul, einsum, cholesky",
		"prod_of_others": "there is no operation", "copy": "there is no operation",
	} {
		var out bytes.Buffer
		require.Equal(t, exitUsage, execute(context.Background(), []string{"ops", name}, streams{out: &out, errors: &out}), name)
		require.Contains(t, out.String(), want)
	}
}

func TestOpsAreListedByFamilyAndAsJSON(t *testing.T) {
	var text, listed bytes.Buffer
	require.Equal(t, exitDone, execute(context.Background(), []string{"ops"}, streams{out: &text, errors: &text}))
	require.Regexp(t, `(?m)^arithmetic\n  abs +The absolute value of x, element by element\n`, text.String())
	require.Equal(t, exitDone, execute(context.Background(), []string{"ops", "--json"}, streams{out: &listed, errors: &listed}))
	var ops []struct {
		Name   string
		DTypes [][]string
	}
	require.NoError(t, json.Unmarshal(listed.Bytes(), &ops))
	require.Len(t, ops, len(opNames()))
	for _, op := range ops {
		require.Contains(t, text.String(), "\n  "+op.Name+" ")
		if op.Name == "gather" {
			require.Contains(t, op.DTypes, []string{"f16", "i64", "f16"})
		}
	}
}

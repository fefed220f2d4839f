package main

import (
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

func TestExamplesOfOpsAreTrue(t *testing.T) {
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

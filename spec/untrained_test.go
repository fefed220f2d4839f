package spec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

func TestUntrainedParametersGiveOneWarningPerCause(t *testing.T) {
	warnings := func(old, new string) (all []diag.Diagnostic) {
		_, list := spec.Parse("s.yaml", []byte(strings.Replace(brought, old, new, 1)), spec.Options{})
		require.False(t, list.HasErrors(), list.Text())
		return list.Items
	}
	const outputs = "  outputs: [y]"
	// A chain that only an output needs is one cause, however long.
	chain := "    b1: {Linear: y, out_features: 3}\n    b2: {TransformerBlock: \"reshape(b1, [4, 8, 3])\", num_heads: 1, repeat: 3}\n"
	found := warnings(outputs, chain+"  outputs: [y, b2]")
	require.Len(t, found, 1)
	require.Equal(t, "the loss doesn't depend on the parameter b1.weight and 37 related parameters, so they aren't trained", found[0].Message)
	require.Equal(t, 15, found[0].Range.Start.Line)
	// Two branches apart are two.
	found = warnings(outputs, "    b1: {Linear: x, out_features: 3}\n    b2: {Linear: x, out_features: 3, bias: false}\n  outputs: [y, b1, b2]")
	require.Len(t, found, 2)
	require.Contains(t, found[0].Message, "b1.weight and 1 related parameter,")
	require.Equal(t, "the loss doesn't depend on the parameter b2.weight, so it isn't trained", found[1].Message)
	// Where a node is unused, that is the cause.
	found = warnings(outputs, chain+outputs)
	require.Len(t, found, 1)
	require.Equal(t, diag.UnusedNode, found[0].Rule)
	// A metric needs it.
	found = warnings("    loss: ema", "    b: mean(Linear(x, 3))\n    loss: ema")
	require.Len(t, found, 1)
	require.Equal(t, diag.NoGradient, found[0].Rule)
	// A loss that depends on nothing is told once, at the loss.
	found = warnings("mse_loss(y, target)", "mean(target)")
	require.Len(t, found, 1)
	require.Equal(t, "the loss depends on none of the 4 parameters, so nothing is trained", found[0].Message)
	require.Equal(t, diag.Pos{Line: 18, Col: 9}, found[0].Range.Start)
}

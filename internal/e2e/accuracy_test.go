package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
)

func TestALossWithoutAGradientIsReportedAtTheLoss(t *testing.T) {
	const text = `flowrun: 1
data:
  d: {generate: {x: "normal(0, 1, [4, 8])", labels: "randint(0, 3, [4])"}}
model:
  inputs: {x: "f32[4, 8]"}
  nodes:
    h: {Linear: x, out_features: 8}
    y: {Linear: h, out_features: 3}
  outputs: [y]
train:
  data: d
  loss: LOSS
  optimizer: {SGD: {lr: 0.1}}
  max_steps: 1
`
	check := func(loss string) diag.List {
		return flowrun.CheckText("s.yaml", []byte(strings.Replace(text, "LOSS", loss, 1)))
	}
	require.Empty(t, check("cross_entropy(y, labels)").Items)
	for _, loss := range []string{`mean(cast(argmax(y, -1) == labels, "f32"))`, `1 - mean(cast(argmax(y, -1) == labels, "f32"))`, `mean(cast(y > cast(unsqueeze(labels, 1), "f32"), "f32"))`, `-mean(argmax(y, -1) == labels)`} {
		list := check(loss)
		require.Len(t, list.Items, 1, list.Text())
		d := list.Items[0]
		require.Equal(t, diag.NotDifferentiable, d.Rule)
		require.Equal(t, diag.Pos{Line: 12, Col: 9}, d.Range.Start, list.Text())
		require.Contains(t, d.Help, "an accuracy is a metric")
	}
	list := check("sum(grad(sum(cast(y > 0, \"f32\")), y)) + cross_entropy(y, labels)")
	require.Len(t, list.Items, 1, list.Text())
	require.Equal(t, diag.Pos{Line: 12, Col: 13}, list.Items[0].Range.Start, "a gradient requested by the spec is reported at the request")
}

package spec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

const accumulating = `flowrun: 1
data:
  d: {generate: {x: "normal(0, 1, [4, 6])", m: "cast(uniform(0, 1, [4]) < 0.5, 'f32')"}}
model:
  inputs: {x: "f32[4, 6]"}
  nodes:
    l: {Linear: x, out_features: 3}
    each: sum(square(l), 1)
    turned: transpose(l, 0, 1)
    past: {LSTM: "reshape(l, [4, 3, 1])", hidden_size: 2}
  outputs: [l]
train:
  data: d
  loss: LOSS
  optimizer: {SGD: {lr: 0.1}}
  accumulate: 4
  max_steps: 4
`

// A loss whose sum over batches isn't known isn't approximated.
func TestALossThatAddsUpInNoKnownWayNeedsAWeight(t *testing.T) {
	parse := func(loss, more string) diag.List {
		_, list := spec.Parse("s.yaml", []byte(strings.Replace(accumulating, "LOSS", loss, 1)+more), spec.Options{})
		return list
	}
	for _, loss := range []string{
		"sum(each / sum(m))", "mean(each) / mean(m)", "sum(each) * (1 / sum(m))", "sum(each) / maximum(sum(m), 1)", "sum(each) / clamp(sum(m), 1, 9)",
		"sqrt(mean(each))", "exp(mean(each))", "max(each)", "logsumexp(each, 0)", "log(mean(exp(each)))", "std(each)",
		"sum(sqrt(sum(square(turned), 1)))", "mean(square(matmul(l, turned)))", "sum(softmax(turned, 1) * turned)",
		"mean(each - mean(each))", "mean(each) * mean(each)", "sum(each) / sum(each)",
	} {
		list := parse(loss, "")
		require.True(t, list.HasErrors(), loss)
		require.Contains(t, list.Text(), "how the loss adds up", loss)
		require.Contains(t, list.Text(), "weight: sum(mask)", loss)
		weighted := parse(loss, "  weight: sum(m)\n")
		require.False(t, weighted.HasErrors(), loss)
	}
	for _, loss := range []string{
		"mean(each)", "sum(each)", "sum(each * m) / sum(m)", "mean(sum(square(turned), 0))", "mean(square(turned))",
		"mean(sqrt(sum(square(turned), 0)))", "mean(each) / 2 + 0.1 * sum(square(l.weight))", "mean(square(reshape(turned, [-1])))",
		"sum(mean(square(l), 0))", "sum(each) / count(m > 0)",
	} {
		list := parse(loss, "")
		require.False(t, list.HasErrors(), list.Text())
	}
}

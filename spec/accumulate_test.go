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
  d: {generate: {x: "normal(0, 1, [4, 6])", m: "cast(uniform(0, 1, [4]) < 0.5, 'f32')", beta: "uniform(0, 1, [])"}}
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
		"sum(each) / max(m)", "sum(each) / (sum(m) / 2)", "sum(each) / maximum(sum(m), max(m))", "mean(sum(square(l), 0) / sum(square(slice(x, 1, 0, 3)), 0))",
		"sum(each * flip(each, 0))", "mean(abs(l - roll(l, 1, 0)))", "sum(pad(each, [1, -1]) * each)",
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
		"sum(each / sum(m))", "mean(each) / mean(m)", "sum(each) * (1 / sum(m))", "sum(each) / maximum(sum(m), 1)", "sum(each) / clamp(sum(m), 1, 9)",
		"sum(each * m) / (sum(m) + 1e-6)", "mean(where(m > 0, each, 0.0))", "mean(sum(square(l) / (count(m > 0) + 1), 1) + 0.5 * each / sqrt(sum(m)))",
		"mean(each) * (1 - exp(-beta)) / (2 + beta)",
	} {
		list := parse(loss, "")
		require.False(t, list.HasErrors(), list.Text())
	}
}

const timeFirst = `flowrun: 1
data:
  d: {generate: {x: "normal(0, 1, [5, 4, 6])", y: "normal(0, 1, [SIZES])", alone: "normal(0, 1, [TARGETS])"}}
model:
  inputs: {x: "f32[TIME, NAME, 6]", y: "f32[...any]"}
  nodes:
    l: {LSTM: x, hidden_size: 3, batch_first: false}
    each: sum(square(l.out), 0)
  outputs: [each, y]
train:
  data: d
  loss: LOSS
  optimizer: {SGD: {lr: 0.1}}
  accumulate: 4
  max_steps: 4
`

// In generated data, the dim of the examples is the one that the inputs call batch, or the
// first if all fields agree on its size.
func TestTheInputsSayInWhichDimGeneratedExamplesAre(t *testing.T) {
	for _, c := range []struct{ time, name, sizes, targets, loss, says string }{
		{"time", "batch", "4, 3", "3, 4", "mean(sqrt(sum(each + square(y), 1)))", ""},
		{"time", "batch", "4, 3", "3, 4", "mean(sqrt(sum(each, 1)) * sum(alone, 0))", ""},
		{"time", "batch", "4, 3", "3, 4", "mean(sqrt(sum(square(l.out), 1)))", "how the loss adds up"},
		{"time", "batch", "4, 3", "4, 4", "mean(sqrt(sum(each, 1))) + mean(square(alone) * sum(l.out))", "call the dim of the examples `batch`"},
		{"time", "n", "4, 3", "3, 4", "mean(sqrt(sum(each, 1)))", "call the dim of the examples `batch`"},
		{"batch", "n", "5, 3", "3, 4", "mean(sqrt(sum(square(x) * sum(l.weight_hh_l0), [1, 2])))", ""},
	} {
		text := strings.NewReplacer("TIME", c.time, "NAME", c.name, "SIZES", c.sizes, "TARGETS", c.targets, "LOSS", c.loss).Replace(timeFirst)
		_, list := spec.Parse("s.yaml", []byte(text), spec.Options{})
		if c.says == "" {
			require.False(t, list.HasErrors(), "%s: %s", c.loss, list.Text())
			continue
		}
		require.Contains(t, list.Text(), c.says, c.loss)
	}
}

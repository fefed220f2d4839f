package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A log of probabilities that are 0 has a formula that takes its place; other logs have
// none, such as one behind an attention, which has a softmax too.
func TestALogOfAProbabilityIsToldItsFormulaInstead(t *testing.T) {
	const spec = `
flowrun: 1
seed: 1
data: {points: {generate: {x: "uniform(1, 2, [4, 3])", y: "randint(0, 3, [4])"}}}
model:
  inputs: {x: "f32[4, 3]"}
  nodes: {h: {Linear: x, out_features: 3}, s: h * 1e4}
  outputs: [s]
train: {data: points, loss: LOSS, optimizer: {SGD: {lr: 0.1}}, max_steps: 3}
`
	for loss, help := range map[string]string{
		"-mean(log(sum(softmax(s, -1) * one_hot(y, 3), -1)))":     "use cross_entropy, or log_softmax, with what goes into softmax",
		"-mean(log(max(softmax(s, -1) * one_hot(y, 3), -1) + 0))": "use cross_entropy",
		"-mean(log(sigmoid(s)) + log(1 - sigmoid(s)))":            "use binary_cross_entropy_with_logits, with what goes into sigmoid",
		"-mean(log(relu(s)))":                                     "keep arguments of log, sqrt and / away from 0",
		"-mean(log(relu(matmul(softmax(s, -1), eye(3) - 1))))":    "keep arguments of log, sqrt and / away from 0",
	} {
		code, _, errors := flowrunWith(t, file(t, "log.yaml", strings.Replace(spec, "LOSS", `"`+loss+`"`, 1)))
		require.Equal(t, exitFailed, code, errors)
		require.Contains(t, errors, "gave -inf in", loss)
		require.Contains(t, errors, help, loss)
	}
}

func TestARunThatDivergedIsShownWithItsWholeMessage(t *testing.T) {
	dir := t.TempDir()
	spec := file(t, "log.yaml", `
flowrun: 1
data: {points: {generate: {x: "uniform(-1, 1, [4, 3])"}}}
model: {inputs: {x: "f32[4, 3]"}, nodes: {h: {Linear: x, out_features: 1}}, outputs: [h]}
train: {data: points, loss: sum(h) / 0, optimizer: {SGD: {lr: 0.1}}, max_steps: 3}
`)
	code, _, errors := flowrunWith(t, spec, "--out", dir)
	require.Equal(t, exitFailed, code, errors)
	require.Contains(t, errors, "; its input a is -1.16, its input b is 0.", "an operand without a name has its argument's")
	code, out, errors := flowrunWith(t, "runs", dir)
	require.Equal(t, exitDone, code, errors)
	require.NotContains(t, out, `\n`, "its lines are lines")
	require.Regexp(t, `(?m)^  error +the loss is infinite at step 1: .*; its input a is -1.16, its input b is 0. Nothing had been learned before$`, out)
	require.Regexp(t, `(?m)^  to go on +.* --resume\n +\(with a setting changed`, out)
}

package spec_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/spec"
)

// rich uses most of the language.
const rich = `
flowrun: 1
name: rich
seed: 3
vars:
  w: {value: 32, type: int, min: 1, max: 64, doc: width}
  layers: 3
  decays: [0.9, 0.99]
data:
  recorded:
    replay: data/rich.safetensors
    fields:
      x: {tensor: batches/x, type: "f32[1, 8]"}
      target: {tensor: batches/target, type: "f32[1, 5]"}
modules:
  Block:
    inputs: {x: "float[..., width]"}
    args: {hidden: int}
    nodes:
      h: {Linear: x, out_features: hidden}
      a: relu(h)
      out: x + Linear(a, width)
    output: out
  Running:
    inputs: {x: "f32[..., n]"}
    args: {rate: 0.1, on: {type: bool, default: true}}
    state:
      mean: {init: "zeros([n])", when: on}
    update:
      mean: "{IF}"
    output: {OUT}
  Split:
    inputs: {x: "f32[...]"}
    nodes: {p: x + 1, q: x * 2}
    outputs: [p, q]
optimizers:
  Mine:
    args: {lr: scalar, decay: 0.9}
    state: {slow: param}
    update:
      slow: decay * slow + (1 - decay) * param
      param: next(slow) - lr * grad
model:
  inputs: {x: "f32[batch, 8]"}
  nodes:
    b: {Block: x, hidden: w, repeat: layers}
    c: b[0] + b
    r: {Running: c, rate: "decays[1]"}
    t: Split(r)
    d: t.p + t.q + sum(b[0].h.weight)
    e: {Linear: d, out_features: 5, device: cpu, trainable: false}
    o: {if: training, then: e * 2, else: e}
  outputs: [o, d]
train:
  data: recorded
  loss: mse_loss(o, target)
  optimizer: {Mine: {lr: 0.1 * 0.99 ** step}}
  metrics: {m: "ema(loss, decays[0])", n: mean(o)}
  until: m < 0.1 and step > 3 or n > 1e6
placement:
  default: auto
  rules:
    - {match: "b*", prefer: cpu}
`

var richSpec = strings.NewReplacer(`"{IF}"`, "(1 - rate) * mean + rate * sum(reshape(x, [-1, n]), 0)", "{OUT}", "x - next(mean)").Replace(rich)

func TestARichSpecIsValid(t *testing.T) {
	p, list := spec.Parse("rich.yaml", []byte(richSpec), spec.Options{})
	require.Empty(t, list.Items, list.Text())
	verify(t, p)
	require.Equal(t, "f32[8]", p.Train.State("r.mean").Type.String())
	require.NotNil(t, p.Train.State("r.mean").Next)
	require.Nil(t, p.Infer.State("r.mean").Next)
}

// A slip of the fingers gives a program or a diagnostic, never a panic.
func TestSmallEditsOfASpecNeverPanic(t *testing.T) {
	src, err := os.ReadFile(mathNet)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{string(src), richSpec, withFiles, joined}).Draw(t, "spec")
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			from := rapid.IntRange(0, len(text)-1).Draw(t, "from")
			to := min(len(text), from+rapid.IntRange(0, 12).Draw(t, "width"))
			with := rapid.SampledFrom([]string{"", " ", "\n", "(", ")", "[", "]", "{", "}", ":", ": ", ",", "'", "\"", "#", "&a ", "*a",
				"!", "-", "0", "1.5", "x", "step", "h1", "next(", "true", "\t", "...", "=", "Linear", "training"}).Draw(t, "with")
			text = text[:from] + with + text[to:]
		}
		p, list := spec.Parse("edited.yaml", []byte(text), spec.Options{})
		require.Equal(t, p == nil, list.HasErrors())
		require.LessOrEqual(t, len(list.Text()), 100_000)
	})
}

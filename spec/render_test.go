package spec_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/spec"
)

func render(t *testing.T, name, text string, o spec.Options) string {
	t.Helper()
	out, list := spec.Render(name, []byte(text), o)
	require.False(t, list.HasErrors(), list.Text())
	return out
}

func TestRenderWritesOverridesAndDefaultsAndKeepsComments(t *testing.T) {
	src, err := os.ReadFile(mathNet)
	require.NoError(t, err)
	seed := int64(9)
	got := render(t, mathNet, string(src), spec.Options{Seed: &seed, Set: []spec.Setting{{Key: "lr", Value: "0.05"}}})
	want := strings.Replace(string(src), "seed: 7", "seed: 9", 1)
	want = strings.Replace(want, "lr: 0.1", "lr: 0.05", 1) + "placement: {default: auto}\n"
	require.Equal(t, want, got)
}

func TestRenderingARenderedSpecChangesNothing(t *testing.T) {
	const train = "data:\n  d: {generate: {x: \"ones([1])\"}}\n" +
		"model:\n  inputs: {x: \"f32[n]\"}\n  nodes: {y: {Linear: x, out_features: 1}}\n  outputs: [y]\n"
	for _, c := range []struct{ text, want string }{
		{"flowrun: 1\nmodel: {nodes: {a: \"zeros([2])\"}, outputs: [a]}",
			"flowrun: 1\nname: \"my net\"\nseed: 0\nmodel: {nodes: {a: \"zeros([2])\"}, outputs: [a]}\nplacement: {default: auto}"},
		{"flowrun: 1\r\nname: b\r\nmodel:\r\n  nodes:\r\n    a: zeros([2]) # x\r\n  outputs: [a]\r\n# end\r\n",
			"flowrun: 1\r\nname: b\r\nseed: 0\r\nmodel:\r\n  nodes:\r\n    a: zeros([2]) # x\r\n  outputs: [a]\r\nplacement: {default: auto}\r\n# end\r\n"},
		{"{flowrun: 1, seed: 2, model: {nodes: {a: \"zeros([2])\"}, outputs: [a]}}",
			"{flowrun: 1, name: \"my net\", seed: 2, model: {nodes: {a: \"zeros([2])\"}, outputs: [a]}, placement: {default: auto}}"},
		{"flowrun: 1\nname: c\nseed: 1\nplacement:\n  rules: []\n" + train + "train:\n  data: d\n  loss: sum(y)\n  optimizer: {SGD: {lr: 0.1}}\n  until: >-\n    step\n    > 3\n",
			"flowrun: 1\nname: c\nseed: 1\nplacement:\n  rules: []\n  default: auto\n" + train + "train:\n  data: d\n  loss: sum(y)\n  optimizer: {SGD: {lr: 0.1}}\n  until: >-\n    step\n    > 3\n  max_steps: unlimited\n  log_every: 100\n"},
	} {
		once := render(t, "my net.yaml", c.text, spec.Options{})
		require.Equal(t, c.want, once)
		require.Equal(t, once, render(t, "other.yaml", once, spec.Options{}))
	}
}

func TestRenderWritesValuesThatReadBackTheSame(t *testing.T) {
	const text = "flowrun: 1\nname: n\nseed: 0\nvars: {s: x, l: [1], f: {value: 1.5, max: 9}}\n" +
		"model: {nodes: {y: {full: [[2], f], dtype: f32}, z: \"ones(l)\", u: {if: s == 'a', then: y, else: y}}, outputs: [z, u]}\nplacement: {default: auto}\n"
	got := render(t, "n.yaml", text, spec.Options{Set: []spec.Setting{
		{Key: "s", Value: `"a: #b, \"c\" \\ {"`}, {Key: "l", Value: "[2, 3]"}, {Key: "f", Value: "2.50"}}})
	require.Equal(t, strings.NewReplacer("s: x", `s: "a: #b, \"c\" \\ {"`, "l: [1]", "l: [2, 3]", "value: 1.5", "value: 2.50").Replace(text), got)
	parse(t, got, spec.Options{})
}

package edit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeysAreTheValuesWithTheirPaths(t *testing.T) {
	keys, err := Keys("spec.yaml", `
flowrun: 1
vars: {lr: 0.1, sizes: [1, 2], empty: []}
model:
  nodes:
    h: {Linear: x, bias: false}    # a comment
    "a.b": 'quoted: text'
train:
  param_groups:
    - {match: "*.bias", lr: 1}
    - {match: x}
  metrics: {}
`)
	require.NoError(t, err)
	require.Equal(t, []KeyValue{{"flowrun", "1"}, {"vars.lr", "0.1"}, {"vars.sizes", "[1, 2]"}, {"vars.empty", "[]"},
		{"model.nodes.h.Linear", "x"}, {"model.nodes.h.bias", "false"}, {`model.nodes."a.b"`, "quoted: text"},
		{"train.param_groups[0].match", "*.bias"}, {"train.param_groups[0].lr", "1"}, {"train.param_groups[1].match", "x"}, {"train.metrics", "{}"}}, keys)
}

func TestATextThatIsNoSpecHasNoKeys(t *testing.T) {
	for _, text := range []string{"", "[1, 2]", "a: [", "a: 1\na: 2\n", "\x00", strings.Repeat("[", 10_000)} {
		_, err := Keys("spec.yaml", text)
		require.ErrorContains(t, err, "spec.yaml", "%.20q", text)
	}
}

package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/lower/explain"
)

// planOf returns the plan of a spec's step.
func planOf(t *testing.T, text string, options ...flowrun.StartOption) *explain.Plan {
	t.Helper()
	p, err := flowrun.Parse("placed.yaml", []byte(text))
	require.NoError(t, err, text)
	for _, w := range p.Warnings() {
		require.NotEqual(t, diag.UnmatchedRule, w.Rule)
	}
	s, err := p.Start(context.Background(), options...)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	return explain.Of(s.Plan())
}

// homes returns the devices of the states, by name.
func homes(e *explain.Plan) map[string]string {
	all := map[string]string{}
	for _, s := range e.States {
		all[s.Name] = s.Device
	}
	return all
}

// layers is a spec of three layers, the second of which is given, with the text after the
// model.
func layers(modules, second, optimizer, placement string) string {
	return modules + `
data: {d: {generate: {x: "normal(0, 1, [2, 64])"}}}
model:
  inputs: {x: "f32[2, 64]"}
  nodes:
    h1: {Linear: x, out_features: 64}
    ` + second + `
    h3: {Linear: h2, out_features: 4}
  outputs: [h3]
train:
  data: d
  loss: mean(h3 * h3)
  optimizer: ` + optimizer + `
  max_steps: 3
` + placement
}

func placementRules(all ...string) string {
	return "placement:\n  rules:\n    - " + strings.Join(all, "\n    - ") + "\n"
}

// A rule for a node applies to everything in it, like device: on the node: inner nodes,
// weights, and what the optimizer stores and computes for them.
func TestAPlacementRuleIsEquivalentToDeviceOnTheNode(t *testing.T) {
	const version = "flowrun: 1"
	block := version + `
modules:
  Block:
    inputs: {x: "float[..., n]"}
    nodes:
      fc: {Linear: x, out_features: 128}
      act: silu(fc)
      out: {Linear: act, out_features: n}
    output: out + x
  Half:
    inputs: {x: "float[..., n]"}
    params: {w: {shape: [n, n], init: "normal(0, 0.1)"}}
    output: matmul(x, w)
`
	for _, c := range []struct{ name, modules, bound, free string }{
		{"a layer", version, `h2: {Linear: h1, out_features: 512%s}`, `device: "sim:0"`},
		{"a layer without bias", version, `h2: {Linear: h1, out_features: 512, bias: false%s}`, `device: "sim:0"`},
		{"a module of layers", block, `h2: {Block: h1%s}`, `device: "sim:0"`},
		{"a module with its own parameter", block, `h2: {Half: h1%s}`, `device: "sim:0"`},
		{"layers in a row", version, `h2: {Linear: h1, out_features: 64, repeat: 3%s}`, `device: "sim:0"`},
		{"modules in a row", block, `h2: {Block: h1, repeat: 2%s}`, `device: "sim:0"`},
		{"a layer with a name of its own", version, `h2: {Linear: h1, out_features: 512, name: net.0%s}`, `device: "sim:0"`},
		{"modules in a row with a name of their own", block, `h2: {Block: h1, repeat: 2, name: net%s}`, `device: "sim:0"`},
	} {
		for _, optimizer := range []string{"{SGD: {lr: 0.01}}", "{AdamW: {lr: 0.01, amsgrad: true}}", "{SGD: {lr: 0.01, momentum: 0.9}}\n  accumulate: 2\n  clip_grad_norm: 1.0"} {
			for _, on := range []string{"", "cpu"} {
				t.Run(fmt.Sprint(c.name, " ", optimizer, " ", on), func(t *testing.T) {
					var options []flowrun.StartOption
					if on != "" {
						options = append(options, flowrun.On(on))
					}
					want := planOf(t, layers(c.modules, fmt.Sprintf(c.bound, ", "+c.free), optimizer, ""), options...)
					for _, crossing := range want.Crossings { // only values between layers, no weight and no gradient
						require.Less(t, crossing.Bytes, int64(16<<10))
					}
					for _, match := range []string{"h2", "h2*", "*2"} {
						got := planOf(t, layers(c.modules, fmt.Sprintf(c.bound, ""), optimizer, placementRules(`{match: "`+match+`", device: "sim:0"}`)), options...)
						require.Equal(t, homes(want), homes(got), match)
						require.Equal(t, want.Crossings, got.Crossings, match)
						require.Equal(t, len(want.Nodes), len(got.Nodes))
						for i, n := range want.Nodes {
							require.Equal(t, n.Device, got.Nodes[i].Device, "%s %s", match, n.Call)
						}
					}
				})
			}
		}
	}
}

// atHome lists the states on sim:0, except the counter's and the loss's.
func atHome(e *explain.Plan) string {
	var there []string
	for _, s := range e.States {
		if s.Device == "sim:0" {
			there = append(there, s.Name)
		}
	}
	return strings.Join(there, " ")
}

func TestAPlacementRuleAppliesToEverythingInsideItsMatch(t *testing.T) {
	const version = "flowrun: 1"
	inner := version + `
modules:
  Pair:
    inputs: {x: "float[..., n]"}
    nodes:
      a: {Linear: x, out_features: n, bias: false}
      b: {Linear: a, out_features: n, bias: false}
    output: b
  Own:
    inputs: {x: "float[..., n]"}
    params: {w: {shape: [n, 256], init: "normal(0, 0.1)"}}
    nodes: {y: "matmul(x, w)"}
    output: y
`
	sgd := "{SGD: {lr: 0.01, momentum: 0.9}}"
	pairs := "h2: {Pair: h1, repeat: 2}"
	for _, c := range []struct {
		name, second string
		rules        []string
		want         string
	}{
		{"an element of a row", pairs, []string{`{match: "h2[1]", device: "sim:0"}`},
			"h2.1.a.weight h2.1.b.weight optimizer.h2.1.a.weight.velocity optimizer.h2.1.b.weight.velocity"},
		{"an element as weight files write it", pairs, []string{`{match: h2.1.a, device: "sim:0"}`}, "h2.1.a.weight optimizer.h2.1.a.weight.velocity"},
		{"a layer in every element", pairs, []string{`{match: "h2[*].b", device: "sim:0"}`},
			"h2.0.b.weight h2.1.b.weight optimizer.h2.0.b.weight.velocity optimizer.h2.1.b.weight.velocity"},
		{"a weight in brackets", pairs, []string{`{match: "h2[0].a.weight", device: "sim:0"}`}, "h2.0.a.weight optimizer.h2.0.a.weight.velocity"},
		{"a wish", pairs, []string{`{match: "h2[1]", prefer: "sim:0"}`, `{match: "h2[0]", prefer: "sim:0"}`, `{match: "h2[*].a", prefer: cpu}`},
			"h2.0.b.weight h2.1.b.weight optimizer.h2.0.b.weight.velocity optimizer.h2.1.b.weight.velocity"},
		{"the last of several", pairs, []string{`{match: h2, device: "sim:0"}`, `{match: "h2[0]", device: cpu}`, `{match: "h2[1].a.weight", device: cpu}`},
			"h2.1.b.weight optimizer.h2.1.b.weight.velocity"},
		{"a narrow rule before a wide one", pairs, []string{`{match: "h2[0].a", device: cpu}`, `{match: "h2[0]", device: "sim:0"}`},
			"h2.0.a.weight h2.0.b.weight optimizer.h2.0.a.weight.velocity optimizer.h2.0.b.weight.velocity"},
		{"the state of an optimizer alone", pairs, []string{`{match: optimizer.h2.0.a.weight.velocity, device: "sim:0"}`}, "optimizer.h2.0.a.weight.velocity"},
		{"all of an optimizer", "h2: {Linear: h1, out_features: 8, bias: false}", []string{`{match: optimizer, device: "sim:0"}`, `{match: "*.weight", device: cpu}`, `{match: optimizer.h2, device: "sim:0"}`},
			"optimizer.h1.bias.velocity optimizer.h2.weight.velocity optimizer.h3.bias.velocity h1.bias h3.bias"},
		{"a module inside an expression", "h2: silu(Linear(h1, 96, bias=false))", []string{`{match: h2, device: "sim:0"}`}, "h2.Linear.weight optimizer.h2.Linear.weight.velocity"},
		// The weight isn't inside y, so it isn't pinned: nothing is copied if it is where
		// it is used.
		{"an inner node that uses a weight", "h2: {Own: h1}", []string{`{match: h2.y, device: "sim:0"}`}, "h2.w optimizer.h2.w.velocity"},
		{"a name within a name", "h2: {Pair: h1, name: net.0}", []string{`{match: net, device: "sim:0"}`, `{match: net.0.b, device: cpu}`}, "net.0.a.weight optimizer.net.0.a.weight.velocity"},
	} {
		for _, on := range []string{"", "cpu"} {
			t.Run(fmt.Sprint(c.name, " ", on), func(t *testing.T) {
				var options []flowrun.StartOption
				if on != "" {
					options = append(options, flowrun.On(on))
				}
				got := atHome(planOf(t, layers(inner, c.second, sgd, placementRules(c.rules...)), options...))
				require.ElementsMatch(t, strings.Fields(c.want), strings.Fields(got))
			})
		}
	}
}

// A weight that two layers use is where the rule for its own layer says, and is copied to
// the other.
func TestTheHomeOfASharedWeightIsOnItsOwnLayersDevice(t *testing.T) {
	text := `flowrun: 1
data: {d: {generate: {x: "randint(0, 32, [2])"}}}
model:
  inputs: {x: "i32[2]"}
  nodes:
    e: {Embedding: x, num_embeddings: 32, embedding_dim: 16}
    h: {Linear: e, out_features: 16}
    y: matmul(h, transpose(e.weight))
  outputs: [y]
train: {data: d, loss: mean(y * y), optimizer: {Adam: {lr: 0.01}}, max_steps: 2}
`
	for match, want := range map[string]string{"e": "sim:0", "h": "cpu"} {
		e := planOf(t, text+placementRules(`{match: `+match+`, device: "sim:0"}`), flowrun.On("cpu"))
		require.Equal(t, want, homes(e)["e.weight"], match)
		require.Equal(t, want, homes(e)["optimizer.e.weight.m"], match)
		require.NotEqual(t, want, homes(e)["h.weight"], match)
	}
}

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
	want := strings.NewReplacer("flowrun: 1\n", "flowrun: 1  # standard library: Linear, SGD, ema, mse_loss\n", "seed: 7", "seed: 9  # --seed, was 7", "lr: 0.1\n", "lr: 0.05  # --set lr, was 0.1\n",
		"mse_loss(sum_bits, target)", "mse_loss(sum_bits, target, reduction='mean')  # default: reduction",
		"{lr: lr}}", "{lr: lr, momentum: 0, dampening: 0, weight_decay: 0, nesterov: false, maximize: false}}  # default: momentum, dampening, weight_decay, nesterov, maximize",
		"bias: false}", "bias: false, dtype: f32, trainable: true}  # default: dtype, trainable",
		"** bits, [1])", "** bits, [1], dtype='i32')  # default: dtype",
		"accuracy: ema(mean(abs(sum_bits - target) < 0.5), 0.999)", "accuracy: ema(mean(abs(sum_bits - target) < 0.5, keepdim=false), 0.999)  # default: keepdim",
	).Replace(string(src)) + "  on_nonfinite: stop  # default\nplacement: {default: auto}  # default\n"
	require.Equal(t, want, got)
}

func TestRenderingARenderedSpecChangesNothing(t *testing.T) {
	const train = "data:\n  d: {generate: {x: \"ones([1])\"}}\n" +
		"model:\n  inputs: {x: \"f32[n]\"}\n  nodes: {y: {Linear: x, out_features: 1}}\n  outputs: [y]\n"
	for _, c := range []struct{ text, want string }{
		{"flowrun: 1\nmodel: {nodes: {a: \"zeros([2])\"}, outputs: [a]}",
			"flowrun: 1\nname: \"my net\"  # the file's name\nseed: 0  # default\nmodel: {nodes: {a: \"zeros([2], dtype='f32')\"}, outputs: [a]}  # default: dtype\nplacement: {default: auto}  # default"},
		{"flowrun: 1\r\nname: b\r\nmodel:\r\n  nodes:\r\n    a: zeros([2]) # x\r\n  outputs: [a]\r\n# end\r\n",
			"flowrun: 1\r\nname: b\r\nseed: 0  # default\r\nmodel:\r\n  nodes:\r\n    a: zeros([2], dtype='f32') # x; default: dtype\r\n  outputs: [a]\r\nplacement: {default: auto}  # default\r\n# end\r\n"},
		{"{flowrun: 1, seed: 2, model: {nodes: {a: \"zeros([2])\"}, outputs: [a]}}",
			"{flowrun: 1, name: \"my net\", seed: 2, model: {nodes: {a: \"zeros([2], dtype='f32')\"}, outputs: [a]}, placement: {default: auto}}  # the file's name: name; default: placement, dtype"},
		{"flowrun: 1\nname: c\nseed: 1\nplacement:\n  rules: []\n" + train + "train:\n  data: d\n  loss: sum(y)\n  optimizer: {SGD: {lr: 0.1}}\n  until: >-\n    step\n    > 3\n",
			"flowrun: 1  # standard library: Linear, SGD\nname: c\nseed: 1\nplacement:\n  rules: []\n  default: auto  # default\n" + strings.NewReplacer("ones([1])\"}}\n", "ones([1], dtype='f32')\"}}  # default: dtype\n",
				"features: 1}}\n", "features: 1, bias: true, dtype: f32, trainable: true}}  # default: bias, dtype, trainable\n").Replace(train) + "train:\n  data: d\n  loss: sum(y, keepdim=false)  # default: keepdim\n  optimizer: {SGD: {lr: 0.1, momentum: 0, dampening: 0, weight_decay: 0, nesterov: false, maximize: false}}  # default: momentum, dampening, weight_decay, nesterov, maximize\n  until: >-\n    step\n    > 3\n  max_steps: unlimited  # default\n  log_every: 100  # default\n  on_nonfinite: stop  # default\n"},
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
	require.Equal(t, strings.NewReplacer("s: x", `s: "a: #b, \"c\" \\ {"`, "l: [1]", "l: [2, 3]", "value: 1.5", "value: 2.50", "ones(l)", "ones(l, dtype='f32')", "outputs: [z, u]}", "outputs: [z, u]}  # default: dtype",
		"9}}", "9}}  # --set s, was x; --set l, was [1]; --set f, was 1.5").Replace(text), got)
	parse(t, got, spec.Options{})
}

// What a call leaves out is written where the call is, in the syntax of the place.
func TestRenderWritesDefaultArguments(t *testing.T) {
	const head = "flowrun: 1\nname: n\nseed: 0\n" +
		"modules:\n  M:\n    override: false\n    widen: false\n    inputs: {x: \"f32[...]\"}\n" +
		"    args: {k: int, s: {type: string, default: a}, l: [1.0, -2e-8], f: {type: float, default: 1e-8}, d: {type: int, default: k + 1}}\n" +
		"    output: x * k * l[0] * d * f\n"
	const all = `s="a", l=[1.0, -2e-8], f=1e-8`
	got := render(t, "n.yaml", head+`model:
  inputs: {x: "f32[2]"}
  nodes:
    a: {M: x, k: 1}
    b:
      M: [x, 2]
    c: M(x, 3) # three
    d: {add: [x, "M(x, k=4, f=2.0)"]}
    e: 'M(M(x, 5), 6)'
  outputs: [a, b, c, d, e]
placement: {default: auto}
`, spec.Options{})
	require.Equal(t, head+`model:
  inputs: {x: "f32[2]"}
  nodes:
    a: {M: x, k: 1, s: a, l: [1.0, -2e-8], f: 1e-8, d: 2}  # default: s, l, f, d
    b:
      M: [x, 2]
      s: a  # default
      l: [1.0, -2e-8]  # default
      f: 1e-8  # default
      d: 3  # default
    c: M(x, 3, s='a', l=[1.0, -2e-8], f=1e-8, d=4) # three; default: s, l, f, d
    d: {add: [x, "M(x, k=4, f=2.0, s='a', l=[1.0, -2e-8], d=5)"]}  # default: s, l, d
    e: 'M(M(x, 5, `+all+`, d=6), 6, `+all+`, d=7)'  # default: s, l, f, d
  outputs: [a, b, c, d, e]
placement: {default: auto}
`, got)
	require.Equal(t, got, render(t, "n.yaml", got, spec.Options{}))
}

// An alias stands elsewhere than what it refers to.
func TestRenderInsertsBehindAliases(t *testing.T) {
	got := render(t, "n.yaml", `flowrun: 1
name: n
seed: 0
vars:
  lr: &lr 0.1
data:
  d: {generate: {x: "ones([1, 1])"}}
model:
  inputs: {x: "f32[1, 1]"}
  nodes:
    y: {Linear: x, out_features: 1, bias: false}
  outputs: [y]
train:
  data: d
  loss: sum(y)
  max_steps: 3
  log_every: 1
  accumulate: 1
  optimizer:
    Lion:
      betas: [0.9, 0.99]
      weight_decay: lr
      lr: *lr
placement:
  default: auto
`, spec.Options{})
	require.Contains(t, got, "      lr: *lr\n")
	require.Equal(t, got, render(t, "n.yaml", got, spec.Options{}))
}

// What isn't the same for all uses of a call can't stand in it; the comment says
// what it is.
func TestRenderTellsWhichDefaultsDependOnTheUse(t *testing.T) {
	got := rendersToItself(t, "n.yaml", `flowrun: 1
modules:
  Block:
    inputs: {x: "f32[..., n]"}
    args: {deep: {type: bool, default: n > 2}}
    nodes:
      m: {MLP: x, hidden_features: 3, activation: relu, bias: true, dropout: 0}
      o: {if: deep, then: "MLP(m, 5)", else: m}
    output: o
model:
  inputs: {x: "f32[1, 2]", y: "f32[1, 4]"}
  nodes:
    a: {Block: x, dtype: f64}
    b: {Block: "y", repeat: 2}
  outputs: [a, b]
`, spec.Options{})
	require.Contains(t, got, "      m: {MLP: x, hidden_features: 3, activation: relu, bias: true, dropout: 0, dtype: inherit, trainable: true}"+
		"  # default, computed per call (2 or 4): out_features; default: dtype, trainable\n")
	require.Contains(t, got, `      o: {if: deep, then: "MLP(m, 5, out_features=4, activation='gelu', bias=true, dropout=0)", else: m}`)
	require.Contains(t, got, "    a: {Block: x, dtype: f64, deep: false, trainable: true}  # default: deep, trainable\n")
	require.Contains(t, got, "    b: {Block: \"y\", repeat: 2, deep: true, dtype: f32, trainable: true}  # default: deep, dtype, trainable\n")
}

func TestRenderWritesTheArgumentsOfOperations(t *testing.T) {
	got := rendersToItself(t, "n.yaml", `flowrun: 1
name: n
seed: 0
model:
  inputs: {x: "f32[2, 3]"}
  nodes:
    a: {mean: x, dim: -1}
    b: "sum(x, {dim: 0})"
    c: sum(matmul(x, transpose(x)),
      keepdim = false)
    d: {add: [x, "maximum(2, 3)"]}
    e: {zeros: [[2, 3]]}
    f: &f {sum: x}
    g: *f
    h: |  # text
      sum(x)
    i: >-
      sum(x)
  outputs: [a, b, c, d, e, f, g, h, i]
`, spec.Options{})
	require.Equal(t, `flowrun: 1
name: n
seed: 0
model:
  inputs: {x: "f32[2, 3]"}
  nodes:
    a: {mean: x, dim: -1, keepdim: false}  # default: keepdim
    b: "sum(x, {dim: 0, keepdim: false})"  # default: keepdim
    c: sum(matmul(x, transpose(x, dim0=-2, dim1=-1), transpose_a=false, transpose_b=false),
      keepdim = false)  # default: transpose_a, transpose_b, dim0, dim1
    d: {add: [x, "maximum(2, 3)"]}
    e: {zeros: [[2, 3]], dtype: f32}  # default: dtype
    f: &f {sum: x, keepdim: false}  # default: keepdim
    g: *f
    h: |  # text; default: keepdim
      sum(x, keepdim=false)
    i: >-  # default: keepdim
      sum(x, keepdim=false)
  outputs: [a, b, c, d, e, f, g, h, i]
placement: {default: auto}  # default
`, got)
}

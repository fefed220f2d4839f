package flowrun_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// sharingSpec is a spec around the nodes of a model over x and y, f32[4, 3], whose loss is the
// mean of squares of the node `out`.
func sharingSpec(nodes string) string {
	return `
flowrun: 1
modules:
  Net:
    inputs: {x: "f32[n, m]"}
    args: {width: int, scale: 1.0}
    nodes: {h: {Linear: x, out_features: width}, o: {Linear: "tanh(h)", out_features: m}}
    output: o * scale
  Pair:
    inputs: {x: "f32[n, m]", y: "f32[n, m]"}
    nodes: {l: {Linear: x, out_features: m}, r: {Linear: y, share: l}}
    output: l * r
data: {d: {generate: {x: "normal(0, 1, [4, 3])", y: "normal(1, 2, [4, 3])"}}}
model:
  inputs: {x: "f32[4, 3]", y: "f32[4, 3]"}
  nodes:
` + nodes + `
  outputs: [out]
train: {data: d, loss: mean(square(out)), optimizer: {SGD: {lr: 0.01, momentum: 0.9}}, max_steps: 4}
`
}

// stepped are the weights after some steps.
func stepped(t *testing.T, spec string, steps int) map[string]*flowrun.Tensor {
	p, err := flowrun.Parse("sharing.yaml", []byte(spec))
	require.NoError(t, err)
	s, err := p.Start(context.Background())
	require.NoError(t, err)
	defer s.Close()
	for range steps {
		require.NoError(t, s.Step(context.Background()))
	}
	w, err := s.Weights()
	require.NoError(t, err)
	return w.Tensors
}

// What share stands for, written out: the calls' formulas over one set of parameters.
func TestSharedParametersTrainAsOneSetWrittenOut(t *testing.T) {
	linear := func(x, of string) string {
		return fmt.Sprintf("(matmul(%s, %s.weight, transpose_b=true) + %s.bias)", x, of, of)
	}
	net := func(x, of string) string { return linear("tanh("+linear(x, of+".h")+")", of+".o") }
	for name, c := range map[string]struct {
		shared, written string
		params          int
	}{
		"a module of modules, whose arguments are the other's unless it gives them": {
			"    a: {Net: x, width: 5, scale: 2.0}\n    b: {Net: y, share: a}\n    c: {Net: y, share: b, scale: 3.0}\n    out: a * b + c",
			"    a: {Net: x, width: 5, scale: 2.0}\n    out: a * (2 * " + net("y", "a") + ") + 3 * " + net("y", "a"), 4},
		"a part of a module": {
			"    a: {Net: x, width: 3}\n    out: {Linear: y + a, share: a.h}",
			"    a: {Net: x, width: 3}\n    out: " + linear("(y + a)", "a.h"), 4},
		"a module that shares inside": {
			"    p: {Pair: [x, y]}\n    out: {Pair: [p, x], share: p}",
			"    l: {Linear: x, out_features: 3, name: p.l}\n    p: l * " + linear("y", "l") + "\n    out: " + linear("p", "l") + " * " + linear("x", "l") + "", 2},
		"all repetitions": {
			"    out: {Linear: x, out_features: 3, repeat: 3, share: true}",
			"    a: {Linear: x, out_features: 3, name: out}\n    b: " + linear("a", "a") + "\n    out: " + linear("b", "a"), 2},
		"repetitions one by one": {
			"    a: {Linear: x, out_features: 3, repeat: 2}\n    out: {Linear: a + y, repeat: 2, share: a}",
			"    a: {Linear: x, out_features: 3, repeat: 2}\n    b: " + linear("(a + y)", "a[0]") + "\n    out: " + linear("b", "a[1]"), 4},
		"repetitions of what isn't repeated": {
			"    a: {Linear: x, out_features: 3}\n    out: {Linear: a, repeat: 2, share: a}",
			"    a: {Linear: x, out_features: 3}\n    b: " + linear("a", "a") + "\n    out: " + linear("b", "a"), 2},
		"single parameters, of a node with a name of its own": {
			"    a: {Net: x, width: 3, name: net.0}\n    out: {Net: y, width: 3, share: {h.weight: a.h.weight, o.bias: a.h.bias}}",
			"    a: {Net: x, width: 3, name: net.0}\n    b: {Linear: x, out_features: 3, name: out.h, share: {weight: a.h.weight}}\n" +
				"    c: {Linear: x, out_features: 3, bias: false, name: out.o}\n" +
				"    h: matmul(y, a.h.weight, transpose_b=true) + b.bias\n    out: matmul(tanh(h), c.weight, transpose_b=true) + a.h.bias + 0 * b + 0 * c", 6},
	} {
		t.Run(name, func(t *testing.T) {
			shared, written := stepped(t, sharingSpec(c.shared), 3), stepped(t, sharingSpec(c.written), 3)
			require.Len(t, shared, c.params)
			require.Len(t, written, c.params)
			for path, w := range written {
				require.NotNil(t, shared[path], path)
				// Gradients of several uses may be summed in another order.
				require.InDeltaSlice(t, w.Float32s(), shared[path].Float32s(), 1e-6, path)
			}
		})
	}
}

func TestSharedStatesAreWrittenInTheOrderOfTheCalls(t *testing.T) {
	// The momentum is 1/4, so the first call's mean weighs 3/16 in the end, and the second's 1/4.
	norm := "BatchNorm: %s, momentum: 0.25, affine: false"
	nodes := fmt.Sprintf("    a: {"+norm+"}\n    b: {BatchNorm: y, share: a}\n    out: a + b + 0 * Linear(x, 3)", "x")
	got := stepped(t, sharingSpec(nodes), 1)
	mean := func(of string) []float32 {
		one := stepped(t, sharingSpec(fmt.Sprintf("    a: {"+strings.Replace(norm, "0.25", "1.0", 1)+"}\n    out: a + 0 * (x + y) + 0 * Linear(x, 3)", of)), 1)
		return one["a.running_mean"].Float32s()
	}
	x, y := mean("x"), mean("y")
	for i, v := range got["a.running_mean"].Float32s() {
		require.InDelta(t, 0.75*0.25*x[i]+0.25*y[i], v, 1e-6)
	}
	require.EqualValues(t, 2, got["a.num_batches_tracked"].Int(0))

	// The text's order decides between two that share, not which is defined first.
	late := fmt.Sprintf("    b: {BatchNorm: y, share: a}\n    c: {BatchNorm: x, share: a}\n    a: {"+norm+"}\n    out: a + b + c + 0 * Linear(x, 3)", "x")
	got = stepped(t, sharingSpec(late), 1)
	for i, v := range got["a.running_mean"].Float32s() {
		require.InDelta(t, 0.75*(0.75*0.25*x[i]+0.25*y[i])+0.25*x[i], v, 1e-6)
	}
}

func TestTheSummaryCountsSharedParametersOnce(t *testing.T) {
	p, err := flowrun.Parse("sharing.yaml", []byte(sharingSpec("    a: {Net: x, width: 5}\n    out: {Net: y + a, share: a}")))
	require.NoError(t, err)
	m, err := p.Summarize(flowrun.SummaryOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 3*5+5+5*3+3, m.Totals.Parameters)
}

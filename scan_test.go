package flowrun_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// Results of a scan may have no elements: a carry of size 0, stacks of a scan over nothing.
func TestScansGiveResultsWithoutElements(t *testing.T) {
	for name, spec := range map[string]string{
		"a carry before another": `
  cell:
    inputs: {x: "f32[2]", w: "f32[3]", none: "f32[0, 2]"}
    carry: {a: none, b: w}
    update: {a: a * 2, b: b + sum(x) + w}
    nodes: {p: next(a), q: next(b)}
    outputs: [p, q]
model:
  nodes:
    w: Top()
    r: {cell: ["reshape(cast(arange(8), 'f32'), [4, 2])", w, "zeros([0, 2])"], scan: {dim: 0, last: true}}
    s: sum(r.p) + sum(r.q)
  outputs: [s]
train: {loss: "sum(r.p * r.p) + sum(r.q * r.q)", optimizer: {SGD: {lr: 0.1}}, max_steps: 1}`,
		"a scan over nothing": `
  cell:
    inputs: {x: "f32[2]", w: "f32[3]"}
    carry: {a: w * w}
    update: {a: a * sum(x)}
    output: next(a)
model:
  nodes:
    w: Top()
    last: {cell: ["zeros([0, 2])", w], scan: {dim: 0, last: true}}
    all: {cell: ["zeros([0, 2])", w], scan: 0}
  outputs: [last, all]
train: {loss: sum(last * last) + sum(all), optimizer: {SGD: {lr: 0.1}}, max_steps: 1}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := flowrun.Parse("scan.yaml", []byte("flowrun: 1\nmodules:\n  Top:\n    params: {w: {shape: [3], init: 0.5}}\n    output: w"+spec))
			require.NoError(t, err)
			s, err := p.Start(context.Background(), flowrun.On("cpu"))
			require.NoError(t, err)
			defer s.Close()
			require.NoError(t, s.Step(context.Background()))
			loss, err := s.Get("metrics.loss_step")
			require.NoError(t, err)
			// 0.5 + (1 + 5 + 9 + 13) + 4 * 0.5, squared, three times; and 0.25, to the 4th, of w alone.
			want := map[string]float64{"a carry before another": 3 * 30.5 * 30.5, "a scan over nothing": 3 * 0.25 * 0.25}[name]
			require.InDelta(t, want, loss.Float(0), 1e-3)
		})
	}
}

// What is written out is bounded with the scans inside of it.
func TestScansInScansArentWrittenOutWithoutBounds(t *testing.T) {
	var spec strings.Builder
	spec.WriteString("flowrun: 1\nmodules:\n")
	inner := "x"
	for i := range 6 {
		name := "m" + string(rune('0'+i))
		spec.WriteString("  " + name + ":\n    inputs: {x: \"f32[]\", v: \"f32[12]\", c: \"f32[]\"}\n    carry: {a: c}\n    nodes: {y: " + inner + "}\n    update: {a: y * a}\n    output: next(a)\n")
		inner = "{" + name + ": [v, v, a], scan: {dim: 0, last: true}}"
	}
	spec.WriteString("model:\n  nodes:\n    v: arange(12) / 12 + 0.5\n    y: {m5: [v, v, \"1.0\"], scan: {dim: 0, last: true}}\n  outputs: [y]\n")
	p, err := flowrun.Parse("scan.yaml", []byte(spec.String()))
	require.NoError(t, err)
	var plan bytes.Buffer
	require.NoError(t, p.Explain(&plan, flowrun.ExplainOptions{Device: "cpu", Infer: true, Format: "json"}))
	require.Less(t, strings.Count(plan.String(), `"call":`), 1000)
}

// Which of a scan's carries have gradients is found once for each that has one, not once for
// each combination of those of the scans around it: that would take minutes here.
func TestActivityInNestedScansIsFoundInProportion(t *testing.T) {
	const carries, depth = 12, 7
	var spec strings.Builder
	spec.WriteString("flowrun: 1\nmodules:\n  Top:\n    params: {w: {shape: [2, 2, 2, 2, 2, 2, 2], init: 0.5}}\n    output: w\n")
	for d := range depth {
		fmt.Fprintf(&spec, "  m%d:\n    inputs: {x: \"f32[%s]\", c: \"f32[]\"}\n    carry: {", d, strings.TrimSuffix(strings.Repeat("2, ", d), ", "))
		update := ""
		for c := range carries {
			fmt.Fprintf(&spec, "c%d: \"0.0\", ", c)
			if c == 0 {
				update += "c0: c0 + c * y, "
			} else {
				update += fmt.Sprintf("c%d: c%d * 2, ", c, c-1)
			}
		}
		y := "sum(x)"
		if d > 0 {
			y = fmt.Sprintf("{m%d: [x, c11], scan: {dim: 0, last: true}}", d-1)
		}
		fmt.Fprintf(&spec, "}\n    nodes: {y: %s}\n    update: {%s}\n    output: next(c11)\n", y, update)
	}
	fmt.Fprintf(&spec, "model:\n  nodes:\n    w: Top()\n    y: {m%d: [w, \"1.0\"], scan: {dim: 0, last: true}}\n  outputs: [y]\n", depth-1)
	spec.WriteString("train: {loss: square(y - 1), optimizer: {SGD: {lr: 0.1}}, max_steps: 1}\n")
	_, err := flowrun.Parse("scan.yaml", []byte(spec.String()))
	require.NoError(t, err)
}

// What a scan makes of finite numbers is traced to the node, its place, and the first
// position in the order of the scan.
func TestNaNInAScanIsTracedToItsPosition(t *testing.T) {
	const spec = `flowrun: 1
modules:
  cell:
    inputs: {x: "f32[]", w: "f32[]"}
    carry: {h: w}
    nodes: {y: sqrt(h)}
    update: {h: h - x}
    output: y
  top:
    inputs: {x: "f32[n]"}
    params: {w: {shape: [], init: 10.5}}
    nodes: {y: {cell: [x, w], scan: {dim: 0, reverse: REVERSE}}}
    output: y
data: {d: {generate: {x: "ones([LENGTH])"}}}
model: {inputs: {x: "f32[n]"}, nodes: {y: top(x)}, outputs: [y]}
train: {data: d, loss: mean(y), optimizer: {SGD: {lr: 0.1}}, max_steps: 3}
`
	for _, c := range []struct{ length, reverse, op, at, position string }{
		{"300", "false", "sqrt", "scan.yaml:6:16", "11"},
		{"300", "true", "sqrt", "scan.yaml:6:16", "288"},
		{"15", "false", "sqrt", "scan.yaml:6:16", "11"},
		{"40000", "false", "scan_result", "scan.yaml:12:16", ""},
	} {
		p, err := flowrun.Parse("scan.yaml", []byte(strings.NewReplacer("REVERSE", c.reverse, "LENGTH", c.length).Replace(spec)))
		require.NoError(t, err)
		s, err := p.Start(t.Context(), flowrun.On("cpu"))
		require.NoError(t, err)
		summary, err := s.Run(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.Close())
		d := summary.Divergence
		require.NotNil(t, d)
		require.Empty(t, d.Why)
		n := d.Cause.Node
		require.Equal(t, []string{c.op, c.at, c.position}, []string{n.Op.Name, n.Origin.String(), n.Position}, "%+v", c)
	}
}

// Ids that are out of range are errors in scans as they are outside.
func TestIdsOutOfRangeInAScanAreErrors(t *testing.T) {
	p, err := flowrun.Parse("scan.yaml", []byte(`flowrun: 1
modules:
  cell:
    inputs: {id: "i32[batch]", table: "f32[rows, width]"}
    carry: {h: "zeros([batch, width])"}
    update: {h: "h + embedding(id, table)"}
    output: next(h)
model:
  inputs: {ids: "i32[2, 40]"}
  nodes: {y: {cell: [ids, "ones([7, 3])"], scan: 1}}
  outputs: [y]
`))
	require.NoError(t, err)
	ids := ir.NewTensor(ir.Type{DType: ir.I32, Shape: ir.Shape{2, 40}})
	_, err = p.Infer(t.Context(), map[string]*flowrun.Tensor{"ids": ids}, flowrun.On("cpu"))
	require.NoError(t, err)
	ids.SetInt(77, 7)
	_, err = p.Infer(t.Context(), map[string]*flowrun.Tensor{"ids": ids}, flowrun.On("cpu"))
	require.ErrorContains(t, err, "the first is 7 at [1, 37]; embedding (scan.yaml:6:")
}

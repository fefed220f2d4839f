package kernels_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/stretchr/testify/require"
)

// A gradient is a graph of other ops, on shapes and arguments that nobody would write:
// a slice's is a pad, a pad's a slice, a broadcast's a sum. Whatever the shapes, each
// of its nodes is what the reference makes of the same operands, on every device.
func TestGradientsAgreeWithTheReferenceWhateverTheShapes(t *testing.T) {
	names := slices.Sorted(maps.Keys(ir.Ops()))
	for _, d := range devices(t) {
		if runsOtherwise(d) {
			continue // the same launches of the same kernels
		}
		t.Run(d.Name(), func(t *testing.T) {
			for _, name := range names {
				k := floatKernel(load(t), name)
				if ir.LookupOp(name).Grad == nil || k == nil || !matters(t, d, k) {
					continue
				}
				t.Run(name, func(t *testing.T) {
					tryDrawn(t, !fromSource(d), floatTypes(k), name, func(c drawnCall) string {
						n, arrays := nodeOf(t, k, name, c.types, c.opCase)
						return wrongGradient(t, d, n, arrays, c.cotangent)
					})
				})
			}
		})
	}
}

// floatKernel is the kernel that an op has for floats, if it has one.
func floatKernel(m *kernels.Manifest, op string) *kernels.Kernel {
	for _, k := range m.Kernels() {
		if slices.Contains(k.Ops, op) && slices.Contains(k.DTypes["T"], "f32") {
			return k
		}
	}
	return nil
}

// floatTypes are the dtypes that gradients are tried in.
func floatTypes(k *kernels.Kernel) (all []map[string]string) {
	for _, dtype := range []string{"f32", "f32", "f16"} {
		types := map[string]string{}
		for v := range k.DTypes {
			types[v] = "i32" // an index
			if v == "T" || v == "U" {
				types[v] = dtype
			}
		}
		if !slices.ContainsFunc(k.Choices(), func(c map[string]string) bool { return maps.Equal(c, types) }) {
			types["U"] = "f32" // what T is computed in
		}
		all = append(all, types)
	}
	return all
}

// wrongGradient runs the gradients of a node for every operand, and says what is wrong.
func wrongGradient(t *testing.T, d device.Device, n *ir.Node, arrays []*ir.Array, seed uint64) string {
	t.Helper()
	g := gradientOf(t, n)
	values := map[*ir.Node]*ir.Array{}
	for i, in := range n.Inputs {
		values[in] = arrays[i]
	}
	values[g.cotangent] = seeded(seed, n.Type.Shape).tensor(n.Type.DType).Array()
	for _, part := range g.nodes {
		if wrong := runNode(t, d, part, values); wrong != "" {
			return fmt.Sprintf("%s\nin the gradient of %s of %v", wrong, kernelName(n), operandTypes(n))
		}
	}
	return ""
}

// gradient is the graph of an op's gradients.
type gradient struct {
	cotangent *ir.Node
	nodes     []*ir.Node // all that has to be computed, in order
}

// gradientOf differentiates a node. Ops without a kernel are taken apart.
func gradientOf(t *testing.T, n *ir.Node) gradient {
	t.Helper()
	b := ir.NewBuilder(&ir.Graph{})
	g := gradient{cotangent: b.NewState("cotangent", ir.ParamState, n.Type).Read}
	n.Op.Grad(b, n, g.cotangent)
	require.NoError(t, b.Err())
	replaced := map[*ir.Node]*ir.Node{}
	for i := 0; i < len(b.Graph.Nodes); i++ {
		node := b.Graph.Nodes[i]
		for j, in := range node.Inputs {
			if r := replaced[in]; r != nil {
				node.Inputs[j] = r
			}
		}
		if node.Op.Decompose != nil {
			replaced[node] = node.Op.Decompose(b, node)
			continue
		}
		g.nodes = append(g.nodes, node)
	}
	return gradient{g.cotangent, inOrder(append([]*ir.Node{n}, g.nodes...))}
}

// inOrder puts nodes after their operands.
func inOrder(nodes []*ir.Node) (sorted []*ir.Node) {
	done := map[*ir.Node]bool{}
	var visit func(n *ir.Node)
	visit = func(n *ir.Node) {
		if done[n] {
			return
		}
		done[n] = true
		for _, in := range n.Inputs {
			visit(in)
		}
		sorted = append(sorted, n)
	}
	for _, n := range nodes {
		visit(n)
	}
	return sorted
}

// runNode runs a node on a device, keeps what the device gives, and says where that
// isn't the reference's.
func runNode(t *testing.T, d device.Device, n *ir.Node, values map[*ir.Node]*ir.Array) (wrong string) {
	t.Helper()
	if values[n] != nil {
		return ""
	}
	if n.Op == ir.ConstOp {
		values[n] = n.Op.Reference(n, nil)
		return ""
	}
	in := make([]*ir.Array, len(n.Inputs))
	for i, x := range n.Inputs {
		if in[i] = values[x]; in[i] == nil {
			return fmt.Sprintf("%s is used before it is computed", x.Label())
		}
	}
	k, _ := kernelOf(t, n)
	values[n] = launch(t, d, k, n, in)
	return difference(d, n, in, n.Op.Reference(n, in), values[n])
}

package kernels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
)

// compare fails the test at the first element that a device has wrong.
func compare(t *testing.T, d device.Device, number int, n *ir.Node, arrays []*ir.Array, want, got *ir.Array) {
	t.Helper()
	if wrong := difference(d, n, arrays, want, got); wrong != "" {
		t.Errorf("case %d: %s", number, wrong)
	}
}

// difference describes the first element that a device has wrong: the kernel, the
// operands there, both values, and what the tolerance between them is made of.
func difference(d device.Device, n *ir.Node, arrays []*ir.Array, want, got *ir.Array) string {
	op := n.Op.Name
	right := within(d, op, n, arrays, want)
	if flushes(d) {
		right = withinFlushing(d, op, n, arrays, want)
	}
	for i := range want.Len() {
		if !right(got, i) {
			return fmt.Sprintf("kernel %s on %s: element %v of %s\n  got  %v\n  want %v ± %g\n%s  tolerance: %s",
				kernelName(n), d.Name(), indexOf(i, n.Type.Shape), n.Type, got.At(i), want.At(i),
				toleranceOn(d, op, n, arrays, want)(i), operandsAt(n, arrays, i), toleranceSource(d, n))
		}
	}
	return ""
}

// operandTypes are the types of a node's operands.
func operandTypes(n *ir.Node) (types []ir.Type) {
	for _, in := range n.Inputs {
		types = append(types, in.Type)
	}
	return types
}

// kernelName is the kernel that serves a node, and the node's arguments.
func kernelName(n *ir.Node) string {
	var dtypes []string
	for _, in := range n.Inputs {
		dtypes = append(dtypes, in.Type.DType.String())
	}
	name := n.Op.Name
	if m, err := kernels.Load(); err == nil {
		if k := m.Find(name, dtypes, n.Type.DType.String()); k != nil {
			name = k.Name
		}
	}
	if len(n.Attrs) > 0 {
		name += fmt.Sprint(" ", n.Attrs)
	}
	return name
}

// indexOf is the position of element i in a shape.
func indexOf(i int, shape ir.Shape) []int {
	index := make([]int, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		index[d], i = i%shape[d], i/shape[d]
	}
	return index
}

// operandsAt writes a line for each operand: its element at element i of the result,
// where it broadcasts to that, and else its first elements.
func operandsAt(n *ir.Node, arrays []*ir.Array, i int) string {
	var b strings.Builder
	for j, a := range arrays {
		name := fmt.Sprint("input ", j)
		if j < len(n.Op.Params) {
			name = n.Op.Params[min(j, len(n.Op.Params)-1)].Name
		}
		if at, ok := seenAt(a.Type.Shape, n.Type.Shape, i); ok {
			fmt.Fprintf(&b, "  %s%v = %v, of %s\n", name, indexOf(at, a.Type.Shape), a.At(at), a.Type)
			continue
		}
		fmt.Fprintf(&b, "  %s = %s:", name, a.Type)
		for e := range min(a.Len(), 8) {
			fmt.Fprintf(&b, " %v", a.At(e))
		}
		if a.Len() > 8 {
			b.WriteString(" …")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// seenAt is the element of a tensor that broadcasts to element i of a shape; ok is
// false if it doesn't broadcast.
func seenAt(shape, to ir.Shape, i int) (at int, ok bool) {
	lead := len(to) - len(shape)
	if lead < 0 {
		return 0, false
	}
	for d, index := range indexOf(i, to)[lead:] {
		switch shape[d] {
		case to[lead+d]:
			at = at*shape[d] + index
		case 1:
		default:
			return 0, false
		}
	}
	return at, true
}

// toleranceSource says where the tolerance of a node's kernel on a device is declared.
func toleranceSource(d device.Device, n *ir.Node) string {
	if !n.Type.DType.IsFloat() {
		return fmt.Sprintf("none, %s is exact", n.Type.DType)
	}
	source := fmt.Sprintf("ir/ops/%s.go: ", n.Op.Name)
	switch {
	case fromSource(d) && n.Op.Slack != nil:
		source += fmt.Sprintf("ULPs %g, and Slack", n.Op.ULPs)
	case fromSource(d):
		source += fmt.Sprintf("ULPs %g", n.Op.ULPs)
	case n.Op.Slack != nil:
		source += "Slack"
	default:
		source = "none of the op's own"
	}
	return source + "; the rounding of results in kernels/tolerance_test.go"
}

func TestAWrongElementIsShownWithItsOperandsAndItsTolerance(t *testing.T) {
	call := func(op, dtype string, args []any, inputs ...input) (*ir.Node, []*ir.Array, *ir.Array) {
		n, arrays := nodeOf(t, kernel(t, op), op, map[string]string{"T": dtype}, one(args, inputs...))
		want := n.Op.Reference(n, arrays)
		return n, arrays, want
	}
	numbers := func(shape ...int) input {
		return input{shape, func(d ir.DType, i int) any { return float64(i) }}
	}
	d := devices(t)[slices.IndexFunc(devices(t), func(d device.Device) bool { return d.Name() == "cpu" })]

	n, arrays, want := call("add", "f32", nil, numbers(3, 4), numbers(4))
	require.Empty(t, difference(d, n, arrays, want, want))
	got := n.Op.Reference(n, arrays)
	got.F[6] = 7.5
	require.Equal(t, `kernel add on cpu: element [1 2] of f32[3, 4]
  got  7.5
  want 8 ± 9.5367431640625e-07
  a[1 2] = 6, of f32[3, 4]
  b[2] = 2, of f32[4]
  tolerance: none of the op's own; the rounding of results in kernels/tolerance_test.go`, difference(d, n, arrays, want, got))
	require.Contains(t, difference(pretended{d, "cuda"}, n, arrays, want, got), "tolerance: ir/ops/add.go: ULPs 0; the rounding")
	n, arrays, want = call("logsumexp", "f32", list(1), numbers(2, 5))
	got = n.Op.Reference(n, arrays)
	got.F[0] = 0
	require.Contains(t, difference(pretended{d, "cuda"}, n, arrays, want, got), "tolerance: ir/ops/logsumexp.go: ULPs 0, and Slack; the rounding")

	n, arrays, want = call("sum", "f32", list(1), numbers(2, 5))
	got = n.Op.Reference(n, arrays)
	got.F[1] = 0
	require.Contains(t, difference(d, n, arrays, want, got), "  want 35 ± ")
	require.Contains(t, difference(d, n, arrays, want, got), "\n  x = f32[2, 5]: 0 1 2 3 4 5 6 7 …\n")

	n, arrays, want = call("isnan", "f32", nil, numbers(2))
	got = n.Op.Reference(n, arrays)
	got.I[1] = 1
	require.Contains(t, difference(d, n, arrays, want, got), "tolerance: none, bool is exact")
}

// pretended is a device of another kind.
type pretended struct {
	device.Device
	kind string
}

func (p pretended) Info() device.Info { return device.Info{Kind: p.kind, Language: p.kind} }

package lower_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// extremes are numbers that make an operation's rounding hard: NaN, infinities,
// zeros, the ends of each float type's range and what is just beside 1.
var extremes = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, -1, 1.5, -2.5, 0.1, 3,
	0x1p-149, 0x1p-133, 0x1p-126, 0x1.8p-126, 0x1p-24, 0x1.8p-15, 65504, 65520, 0x1.fffffep127, 0x1.fep127, -1e30,
	1 + 0x1p-10, 1 + 0x1p-7, 1 + 0x1p-23, 1e10, 7, 1.0 / 3, 12345.678, -0x1p-1074, 0x1p31, -0x1p63}

func TestFoldedConstantsAreBitIdenticalToKernels(t *testing.T) {
	exact := slices.DeleteFunc(slices.Sorted(maps.Keys(ir.Ops())), func(name string) bool { return !ir.LookupOp(name).Exact })
	require.Greater(t, len(exact), 25)
	for _, d := range []ir.DType{ir.Bool, ir.U8, ir.I32, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64} {
		g := newGraph(t)
		n := len(extremes)
		a, b := ir.NewTensor(ir.Type{DType: d, Shape: ir.Shape{n, n}}), ir.NewTensor(ir.Type{DType: d, Shape: ir.Shape{n, n}})
		for i := range n * n {
			a.SetFloat(i, extremes[i/n])
			b.SetFloat(i, extremes[i%n])
		}
		x, y := g.Const(a), g.Const(b)
		var outputs []string
		add := func(name string, args ...any) {
			node, err := g.Call(ir.LookupOp(name), args)
			if err != nil { // the op doesn't have the dtype
				return
			}
			outputs = append(outputs, node.Call())
			g.output(node.Call(), node)
		}
		for _, name := range exact {
			switch op := ir.LookupOp(name); {
			case op == ir.CastOp:
				for _, to := range ir.DTypeNames() {
					add(name, x, to)
				}
			case name == "where":
				add(name, g.op("lt", x, y), x, y)
			default:
				add(name, []any{x, y}[:tensorsOf(op)]...)
			}
		}
		add("transpose", x)
		add("slice", x, 0, 1, 7, 2)
		add("concat", []any{x, y}, 1)
		require.NoError(t, g.Err())
		computed, folded := g.lowerBy(lower.Options{}), g.lower(lower.Options{})
		require.NotZero(t, folded.Applied["fold"])
		require.Zero(t, folded.Applied["fold-rounded"])
		for _, name := range outputs {
			same(t, g.get(computed, name), g.get(folded, name), d.String()+" "+name)
		}
	}
}

// same compares bit by bit, but for the signs and payloads of NaNs.
func same(t *testing.T, want, got *ir.Tensor, what string) {
	t.Helper()
	require.Equal(t, want.Type, got.Type, what)
	size := want.Type.DType.Size()
	for i := range want.Type.Shape.Numel() {
		if want.Type.DType.IsFloat() && math.IsNaN(want.Float(i)) && math.IsNaN(got.Float(i)) {
			continue
		}
		require.Equal(t, want.Data[i*size:(i+1)*size], got.Data[i*size:(i+1)*size], "%s: element %d: %v and %v",
			what, i, want.Float(i), got.Float(i))
	}
}

func TestFoldingWhatKernelsRoundDifferentlyIsRounding(t *testing.T) {
	g := newGraph(t)
	g.output("exp", g.op("exp", 0.3))
	g.output("sum", g.op("sum", g.op("cast", g.Const(ir.FromInt64(ir.I32, ir.Shape{3}, []int64{1, 2, 3})), "f32")))
	g.output("integers", g.op("sum", g.Const(ir.FromInt64(ir.I32, ir.Shape{3}, []int64{1, 2, 3}))))
	require.Equal(t, map[string]int{"fold": 2, "fold-rounded": 2}, g.lower(lower.Options{}).Applied)
}

func TestFoldingCreatesNoLargerValues(t *testing.T) {
	g := newGraph(t)
	g.output("repeated", g.op("broadcast_to", 1.0, []any{1000, 1000}))
	g.output("outer", g.op("mul", g.Const(ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{100, 1}})),
		g.Const(ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{100}}))))
	g.output("large", g.op("neg", g.Const(ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{10000}}))))
	require.Empty(t, g.lower(lower.Options{}).Applied)
}

func TestRandomDrawsAreNeverFolded(t *testing.T) {
	g := newGraph(t)
	step := g.Const(ir.ScalarTensor(ir.I64, 3))
	g.output("out", g.op("uniform", 0.0, 1.0, []any{1}, "f32", step, 7))
	require.Empty(t, g.lower(lower.Options{}).Applied)
}

// tensorsOf counts the operands that an op requires, up to two.
func tensorsOf(op *ir.Op) (n int) {
	for _, p := range op.Params {
		if p.Kind == ir.KTensor && n < 2 {
			n++
		}
	}
	return n
}

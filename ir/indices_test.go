package ir_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops"
)

// indexed is a node of an op with an operand of indices, which are an input.
func indexed(t *testing.T, ids ir.Type, build func(b *ir.Builder, ids *ir.Node) *ir.Node) *ir.Node {
	b := ir.NewBuilder(&ir.Graph{})
	n := build(b, b.NewState("ids", ir.InputState, ids).Read)
	require.NoError(t, b.Err())
	return n
}

func TestWhatIsOutOfRangeIsCountedAndTheFirstIsNamed(t *testing.T) {
	table := func(rows int) func(b *ir.Builder, ids *ir.Node) *ir.Node {
		return func(b *ir.Builder, ids *ir.Node) *ir.Node {
			return b.Op("embedding", ids, b.Fill(ir.Type{DType: ir.F32, Shape: ir.Shape{rows, 2}}, 1))
		}
	}
	for _, c := range []struct {
		dtype  ir.DType
		shape  ir.Shape
		values []int64
		rows   int
		want   string
	}{
		{ir.I64, ir.Shape{2, 3}, []int64{0, 1, 64, 3, 4, 5}, 65, ""},
		{ir.I64, ir.Shape{2, 3}, []int64{0, 1, 64, 3, 65, -1}, 65, "2 of 6 ids are out of range, the first is 65 at [1, 1]; ids are 0 to 64"},
		{ir.I64, ir.Shape{2}, []int64{1 << 32, -1 << 63}, 1, "2 of 2 ids are out of range, the first is 4294967296 at [0]; ids are 0 to 0"},
		{ir.I32, ir.Shape{}, []int64{-1}, 3, "1 of 1 ids is out of range, the first is -1; ids are 0 to 2"},
		{ir.I32, ir.Shape{1, 2}, []int64{0, 1}, 0, "2 of 2 ids are out of range, the first is 0 at [0, 0]; there are none"},
		{ir.I32, ir.Shape{2, 0}, nil, 3, ""},
	} {
		n := indexed(t, ir.Type{DType: c.dtype, Shape: c.shape}, table(c.rows))
		got := n.OutOfRange(ir.FromInt64(c.dtype, c.shape, c.values))
		if c.want == "" {
			require.Nil(t, got)
			continue
		}
		require.Equal(t, c.want, got.String())
	}
}

func TestEachOpOfIndicesKnowsHowManyThereAre(t *testing.T) {
	x := func(b *ir.Builder, d ir.DType, shape ...int) *ir.Node {
		return b.Fill(ir.Type{DType: d, Shape: shape}, 1)
	}
	ids := ir.Type{DType: ir.I32, Shape: ir.Shape{1, 2}}
	for name, build := range map[string]func(b *ir.Builder, ids *ir.Node) *ir.Node{
		"embedding": func(b *ir.Builder, ids *ir.Node) *ir.Node { return b.Op("embedding", ids, x(b, ir.F32, 5, 2)) },
		"gather":    func(b *ir.Builder, ids *ir.Node) *ir.Node { return b.Op("gather", x(b, ir.F32, 4, 5), -1, ids) },
		"one_hot":   func(b *ir.Builder, ids *ir.Node) *ir.Node { return b.Op("one_hot", ids, 5) },
		"scatter_add": func(b *ir.Builder, ids *ir.Node) *ir.Node {
			return b.Op("scatter_add", x(b, ir.F32, 4, 5), 1, ids, x(b, ir.F32, 1, 2))
		},
		"index_add": func(b *ir.Builder, ids *ir.Node) *ir.Node {
			return b.Op("index_add", x(b, ir.F32, 4, 5), 1, b.Reshape(ids, ir.Shape{2}), x(b, ir.F32, 4, 2))
		},
	} {
		n := indexed(t, ids, build)
		require.Nil(t, n.OutOfRange(ir.FromInt64(ir.I32, ids.Shape, []int64{0, 4})), name)
		got := n.OutOfRange(ir.FromInt64(ir.I32, ids.Shape, []int64{4, 5}))
		require.Equal(t, []any{1, 2, int64(5), 5}, []any{got.Count, got.Total, got.Value, got.Size}, name)
	}
	for name, op := range ir.Ops() {
		for _, p := range op.Params { // kit.Index's mark
			if p.Kind == ir.KTensor && p.Widen {
				require.NotNil(t, op.Indices, "%s has %s", name, p.Name)
				require.Equal(t, p.Name, op.Indices.Param, name)
			}
		}
	}
	require.Nil(t, indexed(t, ids, func(b *ir.Builder, ids *ir.Node) *ir.Node { return ids }).OutOfRange(ir.NewTensor(ids)), "a state")
}

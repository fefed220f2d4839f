package ir_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// bounded builds a graph over the input ids, i64[4, 3], and gives its bounds as texts.
func bounded(t *testing.T, build func(b *ir.Builder, ids *ir.Node)) []string {
	g := &ir.Graph{}
	b := ir.NewBuilder(g)
	build(b, b.NewState("ids", ir.InputState, ir.Type{DType: ir.I64, Shape: ir.Shape{4, 3}}).Read)
	require.NoError(t, b.Err())
	var texts []string
	for _, x := range ir.Bounds(g) {
		text := x.Field + ": " + x.Use()
		if x.Used != nil {
			text += fmt.Sprint(" of ", x.Used)
		}
		texts = append(texts, text)
	}
	return texts
}

// scanned is a scan along the rows of ids that keeps what f gives.
func scanned(f func(b *ir.Builder, row, ids *ir.Node) *ir.Node) func(b *ir.Builder, ids *ir.Node) {
	return func(b *ir.Builder, ids *ir.Node) {
		l := b.BeginScan(4, false)
		l.Keep(f(b, l.Slice(ids, 0), ids), 0)
		l.End()
	}
}

func TestIndicesAreFollowedToWhereTheyComeFrom(t *testing.T) {
	embed := func(b *ir.Builder, ids *ir.Node, rows int) {
		b.Op("embedding", ids, b.Fill(ir.Type{DType: ir.F32, Shape: ir.Shape{rows, 2}}, 1))
	}
	i64 := func(b *ir.Builder, v int) *ir.Node { return b.Scalar(ir.I64, v) }
	for name, c := range map[string]struct {
		build func(b *ir.Builder, ids *ir.Node)
		want  []string
	}{
		"at once": {func(b *ir.Builder, ids *ir.Node) { embed(b, ids, 5) }, []string{"ids: embedding takes 0 to 4"}},
		"twice":   {func(b *ir.Builder, ids *ir.Node) { embed(b, ids, 5); embed(b, ids, 5) }, []string{"ids: embedding takes 0 to 4"}},
		"of two sizes": {func(b *ir.Builder, ids *ir.Node) { embed(b, ids, 5); embed(b, ids, 3) },
			[]string{"ids: embedding takes 0 to 4", "ids: embedding takes 0 to 2"}},
		"of nothing":     {func(b *ir.Builder, ids *ir.Node) { embed(b, ids, 0) }, []string{"ids: embedding takes nothing"}},
		"one_hot":        {func(b *ir.Builder, ids *ir.Node) { b.Op("one_hot", ids, 7) }, []string{"ids: one_hot takes 0 to 6"}},
		"moved and cast": {func(b *ir.Builder, ids *ir.Node) { embed(b, b.Cast(b.Reshape(ids, ir.Shape{12}), ir.I32), 5) }, []string{"ids: embedding takes 0 to 4"}},
		"computed":       {func(b *ir.Builder, ids *ir.Node) { embed(b, b.Op("add", ids, 1), 5) }, nil},
		"limited":        {func(b *ir.Builder, ids *ir.Node) { embed(b, b.Op("maximum", ids, i64(b, 0)), 5) }, nil},
		"masked by something else": {func(b *ir.Builder, ids *ir.Node) {
			embed(b, b.Op("where", b.Op("lt", ids, i64(b, 5)), ids, i64(b, 0)), 5)
		}, nil},
		"ignored": {func(b *ir.Builder, ids *ir.Node) {
			embed(b, b.Op("where", b.Op("ne", ids, i64(b, -100)), ids, i64(b, 0)), 5)
		}, []string{"ids: embedding takes 0 to 4, or -100"}},
		"in a scan": {scanned(func(b *ir.Builder, row, ids *ir.Node) *ir.Node {
			return b.Op("embedding", b.Cast(row, ir.I32), b.Fill(ir.Type{DType: ir.F32, Shape: ir.Shape{6, 2}}, 1))
		}), []string{"ids: embedding takes 0 to 5"}},
		"in a scan in a scan": {scanned(func(b *ir.Builder, row, ids *ir.Node) *ir.Node {
			l := b.BeginScan(3, true)
			l.Keep(b.Op("embedding", l.Slice(row, 0), b.Fill(ir.Type{DType: ir.F32, Shape: ir.Shape{6, 2}}, 1)), 0)
			_, kept := l.End()
			return kept[0]
		}), []string{"ids: embedding takes 0 to 5"}},
		"ignored in a scan": {scanned(func(b *ir.Builder, row, ids *ir.Node) *ir.Node {
			return b.Op("one_hot", b.Op("where", b.Op("ne", row, i64(b, -100)), row, i64(b, 0)), 5)
		}), []string{"ids: one_hot takes 0 to 4, or -100"}},
		"some in a scan": {scanned(func(b *ir.Builder, row, ids *ir.Node) *ir.Node {
			return b.Op("one_hot", b.Op("slice", row, 0, 0, 2), 5)
		}), nil},
		"ignored after casts": {func(b *ir.Builder, ids *ir.Node) {
			narrow := b.Cast(ids, ir.I32)
			embed(b, b.Op("where", b.Op("ne", ids, i64(b, -100)), narrow, b.Scalar(ir.I32, 0)), 5)
		}, []string{"ids: embedding takes 0 to 4, or -100"}},
		"ignored twice": {func(b *ir.Builder, ids *ir.Node) {
			once := b.Op("where", b.Op("eq", i64(b, -1), ids), i64(b, -2), ids)
			embed(b, b.Op("where", b.Op("eq", once, i64(b, -2)), i64(b, 0), once), 5)
		}, []string{"ids: embedding takes 0 to 4, or -2, or -1"}},
		"ignored by what is out of range": {func(b *ir.Builder, ids *ir.Node) {
			embed(b, b.Op("where", b.Op("eq", ids, i64(b, 3)), i64(b, 9), ids), 5)
		}, nil},
		"another is ignored": {func(b *ir.Builder, ids *ir.Node) {
			embed(b, b.Op("where", b.Op("ne", b.Op("flip", ids, []int{0}), i64(b, 3)), ids, i64(b, 0)), 5)
		}, nil},
		"a column": {func(b *ir.Builder, ids *ir.Node) { embed(b, b.Op("slice", ids, 1, 1, 3), 5) },
			[]string{"ids: embedding takes 0 to 4 of [false true true false true true false true true false true true]"}},
		"a column in a border": {func(b *ir.Builder, ids *ir.Node) {
			embed(b, b.Op("pad", b.Op("slice", ids, 1, 1, 2), [][2]int{{0, 0}, {1, 1}}), 5)
		}, []string{"ids: embedding takes 0 to 4 of [false true false false true false false true false false true false]"}},
		"nothing of it": {func(b *ir.Builder, ids *ir.Node) { embed(b, b.Op("slice", ids, 1, 3, 3), 5) }, nil},
		"all of it":     {func(b *ir.Builder, ids *ir.Node) { embed(b, b.Op("slice", ids, 1, 0, 3), 5) }, []string{"ids: embedding takes 0 to 4"}},
		"more paths than can be followed": {func(b *ir.Builder, ids *ir.Node) {
			x := b.Op("slice", ids, 0, 0, 1)
			for range 18 {
				x = b.Op("concat", []any{x, x}, 0)
			}
			embed(b, x, 5)
		}, []string{"ids: embedding takes 0 to 4 of [true true true false false false false false false false false false]"}},
	} {
		require.Equal(t, c.want, bounded(t, c.build), name)
	}
}

func TestAStrayElementIsFoundWhereItCounts(t *testing.T) {
	b := ir.Bound{Size: 5, Except: []int64{-100}, Used: []bool{true, false}}
	for _, d := range []ir.DType{ir.I32, ir.I64} {
		find := func(values ...int64) int { return b.Stray(d, ir.FromInt64(d, ir.Shape{len(values)}, values).Data) }
		require.Equal(t, -1, find())
		require.Equal(t, -1, find(4, 9, -100, -1, 0, 9))
		require.Equal(t, 2, find(4, 9, 5, -1))
		require.Equal(t, 4, find(-100, 9, -100, -1, -1))
	}
	wide := ir.Bound{Size: 300}
	require.Equal(t, -1, wide.Stray(ir.U8, []byte{255, 0}))
	narrow := ir.Bound{Size: 2, Op: "one_hot"}
	ids := ir.FromInt64(ir.U8, ir.Shape{2, 2}, []int64{0, 1, 2, 200})
	require.Equal(t, 2, narrow.Stray(ir.U8, ids.Data))
	require.Equal(t, "2 of 4 values, the first is 2 at [1, 0]; one_hot takes 0 to 1", narrow.Describe(ids, 2))
}

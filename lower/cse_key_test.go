package lower

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// Arguments that differ by as little as there is, one bit of a number, one element of
// a list, keep nodes apart, wherever among the arguments they stand; equal ones don't.
func TestArgumentsThatHardlyDifferKeepNodesApart(t *testing.T) {
	op := ir.LookupOp("sum")
	key := func(attrs []any) string { return string(appendKey(nil, &ir.Node{Op: op, Attrs: attrs}, 0)) }
	for name, kind := range argumentKinds {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.IntRange(1, 4).Draw(t, "arguments")
				attrs, same := make([]any, n), make([]any, n)
				at := rapid.IntRange(0, n-1).Draw(t, "at")
				for i := range attrs {
					k := rapid.SampledFrom(slices.Sorted(maps.Keys(argumentKinds))).Draw(t, "kind")
					if i == at {
						k = name
					}
					attrs[i] = argumentKinds[k].draw(t)
					same[i] = argumentKinds[k].again(attrs[i])
				}
				changed := slices.Clone(same)
				changed[at] = kind.near(t, attrs[at])
				require.Equal(t, key(attrs), key(same))
				require.NotEqual(t, key(attrs), key(changed), "%#v and %#v", attrs, changed)
			})
		})
	}
}

// Where one list ends and the next begins counts too.
func TestListArgumentsAreKeptApart(t *testing.T) {
	op := ir.LookupOp("sum")
	keys := map[string][]any{}
	const l = 'l' / 2 // an int whose byte in a key is that with which a list begins
	for _, attrs := range [][]any{{[]int{1, 2}, []int{3}}, {[]int{1}, []int{2, 3}}, {[]int{1, 2, 3}, []int{}}, {[]int{}, []int{1, 2, 3}},
		{[]int{1, 2, 3}, nil}, {[]int{1, l, 3}, []int{4}}, {[]int{1}, []int{3, l, 4}}} {
		key := string(appendKey(nil, &ir.Node{Op: op, Attrs: attrs}, 0))
		require.Nil(t, keys[key], "%v has the key of %v", attrs, keys[key])
		keys[key] = attrs
	}
}

// argumentKind is a kind of argument: one is drawn, made again, or made almost.
type argumentKind struct {
	draw  func(t *rapid.T) any
	again func(any) any
	near  func(t *rapid.T, v any) any
}

func unchanged(v any) any { return v }

var argumentKinds = map[string]argumentKind{
	"bool": {func(t *rapid.T) any { return rapid.Bool().Draw(t, "bool") }, unchanged, func(_ *rapid.T, v any) any { return !v.(bool) }},
	"int": {func(t *rapid.T) any { return rapid.Int().Draw(t, "int") }, unchanged,
		func(t *rapid.T, v any) any { return v.(int) ^ 1<<rapid.IntRange(0, 63).Draw(t, "bit") }},
	"float": {func(t *rapid.T) any { return rapid.Float64().Draw(t, "float") }, unchanged, nearFloat},
	"dtype": {func(t *rapid.T) any { return ir.DType(rapid.IntRange(1, 7).Draw(t, "dtype")) }, unchanged,
		func(_ *rapid.T, v any) any { return v.(ir.DType)%7 + 1 }},
	"string": {func(t *rapid.T) any { return rapid.String().Draw(t, "string") }, unchanged,
		func(_ *rapid.T, v any) any { return v.(string) + " " }},
	"list": {func(t *rapid.T) any { return rapid.SliceOfN(rapid.Int(), 0, 8).Draw(t, "list") },
		func(v any) any { return slices.Clone(v.([]int)) }, nearList},
	"pairs": {func(t *rapid.T) any { return make([][2]int, rapid.IntRange(1, 8).Draw(t, "pairs")) },
		func(v any) any { return slices.Clone(v.([][2]int)) },
		func(t *rapid.T, v any) any {
			pairs := slices.Clone(v.([][2]int))
			pairs[rapid.IntRange(0, len(pairs)-1).Draw(t, "pair")][rapid.IntRange(0, 1).Draw(t, "side")] = 1
			return pairs
		}},
	"tensor": {drawTensor, func(v any) any { return &ir.Tensor{Type: v.(*ir.Tensor).Type, Data: slices.Clone(v.(*ir.Tensor).Data)} }, nearTensor},
}

// nearFloat is a neighbour of a number, or zero with the other sign.
func nearFloat(t *rapid.T, v any) any {
	x := v.(float64)
	if x == 0 && rapid.Bool().Draw(t, "sign") {
		return math.Copysign(0, -math.Copysign(1, x))
	}
	return math.Nextafter(x, math.Inf(1-2*rapid.IntRange(0, 1).Draw(t, "down")))
}

// nearList changes an element by 1, leaves the last out, or adds one.
func nearList(t *rapid.T, v any) any {
	list := slices.Clone(v.([]int))
	switch i := rapid.IntRange(-2, len(list)-1).Draw(t, "change"); {
	case i >= 0:
		list[i] ^= 1
	case i == -1 && len(list) > 0:
		list = list[:len(list)-1]
	default:
		list = append(list, 0)
	}
	return list
}

func drawTensor(t *rapid.T) any {
	dtype := ir.DType(rapid.IntRange(1, 7).Draw(t, "dtype"))
	tensor := ir.NewTensor(ir.Type{DType: dtype, Shape: rapid.SliceOfN(rapid.SampledFrom([]int{1, 2, 5, 9, 40}), 0, 2).Draw(t, "shape")})
	copy(tensor.Data, rapid.SliceOfN(rapid.Byte(), 0, len(tensor.Data)).Draw(t, "data"))
	return tensor
}

// nearTensor changes one bit of the data, or the shape around the same.
func nearTensor(t *rapid.T, v any) any {
	was := v.(*ir.Tensor)
	tensor := &ir.Tensor{Type: was.Type, Data: slices.Clone(was.Data)}
	if rapid.IntRange(0, 3).Draw(t, "shape") == 0 {
		tensor.Type.Shape = append(slices.Clone(was.Type.Shape), 1)
		return tensor
	}
	at := rapid.SampledFrom([]int{0, len(tensor.Data) - 1, rapid.IntRange(0, len(tensor.Data)-1).Draw(t, "byte")}).Draw(t, "at")
	tensor.Data[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	return tensor
}

package ir

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// converters bring compile-time arguments into the Go type of their kind. They give
// nil for an argument of another kind.
var converters = map[ParamKind]func(p Param, arg any) (any, error){
	KInt: exactly[int], KFloat: toFloat, KBool: exactly[bool], KNumber: toNumber, KString: toString,
	KDType: toDType, KInts: toInts, KDims: toDims, KFloats: toFloats, KPairs: toPairs, KPadding: toPadding, KWord: toWord, KTensorValue: exactly[*Tensor], KBody: exactly[*Body],
}

func convert(p Param, arg any) (any, error) {
	v, err := converters[p.Kind](p, arg)
	if v == nil && err == nil {
		err = Argf(p.Name, "%s must be %s, got %s", p.Name, withArticle(p.Kind.String()), Describe(arg))
	}
	return v, err
}

func exactly[T any](_ Param, arg any) (any, error) {
	if _, ok := arg.(T); ok {
		return arg, nil
	}
	return nil, nil
}

func toFloat(_ Param, arg any) (any, error) {
	switch v := arg.(type) {
	case float64:
		return v, nil
	case int:
		return float64(v), nil
	}
	return nil, nil
}

func toFloats(p Param, arg any) (any, error) {
	if v, ok := arg.([]float64); ok {
		return v, nil
	}
	list, ok := arg.([]any)
	if !ok {
		list = []any{arg}
	}
	floats := make([]float64, len(list))
	for i, item := range list {
		v, _ := toFloat(p, item)
		if floats[i], ok = v.(float64); !ok {
			return nil, nil
		}
	}
	return floats, nil
}

func toNumber(_ Param, arg any) (any, error) {
	switch arg.(type) {
	case int, float64, bool:
		return arg, nil
	}
	return nil, nil
}

func toString(p Param, arg any) (any, error) {
	v, ok := arg.(string)
	switch {
	case !ok:
		return nil, nil
	case p.Enum != nil && !slices.Contains(p.Enum, v):
		return nil, Argf(p.Name, "%[1]s must be one of %[3]s, not %[2]q", p.Name, v, strings.Join(p.Enum, ", "))
	}
	return v, nil
}

func toDType(p Param, arg any) (any, error) {
	switch v := arg.(type) {
	case DType:
		return v, nil
	case string:
		if d, ok := ParseDType(v); ok {
			return d, nil
		}
		return nil, &ArgError{Param: p.Name, Msg: fmt.Sprintf("unknown dtype %q", v),
			Help: "the dtypes are " + strings.Join(DTypeNames(), ", ")}
	}
	return nil, nil
}

func toDims(p Param, arg any) (any, error) {
	switch v := arg.(type) {
	case nil:
		return []int(nil), nil
	case int:
		return []int{v}, nil
	}
	return toInts(p, arg)
}

func toPadding(p Param, arg any) (any, error) {
	if _, ok := arg.(string); ok {
		return toString(p, arg)
	}
	return toDims(p, arg)
}

func toWord(p Param, arg any) (any, error) {
	if _, ok := arg.(string); ok {
		return toString(p, arg)
	}
	return toNumber(p, arg)
}

func toInts(p Param, arg any) (any, error) {
	if v, ok := arg.([]int); ok {
		return v, nil
	}
	list, ok := arg.([]any)
	if !ok {
		return nil, nil
	}
	ints := make([]int, len(list))
	for i, item := range list {
		if item == nil && p.Keeps {
			ints[i] = Kept
		} else if ints[i], ok = item.(int); !ok {
			return nil, &ArgError{Param: p.Name, Index: i,
				Msg: fmt.Sprintf("%s must be a list of ints; element %d is %s", p.Name, i, Describe(item))}
		}
	}
	return ints, nil
}

func toPairs(p Param, arg any) (any, error) {
	switch arg.(type) {
	case [][2]int, []int:
		return arg, nil
	}
	list, ok := arg.([]any)
	if !ok {
		return nil, nil
	}
	if len(list) > 0 {
		if _, flat := list[0].(int); flat {
			return toInts(p, arg)
		}
	}
	pairs := make([][2]int, len(list))
	for i, item := range list {
		wrong := func(v any) error {
			return &ArgError{Param: p.Name, Index: i,
				Msg: fmt.Sprintf("element %d of %s must be a pair of ints, got %s", i, p.Name, Describe(v))}
		}
		pair, ok := item.([]any)
		if !ok || len(pair) != 2 {
			return nil, wrong(item)
		}
		for j, v := range pair {
			if pairs[i][j], ok = v.(int); !ok {
				return nil, wrong(v)
			}
		}
	}
	return pairs, nil
}

// Describe names a value for messages: "f32[1, 8]" for a node, "the int 3".
func Describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case *Node:
		return v.Type.String()
	case int:
		return fmt.Sprintf("the int %d", v)
	case float64:
		return fmt.Sprintf("the float %v", v)
	case bool:
		return fmt.Sprintf("the bool %v", v)
	case string:
		return "the string " + diag.Quote(v)
	case DType:
		return fmt.Sprintf("the dtype %s", v)
	case []any:
		return fmt.Sprintf("a list of %s", diag.Count(len(v), "element"))
	}
	return fmt.Sprintf("%v", v)
}

func withArticle(kind string) string {
	if strings.HasPrefix(kind, "i") { // int
		return "an " + kind
	}
	return "a " + kind
}

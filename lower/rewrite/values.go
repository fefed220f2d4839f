package rewrite

import (
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Values are what conditions and the arguments of replacements are made of:
// what the pattern has bound, constants, and functions of both.

// value computes a value of a match. It is called with nil for constants.
type value func(m *Match) any

// kind is the type of a value.
type kind uint8

const (
	other kind = iota
	aNode
	aBool
	anInt
	aFloat
	aNumber // int, float64 or bool, as an op was given it
	aString
	aDType
	someInts
	somePairs
)

var kinds = [...]string{"a value that rewrites can't use", "a node", "a bool", "an int", "a float", "a number", "a string", "a dtype",
	"a list of ints", "a list of pairs"}

func (k kind) String() string { return kinds[k] }

// kindOf is the kind of an op's argument.
var kindOf = map[ir.ParamKind]kind{
	ir.KInt: anInt, ir.KFloat: aFloat, ir.KBool: aBool, ir.KNumber: aNumber, ir.KString: aString,
	ir.KDType: aDType, ir.KInts: someInts, ir.KDims: someInts, ir.KPairs: somePairs,
}

// fits reports whether a value may be given for an op's argument.
func (k kind) fits(param ir.ParamKind) bool {
	switch param {
	case ir.KFloat:
		return k == aFloat || k == anInt
	case ir.KNumber:
		return k == aNumber || k == aFloat || k == anInt || k == aBool
	case ir.KDType:
		return k == aDType || k == aString
	case ir.KDims:
		return k == someInts || k == anInt
	}
	return k != other && k == kindOf[param]
}

// function computes a value. Operators are functions under the names of their ops.
type function struct {
	params []kind
	result kind
	call   func(m *Match, args []any) any
}

var functions = map[string]function{
	// Of nodes.
	"shape":    {[]kind{aNode}, someInts, func(_ *Match, a []any) any { return []int(typeOf(a[0]).Shape) }},
	"dtype":    {[]kind{aNode}, aDType, func(_ *Match, a []any) any { return typeOf(a[0]).DType }},
	"rank":     {[]kind{aNode}, anInt, func(_ *Match, a []any) any { return len(typeOf(a[0]).Shape) }},
	"numel":    {[]kind{aNode}, anInt, func(_ *Match, a []any) any { return typeOf(a[0]).Shape.Numel() }},
	"uses":     {[]kind{aNode}, anInt, func(m *Match, a []any) any { return m.graph.Uses(a[0].(*ir.Node)) }},
	"is_int":   {[]kind{aNode}, aBool, func(_ *Match, a []any) any { return typeOf(a[0]).DType.IsInt() }},
	"is_float": {[]kind{aNode}, aBool, func(_ *Match, a []any) any { return typeOf(a[0]).DType.IsFloat() }},
	"is_const": {[]kind{aNode}, aBool, func(_ *Match, a []any) any { return a[0].(*ir.Node).Op == ir.ConstOp }},
	"normal_product": {[]kind{aNode, aNode}, aBool, func(_ *Match, a []any) any {
		return normalConsts(a[0].(*ir.Node), a[1].(*ir.Node), func(x, y float64) float64 { return x * y })
	}},
	"normal_quotient": {[]kind{aNode, aNode}, aBool, func(_ *Match, a []any) any {
		return normalConsts(a[0].(*ir.Node), a[1].(*ir.Node), func(x, y float64) float64 { return x / y })
	}},
	"meet": {[]kind{aNode, aNode}, someInts, func(_ *Match, a []any) any {
		s, _ := ir.Broadcast(typeOf(a[0]).Shape, typeOf(a[1]).Shape)
		return []int(s)
	}},

	// Of dtypes, dims and permutations.
	"holds": {[]kind{aDType, aDType}, aBool, func(_ *Match, a []any) any { return holds(a[0].(ir.DType), a[1].(ir.DType)) }},
	"swaps_last": {[]kind{someInts}, aBool, func(_ *Match, a []any) any {
		p := a[0].([]int)
		r := len(p)
		return r >= 2 && inOrder(p[:r-2]) && p[r-2] == r-1 && p[r-1] == r-2
	}},
	"in_order": {[]kind{someInts}, aBool, func(_ *Match, a []any) any { return inOrder(a[0].([]int)) }},
	"is_nothing": {[]kind{somePairs}, aBool, func(_ *Match, a []any) any {
		return !slices.ContainsFunc(a[0].([][2]int), func(p [2]int) bool { return p != [2]int{} })
	}},
	"compose": {[]kind{someInts, someInts}, someInts, func(_ *Match, a []any) any { return compose(a[0].([]int), a[1].([]int)) }},
	"large_in_order": {[]kind{aNode, someInts}, aBool, func(_ *Match, a []any) any {
		return largeInOrder(typeOf(a[0]).Shape, a[1].([]int))
	}},

	// Operators.
	"logical_not": {[]kind{aBool}, aBool, func(_ *Match, a []any) any { return !a[0].(bool) }},
	"neg":         {[]kind{anInt}, anInt, func(_ *Match, a []any) any { return -a[0].(int) }},
	"add":         ints(func(a, b int) int { return a + b }),
	"sub":         ints(func(a, b int) int { return a - b }),
	"mul":         ints(func(a, b int) int { return a * b }),
	"lt":          compareInts(func(a, b int) bool { return a < b }),
	"le":          compareInts(func(a, b int) bool { return a <= b }),
	"gt":          compareInts(func(a, b int) bool { return a > b }),
	"ge":          compareInts(func(a, b int) bool { return a >= b }),
}

func ints(f func(a, b int) int) function {
	return function{[]kind{anInt, anInt}, anInt, func(_ *Match, a []any) any { return f(a[0].(int), a[1].(int)) }}
}

func compareInts(f func(a, b int) bool) function {
	return function{[]kind{anInt, anInt}, aBool, func(_ *Match, a []any) any { return f(a[0].(int), a[1].(int)) }}
}

func typeOf(n any) ir.Type { return n.(*ir.Node).Type }

// value checks an expression over what the pattern has bound.
func (c *checker) value(s *syntax) (value, kind, error) {
	switch s.kind {
	case isLiteral:
		return constant(s.value), literalKind(s.value), nil
	case isName:
		i := c.find(s.name)
		switch {
		case i < 0:
			return nil, 0, s.faultf("%s is not bound by the pattern", s.name)
		case c.slots[i].kind == aNode:
			return func(m *Match) any { return m.nodes[i] }, aNode, nil
		}
		return func(m *Match) any { return m.attrs[i] }, c.slots[i].kind, nil
	case isList:
		list := make([]int, len(s.args))
		for i, item := range s.args {
			v, ok := item.value.(int)
			if !ok || item.kind != isLiteral {
				return nil, 0, item.faultf("a list in a rewrite has ints only")
			}
			list[i] = v
		}
		return constant(list), someInts, nil
	}
	switch s.name {
	case "logical_and", "logical_or":
		return c.junction(s)
	case "eq", "ne":
		return c.equality(s)
	}
	return c.function(s)
}

func literalKind(v any) kind {
	switch v.(type) {
	case bool:
		return aBool
	case string:
		return aString
	case int:
		return anInt
	}
	return aFloat
}

func constant(v any) value { return func(*Match) any { return v } }

// function checks a call.
func (c *checker) function(s *syntax) (value, kind, error) {
	f, ok := functions[s.name]
	switch {
	case !ok:
		return nil, 0, s.faultf("there is no function %s for conditions and arguments", s.name)
	case len(s.named) > 0:
		return nil, 0, s.faultf("%s takes no named arguments", s.name)
	case len(s.args) != len(f.params):
		return nil, 0, s.faultf("%s takes %s, got %d", s.name, diag.Count(len(f.params), "argument"), len(s.args))
	}
	args := make([]value, len(s.args))
	for i, a := range s.args {
		v, k, err := c.value(a)
		if err != nil {
			return nil, 0, err
		}
		if k == aString && f.params[i] == aDType {
			if v, k, err = toDType(a); err != nil {
				return nil, 0, err
			}
		}
		if k != f.params[i] {
			return nil, 0, a.faultf("%s takes %s here, not %s", s.name, f.params[i], k)
		}
		args[i] = v
	}
	return func(m *Match) any {
		var values [2]any
		for i, a := range args {
			values[i] = a(m)
		}
		return f.call(m, values[:len(args)])
	}, f.result, nil
}

// operands checks both sides of an operator.
func (c *checker) operands(s *syntax) (x, y value, kx, ky kind, err error) {
	if len(s.args) != 2 || len(s.named) > 0 {
		return nil, nil, 0, 0, s.faultf("%s takes 2 arguments", s.name)
	}
	if x, kx, err = c.value(s.args[0]); err == nil {
		y, ky, err = c.value(s.args[1])
	}
	return x, y, kx, ky, err
}

// junction checks "and" and "or", which evaluate their right side only if they must.
func (c *checker) junction(s *syntax) (value, kind, error) {
	x, y, kx, ky, err := c.operands(s)
	if err == nil && (kx != aBool || ky != aBool) {
		err = s.faultf("and, or join bools, not %s and %s", kx, ky)
	}
	decides := s.name == "logical_or"
	return func(m *Match) any {
		if x(m).(bool) == decides {
			return decides
		}
		return y(m)
	}, aBool, err
}

// equality checks == and != of values of one kind.
func (c *checker) equality(s *syntax) (value, kind, error) {
	x, y, kx, ky, err := c.operands(s)
	if err == nil && kx == aDType && ky == aString {
		y, ky, err = toDType(s.args[1])
	}
	if err == nil && (kx != ky || kx == other) {
		err = s.faultf("%s and %s can't be compared", kx, ky)
	}
	equal := s.name == "eq"
	return func(m *Match) any {
		a, b := x(m), y(m)
		if kx == someInts {
			return slices.Equal(a.([]int), b.([]int)) == equal
		}
		return equalValues(a, b) == equal
	}, aBool, err
}

// toDType reads the name of a dtype.
func toDType(s *syntax) (value, kind, error) {
	d, ok := ir.ParseDType(fmt.Sprint(s.value))
	if !ok {
		return nil, 0, s.faultf("there is no dtype %v", s.value)
	}
	return constant(d), aDType, nil
}

// holds reports whether d has all values of from.
func holds(d, from ir.DType) bool {
	switch {
	case d == from:
		return true
	case from == ir.Bool:
		return true
	case from == ir.U8: // f16 has the integers up to 2048, bf16 up to 256
		return d != ir.Bool
	case from == ir.I32:
		return d == ir.I64 || d == ir.F64
	case from == ir.F16, from == ir.BF16:
		return d == ir.F32 || d == ir.F64
	case from == ir.F32:
		return d == ir.F64
	}
	return false
}

func inOrder(p []int) bool {
	for i, d := range p {
		if d != i {
			return false
		}
	}
	return true
}

// compose is the permutation that does p, then q.
func compose(p, q []int) []int {
	r := make([]int, len(q))
	for i, d := range q {
		if d >= len(p) {
			return nil
		}
		r[i] = p[d]
	}
	return r
}

// largeInOrder reports whether a permutation moves only dims of size 1.
func largeInOrder(s ir.Shape, p []int) bool {
	last := -1
	for _, d := range p {
		if d >= len(s) || s[d] == 1 {
			continue
		}
		if d < last {
			return false
		}
		last = d
	}
	return true
}

// normalConsts reports whether combining two constants gives normal numbers of
// their dtype: neither infinite, nor so small that digits are lost.
func normalConsts(x, y *ir.Node, f func(x, y float64) float64) bool {
	if x.Op != ir.ConstOp || y.Op != ir.ConstOp || !x.Type.DType.IsFloat() || x.Type.DType != y.Type.DType {
		return false
	}
	a, b := x.Attr("value").(*ir.Tensor), y.Attr("value").(*ir.Tensor)
	n, m := a.Type.Shape.Numel(), b.Type.Shape.Numel()
	if n != 1 && m != 1 || n > maxCombined || m > maxCombined {
		return false
	}
	low, high := normalRange(x.Type.DType)
	for i := range n {
		for j := range m {
			if v := math.Abs(f(a.Float(i), b.Float(j))); !(v >= low && v <= high) {
				return false
			}
		}
	}
	return true
}

// maxCombined bounds the constants that normalConsts looks at.
const maxCombined = 1024

// normalRange is the least and the largest normal number.
func normalRange(d ir.DType) (low, high float64) {
	switch d {
	case ir.F16:
		return 0x1p-14, 65504
	case ir.BF16:
		return 0x1p-126, 0x1.fep127
	case ir.F32:
		return 0x1p-126, math.MaxFloat32
	}
	return 0x1p-1022, math.MaxFloat64
}

package kernels

import (
	"fmt"
	"math/bits"
	"slices"
)

// functions are what the manifest's expressions can call; kernels.yaml says what
// each gives. A list is a shape, or something else with an int per dimension;
// dims are one int or several, not negative.
//
// What doesn't fit they report by panicking, which expr makes an error of, with
// the position in the expression.
var functions = map[string]func(arguments) any{
	"numel":     func(a arguments) any { return Numel(a.list(0)) },
	"rank":      func(a arguments) any { return len(a.list(0)) },
	"ceil_div":  func(a arguments) any { return (a.int(0) + a.int(1) - 1) / a.int(1) },
	"team_of":   func(a arguments) any { return teamOf(a.int(0), a.int(1)) },
	"size":      func(a arguments) any { return a.list(0)[a.dim(0, 1)] },
	"stride":    func(a arguments) any { return Numel(a.list(0)[a.dim(0, 1)+1:]) },
	"total":     total,
	"lead":      func(a arguments) any { s := a.list(0); return s[:max(0, len(s)-a.int(1))] },
	"tail":      func(a arguments) any { s := a.list(0); return s[max(0, len(s)-a.int(1)):] },
	"strides":   func(a arguments) any { return strides(a.list(0)) },
	"broadcast": func(a arguments) any { return spread(strides(a.list(0)), a.list(0), a.list(1)) },
	"spread":    func(a arguments) any { return spread(a.list(0), a.list(1), a.list(2)) },
	"last":      last,
	"pick":      pick,
	"drop":      drop,
	"scaled":    scaled,
	"every":     every,

	"log2":          func(a arguments) any { return bits.Len(uint(max(1, a.int(0)) - 1)) },
	"power_of_two":  func(a arguments) any { return 1 << bits.Len(uint(max(1, a.int(0))-1)) },
	"position":      position,
	"sort_launches": sortLaunches,
}

// arguments are those of a call.
type arguments []any

func (a arguments) at(i int) any {
	if i >= len(a) {
		panic(fmt.Sprintf("argument %d is missing", i+1))
	}
	return a[i]
}

func (a arguments) int(i int) int {
	v, ok := a.at(i).(int)
	if !ok {
		panic(fmt.Sprintf("argument %d must be an int, got %v (%T)", i+1, a[i], a[i]))
	}
	return v
}

func (a arguments) list(i int) []int {
	v, ok := a.at(i).([]int)
	if !ok {
		panic(fmt.Sprintf("argument %d must be a shape or a list of ints, got %v (%T)", i+1, a[i], a[i]))
	}
	return v
}

// dim reads a dimension of argument list, which counts from the end if it is
// negative.
func (a arguments) dim(list, i int) int {
	n, d := len(a.list(list)), a.int(i)
	if d < -n || d >= n {
		panic(fmt.Sprintf("dim %d is out of range for a shape of %d dimensions", d, n))
	}
	return (d + n) % n
}

// dims reads one dimension of argument list, or several.
func (a arguments) dims(list, i int) []int {
	if _, ok := a.at(i).(int); ok {
		return []int{a.dim(list, i)}
	}
	dims := a.list(i)
	for _, d := range dims {
		if d < 0 || d >= len(a.list(list)) {
			panic(fmt.Sprintf("dim %d is out of range for a shape of %d dimensions", d, len(a.list(list))))
		}
	}
	return dims
}

// pick gives the elements of a list at dims, in their order.
func pick(a arguments) any {
	list, dims := a.list(0), a.dims(0, 1)
	picked := make([]int, len(dims))
	for i, d := range dims {
		picked[i] = list[d]
	}
	return picked
}

// drop gives a list without the elements at dims.
func drop(a arguments) any {
	dims := a.dims(0, 1)
	var rest []int
	for i, v := range a.list(0) {
		if !slices.Contains(dims, i) {
			rest = append(rest, v)
		}
	}
	return rest
}

// scaled gives a list whose elements at dims are multiplied by a factor.
func scaled(a arguments) any {
	list := slices.Clone(a.list(0))
	for _, d := range a.dims(0, 1) {
		list[d] *= a.int(2)
	}
	return list
}

// last gives the offset of the last element along dims of a dense tensor.
func last(a arguments) any {
	shape, own, at := a.list(0), strides(a.list(0)), 0
	for _, d := range a.dims(0, 1) {
		at += (shape[d] - 1) * own[d]
	}
	return at
}

// every gives the elements of a list that are n apart, from the first on.
func every(a arguments) any {
	list, n := a.list(0), a.int(1)
	var some []int
	for i := 0; i < len(list); i += n {
		some = append(some, list[i])
	}
	return some
}

// total adds the sizes of several shapes in a dimension.
func total(a arguments) any {
	shapes, ok := a.at(0).([][]int)
	if !ok {
		panic(fmt.Sprintf("argument 1 must be shapes, got %v (%T)", a[0], a[0]))
	}
	sum := 0
	for _, s := range shapes {
		sum += s[arguments{s, a.at(1)}.dim(0, 1)]
	}
	return sum
}

// position tells where a value is in a list.
func position(a arguments) any {
	list, _ := a.at(0).([]any)
	i := slices.Index(list, a.at(1))
	if i < 0 {
		panic(fmt.Sprintf("%v is not in %v", a.at(1), a.at(0)))
	}
	return i
}

// sortLaunches is in how many launches a bitonic network sorts rows of 2^levels elements
// if a group sorts 2^block by itself: the first takes all levels that fit. Of each level
// beyond, a launch takes one step after the other until the last ones fit, which are one
// launch.
func sortLaunches(a arguments) any {
	beyond := max(0, a.int(0)-a.int(1))
	return 1 + beyond*(beyond+3)/2
}

// teamOf is how many work-items share a row of n elements: a power of two, each
// with some eight elements, at most a group.
func teamOf(n, group int) int {
	size := 1
	for size < group && size*8 < n {
		size *= 2
	}
	return size
}

// strides gives the distance in elements between neighbours in each dimension.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// spread gives the strides of a tensor as they are in a larger shape, to which it
// broadcasts: 0 where it repeats.
func spread(strides, shape, larger []int) []int {
	lead := len(larger) - len(shape)
	if lead < 0 || len(strides) != len(shape) {
		panic(fmt.Sprintf("the shape %v doesn't broadcast to %v", shape, larger))
	}
	s := make([]int, len(larger))
	for i, n := range shape {
		switch {
		case n == larger[lead+i]:
			s[lead+i] = strides[i]
		case n != 1:
			panic(fmt.Sprintf("the shape %v doesn't broadcast to %v", shape, larger))
		}
	}
	return s
}

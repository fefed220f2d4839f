package kernels_test

import (
	"math"
	"slices"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// opCase is a call of an op: its tensors, and its arguments around them.
type opCase struct {
	inputs []input
	args   func(x []*ir.Node, out ir.DType) []any
}

// input is a tensor to be made in some dtype.
type input struct {
	shape  ir.Shape
	values func(d ir.DType, i int) any // element i: a float64, or an int64 for integers and bools
}

func (in input) tensor(d ir.DType) *ir.Tensor {
	a := ir.NewArray(ir.Type{DType: d, Shape: in.shape})
	for i := range a.Len() {
		switch v := in.values(d, i).(type) {
		case float64:
			a.F[i] = v
		case int64:
			a.I[i] = v
		}
	}
	return a.Tensor()
}

// mix is a random number of a seed and an index: SplitMix64's finaliser.
func mix(seed uint64, i int) uint64 {
	z := seed*0x9e3779b97f4a7c15 + uint64(i)*0xd1342543de82ef95
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// plain are random numbers from -3 to 3, integers from -9 to 9, or all of u8 or bool.
func plain(shape ...int) input { return seeded(1, shape) }

func seeded(seed uint64, shape ir.Shape) input {
	return input{shape, func(d ir.DType, i int) any {
		r := mix(seed, i)
		switch {
		case d == ir.Bool:
			return int64(r % 2)
		case d == ir.U8:
			return int64(r % 256)
		case d.IsInt():
			return int64(r%19) - 9
		}
		return float64(r>>11)*0x6p-53 - 3
	}}
}

// indices are integers from 0 to n-1, and with bad set some beyond either end.
func indices(n int, bad bool, shape ...int) input {
	return input{shape, func(d ir.DType, i int) any {
		r := mix(3, i)
		if bad && r%4 == 0 {
			return []int64{-1, int64(n), math.MinInt32, math.MaxInt32}[r>>8%4]
		}
		return int64(r >> 8 % uint64(n))
	}}
}

// special holds the values at which functions go wrong: as a vector, or as a
// column against which a row meets each with each.
func special(shape ...int) input {
	return input{shape, func(d ir.DType, i int) any {
		v := specials(d)
		return v[i%len(v)]
	}}
}

func specials(d ir.DType) []any {
	var all []any
	if d == ir.Bool {
		return []any{int64(0), int64(1)}
	}
	if d == ir.U8 {
		return []any{int64(0), int64(1), int64(2), int64(3), int64(7), int64(31), int64(100), int64(127), int64(128), int64(254), int64(255)}
	}
	if d.IsInt() {
		top := int64(math.MaxInt32)
		if d == ir.I64 {
			top = math.MaxInt64
		}
		for _, v := range []int64{0, 1, -1, 2, -2, 3, 7, -7, 31, 100, top, top - 1, -top, -top - 1} {
			all = append(all, v)
		}
		return all
	}
	u, tiny := unit(d)
	large := map[ir.DType]float64{ir.F16: 65504, ir.BF16: 0x1.fep127, ir.F32: math.MaxFloat32, ir.F64: math.MaxFloat64}[d]
	for _, v := range []float64{0, 1, 0.5, 1.5, 2, 2.5, 3, 0.1, 1e-3, 10, 17.5, 30, 88, 88.8, 104, 710,
		1 + 2*u, 1 - u, tiny, 5 * tiny, tiny / u, large, large / 3, math.Inf(1)} {
		all = append(all, v, -v)
	}
	all[1] = math.Copysign(0, -1)
	return append(all, math.NaN())
}

const nSpecials = 49 // of a floating dtype

// Arguments: the tensors alone, or the tensors and then constants.
func with(args ...any) func([]*ir.Node, ir.DType) []any {
	return func(x []*ir.Node, _ ir.DType) []any {
		var all []any
		for _, n := range x {
			all = append(all, n)
		}
		return append(all, args...)
	}
}

// shapes of elementwise cases: empty, scalar, one, odd, many.
var shapes = []ir.Shape{{0}, {3, 0, 2}, {}, {1}, {7}, {3, 5}, {17, 33}, {2, 3, 4, 5}}

func unaryCases(args ...any) []opCase {
	cases := []opCase{{[]input{special(nSpecials)}, with(args...)}}
	for _, s := range shapes {
		cases = append(cases, opCase{[]input{plain(s...)}, with(args...)})
	}
	return cases
}

func binaryCases() []opCase {
	pairs := [][2]ir.Shape{{{3, 5}, {5}}, {{3, 5}, {3, 1}}, {{}, {3, 5}}, {{3, 5}, {}}, {{2, 1, 4}, {3, 1}}, {{1}, {0}},
		{{4, 1, 3, 1, 2}, {5, 1, 6, 1}}, {{1, 1}, {1}}, {{2, 3, 4}, {1, 3, 1}}, {{5, 1}, {1, 7}}}
	for _, s := range shapes {
		pairs = append(pairs, [2]ir.Shape{s, s})
	}
	cases := []opCase{
		{[]input{special(nSpecials, 1), special(nSpecials)}, with()},
		{[]input{special(nSpecials), special(nSpecials)}, with()},
	}
	for _, p := range pairs {
		cases = append(cases, opCase{[]input{seeded(1, p[0]), seeded(2, p[1])}, with()})
	}
	return cases
}

// reduceCases are over one dim, several, and all, with and without keepdim.
// nonempty leaves out those that reduce nothing to something; with explicit the
// dims can't be left out.
func reduceCases(nonempty, explicit bool) []opCase {
	var cases []opCase
	add := func(in input, args ...any) { cases = append(cases, opCase{[]input{in}, with(args...)}) }
	for _, s := range []ir.Shape{{1}, {7}, {3, 5}, {17, 33}, {600}, {5, 300}, {300, 5}} {
		all := []int{0, 1}[:len(s)]
		add(plain(s...), all)
		add(plain(s...), all, true)
	}
	if !explicit {
		for _, s := range []ir.Shape{{}, {1}, {3, 5}} {
			add(plain(s...))
			add(plain(s...), nil, true)
		}
	}
	for _, dims := range [][]int{{0}, {1}, {2}, {3}, {0, 1}, {0, 2}, {1, 3}, {0, 2, 3}, {0, 1, 2}, {0, 1, 2, 3}, {-1}} {
		add(plain(2, 3, 4, 5), dims)
		add(plain(2, 3, 4, 5), dims, true)
		add(plain(2, 1, 4, 1), dims)
	}
	add(plain(2, 0, 3), []int{0})
	add(plain(3, 0), []int{0})
	if !nonempty {
		add(plain(3, 0), []int{1})
		add(plain(0), []int{0})
	}
	// Values that can't be summed in any order alike: one to a row.
	add(special(nSpecials, 1), []int{1})
	add(special(1, nSpecials), []int{0})
	return cases
}

func rowCases() []opCase {
	var cases []opCase
	for _, c := range []struct {
		shape ir.Shape
		dim   int
	}{{ir.Shape{1}, 0}, {ir.Shape{7}, 0}, {ir.Shape{3, 5}, 0}, {ir.Shape{3, 5}, -1}, {ir.Shape{2, 300}, 1}, {ir.Shape{2, 3, 4}, 1},
		{ir.Shape{0, 3}, 1}, {ir.Shape{3, 0}, 1}} {
		cases = append(cases, opCase{[]input{plain(c.shape...)}, with(c.dim)})
	}
	return append(cases, opCase{[]input{special(nSpecials, 1)}, with(1)})
}

func matmulCases() []opCase {
	var cases []opCase
	add := func(a, b ir.Shape, ta, tb bool) {
		cases = append(cases, opCase{[]input{seeded(1, a), seeded(2, b)}, with(ta, tb)})
	}
	for _, s := range [][3]int{{1, 1, 1}, {1, 8, 16}, {16, 1, 8}, {3, 4, 5}, {1, 16, 5}, {4, 0, 3}, {0, 3, 4}, {3, 4, 0},
		{17, 33, 9}, {65, 33, 17}, {33, 17, 65}, {49, 70, 53}, {6, 300, 130}, {64, 600, 8}} {
		m, k, n := s[0], s[1], s[2]
		add(ir.Shape{m, k}, ir.Shape{k, n}, false, false)
		add(ir.Shape{m, k}, ir.Shape{n, k}, false, true)
		add(ir.Shape{k, m}, ir.Shape{k, n}, true, false)
		add(ir.Shape{k, m}, ir.Shape{n, k}, true, true)
	}
	for _, p := range [][2]ir.Shape{{{4}, {4}}, {{4}, {4, 3}}, {{3, 4}, {4}}, {{2, 3, 4}, {4}}, {{4}, {2, 4, 3}}, {{2, 3, 4}, {2, 4, 5}},
		{{2, 1, 3, 4}, {5, 4, 6}}, {{3, 4}, {2, 4, 5}}, {{2, 3, 4}, {4, 5}}, {{0, 3, 4}, {4, 5}}, {{2, 0, 3, 4}, {2, 1, 4, 5}}, {{1, 3, 4}, {7, 4, 2}}} {
		add(p[0], p[1], false, false)
	}
	add(ir.Shape{2, 4, 3}, ir.Shape{1, 5, 4}, true, true)
	return cases
}

// one makes a case of tensors and constants.
func one(args []any, inputs ...input) opCase { return opCase{inputs, with(args...)} }

// made is a case of an op that is given its dtype.
func made(f func(out ir.DType) []any) opCase {
	return opCase{nil, func(_ []*ir.Node, out ir.DType) []any { return f(out) }}
}

// randomStep and randomKey are what cases of random ops draw at.
var randomStep = input{ir.Shape{}, func(ir.DType, int) any { return int64(5<<32 + 17) }}

const randomKey = 0x0123456789abcdef

// drawn is a case of a random op: low and high (or mean and std), shape, dtype,
// step, key.
func drawn(a, b any, shape ...int) opCase {
	return opCase{[]input{randomStep}, func(x []*ir.Node, out ir.DType) []any { return []any{a, b, shape, out, x[0], randomKey} }}
}

// drawnWidely is drawn between the ends of the dtype's range, which are further
// apart than its largest number.
func drawnWidely(shape ...int) opCase {
	c := drawn(0.0, 0.0, shape...)
	return opCase{c.inputs, func(x []*ir.Node, out ir.DType) []any {
		args := c.args(x, out)
		args[0], args[1] = -largest[out], largest[out]
		return args
	}}
}

// largest is the largest finite number of each floating dtype.
var largest = map[ir.DType]float64{
	ir.F16: 65504, ir.BF16: 0x1.fep127, ir.F32: math.MaxFloat32, ir.F64: math.MaxFloat64,
}

func list(values ...any) []any { return values }

// casesOf lists the cases of an op: those that are chosen for it; those of all
// elementwise ops of one or two operands; or else some that are drawn.
func casesOf(name string) []opCase {
	op, cases := ir.LookupOp(name), chosenCases(name)
	switch {
	case cases != nil:
		return cases
	case op.Class == ir.Elementwise && len(op.Params) == 1:
		return unaryCases()
	case op.Class == ir.Elementwise && !slices.ContainsFunc(op.Params[1:], isOperand): // with arguments
		cases = unaryCases()
		for _, c := range unaryCases() {
			cases = append(cases, opCase{c.inputs, drawnCase(name, 0).args})
		}
		return cases
	case op.Class == ir.Elementwise && len(op.Params) == 2:
		return binaryCases()
	}
	for seed := range fewCalls {
		cases = append(cases, drawnCase(name, seed))
	}
	return cases
}

func isOperand(p ir.Param) bool { return p.Kind.IsTensor() }

func drawnCase(op string, seed int) opCase {
	return rapid.Custom(func(rt *rapid.T) opCase { return drawing{T: rt}.of(op) }).Example(seed)
}

func chosenCases(op string) []opCase {
	switch op {
	case "sum", "prod", "all", "any":
		return reduceCases(false, false)
	case "logsumexp":
		return reduceCases(false, true)
	case "argsort":
		return sortCases()
	case "max", "min":
		return reduceCases(true, false)
	case "argmax", "argmin":
		return argCases()
	case "softmax", "log_softmax", "cumsum", "cumprod", "logcumsumexp", "argcummax", "argcummin":
		return rowCases()
	case "matmul":
		return matmulCases()
	}
	return otherCases(op)
}

func argCases() []opCase {
	ties := input{ir.Shape{4, 6}, func(d ir.DType, i int) any {
		if d.IsFloat() {
			return []any{1.0, 2.0, math.NaN(), 2.0, math.NaN(), 0.0, 3.0, 3.0}[i%8]
		}
		return int64(i * i % 5)
	}}
	cases := []opCase{one(nil, ties), one(list(0), ties), one(list(1, true), ties), one(list(-1), plain(3, 0, 5))}
	for _, s := range []ir.Shape{{}, {1}, {7}, {3, 5}, {2, 3, 4}} {
		cases = append(cases, one(nil, plain(s...)), one(list(nil, true), plain(s...)))
		if len(s) > 0 {
			cases = append(cases, one(list(0), plain(s...)), one(list(-1), plain(s...)))
		}
	}
	return cases
}

package expr

import (
	"math"

	"github.com/flowrun/flowrun/diag"
)

// Function is an operation that also works on compile-time numbers, and has the
// operation's name; or, for lists, one that works on nothing else.
type Function struct {
	Arity int
	Lists bool // it takes lists instead
	call  func(args []any) (any, error)
}

// Functions is the closed list of them.
var Functions = map[string]Function{
	"exp": real1(math.Exp), "exp2": real1(math.Exp2), "expm1": real1(math.Expm1),
	"log": real1(math.Log), "log1p": real1(math.Log1p), "log2": real1(math.Log2),
	"sqrt": real1(math.Sqrt), "rsqrt": real1(func(v float64) float64 { return 1 / math.Sqrt(v) }),
	"reciprocal": real1(func(v float64) float64 { return 1 / v }),
	"sin":        real1(math.Sin), "cos": real1(math.Cos), "tan": real1(math.Tan), "tanh": real1(math.Tanh),
	"sigmoid": real1(func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }),
	"erf":     real1(math.Erf),

	"floor": whole(math.Floor), "ceil": whole(math.Ceil), "round": whole(math.RoundToEven), "trunc": whole(math.Trunc),

	"abs": {1, false, func(a []any) (any, error) {
		if negative(a[0]) {
			return Negate("-", a[0])
		}
		return a[0], nil
	}},
	"neg":          {1, false, func(a []any) (any, error) { return Negate("-", a[0]) }},
	"square":       {1, false, func(a []any) (any, error) { return Apply("*", a[0], a[0]) }},
	"pow":          {2, false, func(a []any) (any, error) { return Apply("**", a[0], a[1]) }},
	"remainder":    {2, false, func(a []any) (any, error) { return Apply("%", a[0], a[1]) }},
	"minimum":      {2, false, func(a []any) (any, error) { return choose("<=", a[0], a[1]) }},
	"maximum":      {2, false, func(a []any) (any, error) { return choose(">=", a[0], a[1]) }},
	"floor_divide": {2, false, floorDivide},

	"len":   {1, true, func(a []any) (any, error) { return len(a[0].([]any)), nil }},
	"numel": {1, true, numel},
}

// numel multiplies the sizes in a list: so many elements has what is of that
// shape.
func numel(a []any) (any, error) {
	total := any(1)
	for _, size := range a[0].([]any) {
		if _, ok := size.(int); !ok {
			return nil, fault("it takes a list of ints; one element is %s", describe(size))
		}
		var err error
		if total, err = Apply("*", total, size); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// Call computes a function of compile-time numbers. The rounding functions give
// ints where the result fits.
func (f Function) Call(args []any) (any, error) {
	for _, a := range args {
		if _, ok := a.([]any); f.Lists && !ok {
			return nil, fault("it takes a list, not %s", describe(a))
		} else if f.Lists {
			continue
		}
		if _, ok := asFloat(a); !ok {
			return nil, fault("it takes numbers, not %s", describe(a))
		}
	}
	return f.call(args)
}

func real1(f func(float64) float64) Function {
	return Function{1, false, func(args []any) (any, error) {
		x, _ := asFloat(args[0])
		v := f(x)
		if !finite(v) && finite(x) {
			return nil, fault("its value at %v is not a finite number", x)
		}
		return v, nil
	}}
}

func whole(f func(float64) float64) Function {
	return Function{1, false, func(args []any) (any, error) {
		if v, ok := args[0].(int); ok {
			return v, nil
		}
		v := f(args[0].(float64))
		if math.Abs(v) < 1<<53 {
			return int(v), nil
		}
		return nil, &Fault{diag.IntegerOverflow, "the value is too large for an int"}
	}}
}

func negative(v any) bool {
	x, _ := asFloat(v)
	return x < 0
}

func choose(op string, a, b any) (any, error) {
	first, err := Apply(op, a, b)
	if err != nil || first == true {
		return a, err
	}
	return b, nil
}

func floorDivide(args []any) (any, error) {
	a, okA := args[0].(int)
	b, okB := args[1].(int)
	if okA && okB && b != 0 && !(a == math.MinInt && b == -1) {
		q := a / b
		if a%b != 0 && (a < 0) != (b < 0) {
			q--
		}
		return q, nil
	}
	v, err := Apply("/", args[0], args[1])
	if f, ok := v.(float64); ok {
		return math.Floor(f), nil
	}
	return v, err
}

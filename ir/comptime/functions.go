package comptime

import (
	"math"

	"github.com/flowrun/flowrun/diag"
)

// Function computes with arguments that are known at compile time. Every error is
// a *Fault.
type Function func(args []any) (any, error)

// numbers is a function that takes numbers alone.
func numbers(f Function) Function {
	return func(args []any) (any, error) {
		for _, a := range args {
			if _, ok := asFloat(a); !ok {
				return nil, fault("the arguments must be numbers, not %s", describe(a))
			}
		}
		return f(args)
	}
}

// Real is a function of a real number. It is a fault if a finite argument has no
// finite value.
func Real(f func(float64) float64) Function {
	return numbers(func(args []any) (any, error) {
		x, _ := asFloat(args[0])
		v := f(x)
		if !finite(v) && finite(x) {
			return nil, fault("the result for %v is not finite", x)
		}
		return v, nil
	})
}

// Whole rounds to an int.
func Whole(round func(float64) float64) Function {
	return numbers(func(args []any) (any, error) {
		if v, ok := args[0].(int); ok {
			return v, nil
		}
		v := round(args[0].(float64))
		if math.Abs(v) < 1<<53 {
			return int(v), nil
		}
		return nil, &Fault{diag.IntegerOverflow, "the value is too large for an int"}
	})
}

// Operator is a binary operator.
func Operator(op string) Function {
	return numbers(func(args []any) (any, error) { return Apply(op, args[0], args[1]) })
}

// Choose is the first of two arguments that stands in a relation to the other, or
// else the second.
func Choose(relation string) Function {
	return numbers(func(args []any) (any, error) {
		first, err := Apply(relation, args[0], args[1])
		if err != nil || first == true {
			return args[0], err
		}
		return args[1], nil
	})
}

// The functions that are exact for ints.
var (
	Neg    = numbers(func(args []any) (any, error) { return Negate("-", args[0]) })
	Square = numbers(func(args []any) (any, error) { return Apply("*", args[0], args[0]) })
	Abs    = numbers(func(args []any) (any, error) {
		if x, _ := asFloat(args[0]); x < 0 {
			return Negate("-", args[0])
		}
		return args[0], nil
	})
	FloorDivide = numbers(floorDivide)
)

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

// ListFunctions are the functions of a list that the language has, by name.
var ListFunctions = map[string]Function{
	"len":   onList(func(list []any) (any, error) { return len(list), nil }),
	"numel": onList(numel),
}

func onList(f func([]any) (any, error)) Function {
	return func(args []any) (any, error) {
		list, ok := args[0].([]any)
		if !ok {
			return nil, fault("the argument must be a list, not %s", describe(args[0]))
		}
		return f(list)
	}
}

// numel is the number of elements of a shape.
func numel(shape []any) (any, error) {
	total := any(1)
	for _, size := range shape {
		if _, ok := size.(int); !ok {
			return nil, fault("the list must contain only ints, not %s", describe(size))
		}
		var err error
		if total, err = Apply("*", total, size); err != nil {
			return nil, err
		}
	}
	return total, nil
}

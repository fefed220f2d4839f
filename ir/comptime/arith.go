// Package comptime computes with values that are known at compile time: int,
// float64, bool, string, nil, and lists of any of these. Integers are exact, and
// what has no finite value is a fault.
package comptime

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/flowrun/flowrun/diag"
)

// Fault says why there is no value.
type Fault struct {
	Rule diag.Rule
	Msg  string
}

// Error gives the message.
func (f *Fault) Error() string { return f.Msg }

func fault(format string, args ...any) error {
	return &Fault{diag.InvalidOperation, fmt.Sprintf(format, args...)}
}

// Apply computes a binary operator on compile-time values: int, float64, bool,
// string, or lists, which can be joined with +. Integers are exact: an overflow is a *Fault, int / int stays an int
// where it comes out even, int ** int where the exponent isn't negative; and %
// has the sign of the divisor.
func Apply(op string, x, y any) (any, error) {
	if op == "and" || op == "or" {
		a, okA := x.(bool)
		b, okB := y.(bool)
		if !okA || !okB {
			return nil, fault("`%s` requires bools, not %s and %s", op, describe(x), describe(y))
		}
		return op == "and" && a && b || op == "or" && (a || b), nil
	}
	if a, ok := x.(int); ok {
		if b, ok := y.(int); ok {
			return applyInts(op, a, b)
		}
	}
	a, okA := asFloat(x)
	b, okB := asFloat(y)
	if okA && okB {
		return applyFloats(op, a, b)
	}
	if x, ok := x.([]any); ok && op == "+" {
		if y, ok := y.([]any); ok {
			return slices.Concat(x, y), nil
		}
	}
	if op == "==" || op == "!=" {
		if x == nil || y == nil {
			return (x == nil && y == nil) == (op == "=="), nil
		}
		if isList(x) && isWord(y) || isWord(x) && isList(y) { // an argument may take numbers or a word
			return op == "!=", nil
		}
		switch x.(type) {
		case string, bool:
			if fmt.Sprintf("%T", x) == fmt.Sprintf("%T", y) {
				return (x == y) == (op == "=="), nil
			}
		}
	}
	return nil, fault("`%s` can't be applied to %s and %s", op, describe(x), describe(y))
}

func isList(v any) bool { _, ok := v.([]any); return ok }
func isWord(v any) bool { _, ok := v.(string); return ok }

// Negate computes -x, +x or not x.
func Negate(op string, x any) (any, error) {
	switch v := x.(type) {
	case bool:
		if op == "not" {
			return !v, nil
		}
	case int:
		switch {
		case op == "-" && v == math.MinInt:
			return nil, overflow("-(%d)", v)
		case op == "-":
			return -v, nil
		case op == "+":
			return v, nil
		}
	case float64:
		switch op {
		case "-":
			return -v, nil
		case "+":
			return v, nil
		}
	}
	return nil, fault("`%s` can't be applied to %s", op, describe(x))
}

func overflow(format string, args ...any) error {
	return &Fault{diag.IntegerOverflow, fmt.Sprintf(format, args...) + " doesn't fit in 64 bits"}
}

func applyInts(op string, a, b int) (any, error) {
	switch op {
	case "+":
		if s := a + b; (s > a) == (b > 0) {
			return s, nil
		}
		return nil, overflow("%d + %d", a, b)
	case "-":
		if s := a - b; (s < a) == (b > 0) {
			return s, nil
		}
		return nil, overflow("%d - %d", a, b)
	case "*":
		if v, ok := mulInts(a, b); ok {
			return v, nil
		}
		return nil, overflow("%d * %d", a, b)
	case "/", "%":
		if b == 0 {
			return nil, fault("%d %s 0: division by zero", a, op)
		}
		if a == math.MinInt && b == -1 {
			if op == "%" {
				return 0, nil
			}
			return nil, overflow("%d / -1", a)
		}
		if op == "%" {
			r := a % b
			if r != 0 && (r < 0) != (b < 0) {
				r += b
			}
			return r, nil
		}
		if a%b == 0 {
			return a / b, nil
		}
		return float64(a) / float64(b), nil
	case "**":
		if b < 0 {
			return applyFloats(op, float64(a), float64(b))
		}
		return powInts(a, b)
	}
	if holds, ok := compare(op, a, b); ok {
		return holds, nil
	}
	return nil, fault("`%s` can't be applied to ints", op)
}

// compare computes a comparison; ok is false for another operator.
func compare[T int | float64](op string, a, b T) (holds, ok bool) {
	switch op {
	case "==":
		return a == b, true
	case "!=":
		return a != b, true
	case "<":
		return a < b, true
	case "<=":
		return a <= b, true
	case ">":
		return a > b, true
	case ">=":
		return a >= b, true
	}
	return false, false
}

func mulInts(a, b int) (int, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > 1<<63 || lo == 1<<63 && (a < 0) == (b < 0) {
		return 0, false
	}
	return a * b, true
}

func magnitude(a int) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// powInts computes a ** b for b >= 0 by squaring.
func powInts(a, b int) (any, error) {
	if a == 0 || a == 1 || a == -1 { // any exponent fits
		if b == 0 || a == 1 || a == -1 && b%2 == 0 {
			return 1, nil
		}
		return a, nil
	}
	result, square := 1, a
	for n := b; n > 0; n >>= 1 {
		var ok bool
		if n&1 == 1 {
			if result, ok = mulInts(result, square); !ok {
				return nil, overflow("%d ** %d", a, b)
			}
		}
		if n > 1 {
			if square, ok = mulInts(square, square); !ok {
				return nil, overflow("%d ** %d", a, b)
			}
		}
	}
	return result, nil
}

func applyFloats(op string, a, b float64) (any, error) {
	var v float64
	switch op {
	case "+":
		v = a + b
	case "-":
		v = a - b
	case "*":
		v = a * b
	case "/":
		v = a / b
	case "%":
		v = math.Mod(a, b)
		if v != 0 && (v < 0) != (b < 0) {
			v += b
		}
	case "**":
		v = math.Pow(a, b)
	default:
		if holds, ok := compare(op, a, b); ok {
			return holds, nil
		}
		return nil, fault("`%s` can't be applied to floats", op)
	}
	if finite(v) || !finite(a) || !finite(b) {
		return v, nil
	}
	if b == 0 && op != "**" {
		return nil, fault("%v %s 0: division by zero", a, op)
	}
	return nil, fault("%v %s %v is not finite", a, op, b)
}

func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case int, float64:
		return fmt.Sprintf("the number %v", v)
	case bool:
		return fmt.Sprintf("the bool %v", v)
	case string:
		return "the string " + diag.Quote(v)
	case []any:
		return "a list"
	}
	return fmt.Sprintf("%v", v)
}

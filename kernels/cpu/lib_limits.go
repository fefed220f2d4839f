package cpu

import "math"

// lowest is the least value of a type, -∞ for floats.
func lowest[T number]() T { return limit[T](math.MinInt32, math.MinInt64, math.Inf(-1)) }

// highest is the greatest value of a type, +∞ for floats.
func highest[T number]() T { return limit[T](math.MaxInt32, math.MaxInt64, math.Inf(1)) }

func limit[T number](i32 int32, i64 int64, f float64) T {
	switch any(*new(T)).(type) {
	case int32:
		return T(i32)
	case int64:
		return T(i64)
	}
	return T(f)
}

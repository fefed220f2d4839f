package syntax

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// How messages speak of the kinds of arguments.

// KindHelp says how to write the value of a kind that another value was probably meant
// to be.
func KindHelp(v any, k argKind) string {
	switch v := v.(type) {
	case string:
		switch {
		case k == ArgBool:
			return boolHelp(v)
		case strings.EqualFold(v, "none") || strings.EqualFold(v, "null"):
			return "give a value, or omit the argument"
		}
		if number, ok := NearestNumber(v); ok && k != argString && (k != ArgInt || strings.Trim(number, "0123456789-") == "") {
			return "write " + number
		}
		if strings.ContainsAny(v, "+-*/") {
			return fmt.Sprintf("vars can't be expressions, such as %q", v)
		}
	case []any:
		if len(v) == 1 && k != argList {
			if value, ok := OfKind(v[0], k); ok {
				return fmt.Sprintf("write %v", value)
			}
		}
	case int:
		if k == ArgBool && (v == 0 || v == 1) {
			return "write " + strconv.FormatBool(v == 1)
		}
	case float64:
		if k == ArgInt && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return "write " + strconv.Itoa(int(v))
		}
	}
	return ""
}

func Article(k argKind) string {
	switch k {
	case ArgInt:
		return "an int"
	case ArgNumbers:
		return "a number or a list of numbers"
	}
	return "a " + k.String()
}

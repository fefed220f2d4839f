package spec

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// How messages speak of the kinds of arguments.

// kindHelp says how a value of a kind is written that another one probably
// stands for.
func kindHelp(v any, k argKind) string {
	switch v := v.(type) {
	case string:
		switch {
		case k == argBool:
			return boolHelp(v)
		case strings.EqualFold(v, "none") || strings.EqualFold(v, "null"):
			return "write the value, or leave the argument out"
		}
		if number, ok := nearestNumber(v); ok && k != argString && (k != argInt || strings.Trim(number, "0123456789-") == "") {
			return "write " + number
		}
		if strings.ContainsAny(v, "+-*/") {
			return fmt.Sprintf("a var is a value: nothing computes %q", v)
		}
	case []any:
		if len(v) == 1 && k != argList {
			if value, ok := ofKind(v[0], k); ok {
				return fmt.Sprintf("write %v", value)
			}
		}
	case int:
		if k == argBool && (v == 0 || v == 1) {
			return "write " + strconv.FormatBool(v == 1)
		}
	case float64:
		if k == argInt && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return "write " + strconv.Itoa(int(v))
		}
	}
	return ""
}

func article(k argKind) string {
	switch k {
	case argInt:
		return "an int"
	case argNumbers:
		return "a number or a list of numbers"
	}
	return "a " + k.String()
}

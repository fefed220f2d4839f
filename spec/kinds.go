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
		case strings.ContainsAny(v, "+-*/"):
			return fmt.Sprintf("a var is a value: nothing computes %q", v)
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

package tree

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// What plain scalars mean: YAML 1.2's core schema (section 10.3.2), to the letter. The YAML
// library also knows forms of YAML 1.1 (0b11, 1_000, 0X1F, dates), which are texts here.
var (
	coreInt = regexp.MustCompile(`^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`)
	// Go's numbers in other respects: "5.", ".5" and "01e3" are floats in both.
	coreFloat = regexp.MustCompile(`^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$`)
)

// coreKind is the kind of a plain scalar.
func coreKind(text string) Kind {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return Null
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Bool
	}
	_, special := specialFloat(text)
	switch {
	case coreInt.MatchString(text):
		return Int
	case special || coreFloat.MatchString(text):
		return Float
	}
	return String
}

// specialFloat reads the floats that have no digits.
func specialFloat(text string) (v float64, ok bool) {
	switch text {
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return math.Inf(1), true
	case "-.inf", "-.Inf", "-.INF":
		return math.Inf(-1), true
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), true
	}
	return 0, false
}

// Why a number has no value here. A reader of YAML may take the nearest number
// instead: infinity, or zero.
var (
	ErrNoInt    = errors.New("is not an integer")
	ErrTooLarge = errors.New("doesn't fit in 64 bits")
	ErrRange    = errors.New("is larger than any float64")
	ErrTooSmall = errors.New("is smaller than any nonzero float64")
)

// ParseInt reads the text of a plain scalar as an int: one of YAML's ints, or a
// float without a fraction (1e3, 10.0), which JSON Schema calls an integer too.
// 010 is ten. It fails with ErrNoInt, ErrTooLarge, or as ParseFloat does.
func ParseInt(text string) (int64, error) {
	switch coreKind(text) {
	case Int:
		digits, base := text, 10
		switch {
		case strings.HasPrefix(text, "0o"):
			digits, base = text[2:], 8
		case strings.HasPrefix(text, "0x"):
			digits, base = text[2:], 16
		}
		v, err := strconv.ParseInt(digits, base, 64)
		if err != nil {
			return 0, ErrTooLarge
		}
		return v, nil
	case Float:
		v, err := ParseFloat(text)
		switch {
		case err != nil:
			return 0, err
		case v != math.Trunc(v) || math.IsInf(v, 0): // NaN is unequal to itself
			return 0, ErrNoInt
		case v < -(1<<63) || v >= 1<<63:
			return 0, ErrTooLarge
		}
		return int64(v), nil
	}
	return 0, ErrNoInt
}

// ParseFloat reads the text of a float or an int as a float64. What rounds to
// infinity or to zero, and isn't written so, fails with ErrRange or ErrTooSmall.
func ParseFloat(text string) (float64, error) {
	if v, ok := specialFloat(text); ok {
		return v, nil
	}
	if len(text) > 1 && (text[1] == 'o' || text[1] == 'x') {
		return parseBased(text)
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return 0, ErrRange
	case v == 0 && hasValue(text):
		return 0, ErrTooSmall
	}
	return v, nil
}

// parseBased reads an int that begins with 0o or 0x.
func parseBased(text string) (float64, error) {
	i, ok := new(big.Int).SetString(text, 0)
	if !ok {
		return 0, ErrRange // no int of the core schema
	}
	v, _ := new(big.Float).SetInt(i).Float64()
	if math.IsInf(v, 0) {
		return 0, ErrRange
	}
	return v, nil
}

// hasValue reports whether the digits before the exponent are more than zeros.
func hasValue(text string) bool {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		text = text[:i]
	}
	return strings.ContainsAny(text, "123456789")
}

// LeadingZero tells what a reader of YAML 1.1 makes of an int that begins with a
// zero, where that is another number than the int: "8" for 010. It is "not a number"
// for one that has a digit above 7, and "" for all other texts.
func LeadingZero(text string) string {
	digits := strings.TrimLeft(text, "+-")
	if len(digits) < 2 || digits[0] != '0' || !coreInt.MatchString(text) || strings.ContainsAny(digits, "ox") {
		return ""
	}
	octal, err := strconv.ParseInt(strings.TrimLeft(digits, "0"), 8, 64)
	switch {
	case strings.ContainsAny(digits, "89"):
		return "not a number"
	case err != nil || octal < 8: // zero, which is left with no digit, or one digit
		return ""
	case strings.HasPrefix(text, "-"):
		octal = -octal
	}
	return strconv.FormatInt(octal, 10)
}

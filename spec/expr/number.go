package expr

import (
	"errors"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/parser/lexer"

	"github.com/flowrun/flowrun/diag"
)

// What to write instead of a number that a float64 can't hold.
const (
	InfinityHelp = "write .inf as the whole value for infinity"
	ZeroHelp     = "write 0 if you mean zero"
)

// checkNumber looks at the value of a number: the parser rounds what is too small
// to zero, and says little of what is too large.
func (p *parsing) checkNumber(t lexer.Token) {
	digits := strings.ToLower(strings.ReplaceAll(t.Value, "_", ""))
	based := len(digits) > 1 && digits[0] == '0' && strings.IndexByte("xob", digits[1]) >= 0
	if !based && strings.ContainsAny(digits, ".e") {
		v, err := strconv.ParseFloat(digits, 64)
		mantissa, _, _ := strings.Cut(digits, "e")
		switch {
		case errors.Is(err, strconv.ErrRange):
			p.fail(diag.InvalidValue, t.From, t.To, InfinityHelp, "%s is larger than any float64", diag.Cut(t.Value))
		case err == nil && v == 0 && strings.ContainsAny(mantissa, "123456789"):
			p.fail(diag.InvalidValue, t.From, t.To, ZeroHelp, "%s is smaller than any nonzero float64", diag.Cut(t.Value))
		}
		return
	}
	base := 10
	if based {
		base = 0
	}
	switch _, err := strconv.ParseInt(digits, base, 64); {
	case errors.Is(err, strconv.ErrRange):
		p.fail(diag.IntegerOverflow, t.From, t.To, "", "%s doesn't fit in 64 bits", diag.Cut(t.Value))
	case err != nil: // 0x without digits
		p.fail(diag.ExpressionSyntax, t.From, t.To, "", "%s is neither a number nor a name", diag.Cut(t.Value))
	}
	if decimal := strings.TrimLeft(digits, "0"); !based && len(digits) > 1 && digits[0] == '0' && (len(decimal) > 1 || strings.ContainsAny(decimal, "89")) {
		p.list.Add(diag.Diagnostic{Rule: diag.OctalNumber, Range: p.src.rangeOf(t.From, t.To), Help: "write the number without the leading 0",
			Message: diag.Cut(t.Value) + " is decimal, but other languages read it as octal"})
	}
}

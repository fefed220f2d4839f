package syntax

import (
	"cmp"
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Numbers, as package tree reads them, with a message where that fails. A number means
// the same in a key, a var, an override and an expression.

// integer decodes an int.
func (d *decoder) integer(n *tree.Node, what string) (int64, bool) {
	if n == nil || n.Broken {
		return 0, false
	}
	if n.Kind == tree.Int || n.Kind == tree.Float {
		v, err := tree.ParseInt(n.Text)
		if !errors.Is(err, tree.ErrNoInt) {
			d.leadingZero(n)
			return v, d.inRange(n, what, err)
		}
	}
	if !d.placeholder(n) {
		d.report(diag.WrongType, n.Range, intHelp(n), "%s must be an int, not %s", what, strange(n))
	}
	return 0, false
}

// number decodes an Int or a Float: an int or a float64.
func (d *decoder) number(n *tree.Node, what string) (any, bool) {
	d.leadingZero(n)
	if n.Kind == tree.Int {
		v, err := tree.ParseInt(n.Text)
		return int(v), d.inRange(n, what, err)
	}
	v, err := tree.ParseFloat(n.Text)
	return v, d.inRange(n, what, err)
}

// float decodes a number where float64 is used.
func (d *decoder) float(n *tree.Node, what string) (float64, bool) {
	if n.Broken {
		return 0, false
	}
	if n.Kind != tree.Int && n.Kind != tree.Float {
		d.report(diag.WrongType, n.Range, "", "%s must be a number, not %s", what, n.Kind)
		return 0, false
	}
	d.leadingZero(n)
	v, err := tree.ParseFloat(n.Text)
	return v, d.inRange(n, what, err)
}

// inRange reports a number that is out of range.
func (d *decoder) inRange(n *tree.Node, what string, err error) bool {
	rule, help := diag.InvalidValue, ""
	switch {
	case err == nil:
		return true
	case errors.Is(err, tree.ErrTooLarge):
		rule = diag.IntegerOverflow
	case errors.Is(err, tree.ErrRange):
		help = expr.InfinityHelp
	case errors.Is(err, tree.ErrTooSmall):
		help = expr.ZeroHelp
	}
	d.report(rule, n.Range, help, "%s: %s %s", what, diag.Cut(n.Text), err)
	return false
}

// leadingZero warns of an int that a YAML 1.1 reader reads as another one.
func (d *decoder) leadingZero(n *tree.Node) {
	if other := tree.LeadingZero(n.Text); other != "" && n.Kind == tree.Int {
		d.report(diag.OctalNumber, n.Range, "write the number without the leading 0", "%s is decimal here, but YAML 1.1 parsers read it as %s", diag.Cut(n.Text), other)
	}
}

// intHelp says how to write the int that a value was probably meant to be.
func intHelp(n *tree.Node) string {
	if !n.IsScalar() || n.Kind == tree.Bool {
		return ""
	}
	if meant, ok := NearestNumber(n.Text); ok && n.Kind == tree.String && strings.Trim(meant, "0123456789-") == "" {
		return "write " + meant
	}
	text := strings.NewReplacer("_", "", ",", "", ";", "").Replace(n.Text)
	v, err := strconv.ParseFloat(text, 64)
	whole := err == nil && v == math.Trunc(v) && math.Abs(v) < 1<<53
	i := int64(0)
	if whole {
		i = int64(v)
	} else if i, err = strconv.ParseInt(text, 0, 64); err == nil { // 0b11, 0X1F
		whole = true
	}
	switch {
	case whole && n.Kind == tree.String && !n.Plain:
		return "write it without quotes: " + strconv.FormatInt(i, 10)
	case whole:
		return "write " + strconv.FormatInt(i, 10)
	case n.Kind == tree.String && strings.ContainsAny(n.Text, "+-*/()"):
		return "use a number; expressions aren't allowed here"
	}
	return ""
}

// Numbers as people write them elsewhere.
var (
	groupedNumber  = regexp.MustCompile(`^([+-]?\d{1,3})((?:[ ,'_]\d{3})+)$`)
	decimalComma   = regexp.MustCompile(`^([+-]?\d+),(\d+)$`)
	powerOfTen     = regexp.MustCompile(`^(?:([+-]?[\d.]+) ?\* ?)?10 ?(?:\^|\*\*) ?([+-]?\d+)$`)
	percentage     = regexp.MustCompile(`^([\d.]+) ?%$`)
	suffixedNumber = regexp.MustCompile(`^([+-]?[\d.]+(?:[eE][+-]?\d+)?)[fFdDlLjJ,;]+$`)
)

// NearestNumber is the number that a text probably stands for: 1,000 or 0,1,
// 10^-3, 5%, 0.1f, digits of another script.
func NearestNumber(text string) (number string, ok bool) {
	text = strings.Trim(strings.TrimSpace(foreign.Straight(text)), `"'`)
	switch {
	case groupedNumber.MatchString(text):
		text = strings.NewReplacer(" ", "", ",", "", "'", "", "_", "").Replace(text)
	case decimalComma.MatchString(text):
		text = decimalComma.ReplaceAllString(text, "$1.$2")
	case powerOfTen.MatchString(text):
		m := powerOfTen.FindStringSubmatch(text)
		text = cmp.Or(m[1], "1") + "e" + m[2]
	case percentage.MatchString(text):
		v, _ := strconv.ParseFloat(percentage.FindStringSubmatch(text)[1], 64)
		text = strconv.FormatFloat(v/100, 'g', -1, 64)
	case suffixedNumber.MatchString(text):
		text = suffixedNumber.FindStringSubmatch(text)[1]
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) || strings.ContainsAny(text, "xXpP_") {
		return "", false
	}
	return text, true
}

package syntax

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/foreign"
)

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
		if m[1] == "" {
			m[1] = "1"
		}
		text = m[1] + "e" + m[2]
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

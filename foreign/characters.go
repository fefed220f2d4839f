package foreign

import (
	"fmt"
	"strings"
	"unicode"
)

// lookalikes maps characters to the ones they are used for: what word processors,
// phones and foreign keyboards produce instead. Each row is the intended character,
// followed by its lookalikes.
var lookalikes = table(
	`"`, "“”„‟«»″〝〞「」",
	`'`, "‘’‚‛′‹›´",
	"-", "‐‑‒–—―−﹣⁃",
	"*", "×·⋅∗∙⊙⨯",
	"/", "÷∕⁄",
	"<=", "≤⩽", ">=", "≥⩾", "!=", "≠", "==", "≡",
	",", "、", ".", "。", "[", "【〔", "]", "】〕", ":", "∶꞉", "...", "…",
	"a", "аαɑ", "b", "Ь", "c", "сϲ", "d", "ԁ", "e", "е", "g", "ɡ", "h", "һ", "i", "іιɩ", "j", "ј", "k", "кκ", "l", "ӏ", "m", "м",
	"n", "п", "o", "оοσ", "p", "рρ", "q", "ԛ", "s", "ѕ", "t", "тτ", "u", "υ", "v", "νѵ", "w", "ԝω", "x", "хχ", "y", "уγ",
	"A", "АΑ", "B", "ВΒ", "C", "СϹ", "E", "ЕΕ", "H", "НΗ", "I", "ІΙ", "J", "Ј", "K", "КΚ", "M", "МΜ", "N", "Ν", "O", "ОΟ",
	"P", "РΡ", "S", "Ѕ", "T", "ТΤ", "X", "ХΧ", "Y", "УΥ", "Z", "Ζ",
	"a", "àáâãå", "ae", "äæ", "c", "ç", "e", "èéêë", "i", "ìíîïı", "n", "ñ", "o", "òóôõø", "oe", "öœ", "u", "ùúû", "ue", "ü", "y", "ýÿ", "ss", "ß",
)

// letters are Greek letters by name, for formulas.
var letters = table("alpha", "α", "beta", "β", "gamma", "γ", "delta", "δ", "epsilon", "εϵ", "eta", "η", "theta", "θ", "kappa", "κ",
	"lambda_", "λ", "mu", "μµ", "nu", "ν", "xi", "ξ", "pi", "π", "rho", "ρ", "sigma", "σς", "tau", "τ", "phi", "φϕ", "chi", "χ", "psi", "ψ", "omega", "ω")

// table makes a map from rows: the intended text, then the characters used for it.
func table(rows ...string) map[rune]string {
	m := map[rune]string{}
	for i := 0; i < len(rows); i += 2 {
		for _, r := range rows[i+1] {
			m[r] = rows[i]
		}
	}
	return m
}

// unseen names the characters that are invisible or look like a space.
var unseen = map[rune]string{
	0x00A0: "a no-break space", 0x202F: "a narrow no-break space", 0x3000: "an ideographic space", 0x2003: "an em space",
	0x2002: "an en space", 0x2009: "a thin space", 0x200A: "a hair space", 0x2007: "a figure space",
	0x200B: "a zero width space", 0x200C: "a zero width non-joiner", 0x200D: "a zero width joiner", 0x2060: "a word joiner",
	0xFEFF: "a byte order mark", 0x00AD: "a soft hyphen", 0x200E: "a left-to-right mark", 0x200F: "a right-to-left mark",
}

// IsSpace reports whether a character looks like a space but isn't one in YAML.
func IsSpace(r rune) bool { return r > 0x7f && unicode.Is(unicode.Zs, r) }

// IsInvisible reports whether a character is invisible.
func IsInvisible(r rune) bool { return r > 0x7f && unicode.Is(unicode.Cf, r) }

// Meant returns the text that a character was probably meant as; ok is false if it was
// meant literally or isn't known.
func Meant(r rune) (meant string, ok bool) {
	switch {
	case r < 0x7f:
		return "", false
	case IsSpace(r):
		return " ", true
	case IsInvisible(r):
		return "", true
	case r >= 0xFF01 && r <= 0xFF5E: // full width forms of ASCII
		return string(r - 0xFEE0), true
	case unicode.Is(unicode.Nd, r):
		return string('0' + digit(r)), true
	case r >= '₀' && r <= '₉':
		return string('0' + r - '₀'), true
	}
	meant, ok = lookalikes[r]
	return meant, ok
}

// digit is the value of a decimal digit of any script. The ten digits of a script are
// consecutive, and start at a multiple of ten from the start of the range.
func digit(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return 0
}

// Straight replaces characters by the ones that were meant. A Greek letter that is a
// word of its own is replaced by its name.
func Straight(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		name, isLetter := letters[r]
		meant, ok := Meant(r)
		switch {
		case isLetter && !(i > 0 && isWord(runes[i-1])) && !(i+1 < len(runes) && isWord(runes[i+1])):
			b.WriteString(name)
		case ok:
			b.WriteString(meant)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isWord reports whether a character can be part of a word.
func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// First finds the first character of a text that was meant as another one, and its
// position in characters.
func First(s string) (at int, r rune, ok bool) {
	for _, r := range s {
		if _, ok := Meant(r); ok {
			return at, r, true
		}
		at++
	}
	return 0, 0, false
}

// Describe names a character so that it can't be confused with a lookalike: U+0430,
// which looks like `a`.
func Describe(r rune) string {
	code := fmt.Sprintf("U+%04X", r)
	if name, ok := unseen[r]; ok {
		return code + ", " + name
	}
	meant, ok := Meant(r)
	switch {
	case ok && meant == " ":
		return code + ", an unusual space"
	case ok && meant == "":
		return code + ", which is invisible"
	case ok && len(meant) == 1 && unicode.IsLetter(r) && r > 0x17f:
		return fmt.Sprintf("%s, which looks like `%s`", code, meant)
	}
	return fmt.Sprintf("`%c`, %s", r, code)
}

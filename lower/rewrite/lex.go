package rewrite

import (
	"fmt"
	"strconv"
	"strings"
)

// token is a word, a number, a string or a sign of a rewrite's line.
type token struct {
	kind   tokenKind
	text   string
	value  any // of numbers (int or float64) and strings
	column int // from 1
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenValue
	tokenSign
)

func (t token) String() string {
	if t.kind == tokenEnd {
		return "the end of the line"
	}
	return strconv.Quote(t.text)
}

// signs are the operators and brackets, longer ones before their beginnings.
var signs = []string{"=>", "**", "//", "==", "!=", "<=", ">=",
	"+", "-", "*", "/", "%", "(", ")", "[", "]", ",", "=", "<", ">", "@"}

// lex splits a line whose first character is in the column given.
func lex(line string, column int) ([]token, error) {
	var tokens []token
	for at := 0; ; {
		for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
			at++
		}
		if at == len(line) {
			return append(tokens, token{column: column + at}), nil
		}
		t, err := lexOne(line[at:])
		if err != nil {
			return nil, &fault{column + at, err.Error()}
		}
		t.column = column + at
		tokens = append(tokens, t)
		at += len(t.text)
	}
}

func lexOne(rest string) (token, error) {
	if n := span(rest, isWord); n > 0 && !isDigit(rest[0]) {
		return token{kind: tokenName, text: rest[:n]}, nil
	}
	if isDigit(rest[0]) {
		return lexNumber(rest)
	}
	if rest[0] == '"' {
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return token{}, fmt.Errorf("the string isn't closed")
		}
		return token{kind: tokenValue, text: rest[:end+2], value: rest[1 : end+1]}, nil
	}
	for _, s := range signs {
		if strings.HasPrefix(rest, s) {
			return token{kind: tokenSign, text: s}, nil
		}
	}
	return token{}, fmt.Errorf("%q has no meaning here", []rune(rest)[0])
}

// lexNumber reads 12, 1.5 or 2.5e-3.
func lexNumber(rest string) (token, error) {
	n := span(rest, isDigit)
	float := false
	if n+1 < len(rest) && rest[n] == '.' && isDigit(rest[n+1]) {
		float = true
		n += 1 + span(rest[n+1:], isDigit)
	}
	if n < len(rest) && rest[n] == 'e' {
		m := n + 1
		if m < len(rest) && (rest[m] == '-' || rest[m] == '+') {
			m++
		}
		if digits := span(rest[m:], isDigit); digits > 0 {
			float = true
			n = m + digits
		}
	}
	t := token{kind: tokenValue, text: rest[:n]}
	var err error
	if float {
		t.value, err = strconv.ParseFloat(t.text, 64)
	} else {
		t.value, err = strconv.Atoi(t.text)
	}
	if err != nil {
		return t, fmt.Errorf("the number %s is out of range", t.text)
	}
	return t, nil
}

func span(s string, is func(byte) bool) int {
	n := 0
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c)
}

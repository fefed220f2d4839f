package jsonl

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// A cursor walks over a text that encoding/json has found to be valid JSON, so it only has
// to find where values begin and end.
type cursor struct {
	text []byte
	at   int
}

// peek skips blanks and gives the next byte, or 0 at the end.
func (c *cursor) peek() byte {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\r', '\n':
			c.at++
		default:
			return b
		}
	}
	return 0
}

// take skips a byte that is next.
func (c *cursor) take(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.at++
	return true
}

// literal gives the number, true, false or null that is next.
func (c *cursor) literal() []byte {
	c.peek()
	start := c.at
	for ; c.at < len(c.text); c.at++ {
		switch c.text[c.at] {
		case ' ', '\t', '\r', '\n', ',', ']', '}':
			return c.text[start:c.at]
		}
	}
	return c.text[start:]
}

// quoted gives the string that is next, with its quotes.
func (c *cursor) quoted() []byte {
	c.peek()
	start := c.at
	for c.at++; c.text[c.at] != '"'; c.at++ {
		if c.text[c.at] == '\\' {
			c.at++
		}
	}
	c.at++
	return c.text[start:c.at]
}

// skip skips a value, whatever it contains, and gives its text.
func (c *cursor) skip() []byte {
	c.peek()
	start := c.at
	for depth := 0; ; {
		switch c.peek() {
		case '{', '[':
			depth++
			c.at++
		case '}', ']':
			depth--
			c.at++
		case ',', ':':
			c.at++
		case '"':
			c.quoted()
		default:
			c.literal()
		}
		if depth == 0 {
			return c.text[start:c.at]
		}
	}
}

// object calls value for each key of the object that is next. value reads the value.
func (c *cursor) object(value func(key []byte) error) error {
	c.take('{')
	for !c.take('}') {
		raw := c.quoted()
		key, ok := unquote(raw)
		if !ok {
			key = raw // no text has it
		}
		c.take(':')
		if err := value(key); err != nil {
			return err
		}
		c.take(',')
	}
	return nil
}

// unquote gives a string's text. It reports false for one with half of a surrogate pair,
// which stands for no character.
func unquote(raw []byte) ([]byte, bool) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if i++; raw[i] != 'u' {
			continue
		}
		switch unit := codeUnit(raw[i+1:]); {
		case unit >= 0xdc00 && unit < 0xe000:
			return nil, false
		case unit >= 0xd800 && unit < 0xdc00:
			next := raw[i+5:]
			if !bytes.HasPrefix(next, []byte(`\u`)) {
				return nil, false
			}
			if low := codeUnit(next[2:]); low < 0xdc00 || low >= 0xe000 {
				return nil, false
			}
			i += 10
		}
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, false
	}
	return []byte(text), true
}

// codeUnit reads four hexadecimal digits.
func codeUnit(b []byte) uint64 {
	unit, _ := strconv.ParseUint(string(b[:4]), 16, 16)
	return unit
}

// sort names a value by its first byte, for messages.
func sort(first byte) string {
	switch first {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a bool"
	case 'n':
		return "null"
	}
	return "a number"
}

package foreign

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// NotUTF8 says what is wrong with a file that should be text in UTF-8, and what it seems
// to be: head is how it begins, rest what is there from the first byte that no such text
// has, and end whether the file ends with rest. encoding is iconv's name of the encoding
// that it seems to have, or "".
func NotUTF8(head, rest []byte, end bool) (found, encoding string) {
	if c, ok := Recognize(head); ok {
		found = "the file is not UTF-8 but " + c.What
		switch name, isText := strings.CutSuffix(c.What, " text"); {
		case !isText && c.Help != "" && c.Help != saveSafetensors:
			return found + "; " + c.Help, ""
		case isText && head[0] != 0 && head[1] == 0: // without a byte order mark
			return found, name + "LE"
		case isText && head[0] == 0 && head[1] != 0:
			return found, name + "BE"
		case isText:
			return found, name
		}
		return found, ""
	}
	if rest[0] == 0 {
		return "a zero byte: the file isn't text, or UTF-16 without a byte order mark", ""
	}
	found = fmt.Sprintf("the byte 0x%02x isn't UTF-8", rest[0])
	switch {
	case end && !utf8.FullRune(rest):
		return found + ": the file ends within a character; was it cut off?", ""
	case len(rest) > 1 && rest[0] == 0xed && rest[1]&0xe0 == 0xa0:
		return found + ": it begins half a surrogate pair, as in CESU-8", ""
	case western(rest):
		return found + ": the file looks like Latin-1 or Windows-1252", "WINDOWS-1252"
	}
	return found + ": the file has another encoding", ""
}

// western reports whether bytes look like a text with one byte per character: a character
// of UTF-8 that isn't ASCII has two bytes of 0x80 or above at least, but in Western texts
// most such bytes have ASCII on both sides.
func western(text []byte) bool {
	high, alone := 0, 0
	for i, c := range text[:min(len(text), 4096)] {
		if c >= utf8.RuneSelf {
			high++
			if (i == 0 || text[i-1] < utf8.RuneSelf) && (i+1 == len(text) || text[i+1] < utf8.RuneSelf) {
				alone++
			}
		}
	}
	return 2*alone > high
}

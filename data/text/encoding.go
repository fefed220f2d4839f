package text

import (
	"fmt"
	"unicode/utf8"

	"github.com/flowrun/flowrun/foreign"
)

// complain says what is wrong with a text that isn't UTF-8, from its first bytes and those
// where it is broken.
func complain(head []byte, b *broken) string {
	const help = "; save it as UTF-8, or read its bytes (`tokens: bytes`)"
	found := fmt.Sprintf("the byte 0x%02x isn't UTF-8", b.rest[0])
	if c, ok := foreign.Recognize(head); ok {
		return found + ": the file is " + c.What + help
	}
	if b.rest[0] == 0 {
		return "a zero byte: the file isn't text, or UTF-16 without a byte order mark" + help
	}
	if b.end && !utf8.FullRune(b.rest) {
		return found + ": the file ends within a character; was it cut off?"
	}
	if len(b.rest) > 1 && b.rest[0] == 0xed && b.rest[1]&0xe0 == 0xa0 {
		return found + ": it begins half a surrogate pair, as in CESU-8" + help
	}
	// A character of UTF-8 that isn't ASCII has two bytes of 0x80 or above at least. In
	// Western texts of one byte per character, most have ASCII on both sides.
	high, alone := 0, 0
	for i, c := range b.rest[:min(len(b.rest), 4096)] {
		if c >= utf8.RuneSelf {
			high++
			if (i == 0 || b.rest[i-1] < utf8.RuneSelf) && (i+1 == len(b.rest) || b.rest[i+1] < utf8.RuneSelf) {
				alone++
			}
		}
	}
	if 2*alone > high {
		return found + ": the file looks like Latin-1 or Windows-1252" + help
	}
	return found + ": the file has another encoding" + help
}

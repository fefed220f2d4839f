package text

import (
	"strings"

	"github.com/flowrun/flowrun/foreign"
)

// complain says what is wrong with a text that isn't UTF-8, from its first bytes and those
// where it is broken.
func complain(head []byte, b *broken) string {
	found, encoding := foreign.NotUTF8(head, b.rest, b.end)
	switch {
	case encoding != "":
		return found + "; convert it: iconv -f " + encoding + " -t UTF-8, or read its bytes (`tokens: bytes`)"
	case strings.HasSuffix(found, "?"): // was it cut off?
		return found
	}
	return found + "; save it as UTF-8, or read its bytes (`tokens: bytes`)"
}

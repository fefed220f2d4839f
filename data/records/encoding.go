package records

import (
	"bytes"
	"unicode/utf8"

	"github.com/flowrun/flowrun/foreign"
)

// Sniff looks at the beginning of a text file; end says that it is all of it. It gives the
// length of UTF-8's byte order mark, which is to be skipped, or, if the beginning isn't
// UTF-8 and is that of a known format, what the file is. Other faults are those of a line.
func Sniff(beginning []byte, end bool) (skip int, message string) {
	if bytes.HasPrefix(beginning, []byte("\ufeff")) {
		return len("\ufeff"), ""
	}
	at := firstFault(beginning)
	if at < 0 || !end && beginning[at] != 0 && !utf8.FullRune(beginning[at:]) {
		return 0, "" // a text may begin with PAR1
	}
	if _, known := foreign.Recognize(beginning); !known {
		return 0, ""
	}
	return 0, complain(beginning, beginning[at:], end)
}

// CheckText finds the first byte of a line that no UTF-8 text has, and says so. Without
// one, the offset is negative.
func CheckText(line []byte) (offset int, message string) {
	at := firstFault(line)
	if at < 0 {
		return -1, ""
	}
	return at, complain(nil, line[at:], false)
}

// firstFault is the place of the first byte that no UTF-8 text has, or negative.
func firstFault(text []byte) int {
	invalid := -1
	if !utf8.Valid(text) {
		for invalid = 0; ; {
			r, size := utf8.DecodeRune(text[invalid:])
			if r == utf8.RuneError && size <= 1 {
				break
			}
			invalid += size
		}
	}
	if zero := bytes.IndexByte(text, 0); zero >= 0 && (invalid < 0 || zero < invalid) {
		return zero
	}
	return invalid
}

// complain says what is wrong with a file, from its beginning and from where it is broken.
func complain(head, rest []byte, end bool) string {
	found, encoding := foreign.NotUTF8(head, rest, end)
	if encoding != "" {
		found += "; convert it: iconv -f " + encoding + " -t UTF-8"
	}
	return found
}

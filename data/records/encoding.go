package records

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// beginnings are those of files that aren't UTF-8 text.
var beginnings = []struct{ bytes, message string }{
	{"\xff\xfe\x00\x00", "the file is in UTF-32; " + convert("UTF-32")},
	{"\x00\x00\xfe\xff", "the file is in UTF-32; " + convert("UTF-32")},
	{"\xff\xfe", "the file is in UTF-16; " + convert("UTF-16")},
	{"\xfe\xff", "the file is in UTF-16; " + convert("UTF-16")},
	{"\x1f\x8b", "the file is compressed by gzip; decompress it first: gunzip"},
	{"\x28\xb5\x2f\xfd", "the file is compressed by zstd; decompress it first: unzstd"},
	{"BZh", "the file is compressed by bzip2; decompress it first: bunzip2"},
	{"PK\x03\x04", "the file is a zip archive or an Excel workbook, not text"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "the file is an Excel workbook, not text; save it as CSV UTF-8"},
	{"PAR1", "the file is a Parquet file, not text"},
	{"\x93NUMPY", "the file is an npy file, not text"},
	{"\x89HDF\r\n\x1a\n", "the file is an HDF5 file, not text"},
}

func convert(encoding string) string {
	return "convert it to UTF-8: iconv -f " + encoding + " -t UTF-8"
}

// Sniff looks at the beginning of a text file. It gives the length of UTF-8's byte order
// mark, which is to be skipped, or says what other kind of file it is.
func Sniff(beginning []byte) (skip int, message string) {
	if bytes.HasPrefix(beginning, []byte("\ufeff")) {
		return len("\ufeff"), ""
	}
	if offset, _ := CheckText(beginning); offset < 0 {
		return 0, "" // a text may begin with PAR1
	}
	for _, b := range beginnings {
		if bytes.HasPrefix(beginning, []byte(b.bytes)) {
			return 0, b.message
		}
	}
	if b := beginning; len(b) >= 4 && (b[0] == 0) != (b[1] == 0) && (b[0] == 0) == (b[2] == 0) && (b[1] == 0) == (b[3] == 0) {
		encoding := "UTF-16LE"
		if b[0] == 0 {
			encoding = "UTF-16BE"
		}
		return 0, "the file is in UTF-16 without a byte order mark; " + convert(encoding)
	}
	return 0, ""
}

// CheckText finds the first byte of a text that no UTF-8 text has, and says so. Without
// one, the offset is negative.
func CheckText(text []byte) (offset int, message string) {
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
		return zero, "a NUL byte; the file is not text in UTF-8"
	}
	if invalid < 0 {
		return -1, ""
	}
	return invalid, fmt.Sprintf("the byte 0x%X is not UTF-8; if the file is in Latin-1 or Windows-1252, %s", text[invalid], convert("WINDOWS-1252"))
}

package foreign_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/foreign"
)

func TestWhatIsNotUTF8IsNamed(t *testing.T) {
	for _, c := range []struct {
		head, rest      string
		end             bool
		found, encoding string
	}{
		{"\xff\xfea\x00", "\xff\xfea\x00", true, "the file is not UTF-8 but UTF-16 text", "UTF-16"},
		{"\xff\xfe\x00\x00a\x00\x00\x00", "\xff", false, "the file is not UTF-8 but UTF-32 text", "UTF-32"},
		{"a\x00,\x00", "\x00,", false, "the file is not UTF-8 but UTF-16 text", "UTF-16LE"},
		{"\x00a\x00,", "\x00a", false, "the file is not UTF-8 but UTF-16 text", "UTF-16BE"},
		{"\x1f\x8b\x08", "\x8b", false, "the file is not UTF-8 but compressed by gzip; unpack it: gunzip FILE", ""},
		{"PAR1\xff", "\xff", false, "the file is not UTF-8 but a Parquet file", ""},
		{"", "\x00", false, "a zero byte: the file isn't text, or UTF-16 without a byte order mark", ""},
		{"caf", "\xe9 au lait", false, "the byte 0xe9 isn't UTF-8: the file looks like Latin-1 or Windows-1252", "WINDOWS-1252"},
		{"caf", "\xc3", true, "the byte 0xc3 isn't UTF-8: the file ends within a character; was it cut off?", ""},
		{"caf", "\xe9", false, "the byte 0xe9 isn't UTF-8: the file looks like Latin-1 or Windows-1252", "WINDOWS-1252"},
		{"a", "\xed\xa0\xbd", false, "the byte 0xed isn't UTF-8: it begins half a surrogate pair, as in CESU-8", ""},
		{"", "\x93\xfa\x96\x7b", false, "the byte 0x93 isn't UTF-8: the file has another encoding", ""},
		{"", "\xc0" + strings.Repeat("\x80", 5000), false, "the byte 0xc0 isn't UTF-8: the file has another encoding", ""},
	} {
		found, encoding := foreign.NotUTF8([]byte(c.head), []byte(c.rest), c.end)
		require.Equal(t, []string{c.found, c.encoding}, []string{found, encoding}, "%q", c.head+c.rest)
	}
}

package diag_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/diag"
)

func TestTextFromOutsideIsShortenedAndEscaped(t *testing.T) {
	long := strings.Repeat("é", 50<<20/2)
	for text, want := range map[string][3]string{
		"":                    {"", `""`, ""},
		"weight":              {"weight", `"weight"`, "weight"},
		`odd "name" \`:        {`odd "name" \`, `"odd \"name\" \\"`, `odd "name" \`},
		"\x1b[31mred\x00":     {`\x1b[31mred\x00`, `"\x1b[31mred\x00"`, `\x1b[31mred\x00`},
		"a\nb\tc\r":           {`a\nb\tc\r`, `"a\nb\tc\r"`, `a\nb\tc\r`},
		"\u202egnp.exe\u009b": {`\u202egnp.exe\u009b`, `"\u202egnp.exe\u009b"`, `\u202egnp.exe\u009b`},
		"bad\xffbyte\xc3":     {`bad\xffbyte\xc3`, `"bad\xffbyte\xc3"`, `bad\xffbyte\xc3`},
		"a mark \uFFFD":       {"a mark \uFFFD", "\"a mark \uFFFD\"", "a mark \uFFFD"},
		long:                  {strings.Repeat("é", 60) + "…", `"` + strings.Repeat("é", 60) + `…"`, strings.Repeat("é", 40) + "…" + strings.Repeat("é", 120)},
	} {
		require.Equal(t, want, [3]string{diag.Cut(text), diag.Quote(text), diag.CutPath(text)})
	}
	path := strings.Repeat("folder/", 100) + "weights.safetensors"
	require.True(t, strings.HasSuffix(diag.CutPath(path), "/weights.safetensors"))
	require.Equal(t, "one\ntwo\\x1b[2J", diag.Printable("one\ntwo\x1b[2J"))
	require.Less(t, len(diag.Printable(long)), 3000)
}

func TestMessagesContainNoControlSequences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		for _, shown := range []string{diag.Cut(text), diag.Quote(text), diag.CutPath(text)} {
			require.True(t, utf8.ValidString(shown))
			require.LessOrEqual(t, utf8.RuneCountInString(shown), 161*len(`\U0010ffff`))
			require.Negative(t, strings.IndexFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", shown)
		}
	})
}

func TestACommandIsWrittenAsOneTypesIt(t *testing.T) {
	require.Equal(t, `flowrun 'a b' 'it'\''s' '' --set 'x=[1]' --lr=0.5 'C:\a' 'é' '\x1b'`,
		diag.ShellLine("flowrun", "a b", "it's", "", "--set", "x=[1]", "--lr=0.5", `C:\a`, "é", "\x1b"))
}

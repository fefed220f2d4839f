package flowrun

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// streamed hands tokens to a stream, and gives what it handed out, and in which parts.
func streamed(t require.TestingT, stops []string, tokens ...string) (text, stop string, parts []string) {
	s := &stream{stops: stops, emit: func(part string) error { parts = append(parts, part); return nil }}
	for _, token := range tokens {
		ended, err := s.add(token)
		require.NoError(t, err)
		if ended {
			break
		}
	}
	require.NoError(t, s.flush())
	require.Equal(t, s.text.String(), strings.Join(parts, ""))
	return s.text.String(), s.stop, parts
}

func TestAStopIsFoundAcrossTokensAndNotHandedOut(t *testing.T) {
	for _, c := range []struct {
		stops, tokens []string
		want, stop    string
	}{
		{[]string{"END"}, []string{"a", "E", "N", "D", "b"}, "a", "END"},
		{[]string{"END"}, []string{"aE", "NE", "ND!"}, "aEN", "END"},
		{[]string{"END"}, []string{"a", "E", "N"}, "aEN", ""},
		{[]string{"aab"}, []string{"a", "a", "a", "b"}, "a", "aab"},
		{[]string{"xyz", "y"}, []string{"x", "y", "z"}, "x", "y"},
		{[]string{"y", "yz"}, []string{"xyz"}, "x", "yz"},
		{[]string{"é"}, []string{"a", "\xc3", "\xa9", "b"}, "a", "é"},
		{[]string{"é"}, []string{"a", "\xc3", "\xa8"}, "aè", ""},
		{[]string{"\n\n"}, []string{"a\n", "b\n", "\nc"}, "a\nb", "\n\n"},
		{nil, []string{"a", "", "b"}, "ab", ""},
	} {
		text, stop, _ := streamed(t, c.stops, c.tokens...)
		require.Equal(t, c.want, text, "%q", c.tokens)
		require.Equal(t, c.stop, stop, "%q", c.tokens)
	}
}

func TestCharactersOfSeveralTokensAreHandedOutWhole(t *testing.T) {
	text, _, parts := streamed(t, nil, "\xe6", "\x9d", "\xb1", "x", "\xff", "\xe6", "\x9d")
	require.Equal(t, "東x\uFFFD\uFFFD\uFFFD", text)
	require.Equal(t, []string{"東", "x", "\uFFFD", "\uFFFD\uFFFD"}, parts)
}

// Whatever the tokens and stops are, what is handed out is the text before the first stop.
func TestAStreamGivesTheTextBeforeTheFirstStop(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		letters := rapid.SampledFrom([]string{"a", "b", "é", "東", "\xc3", "\xff"})
		tokens := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(letters, 0, 3).Draw(t, "token"), "")
		}), 0, 12).Draw(r, "tokens")
		stops := rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune("abé東")), 1, 3, -1), 0, 3).Draw(r, "stops")
		all := strings.Join(tokens, "")
		first, ended := len(all), false
		for n := range len(tokens) { // the token that completes a stop ends the text
			sofar := strings.Join(tokens[:n+1], "")
			for _, stop := range stops {
				if i := strings.Index(sofar, stop); i >= 0 && (!ended || i < first) {
					first, ended = i, true
				}
			}
			if ended {
				break
			}
		}
		text, stop, parts := streamed(r, stops, tokens...)
		require.Equal(r, ended, stop != "")
		require.Equal(r, string([]rune(all[:first])), text)
		for _, part := range parts {
			require.True(r, utf8.ValidString(part))
		}
	})
}

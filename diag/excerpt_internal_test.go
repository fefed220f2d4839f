package diag

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// plainly cuts an excerpt out of a copy of the line, as characters.
func plainly(text string, r Range) (excerpt, bool) {
	lines := strings.Split(text, "\n")
	if r.Start.Line > len(lines) {
		return excerpt{}, false
	}
	line := []rune(strings.TrimSuffix(lines[r.Start.Line-1], "\r"))
	from, to := min(r.Start.Col-1, len(line)), len(line)
	if r.End.Line == r.Start.Line {
		to = min(from+r.End.Col-r.Start.Col, len(line))
	}
	begin, end := 0, len(line)
	if len(line) > windowWidth {
		begin = max(0, from-windowBefore)
		end = min(len(line), begin+windowWidth)
	}
	from, to = from-begin, min(to, end)-begin
	return excerpt{string(line[begin:end]), from, max(to, from+1), begin > 0, end < len(line)}, true
}

// In whatever order they are asked for.
func TestExcerptsMatchTheLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("abé日\r\n\t")), 0, 900, -1).Draw(t, "text")
		text = strings.Repeat("x", rapid.IntRange(0, 300).Draw(t, "before")) + text
		l := &List{Sources: map[string]string{"f": text}}
		for range rapid.IntRange(1, 12).Draw(t, "ranges") {
			start := Pos{rapid.IntRange(1, 20).Draw(t, "line"), rapid.IntRange(1, 500).Draw(t, "col")}
			end := Pos{start.Line + rapid.IntRange(0, 1).Draw(t, "lines"), start.Col + rapid.IntRange(0, 200).Draw(t, "width")}
			r := Range{File: "f", Start: start, End: end}
			want, there := plainly(text, r)
			got, ok := l.excerpt(r)
			require.Equal(t, there, ok)
			require.Equal(t, want, got, "%+v", r)
		}
	})
}

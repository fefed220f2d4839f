package edit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

func formatted(t require.TestingT, src string) string {
	out, _, list := Format("a.yaml", src)
	require.False(t, list.HasErrors(), list.Text())
	return out
}

func TestFormatting(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"indents by two", "a:\n    b:\n          c: 1\n    d: 2\n", "a:\n  b:\n    c: 1\n  d: 2\n"},
		{"indents lists under their keys", "a:\n- b\n-   c: 1\n    d: 2\ne: 3\n", "a:\n  - b\n  - c: 1\n    d: 2\ne: 3\n"},
		{"spaces", "a:   1  \nb: {  c:   1 ,d: [ 1,2 , 3 ]  }   \n", "a: 1\nb: {c: 1, d: [1, 2, 3]}\n"},
		{"blank lines", "\n\na: 1\n\n\n\nb: 2\n\n", "a: 1\n\nb: 2\n"},
		{"a final line feed", "a: 1", "a: 1\n"},
		{"line feeds", "\ufeffa: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"},
		{"keeps quotes, anchors and flow style", "a: &x  'q'\nb: \"w\"\nc: [*x ,  *x]\nd: &y\n   e: 1\nf:   *y\n",
			"a: &x 'q'\nb: \"w\"\nc: [*x, *x]\nd: &y\n  e: 1\nf: *y\n"},
		{"keeps comments and their columns", "# top\na:\n    # in a\n    b: 1    # one\n    ccc: 2  # two\n    # end of a\n# next\nd: 3 # d\n# end\n",
			"# top\na:\n  # in a\n  b: 1    # one\n  ccc: 2  # two\n  # end of a\n# next\nd: 3 # d\n# end\n"},
		{"comments move aside", "a: {b: 1,c: 2,d: 3} # x\n", "a: {b: 1, c: 2, d: 3} # x\n"},
		{"lines in brackets", "a: {b: 1,\n     c: [1,\n  2],\n   # note\n     d: 2\n}\n", "a: {b: 1,\n  c: [1,\n    2],\n  # note\n  d: 2\n  }\n"},
		{"brackets around all", "{a: 1,\nb: {c: 1\n}\n}", "{a: 1,\n  b: {c: 1\n  }\n}\n"},
		{"blocks of text", "a: |   # why\n      x\n        y  \n\n      z\n\n\nb:\n   - >-\n     p\n     q\n",
			"a: |   # why\n  x\n    y  \n\n  z\n\nb:\n  - >-\n    p\n    q\n"},
		{"text that begins with spaces", "k:\n    a: |2\n         x\n", "k:\n  a: |2\n       x\n"},
		{"text that keeps its end", "a: |+\n   x\n\n\nb: 1\n", "a: |+\n  x\n\n\nb: 1\n"},
		{"text without a line feed", "a: |\n   x", "a: |\n  x"},
		{"scalars over several lines", "a: x\n    y\n\n      z\nb: \"p \\\n        q\"\n", "a: x\n  y\n\n  z\nb: \"p \\\n  q\"\n"},
		{"values on their own lines", "a:\n      x + 1\nb:\n -\n     y\n", "a:\n  x + 1\nb:\n  -\n    y\n"},
		{"lists in lists", "-   -  1\n    -  2\n-   3\n", "- - 1\n  - 2\n- 3\n"},
		{"a marker of the document", "\n# c\n---   # d\n\na:   1\n", "# c\n---   # d\n\na: 1\n"},
		{"directives", "# c\n%YAML 1.2   # d \n  \n# e\n---\na:   1\n", "# c\n%YAML 1.2   # d\n\n# e\n---\na: 1\n"},
		{"comments of emptied sections", "a:\n    b:\n        # x\n\n        # y\n    c:   # z\n          # d: 1\n    e: 1\nf:\n    - # no item\n      # g\n    - 1\nh: &i\n      # j\nk: 1\n",
			"a:\n  b:\n    # x\n\n    # y\n  c:   # z\n    # d: 1\n  e: 1\nf:\n  - # no item\n    # g\n  - 1\nh: &i\n  # j\nk: 1\n"},
		{"comments of emptied sections at the end", "a:\n    b:\n        # x\n        # y\n", "a:\n  b:\n    # x\n    # y\n"},
		{"comments of emptied sections below lists", "a:\n- b:\n        # x\n  c: 1\n- d:\n        # y\ne: 2\n", "a:\n  - b:\n      # x\n    c: 1\n  - d:\n      # y\ne: 2\n"},
		{"comments deeper than what follows", "a:\n    b:\n        c: 1\n      # b's\n    # a's\nd: 1\n", "a:\n  b:\n    c: 1\n  # b's\n  # a's\nd: 1\n"},
		{"comments of sections with a value below", "a:\n      # x\n    b: 1\n", "a:\n  # x\n  b: 1\n"},
		{"wide characters", "a: ü   # x\nb: ü # y\n", "a: ü   # x\nb: ü # y\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, formatted(t, c.src))
			require.Equal(t, c.want, formatted(t, c.want))
		})
	}
}

func TestATextThatDoesNotParseIsNotFormatted(t *testing.T) {
	const src = "a:   1\n  b: [\n"
	out, _, list := Format("a.yaml", src)
	require.Equal(t, src, out)
	require.True(t, list.HasErrors())
}

func TestACommentAfterABlockScalarIsIndentedAsItsKey(t *testing.T) {
	out := formatted(t, "a:\n    b:\n        |\n          text\n      # c\n    d: 1\n")
	require.True(t, strings.HasSuffix(out, "\n  # c\n  d: 1\n"), out)
}

// What isn't laid out has a reason, which people are told.
func TestUnformattedSpecsHaveAReason(t *testing.T) {
	for src, want := range map[string]string{
		"? a\n: 1\n": "a key is marked with ?", "--- {a:   1}\n": "a value follows --- on the same line", "a:   1\n...\n": "the document ends with ...",
		"just   text\n": "it is neither a mapping nor a list", "# nothing\n": "", "a: 1\n": "", "%YAML 1.1\n---\na: 1\n": "", "%TAG !e! tag:e,2000:\n---\na:   1\n": "",
	} {
		out, kept, list := Format("a.yaml", src)
		require.Empty(t, list.Items, list.Text())
		require.Equal(t, want, kept, src)
		if want != "" {
			require.Equal(t, src, out)
		}
	}
}

func TestTheRepositorysSpecsAreFormatted(t *testing.T) {
	for _, src := range seeds(t, "../../graphs/*.yaml", "../std/*.yaml") {
		require.Equal(t, src, formatted(t, src))
	}
}

func seeds(t testing.TB, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			all = append(all, string(src))
		}
	}
	require.NotEmpty(t, all)
	return all
}

// holds claims what formatting promises of any text: it means the same, keeps all
// that a reader sees, and formatting it changes nothing.
func holds(t require.TestingT, src string) {
	normal := func(s string) string { return strings.ReplaceAll(strings.TrimPrefix(s, "\ufeff"), "\r\n", "\n") }
	out, _, _ := Format("a.yaml", src)
	var list, again diag.List
	root, tokens := tree.Tokens("a.yaml", normal(src), &list)
	if root == nil || list.HasErrors() {
		require.Equal(t, src, out)
		return
	}
	after, rest := tree.Tokens("a.yaml", normal(out), &again)
	require.False(t, again.HasErrors(), "%q became %q: %s", src, out, again.Text())
	require.Equal(t, words(normal(src), tokens), words(normal(out), rest), "comments, anchors, quotes and brackets stay")
	require.True(t, Same(root, after), "%q became %q", src, out)
	twice, _, _ := Format("a.yaml", out)
	require.Equal(t, out, twice, "%q", src)
}

// What Source gives back as it is, it gives back because layOut refused it or went
// wrong. Neither happens with a spec that somebody wrote.
func TestLayoutSucceedsForRealSpecs(t *testing.T) {
	laid := 0
	for _, src := range seeds(t, "../../graphs/*.yaml", "../testdata/*/*.yaml", "../std/*.yaml", "../std/testdata/reference/*.yaml") {
		var list diag.List
		root, tokens := tree.Tokens("a.yaml", src, &list)
		if root == nil || list.HasErrors() || root.Kind != tree.Map ||
			slices.ContainsFunc(tokens, func(t tree.Token) bool { return t.Kind == tree.OtherToken }) {
			continue
		}
		out, kept := layOut(src, tokens)
		require.Empty(t, kept, src)
		require.True(t, faithful("a.yaml", src, root, tokens, out), "%s\nbecame\n%s", src, out)
		laid++
	}
	require.Greater(t, laid, 200)
}

// Whatever the indentation and the spaces were, one layout comes out.
func TestFormattingUndoesWhatOnlySpacesDo(t *testing.T) {
	specs := seeds(t, "../../graphs/*.yaml", "../std/*.yaml")
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.SampledFrom(specs).Draw(t, "spec")
		width := rapid.IntRange(1, 7).Draw(t, "width")
		blank := rapid.IntRange(2, 9).Draw(t, "blank")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
		var b strings.Builder
		text := 0 // the level of the block of text that the line is in
		for i, line := range strings.Split(strings.TrimSuffix(src, "\n"), "\n") {
			rest := strings.TrimLeft(line, " ")
			indent := len(line) - len(rest)
			if indent < 2*text && rest != "" {
				text = 0
			}
			level := indent / 2
			if text > 0 {
				level = text
			}
			if rest != "" {
				rest = strings.Repeat(" ", level*width+indent-2*level) + rest
			}
			b.WriteString(rest)
			switch {
			case strings.HasSuffix(rest, "|"), strings.HasSuffix(rest, ">-"):
				text = level + 1
			case text == 0 && i%blank == 0:
				b.WriteString("  " + end + end)
			}
			b.WriteString(end)
		}
		require.Equal(t, strings.ReplaceAll(formatted(t, src), "\n\n", "\n"), strings.ReplaceAll(formatted(t, b.String()), "\n\n", "\n"))
	})
}

// A section whose lines are all commented out keeps its comments, whatever the
// indentation is and whatever follows.
func TestCommentedSectionsStayInTheirSection(t *testing.T) {
	tried := 0
	for _, src := range seeds(t, "../../graphs/*.yaml") {
		lines := strings.Split(strings.TrimSuffix(src, "\n"), "\n")
		indent := func(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
		for i, line := range lines {
			end := i + 1
			for end < len(lines) && (lines[end] == "" || indent(lines[end]) > indent(line)) {
				end++
			}
			for end > i+1 && lines[end-1] == "" {
				end--
			}
			if !strings.HasSuffix(line, ":") || end == i+1 {
				continue
			}
			tried++
			emptied := slices.Clone(lines)
			for n := i + 1; n < end; n++ {
				if lines[n] != "" {
					deep := indent(lines[i+1])
					emptied[n] = strings.Repeat(" ", deep) + "# " + strings.TrimPrefix(lines[n], strings.Repeat(" ", deep))
				}
			}
			want := strings.Join(emptied, "\n") + "\n"
			require.Equal(t, want, formatted(t, want))
			for n, line := range emptied {
				emptied[n] = strings.Repeat(" ", indent(line)) + line // twice as deep
			}
			require.Equal(t, want, formatted(t, strings.Join(emptied, "\n")))
		}
	}
	require.Greater(t, tried, 15)
}

func TestFormattingKeepsTheMeaningAndIsFinal(t *testing.T) {
	specs := seeds(t, "../../graphs/*.yaml", "../testdata/invalid/*.yaml", "../std/*.yaml")
	for _, src := range specs {
		holds(t, src)
	}
	pieces := []string{" ", "  ", "\n", "\n\n", "\n  ", "\n    ", "# c\n", " # c\n", "\n# c\n", "- ", "\n- ", "\n  - ", "a", "b: ", "b: 1", "\nk: ", "\n  k: ",
		"x y", "{", "}", "[", "]", ", ", ",", ": ", "&a ", "*a", "'q'", "\"q\"", "\"q \\\n  r\"", "|\n", "|-\n", ">\n", "|+\n", "|2\n", "    t\n", "  t\n", "\r\n", "ü", "?", "---\n", "\t"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(append(specs, "a: 1\n", "a:\n  b: 1\n  c: [1, 2]\n- ", "")).Draw(t, "text")
		for range rapid.IntRange(1, 8).Draw(t, "edits") {
			at := rapid.IntRange(0, len(text)).Draw(t, "at")
			to := min(len(text), at+rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(t, "cut"))
			text = text[:at] + rapid.SampledFrom(pieces).Draw(t, "piece") + text[to:]
		}
		holds(t, text)
	})
}

// FuzzFormat claims the same of texts that are found by coverage.
func FuzzFormat(f *testing.F) {
	for _, src := range seeds(f, "../../graphs/*.yaml", "../testdata/invalid/*.yaml", "../std/*.yaml") {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) { holds(t, src) })
}

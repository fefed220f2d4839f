// Package edit writes specs: [Render] with overrides applied, imports resolved and
// defaults written out, [Format] in one layout.
//
// Format changes white space only: two spaces of indentation a level, one space after `:`,
// `-` and `,`, none inside brackets and at the ends of lines, at most one blank line in a
// row, one line feed at the end. Lines stay lines; comments, anchors, quotes, brackets and
// the order of keys stay as they are. The result is parsed and formatted once more: if it
// doesn't mean what the text meant, or isn't stable, the text is given back unchanged.
package edit

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Format gives a text in the one layout: flowrun fmt. A text that can't be parsed is given
// back as it is with its problems in the list, one that can't be laid out with the reason.
func Format(name, src string) (out, kept string, list diag.List) {
	text := strings.ReplaceAll(strings.TrimPrefix(src, "\ufeff"), "\r\n", "\n")
	root, tokens := tree.Tokens(name, text, &list)
	list.Sort()
	if root == nil || list.HasErrors() {
		return src, "", list
	}
	out, kept = layOut(text, tokens)
	switch {
	case kept != "":
	case !faithful(name, text, root, tokens, out):
		kept = "formatting would change its meaning, or would not be stable"
	default:
		return out, "", list
	}
	return src, kept, list
}

// faithful reports whether a layout of a text says what the text says, and is its
// own layout.
func faithful(name, text string, root *tree.Node, tokens []tree.Token, out string) bool {
	if strings.HasPrefix(out, "\ufeff") || strings.Contains(out, "\r") {
		return false // a line break to YAML and to few others
	}
	var list diag.List
	after, rest := tree.Tokens(name, out, &list)
	if after == nil || list.HasErrors() || !Same(root, after) || !slices.Equal(words(text, tokens), words(out, rest)) {
		return false
	}
	again, kept := layOut(out, rest)
	return kept == "" && again == out
}

// words are the tokens of a text, each without the white space in it.
func words(src string, tokens []tree.Token) []string {
	all := make([]string, len(tokens))
	for i, t := range tokens {
		all[i] = strings.Join(strings.Fields(src[t.Offset:t.End]), " ")
	}
	return all
}

// Same reports whether two trees mean the same.
func Same(a, b *tree.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Text == b.Text && slices.EqualFunc(a.Items, b.Items, Same) &&
		slices.EqualFunc(a.Entries, b.Entries, func(a, b tree.Entry) bool {
			return a.Key.Text == b.Key.Text && Same(a.Value, b.Value)
		})
}

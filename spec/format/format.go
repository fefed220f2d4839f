// Package format writes specs in one layout: flowrun fmt.
//
// It owns where things stand on their lines, and nothing else: indentation (two
// spaces a level), one space behind `:`, `-` and `,`, none inside of brackets and
// at the ends of lines, one blank line at most, one line feed at the end. Lines
// stay lines; comments, anchors, quotes, brackets and the order of keys stay as
// their author wrote them.
//
//   - The result means what the text meant: both are parsed and compared, and a
//     text for which that fails is given back as it is.
//   - Formatting what was formatted changes nothing: every place is computed from
//     the text's structure; where an old column counts (comments), the new text
//     has the new column.
package format

import (
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/tree"
)

// Source gives a text in the layout. A text that can't be parsed is given back
// as it is, with its problems in the list; the name is the file's, for them.
func Source(name, src string) (string, diag.List) {
	var list diag.List
	text := strings.ReplaceAll(strings.TrimPrefix(src, "\ufeff"), "\r\n", "\n")
	root, tokens := tree.Tokens(name, text, &list)
	list.Sort()
	if root == nil || list.HasErrors() {
		return src, list
	}
	out, ok := layOut(text, tokens)
	if !ok {
		return src, list
	}
	var again diag.List
	if after := tree.Parse(name, out, &again); after == nil || again.HasErrors() || !Same(root, after) {
		return src, list
	}
	return out, list
}

// Same reports whether two trees mean the same.
func Same(a, b *tree.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Text != b.Text || len(a.Items) != len(b.Items) || len(a.Entries) != len(b.Entries) {
		return false
	}
	for i := range a.Items {
		if !Same(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for i := range a.Entries {
		if a.Entries[i].Key.Text != b.Entries[i].Key.Text || !Same(a.Entries[i].Value, b.Entries[i].Value) {
			return false
		}
	}
	return true
}

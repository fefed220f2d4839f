package tree

import (
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/flowrun/flowrun/diag"
)

// scalar fills in a scalar's kind, text and positions.
func (w *walker) scalar(n *Node, y *yaml.Node) {
	const block = yaml.LiteralStyle | yaml.FoldedStyle
	n.Text = y.Value
	n.Plain = y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|block) == 0
	n.Kind = String
	if n.Plain {
		n.Kind = coreKind(n.Text)
	}
	width := 0
	rest := w.src[n.Offset:]
	switch {
	case n.Plain && strings.HasPrefix(rest, n.Text):
		width = len(n.Text)
	case !n.Plain && y.Style&block == 0 && len(rest) > len(n.Text)+1 &&
		rest[1:1+len(n.Text)] == n.Text && rest[1+len(n.Text)] == rest[0] && !strings.Contains(n.Text, "\n"):
		width = len(n.Text) + 2
	}
	if width > 0 || n.Text == "" && n.Plain {
		n.End = n.Offset + width
		n.Range.End.Col += utf8.RuneCountInString(rest[:width])
	} else {
		w.align(n, y.Style&block != 0)
	}
	w.leaf(n, y.Style&block != 0)
	if n.Plain {
		n.CutByComment = w.commentFollows(n.End)
	}
}

func (w *walker) commentFollows(at int) bool {
	rest := w.src[at:]
	trimmed := strings.TrimLeft(rest, " \t")
	return len(trimmed) < len(rest) && strings.HasPrefix(trimmed, "#")
}

// maxPositions is how many characters of a scalar have positions of their own, if they
// don't stand in the text in one row. A longer one is no expression.
const maxPositions = 1 << 15

// align finds the position of every character of a scalar that is folded, escaped
// or a block, by walking through its value and its source side by side.
func (w *walker) align(n *Node, block bool) {
	at, pos := n.Offset, n.Range.Start
	step := func() {
		r, size := utf8.DecodeRuneInString(w.src[at:])
		pos = next(pos, r)
		at += size
	}
	quote := byte(0)
	if block {
		for at < len(w.src) && w.src[at] != '\n' { // the header: "|-"
			step()
		}
	} else if !n.Plain {
		quote = w.src[at]
		step()
	}
	isSpace := func() bool { return at < len(w.src) && strings.IndexByte(" \t\r\n", w.src[at]) >= 0 }
	characters := utf8.RuneCountInString(n.Text)
	if n.long = characters > maxPositions; !n.long {
		w.list.Budget.Spend(diag.Reading, placeCost*(characters+1))
		n.positions = make([]diag.Pos, 0, characters+1)
	}
	for _, r := range n.Text {
		if r != ' ' && r != '\n' && r != '\t' {
			for isSpace() {
				step()
			}
		}
		for quote == '"' && continues(w.src[at:]) { // a line that goes on in the next one
			step()
			for isSpace() {
				step()
			}
		}
		if !n.long {
			n.positions = append(n.positions, pos)
		}
		switch {
		case at >= len(w.src):
		case quote == '"' && w.src[at] == '\\':
			for range escapeLength(w.src[at:]) {
				step()
			}
		case quote == '\'' && strings.HasPrefix(w.src[at:], "''"):
			step()
			step()
		case (r == ' ' || r == '\t') && w.src[at] == byte(r):
			step()
		case r == ' ' || r == '\n' || r == '\t': // folded
			for isSpace() {
				step()
			}
		default:
			step()
		}
	}
	if !n.long {
		n.positions = append(n.positions, pos)
	}
	if quote != 0 {
		for at < len(w.src) && w.src[at] != quote {
			step()
		}
		if at < len(w.src) {
			step()
		}
	}
	n.End, n.Range.End = at, pos
}

// continues reports whether s begins with a backslash at the end of its line.
func continues(s string) bool {
	return strings.HasPrefix(s, "\\\n") || strings.HasPrefix(s, "\\\r\n")
}

// escapeLength is the number of characters of the escape that s begins with.
func escapeLength(s string) int {
	if len(s) < 2 {
		return len(s)
	}
	return min(max(2, longEscapes[s[1]]), len(s))
}

var longEscapes = map[byte]int{'x': 4, 'u': 6, 'U': 10}

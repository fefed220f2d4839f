package tree

import (
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
)

// TokenKind is the kind of a token.
type TokenKind uint8

// The kinds of tokens.
const (
	ScalarToken  TokenKind = iota // plain or quoted, on one line or several
	BlockToken                    // a block of text with its header; trailing white space may be part of it
	AliasToken                    // *name
	AnchorToken                   // &name
	CommentToken                  // up to the end of its line
	CommaToken
	ColonToken
	DashToken
	OpenToken  // [ or {
	CloseToken // ] or }
	OtherToken // a document's marker, a directive, a ? before a key
)

// Token is a piece of a text: bytes Offset to End.
type Token struct {
	Kind        TokenKind
	Offset, End int
}

// Tokens parses a text and cuts it into tokens; what stands between them is white
// space. Problems go to list, and then there are no tokens. The text must have no
// byte order mark and no carriage returns.
func Tokens(file, src string, list *diag.List) (*Node, []Token) {
	root, leaves := parse(file, src, list)
	if root == nil || list.HasErrors() {
		return nil, nil
	}
	var tokens []Token
	for at := 0; at < len(src); {
		if strings.IndexByte(" \t\n", src[at]) >= 0 {
			at++
			continue
		}
		t := punctuation(src, at)
		if len(leaves) > 0 && leaves[0].Offset <= at {
			t, leaves = leaves[0], leaves[1:]
		}
		tokens = append(tokens, t)
		at = max(t.End, at+1)
	}
	return root, tokens
}

// punctuation is the token at a byte that is no scalar's.
func punctuation(src string, at int) Token {
	kind, known := marks[src[at]]
	if !known {
		kind = OtherToken
	}
	switch c := src[at]; {
	case c == '#' || c == '%':
		line, _, _ := strings.Cut(src[at:], "\n")
		return Token{kind, at, at + len(line)}
	case c == '.' || strings.HasPrefix(src[at:], "---"):
		return Token{OtherToken, at, min(at+3, len(src))}
	}
	return Token{kind, at, at + 1}
}

var marks = map[byte]TokenKind{'#': CommentToken, ',': CommaToken, ':': ColonToken, '-': DashToken,
	'[': OpenToken, '{': OpenToken, ']': CloseToken, '}': CloseToken}

// leaf keeps a scalar's extent; an absent one has none.
func (w *walker) leaf(n *Node, block bool) {
	kind := ScalarToken
	if block {
		kind = BlockToken
	}
	if !n.Plain || n.Text != "" {
		w.leaves = append(w.leaves, Token{kind, n.Offset, n.End})
	}
}

// ignores finds the comments that accept warnings. The leaves, in the order of
// the text, tell comments from what only looks like one inside of a scalar.
func (t *text) ignores(leaves []Token) []diag.Ignore {
	if !strings.Contains(t.src, diag.IgnoreMark) {
		return nil
	}
	var found []diag.Ignore
	below := 0 // the line below the comments that were looked at last
	for n := range t.lines {
		line := t.line(n + 1)
		if !strings.Contains(line, diag.IgnoreMark) {
			continue
		}
		var at int
		if at, leaves = t.comment(n, leaves); at < 0 {
			continue
		}
		said, ok := strings.CutPrefix(strings.TrimLeft(line[at+1:], " \t"), diag.IgnoreMark)
		if !ok || said != "" && said[0] != ' ' && said[0] != '\t' {
			continue
		}
		start := diag.Pos{Line: n + 1, Col: 1 + utf8.RuneCountInString(line[:at])}
		end := diag.Pos{Line: n + 1, Col: start.Col + utf8.RuneCountInString(line[at:])}
		about := n + 1
		if strings.TrimSpace(line[:at]) == "" {
			if below <= n+1 {
				for below = n + 2; strings.HasPrefix(strings.TrimSpace(t.line(below)), "#"); {
					below++
				}
			}
			about = below
		}
		found = append(found, diag.Ignore{Range: t.rangeOf(start, end), Line: about, Text: said})
	}
	return found
}

// comment gives the byte of line n (from 0) at which its comment begins, or -1,
// and the leaves that matter to the lines below.
func (t *text) comment(n int, leaves []Token) (int, []Token) {
	line := t.line(n + 1)
	for i := range len(line) {
		if line[i] != '#' || i > 0 && line[i-1] != ' ' && line[i-1] != '\t' {
			continue
		}
		at := t.lines[n] + i
		for len(leaves) > 0 && leaves[0].End <= at {
			leaves = leaves[1:]
		}
		if len(leaves) == 0 || at < leaves[0].Offset {
			return i, leaves
		}
	}
	return -1, leaves
}

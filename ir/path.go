package ir

import "strings"

// PlainPath writes a path with dots alone, as weight files do: h[0].weight is
// h.0.weight.
func PlainPath(path string) string {
	if !strings.Contains(path, "[") {
		return path
	}
	return strings.NewReplacer("[", ".", "]", "").Replace(path)
}

// Pattern is a path in which "*" stands for any text.
type Pattern struct {
	text   string
	pieces []string // between the stars
	bytes  int      // of the pieces that are looked for
}

// NewPattern reads a pattern. Stars side by side are as one.
func NewPattern(text string) Pattern {
	p := Pattern{text: text}
	for i, piece := range strings.Split(text, "*") {
		if piece != "" || i == 0 {
			p.pieces = append(p.pieces, piece)
			p.bytes += len(piece)
		}
	}
	if strings.HasSuffix(text, "*") {
		p.pieces = append(p.pieces, "")
	}
	return p
}

// String gives the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Match reports whether the pattern matches all of a path: of a node, a state, a
// parameter.
func (p Pattern) Match(path string) bool {
	last := len(p.pieces) - 1
	if last == 0 {
		return p.text == path
	}
	rest, ok := strings.CutPrefix(path, p.pieces[0])
	if !ok || len(path) < p.bytes {
		return false
	}
	for _, piece := range p.pieces[1:last] {
		_, after, found := strings.Cut(rest, piece)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, p.pieces[last])
}

// Cost is about how many nanoseconds Match takes at most.
func (p Pattern) Cost(path string) int { return 15 + 20*min(len(p.pieces), 1+len(path)) + len(path) }

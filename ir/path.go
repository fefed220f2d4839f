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

// Captured gives the texts that the stars stand for in a path that the pattern matches: as
// little text as possible each, from the left.
func (p Pattern) Captured(path string) (texts []string) {
	pieces := strings.Split(Squeezed(p.text), "*")
	rest, last := path[len(pieces[0]):], len(pieces)-1
	for i, piece := range pieces[1:] {
		at := strings.Index(rest, piece)
		if i+1 == last {
			at = len(rest) - len(piece)
		}
		texts, rest = append(texts, rest[:at]), rest[at+len(piece):]
	}
	return texts
}

// Filled puts texts in the place of a pattern's stars.
func Filled(pattern string, texts []string) string {
	pieces := strings.Split(Squeezed(pattern), "*")
	var b strings.Builder
	b.WriteString(pieces[0])
	for i, piece := range pieces[1:] {
		b.WriteString(texts[i])
		b.WriteString(piece)
	}
	return b.String()
}

// Stars is how many texts a pattern's stars stand for.
func Stars(pattern string) int { return strings.Count(Squeezed(pattern), "*") }

// Squeezed is a pattern in which stars side by side are one.
func Squeezed(pattern string) string {
	for strings.Contains(pattern, "**") {
		pattern = strings.ReplaceAll(pattern, "**", "*")
	}
	return pattern
}

package ir

import "strings"

// MatchPath reports whether a pattern, in which "*" stands for any text, matches
// all of a path: of a node, a state, a parameter.
func MatchPath(pattern, path string) bool {
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == path
	}
	rest, ok := strings.CutPrefix(path, pieces[0])
	if !ok {
		return false
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		_, after, found := strings.Cut(rest, piece)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, pieces[len(pieces)-1])
}

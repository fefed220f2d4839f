package diag

import (
	"fmt"
	"strings"
)

// MaxCandidates bounds the search: among more names than that, a near one means
// little.
const MaxCandidates = 2000

// longestName is how long a name may be, in bytes, to be compared with others.
const longestName = 64

// DidYouMean gives the candidate that a misspelled name most likely stands for,
// or "". Case doesn't count; the distance allowed grows with the name's length.
// Of equally near candidates the alphabetically first wins.
func DidYouMean(name string, candidates []string) string {
	if len(name) > longestName { // nobody misspells that; and the distance costs its square
		return ""
	}
	if len(candidates) > MaxCandidates {
		return ""
	}
	allowed := 1 + len(name)/4
	best, bestDistance := "", allowed+1
	lower := strings.ToLower(name)
	for _, c := range candidates {
		if c == name || len(c) > longestName || len(c) > len(name)+allowed || len(name) > len(c)+allowed {
			continue
		}
		d := distance(lower, strings.ToLower(c))
		nearer := d < bestDistance || d == bestDistance && c < best
		if nearer && d <= allowed && d < max(len(name), len(c)) {
			best, bestDistance = c, d
		}
	}
	return best
}

// Suggestion is DidYouMean as a help text, or "".
func Suggestion(name string, candidates []string) string {
	if s := DidYouMean(name, candidates); s != "" {
		return suggestion(s)
	}
	return ""
}

func suggestion(name string) string { return fmt.Sprintf("did you mean %q?", name) }

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours each count one.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before := make([]int, len(y)+1) // row i-2
	above := make([]int, len(y)+1)  // row i-1
	row := make([]int, len(y)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(y)]
}

// DidYouMean is DidYouMean at the cost of the list's budget; "" for a list that
// takes no more.
func (l *List) DidYouMean(name string, candidates []string) string {
	if l.Full() {
		return ""
	}
	const look, step = 40, 4 // a candidate that is looked at; a cell of the distance's table
	work := look * len(candidates)
	for _, c := range candidates {
		if len(c) <= 2*len(name) && len(name) <= longestName {
			work += step * len(name) * len(c)
		}
	}
	l.Budget.Spend(Comparing, work)
	return DidYouMean(name, candidates)
}

// Suggestion is Suggestion at the cost of the list's budget; "" for a list that
// takes no more.
func (l *List) Suggestion(name string, candidates []string) string {
	if s := l.DidYouMean(name, candidates); s != "" {
		return suggestion(s)
	}
	return ""
}

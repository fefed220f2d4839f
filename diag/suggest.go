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
// or "". Case and underscores hardly count; how much may differ grows with the
// name's length, and of a name of two letters they may only be swapped. A letter that
// is missing, too many or swapped with its neighbour is likelier than a wrong
// one, and a wrong first letter is no slip. Of equally near candidates the
// alphabetically first wins.
func DidYouMean(name string, candidates []string) string {
	// Nobody misspells a very long name, and the distance costs its square.
	if len(name) > longestName || len(candidates) > MaxCandidates {
		return ""
	}
	allowed := slack(len(name))
	best, bestDistance := "", allowed+1
	lower := strings.ToLower(name)
	for _, c := range candidates {
		if c == name || c == "" || len(c) > longestName || len(c) > len(name)+allowed || len(name) > len(c)+allowed {
			continue
		}
		if len(name) < 3 && len(c) != len(name) {
			continue // of so short a name only a swap is a slip
		}
		d := distance(lower, strings.ToLower(c))
		if d <= allowed && (d < bestDistance || d == bestDistance && c < best) {
			best, bestDistance = c, d
		}
	}
	return best
}

// What a difference costs.
const (
	underscore = 1 // one is missing or too many
	slip       = 3 // a letter is missing or too many, or two are swapped
	wrong      = 4 // a letter is another
	first      = 7 // the first one is
)

// slack is how much a name of so many bytes may differ from what was meant.
func slack(length int) int {
	switch {
	case length < 4:
		return slip
	case length < 6:
		return wrong
	case length < 10:
		return 2 * wrong
	}
	return 3 * wrong
}

// Suggestion is DidYouMean as a help text, or "".
func Suggestion(name string, candidates []string) string {
	return suggestion(DidYouMean(name, candidates))
}

func suggestion(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", name)
}

// distance is the optimal string alignment distance: the least that insertions,
// deletions, substitutions and swaps of neighbours cost.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before := make([]int, len(y)+1) // row i-2
	above := make([]int, len(y)+1)  // row i-1
	row := make([]int, len(y)+1)
	for j := 1; j < len(above); j++ {
		above[j] = above[j-1] + lone(y[j-1])
	}
	for i := 1; i <= len(x); i++ {
		row[0] = above[0] + lone(x[i-1])
		for j := 1; j <= len(y); j++ {
			cost := wrong
			switch {
			case x[i-1] == y[j-1]:
				cost = 0
			case i == 1 && j == 1:
				cost = first
			}
			row[j] = min(above[j]+lone(x[i-1]), row[j-1]+lone(y[j-1]), above[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+slip)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(y)]
}

// lone is what a character costs that stands in one of the names alone.
func lone(r rune) int {
	if r == '_' {
		return underscore
	}
	return slip
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
	return suggestion(l.DidYouMean(name, candidates))
}

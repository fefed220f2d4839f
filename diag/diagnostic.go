package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a diagnostic stops a spec from running.
type Severity uint8

// The severities, gravest first.
const (
	Error   Severity = iota // the spec can't run
	Warning                 // it can, but it probably doesn't say what was meant
)

// String names the severity as reports print it.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Diagnostic is one problem.
type Diagnostic struct {
	Severity Severity
	Rule     Rule
	Message  string // one sentence without a full stop: the thing, its value, what was expected
	Range    Range
	Notes    []Note // facts that led to it, each with its place
	Help     string // what to do about it, if that is known
}

// Note is a fact beside a diagnostic.
type Note struct {
	Message string
	Range   Range // the zero Range if it has no place
}

// List collects diagnostics and the texts that they point into.
type List struct {
	Items   []Diagnostic
	Sources map[string]string // text by file name, for rendering
	Ignores []Ignore          // comments that accept warnings, until ApplyIgnores

	// Budget is what finding more may cost; nil: anything.
	Budget *Budget

	seen    map[key]bool
	cursors map[string]*cursor // where excerpts were taken last
}

type key struct {
	rule    Rule
	rng     Range
	message string
}

// MaxItems bounds a list: a text with more problems than this is told once that
// there are more.
const MaxItems = 200

// toldCost is the cost of a byte of a diagnostic: it is put together, compared and
// kept.
const toldCost = 10 + KeptByte

// size is how many bytes a diagnostic has to say.
func (d *Diagnostic) size() int {
	n := len(d.Message) + len(d.Help)
	for _, note := range d.Notes {
		n += len(note.Message)
	}
	return n
}

// cut leaves of long texts what is shown.
func (d *Diagnostic) cut() {
	d.Message, d.Help = cut(d.Message), cut(d.Help)
	for i, note := range d.Notes {
		d.Notes[i].Message = cut(note.Message)
	}
}

// cut leaves of a long text what is shown, and lets the memory of the rest go.
func cut(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "…"
}

// Add appends a diagnostic unless the same one is there already, or the list is
// full. The severity is the rule's own.
func (l *List) Add(d Diagnostic) {
	l.Budget.Spend(Telling, toldCost*(64+d.size()))
	d.cut()
	d.Severity = d.Rule.Severity()
	k := key{d.Rule, d.Range, d.Message}
	if l.seen[k] || l.Full() {
		return
	}
	if len(l.Items) == MaxItems {
		d = Diagnostic{Severity: Error, Rule: TooManyProblems, Range: d.Range,
			Message: fmt.Sprintf("more than %d problems; the rest are not shown", MaxItems)}
	}
	if l.seen == nil {
		l.seen = map[key]bool{}
	}
	l.seen[k] = true
	l.Items = append(l.Items, d)
}

// Full reports whether the list takes no more.
func (l *List) Full() bool { return len(l.Items) > MaxItems }

// Errorf adds a diagnostic of a rule at a place.
func (l *List) Errorf(rule Rule, at Range, format string, args ...any) {
	l.Add(Diagnostic{Rule: rule, Range: at, Message: fmt.Sprintf(format, args...)})
}

// AddSource keeps a text for rendering.
func (l *List) AddSource(file, text string) {
	if l.Sources == nil {
		l.Sources = map[string]string{}
	}
	l.Sources[file] = text
}

// Merge adds all of other's diagnostics and sources.
func (l *List) Merge(other List) {
	for file, text := range other.Sources {
		l.AddSource(file, text)
	}
	for _, d := range other.Items {
		l.Add(d)
	}
	l.Ignores = append(l.Ignores, other.Ignores...)
}

// HasErrors reports whether any diagnostic is an error.
func (l *List) HasErrors() bool {
	return slices.ContainsFunc(l.Items, func(d Diagnostic) bool { return d.Severity == Error })
}

// Count gives the numbers of errors and of warnings.
func (l *List) Count() (errors, warnings int) {
	for _, d := range l.Items {
		if d.Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

// Sort puts the diagnostics into the order of their files and places.
func (l *List) Sort() {
	slices.SortStableFunc(l.Items, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Range.File, b.Range.File),
			cmp.Compare(a.Range.Start.Line, b.Range.Start.Line),
			cmp.Compare(a.Range.Start.Col, b.Range.Start.Col),
			cmp.Compare(a.Severity, b.Severity),
		)
	})
}

package diag

import "fmt"

// Budget bounds what the check of one spec may cost, whatever the spec is made
// of. Everything that grows with a spec spends it: its text and imports, its
// expressions and what they expand to, names, comparisons, gradients, messages,
// and lowering onto a device where that is asked for.
// So no shape of growth needs a limit of its own.
//
// A unit is about a nanosecond of work; a byte that stays in memory for the time
// of the check counts as KeptByte. A whole budget is spent in less than a second,
// and fits into 256 MiB.
//
// What is spent depends on the spec alone, never on the machine or its clock: a
// spec that is within its budget once always is.
type Budget struct {
	left  int64
	spent [works]int64
	last  [works]Range // where a kind of work was spent last
	now   Range
	runs  int  // of List.Bounded that are open
	over  bool // it has run out, and that was reported
}

// The measures of a budget.
const (
	WholeBudget = 600_000_000
	KeptByte    = 4 // bytes are scarcer than nanoseconds: 150 MB are a whole budget
)

// Work is a kind of work that a check does.
type Work uint8

// The kinds of work.
const (
	Reading   Work = iota // the bytes and entries of texts
	Parsing               // the characters of expressions and types
	Expanding             // evaluating expressions, calling modules, making nodes
	Listing               // elements of lists, nested ones included
	Naming                // the bytes of names and paths
	Matching              // holding patterns against paths
	Comparing             // names and values against each other
	Deriving              // the nodes of gradients
	Lowering              // the nodes of graphs that are lowered onto a device
	Telling               // the bytes of diagnostics
	works
)

// words say what a kind of work is, and help what makes it less.
var (
	workWords = [works]string{
		Reading:   "reading texts",
		Parsing:   "parsing expressions",
		Expanding: "expanding modules and expressions into nodes",
		Listing:   "list elements",
		Naming:    "long names and paths",
		Matching:  "matching patterns with paths",
		Comparing: "comparing names",
		Deriving:  "the nodes of gradients",
		Lowering:  "lowering the nodes onto a device",
		Telling:   "diagnostic messages",
	}
	workHelp = [works]string{
		Reading:   "move data into separate files, and import fewer files",
		Parsing:   "move repeated parts into a module",
		Expanding: "use `repeat` less, fewer nested modules, or fewer and larger operations",
		Listing:   "shorten the lists; joining or nesting them multiplies their elements",
		Naming:    "choose shorter names; a module's name is part of every path inside it",
		Matching:  "use fewer rules, with fewer `*`",
		Comparing: "use fewer names in one place",
		Deriving:  "use fewer nested gradients; each one multiplies the nodes",
		Lowering:  "check without a device; or use `repeat` less, or fewer and larger operations",
		Telling:   "fix the first problems and check again",
	}
)

// NewBudget gives a whole budget for the check of a file.
func NewBudget(file string) *Budget {
	return &Budget{left: WholeBudget, now: Range{File: file}}
}

// NewList makes a list whose checks have a budget.
func NewList(file string) List { return List{Budget: NewBudget(file)} }

// At says where in the text the work is that is spent next.
func (b *Budget) At(r Range) {
	if b != nil && r.Known() {
		b.now = r
	}
}

// exhausted ends what List.Bounded runs.
type exhausted struct{ budget *Budget }

// Spend takes units for a kind of work, before it is done. Where they are no
// longer there it doesn't return, but ends the function that List.Bounded runs. A
// nil budget is endless.
func (b *Budget) Spend(w Work, units int) {
	if b == nil || b.over {
		return
	}
	if units < 0 || int64(units) > b.left { // a negative one has wrapped
		b.spent[w] += max(b.left, 0)
		b.left, b.last[w] = 0, b.now
		if b.runs > 0 {
			panic(exhausted{b})
		}
		return
	}
	b.left -= int64(units)
	b.spent[w] += int64(units)
	b.last[w] = b.now
}

// Spent is how many units are gone.
func (b *Budget) Spent() int { return WholeBudget - int(b.left) }

// Bounded runs f, which spends the list's budget. If that runs out, f ends there,
// the list says what it was spent on, and whole is false. Bounded may be called
// inside f; only the outermost ends.
func (l *List) Bounded(f func()) (whole bool) {
	b := l.Budget
	if b == nil {
		f()
		return true
	}
	if b.over {
		return false
	}
	b.runs++
	defer func() {
		b.runs--
		if b.runs > 0 {
			return
		}
		switch p := recover().(type) {
		case nil:
		case exhausted:
			whole = false
			b.over = true
			l.over(b)
		default:
			panic(p)
		}
	}()
	f()
	return true
}

// over reports that the budget has run out, at the place that took most of it: of
// all that can be said of the spec this comes first.
func (l *List) over(b *Budget) {
	most := Work(0)
	for w := range works {
		if b.spent[w] > b.spent[most] {
			most = w
		}
	}
	d := Diagnostic{Severity: Error, Rule: OverBudget, Range: b.last[most], Help: workHelp[most],
		Message: fmt.Sprintf("checking the spec exceeds the budget; most of it was spent on %s (%d %%)", workWords[most], b.spent[most]*100/WholeBudget)}
	if len(l.Items) > MaxItems { // the last one says that there are more, and so does this
		l.Items = l.Items[:MaxItems]
	}
	l.Items = append(l.Items, d)
}

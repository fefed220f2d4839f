package weights

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// Misfit is the error for a file that doesn't fit a model and a rule.
type Misfit struct {
	Missing []Param  // that the file lacks
	Extra   []Extra  // that the model lacks
	Wrong   []string // tensors of another type, in words
	Twice   []string // parameters that several tensors are for, in words
	Nothing bool     // no parameter is in the file

	file  string // its path; "" if there is none
	taken []Entry
	rules []string

	asked   string   // who asks for params, for Nothing
	params  []string // that are asked for, for Nothing
	names   []string // that the file has, for Nothing
	ignored bool     // some of them are
	help    []string
}

// Extra is a tensor that is no parameter of the model.
type Extra struct {
	Entry
	CopyOf string // the taken tensor that has the same bits; "" if none has, or nobody has looked
}

// Error says what doesn't fit, the gravest first, and what to do about it.
func (m *Misfit) Error() string {
	problems := m.problems()
	if len(m.rules) > 0 { // what a wrong rule leaves over or leaves out isn't wrong with the file
		problems = slices.Concat(m.rules, m.Twice, m.Wrong)
	}
	text := diag.Few(problems)
	if m.file != "" {
		text = diag.CutPath(m.file) + " doesn't fit the model: " + text
	}
	help := m.help
	if len(m.rules) > 0 {
		help = nil
	}
	for _, e := range m.Extra {
		if e.CopyOf != "" {
			help = append(slices.Clone(help), fmt.Sprintf("%s has the bits of %s, as of tied weights: write ignore: %s", diag.Cut(e.Name), diag.Cut(e.CopyOf), diag.Quote(e.Name)))
		}
	}
	if len(help) > 0 {
		text += "; " + strings.Join(help[:min(2, len(help))], "; ")
	}
	return text
}

// problems lists what doesn't fit.
func (m *Misfit) problems() []string {
	problems := slices.Concat(m.Twice, m.Wrong)
	for _, p := range m.Missing {
		problems = append(problems, fmt.Sprintf("%s (%s) is missing", p.Name, p.Type))
	}
	for _, e := range m.Extra {
		problems = append(problems, fmt.Sprintf("%s (%s) is no parameter of the model", diag.Cut(e.Name), e.typeOf()))
	}
	if m.Nothing {
		problems = append(problems, m.nothing())
	}
	return problems
}

// nothing says what was asked for where no parameter is taken.
func (m *Misfit) nothing() string {
	text := fmt.Sprintf("nothing is taken: %s %s, the file %s", m.asked, diag.Names(m.params), diag.Names(m.names))
	if m.ignored {
		text += ", and what ignore fits is left out"
	}
	return text
}

// hints finds out what might have been meant.
func (a *assigning) hints() {
	m := &a.misfit
	m.taken = a.takenEntries()
	m.asked, m.params, m.names = "the model has", slices.Sorted(maps.Keys(a.params)), a.has
	if a.wanted != nil {
		m.asked, m.params = "match asks for", slices.Sorted(maps.Keys(a.wanted))
	}
	m.ignored = len(a.report.Ignored) > 0
	if hint := a.prefixHint(); hint != "" {
		m.help = append(m.help, hint)
		return
	}
	for _, hint := range []string{a.twinHint(), a.countersHint()} {
		if hint != "" {
			m.help = append(m.help, hint)
		}
	}
}

// prefixHint finds names that differ by what stands before them alone.
func (a *assigning) prefixHint() string {
	votes := map[string]int{}
	fits := func(p *Param, e *Entry) bool {
		return p != nil && e != nil && a.taken[p.Name] == nil && p.Type.Shape.Equal(e.Type.Shape)
	}
	vote := func(from, to string) { votes[fmt.Sprintf("{%s: %s}", diag.Quote(from), diag.Quote(to))]++ }
	for _, e := range a.extra {
		for before := 0; ; {
			at := strings.Index(e.Name[before:], ".")
			if at < 0 {
				break
			}
			before += at + 1
			if fits(a.params[e.Name[before:]], e) {
				vote(e.Name[:before]+"*", "*")
			}
		}
	}
	extra := map[string]*Entry{}
	for _, e := range a.extra {
		extra[e.Name] = e
	}
	for name, p := range a.params {
		if before, rest, ok := strings.Cut(name, "."); ok && fits(p, extra[rest]) {
			vote("*", before+".*")
		}
	}
	best := ""
	for rename, n := range votes {
		if n > votes[best] || n == votes[best] && rename < best {
			best = rename
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("%s fit with rename: %s", diag.Count(votes[best], "tensor"), best)
}

// twinHint finds the tensor that a tied head was left out for: the only one that the file
// has in its type.
func (a *assigning) twinHint() string {
	for _, p := range a.misfit.Missing {
		if len(p.Type.Shape) != 2 {
			continue
		}
		var twins []*Entry
		var as string
		for name, e := range a.taken {
			if e.Type.Equal(p.Type) {
				twins, as = append(twins, e), name
			}
		}
		if len(twins) == 1 {
			return fmt.Sprintf("%s has the type of %s: if they are tied, write rename: {%s: [%s, %s]}, or --weights-rename %s --weights-rename %s",
				p.Name, diag.Cut(twins[0].Name), diag.Quote(twins[0].Name), as, p.Name, diag.ShellLine(twins[0].Name+"="+as), diag.ShellLine(twins[0].Name+"="+p.Name))
		}
	}
	return ""
}

// countersHint knows PyTorch's counters of batches, which a model may do without.
func (a *assigning) countersHint() string {
	for _, e := range a.misfit.Extra {
		if strings.HasSuffix(e.Name, "num_batches_tracked") {
			return `PyTorch's counters of batches aren't needed: write ignore: "*num_batches_tracked"`
		}
	}
	return ""
}

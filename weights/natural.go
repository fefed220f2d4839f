package weights

import (
	"cmp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
)

// NaturalEntries lists the tensors as [File.Entries] does, in the order of [Natural].
func (f *File) NaturalEntries() []Entry {
	entries := f.Entries()
	slices.SortFunc(entries, func(a, b Entry) int { return Natural(a.Name, b.Name) })
	return entries
}

// TypeText is DTYPE[dims], with the file's name of a dtype that flowrun hasn't.
func (e *Entry) TypeText() string { return e.typeOf() }

// DTypeText is the dtype, by the file's name if flowrun hasn't it.
func (e *Entry) DTypeText() string {
	if e.Type.DType == ir.Invalid {
		return e.DType
	}
	return e.Type.DType.String()
}

// Natural compares names as people count: h.2 comes before h.10.
func Natural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		p, q := digits(x), digits(y)
		if p == 0 || q == 0 {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		m, n := strings.TrimLeft(x[:p], "0"), strings.TrimLeft(y[:q], "0")
		if c := cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(m, n)); c != 0 {
			return c
		}
		x, y = x[p:], y[q:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

// digits is how many digits a text begins with.
func digits(text string) int {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return i
		}
	}
	return len(text)
}

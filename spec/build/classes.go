package build

import (
	"fmt"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// checkClasses reports fields with more classes than what uses their ids as indices takes:
// each class occurs, so that is known without the files. A vocabulary may have fewer
// entries than it declares, which only its files say.
func (p *Program) checkClasses(list *diag.List) {
	for _, g := range p.Graphs() {
		for _, b := range ir.Bounds(g) {
			if b.Source == "" {
				continue
			}
			decl, _ := p.Source(b.Source)
			if decl == nil {
				continue
			}
			f := decl.Field(b.Field)
			if f == nil || f.Classes == nil || f.Classes.Vocabulary || !beyond(&b, f.Classes.Count) {
				continue
			}
			list.Add(diag.Diagnostic{Rule: diag.InvalidValue, Range: f.At,
				Message: fmt.Sprintf("the field %s has %d classes, whose ids are 0 to %d, but %s takes %s",
					f.Name, f.Classes.Count, f.Classes.Count-1, b.Op, b.Range()),
				Notes: []diag.Note{{Message: "they are used here", Range: b.Origin}}})
			return
		}
	}
}

// beyond reports whether one of so many ids is out of range.
func beyond(b *ir.Bound, count int) bool {
	for id := max(0, b.Size); id < int64(count); id++ {
		if !b.Has(id) {
			return true
		}
	}
	return false
}

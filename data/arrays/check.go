package arrays

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/data/table"
)

// check reads the elements that their fields may not be able to hold, so that no step of a
// run is the first to see them.
func (o *opening) check() error {
	for i := range o.table.fields {
		f := &o.table.fields[i]
		for k := range f.parts {
			p := &f.parts[k]
			if f.size == 0 || !p.direct() || f.classes == 0 && !p.array.Elem.checked(f.typ.DType) {
				continue
			}
			if err := o.checkPart(f, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPart is check for the rows of one array.
func (o *opening) checkPart(f *field, p *part) error {
	raw := int64(f.typ.Shape.Numel()) * int64(p.array.Elem.Size)
	most := min(p.rows, max(1, blockBytes/max(raw, f.size)))
	src, dst := make([]byte, most*raw), make([]byte, most*f.size)
	for row := int64(0); row < p.rows; row += most {
		if err := o.ctx.Err(); err != nil {
			return err
		}
		n := min(most, p.rows-row)
		if err := p.file.read(p.array.Data, src[:n*raw], row*raw); err != nil {
			return err
		}
		if err := o.accept(f, p, row, dst[:n*f.size], src[:n*raw]); err != nil {
			return err
		}
	}
	return nil
}

// Check is what kinds of arrays check in a declaration by itself.
func Check(d *table.Decl) []table.Problem {
	var problems []table.Problem
	for i := range d.Fields {
		f := &d.Fields[i]
		if len(d.Files) > 0 && !slices.ContainsFunc(d.Files, func(file table.File) bool { return file.Field == "" || file.Field == f.Name }) {
			problems = append(problems, table.Problem{At: f.At, Message: "field " + f.Name + " has no file",
				Help: fmt.Sprintf("add it: %s: {%s: FILE}", d.Kind, f.Name)})
		}
		if f.Fill.By != table.FillNone {
			problems = append(problems, table.Problem{At: f.At, Message: "field " + f.Name + " has fill, but arrays have no missing values",
				Help: "leave it out; a NaN is a value, which transform can replace"})
		}
		c := f.Classes
		if c != nil && c.Count > maxClasses {
			problems = append(problems, table.Problem{At: f.At, Message: fmt.Sprintf("field %s has %d classes; an array's may be %d at most", f.Name, c.Count, maxClasses),
				Help: "leave them out"})
		}
		if c != nil && c.Unknown >= 0 {
			problems = append(problems, table.Problem{At: f.At, Message: "field " + f.Name + " has an id for unknown texts, but arrays contain ids",
				Help: "leave it out"})
		}
	}
	return problems
}

// OneArray says where several fields would have the array of one file.
func OneArray(d *table.Decl) []table.Problem {
	for _, f := range d.Files {
		if f.Field == "" && len(d.Fields) > 1 {
			return []table.Problem{{At: f.At, Message: fmt.Sprintf("a file of %s contains one array, but there are %d fields", d.Kind, len(d.Fields)),
				Help: fmt.Sprintf("give each field its file: %s: {%s: FILE, %s: FILE}", d.Kind, d.Fields[0].Name, d.Fields[1].Name)}}
		}
	}
	return nil
}

// maxClasses is up to which number classes are named by their ids.
const maxClasses = 1 << 20

// Complete names the classes of fields that only say how many there are: arrays contain
// their ids, so that nothing is to be learned.
func Complete(d *table.Decl) {
	for i := range d.Fields {
		if c := d.Fields[i].Classes; c != nil && c.Names == nil && !c.Vocabulary && c.Count <= maxClasses {
			for id := range c.Count {
				c.Names = append(c.Names, strconv.Itoa(id))
			}
		}
	}
}

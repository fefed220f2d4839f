package weights

import (
	"bytes"
	"errors"
)

// Assign is the function [Assign] for the file's tensors. It reads none of them.
func (f *File) Assign(rule Rule, params []Param) (*Report, error) {
	report, err := Assign(rule, params, f.Entries())
	if m := (*Misfit)(nil); errors.As(err, &m) {
		m.file = f.path
		return nil, m
	}
	if err != nil {
		return nil, err
	}
	report.File, report.Note = f.path, f.note
	return report, nil
}

// mostCopies is how many of the tensors that a model lacks are compared with others: those
// that a message names.
const mostCopies = 6

// WithCopies gives back the error of Assign. If it is about tensors that the model lacks,
// it says which of them have the bits of one that it has, as tied weights do when both
// names are saved. These tensors are read. Vectors aren't compared: many are zeros.
func (f *File) WithCopies(err error) error {
	var m *Misfit
	if !errors.As(err, &m) {
		return err
	}
	for i := range m.Extra[:min(mostCopies, len(m.Extra))] {
		e := &m.Extra[i]
		for _, t := range m.taken {
			if t.Type.Equal(e.Type) && len(e.Type.Shape) > 1 && e.Type.Bytes() > 0 && f.same(e.Name, t.Name) {
				e.CopyOf = t.Name
				break
			}
		}
	}
	return err
}

// same reports whether two tensors of one type have the same bits.
func (f *File) same(a, b string) bool {
	raw, err := f.Raw(a)
	if err != nil {
		return false
	}
	x, y := make([]byte, min(raw.Size, 1<<16)), make([]byte, min(raw.Size, 1<<16))
	for at := int64(0); at < raw.Size; at += int64(len(x)) {
		n := min(int64(len(x)), raw.Size-at)
		if f.ReadAt(a, x[:n], at) != nil || f.ReadAt(b, y[:n], at) != nil || !bytes.Equal(x[:n], y[:n]) {
			return false
		}
	}
	return true
}

// takenEntries are the tensors that are taken, in the order of the parameters' names.
func (a *assigning) takenEntries() (taken []Entry) {
	for _, t := range a.report.Taken {
		taken = append(taken, *a.taken[t.Param])
	}
	return taken
}

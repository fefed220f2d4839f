package learned

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// classes learns the classes of a field. values are those of the field in all data sources
// that are mixed, or, of a vocabulary, of all its fields.
func classes(ctx context.Context, values []Values) (*Fact, error) {
	d := values[0].Field
	c := d.Classes
	fact := &Fact{}
	room := c.Count
	if c.Vocabulary && c.Unknown >= 0 {
		fact.Unknown = &c.Unknown
		if c.Unknown < int64(c.Count) {
			room--
		}
	}
	if c.Names != nil {
		fact.Classes = texts(c.Names)
		return fact, nil
	}
	counts := map[string]int64{}
	for _, v := range values {
		if v.Table.Column(v.Column).Texts == nil { // its values are the ids
			fact.Classes = numbered(c.Count)
			return fact, nil
		}
		n, err := v.count(ctx)
		if err != nil {
			return nil, err
		}
		for code, text := range v.Table.Column(v.Column).Texts {
			if n[code] > 0 {
				counts[text] += n[code]
			}
		}
	}
	found := make([]string, 0, len(counts))
	for text := range counts {
		found = append(found, text)
	}
	slices.Sort(found)
	switch {
	case c.Vocabulary && len(found) > room && c.Unknown >= 0:
		slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
		found = found[:room]
		slices.Sort(found)
	case c.Vocabulary && len(found) > room:
		return nil, fmt.Errorf("the field %s may have %s, and the training data has %d: %s; declare as many, or an id for unknown ones",
			d.Name, diag.Count(room, "different value"), len(found), quoted(found))
	case !c.Vocabulary && len(found) != c.Count:
		return nil, fmt.Errorf("the field %s is declared to have %s, and the training data has %d: %s; declare as many, or name them",
			d.Name, classCount(c.Count), len(found), quoted(found))
	}
	fact.Classes = texts(found)
	return fact, nil
}

// Declared adds what a declaration says itself, where the facts say nothing: weights of
// other programs don't know the classes that it lists.
func (f Facts) Declared(all []Values) Facts {
	added := maps.Clone(f)
	for _, v := range all {
		d := v.Field
		if fact := f[d.Name]; d.Classes == nil || d.Classes.Vocabulary || fact != nil && fact.Classes != nil {
			continue
		}
		switch {
		case d.Classes.Names != nil:
			added[d.Name] = &Fact{Classes: texts(d.Classes.Names)}
		case v.Table.Column(v.Column).Texts == nil: // its values are the ids
			added[d.Name] = &Fact{Classes: numbered(d.Classes.Count)}
		}
	}
	return added
}

// OtherClasses is the error for classes of a field that the weights don't know, or know
// otherwise.
type OtherClasses struct {
	Field string
	err   error
}

func (o *OtherClasses) Error() string { return o.err.Error() }

// Unwrap gives the error without the field.
func (o *OtherClasses) Unwrap() error { return o.err }

// CheckClasses compares the classes that weights know of a field, if any, with those that
// it declares. With another list, ids would silently mean other classes: an *OtherClasses.
func (f Facts) CheckClasses(d *table.Field) error {
	if err := f.checkClasses(d); err != nil {
		return &OtherClasses{d.Name, err}
	}
	return nil
}

func (f Facts) checkClasses(d *table.Field) error {
	field, c, fact := d.Name, d.Classes, f[d.Name]
	if c == nil || fact == nil || fact.Classes == nil {
		return nil
	}
	known := len(fact.Classes)
	switch {
	case c.Vocabulary:
		last := fact.ID(known - 1)
		if fact.Unknown != nil {
			last = max(last, *fact.Unknown)
		}
		if last >= int64(c.Count) {
			return fmt.Errorf("the field %s may have %s, and the weights know the ids 0 to %d; declare as many, or train again",
				field, diag.Count(c.Count, "different value"), last)
		}
		_, taken := fact.Name(c.Unknown)
		if c.Unknown >= 0 && (taken || fact.Unknown != nil && *fact.Unknown != c.Unknown) {
			return fmt.Errorf("the field %s has the id %d for unknown values, and the weights know it otherwise; declare it as it was, or train again", field, c.Unknown)
		}
	case c.Names != nil && !slices.Equal(texts(c.Names), fact.Classes) && !fact.named(c.Names):
		return fmt.Errorf("the field %s lists the classes %s, and the weights were trained with %s; list them as they were, or train again",
			field, quoted(c.Names), quoted(names(fact.Classes)))
	case known != c.Count:
		return fmt.Errorf("the field %s is declared to have %s, and the weights know %d: %s; declare as many, or train again",
			field, classCount(c.Count), known, quoted(names(fact.Classes)))
	}
	return nil
}

// named reports whether a list gives names to classes that were only numbers.
func (f *Fact) named(list []string) bool {
	return len(list) == len(f.Classes) && slices.Equal(f.Classes, numbered(len(list))) &&
		!slices.ContainsFunc(list, func(name string) bool { return slices.Contains(f.Classes, Text(name)) })
}

func classCount(n int) string {
	if n == 1 {
		return "1 class"
	}
	return fmt.Sprintf("%d classes", n)
}

// texts are classes. A list without any is known to be one.
func texts(names []string) []Text {
	all := make([]Text, len(names))
	for i, n := range names {
		all[i] = Text(n)
	}
	return all
}

// numbered are classes that are numbers in the files.
func numbered(n int) []Text {
	all := make([]Text, n)
	for i := range all {
		all[i] = Text(fmt.Sprint(i))
	}
	return all
}

// quoted lists the first few texts.
func quoted(all []string) string {
	var q []string
	for _, t := range all[:min(len(all), 8)] {
		q = append(q, diag.Quote(t))
	}
	if len(all) > 8 {
		q = append(q, "…")
	}
	return strings.Join(q, ", ")
}

// IDs gives the id of each of a column's texts; nil if its values are the ids. A text that
// is none of the classes and occurs in the values is a fault, unless the field has an id for
// unknown ones. The first one is the error, or, if report isn't nil, each is reported, and
// the error is table.ErrFaults. What doesn't occur may have any id.
func (f Facts) IDs(ctx context.Context, v Values, report func(*table.Fault) error) ([]int64, error) {
	d, column := v.Field, v.Table.Column(v.Column)
	if column.Texts == nil {
		return nil, nil
	}
	fact := f[d.Name]
	known := make(map[string]int64, len(fact.Classes))
	for i, text := range fact.Classes {
		known[string(text)] = fact.ID(i)
	}
	ids := make([]int64, len(column.Texts))
	all := true
	for code, text := range column.Texts {
		id, ok := known[text]
		if !ok {
			id = d.Classes.Unknown
			all = all && id >= 0
		}
		ids[code] = id
	}
	if all {
		return ids, nil
	}
	faulty := false
	err := v.codes(ctx, func(row int64, codes []byte) error {
		for i := range len(codes) / 4 {
			code := codeAt(codes, i)
			if code < 0 || int(code) >= len(ids) {
				return fmt.Errorf("%s: the text %d of %d", v.Table.At(row, v.Column), code, len(ids))
			}
			if ids[code] >= 0 {
				continue
			}
			fault := &table.Fault{Place: v.place(row, i), Message: Unknown(d, column.Texts[code], names(fact.Classes))}
			if report == nil {
				return &OtherClasses{d.Name, fault}
			}
			if faulty = true; report(fault) != nil {
				return table.ErrFaults
			}
		}
		return nil
	})
	if err == nil && faulty {
		err = table.ErrFaults
	}
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// Unknown says that a text of a field isn't among the known ones.
func Unknown(d *table.Field, text string, known []string) string {
	const help = "declare an id for unknown ones, or remove the row"
	if !d.Classes.Vocabulary {
		return fmt.Sprintf("%s is no class of the field %s that the training data has: %s; %s", diag.Quote(text), d.Name, quoted(known), help)
	}
	shown := diag.Quote(text)
	if r, size := utf8.DecodeRuneInString(text); size == len(text) {
		shown += fmt.Sprintf(" (%U)", r) // many characters look alike
	}
	return fmt.Sprintf("%s is none of the %s of the field %s that the training data has: %s; declare an id for unknown ones, or remove it",
		shown, diag.Count(len(known), "value"), d.Name, quoted(known))
}

func names(all []Text) []string {
	s := make([]string, len(all))
	for i, t := range all {
		s[i] = string(t)
	}
	return s
}

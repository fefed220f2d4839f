package csv

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// cutRange splits FIRST..LAST.
func cutRange(name string) (first, last string, ok bool) {
	first, last, ok = strings.Cut(name, "..")
	return first, last, ok && first != "" && last != ""
}

// expand gives a field's columns with its ranges replaced by what they stand for in the
// header of the first file; header is nil if files have none.
func expand(f *table.Field, header []string) ([]string, error) {
	var all []string
	for _, name := range columns(f) {
		switch first, last, isRange := cutRange(name); {
		case !isRange || slices.Contains(header, name):
			all = append(all, name)
		case header == nil:
			from, to, _ := numbers(name)
			for n := from; n <= to && len(all) <= f.Type.Shape.Numel(); n++ {
				all = append(all, strconv.Itoa(n))
			}
		default:
			from, err := find(header, first)
			if err != nil {
				return nil, err
			}
			to, err := find(header, last)
			if err != nil {
				return nil, err
			}
			if to < from {
				return nil, fmt.Errorf("column %s is behind column %s", diag.Quote(first), diag.Quote(last))
			}
			all = append(all, header[from:to+1]...)
		}
	}
	if want := f.Type.Shape.Numel(); len(all) != want {
		return nil, fmt.Errorf("%s stand for %d columns; field %s has %d elements: %s", diag.Quote(strings.Join(columns(f), ", ")), len(all), f.Name, want, f.Type)
	}
	return all, nil
}

// find gives the place of a column in a header.
func find(header []string, name string) (int, error) {
	at := slices.Index(header, name)
	if at < 0 {
		return 0, missingColumn(header, name)
	}
	if again := slices.Index(header[at+1:], name); again >= 0 {
		return 0, fmt.Errorf("two columns are named %s, numbers %d and %d; rename one of them", diag.Quote(name), at+1, at+again+2)
	}
	return at, nil
}

func missingColumn(header []string, name string) error {
	quoted := make([]string, min(len(header), 8))
	for i := range quoted {
		quoted[i] = diag.Quote(header[i])
	}
	there := "the columns are " + strings.Join(quoted, ", ")
	switch {
	case len(header) == 1:
		there = "the only column is " + quoted[0]
		if i := strings.IndexAny(header[0], ";\t|,"); i >= 0 {
			there += fmt.Sprintf(`; is the delimiter %q?`, header[0][i:i+1])
		}
	case len(header) > len(quoted):
		there += fmt.Sprintf(" and %d more", len(header)-len(quoted))
	}
	number := func(text string) bool { _, err := strconv.ParseFloat(text, 64); return err == nil }
	switch {
	case !slices.ContainsFunc(header, func(h string) bool { return !number(h) }):
		there += "; if the first row is no header, say so: header: false"
	case number(name):
		there += "; columns have numbers only with header: false"
	}
	if near := diag.Suggestion(name, header); near != "" {
		there += "; " + near
	}
	return fmt.Errorf("no column %s; %s", diag.Quote(name), there)
}

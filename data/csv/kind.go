// Package csv reads examples from CSV files: a row is one.
package csv

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/flowrun/flowrun/data/records"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Kind is the kind of data source that reads CSV files.
var Kind = table.Kind{
	Name: "csv",
	Doc:  "CSV files: a row is an example",
	Keys: []table.Key{
		{Name: "header", Doc: "whether each file's first row names the columns", Form: table.FormBool, Default: "true",
			More: "columns go by their names, in any order; without a header, by their numbers from 1"},
		{Name: "delimiter", Doc: "the character between two values", Form: table.FormCharacter, Default: `","`,
			More: "a tab is `\"\\t\"`"},
		{Name: "quote", Doc: "the character around values that contain delimiters, quotes or line ends", Form: table.FormText, Default: `'"'`,
			More: "inside, it is doubled; with `\"\"`, quotes are characters like others"},
		{Name: "decimal", Doc: "the decimal mark of numbers", Form: table.FormChoice, Values: []string{".", ","}, Default: `"."`},
		{Name: "trim", Doc: "whether blanks and tabs around values are left out", Form: table.FormBool, Default: "false",
			More: "those inside quotes are kept"},
		{Name: "missing", Doc: "the words that mean that there is no value", Form: table.FormTexts,
			More: "compared exactly, in quotes or not: `[\"\", NA]`; the fields' `fill` says what becomes of such values"},
	},
	FieldKeys: []table.Key{
		{Name: "column", Doc: "the column, by its name, or without a header by its number from 1", Form: table.FormText,
			More: "the field's name if absent"},
		{Name: "columns", Doc: "the columns of a field with several elements, in row-major order", Form: table.FormTexts,
			More: "`FIRST..LAST` stands for all columns from one to the other, as the first file has them: `pixel0..pixel783`"},
		{Name: "missing", Doc: "the words that mean that the field has no value, instead of the data source's", Form: table.FormTexts},
	},
	Check: check,
	Open:  open,
}

// settings are the values of the keys.
type settings struct {
	format
	header bool
	mark   byte
}

func settingsOf(d *table.Decl) settings {
	text := func(key, standard string) string {
		if !d.Options.Has(key) {
			return standard
		}
		return d.Options.Text(key)
	}
	s := settings{header: !d.Options.Has("header") || d.Options.Bool("header"), mark: '.'}
	s.delimiter = []byte(text("delimiter", ","))
	s.quote = []byte(text("quote", `"`))
	s.trim = d.Options.Bool("trim")
	if text("decimal", ".") == "," {
		s.mark = ','
	}
	return s
}

// missing are the words that mean that a field has no value.
func missing(d *table.Decl, f *table.Field) []string {
	if f.Options.Has("missing") {
		return f.Options.Texts("missing")
	}
	return d.Options.Texts("missing")
}

// columns are the columns that a field names, ranges among them.
func columns(f *table.Field) []string {
	switch {
	case f.Options.Has("columns"):
		return f.Options.Texts("columns")
	case f.Options.Has("column"):
		return []string{f.Options.Text("column")}
	}
	return []string{f.Name}
}

func check(d *table.Decl) (problems []table.Problem) {
	s := settingsOf(d)
	wrong := func(o table.Option, help, format string, args ...any) {
		at := o.At
		if !at.Known() {
			at = d.At
		}
		problems = append(problems, table.Problem{At: at, Message: fmt.Sprintf(format, args...), Help: help})
	}
	if !plainCharacter(s.delimiter) {
		wrong(d.Options["delimiter"], "", "delimiter: %q can't be a delimiter", s.delimiter)
	}
	if len(s.quote) > 0 && !plainCharacter(s.quote) {
		wrong(d.Options["quote"], `quote: "" says that values aren't quoted`, "quote: %q is not one character", s.quote)
	}
	if string(s.quote) == string(s.delimiter) {
		wrong(d.Options["quote"], "", "quote and delimiter are both %q", s.quote)
	}
	for i := range d.Fields {
		f := &d.Fields[i]
		problems = append(problems, records.CheckFill(f)...)
		problems = append(problems, checkColumns(d, f, s)...)
		if f.Fill.By != table.FillNone && len(missing(d, f)) == 0 {
			problems = append(problems, table.Problem{At: f.At, Message: fmt.Sprintf("field %s: fill has nothing to fill, as no word means a missing value", f.Name),
				Help: `list the words: missing: ["", NA]`})
		}
	}
	return problems
}

// plainCharacter reports whether a text is one character that a line may contain.
func plainCharacter(text []byte) bool {
	r, size := utf8.DecodeRune(text)
	return len(text) > 0 && size == len(text) && r != utf8.RuneError && r != '\r' && r != '\n' && r != 0 && r != '\ufeff'
}

// checkColumns compares a field's columns with its shape.
func checkColumns(d *table.Decl, f *table.Field, s settings) (problems []table.Problem) {
	wrong := func(key, help, format string, args ...any) {
		at := f.Options[key].At
		if !at.Known() {
			at = f.At
		}
		problems = append(problems, table.Problem{At: at, Message: fmt.Sprintf("field %s: ", f.Name) + fmt.Sprintf(format, args...), Help: help})
	}
	key := "column"
	if f.Options.Has("columns") {
		key = "columns"
		if f.Options.Has("column") {
			wrong("column", "leave out one of them", "both column and columns")
		}
	}
	names := columns(f)
	seen := map[string]bool{}
	count, open := 0, false
	for _, name := range names {
		if seen[name] {
			wrong(key, "", "column %q is listed twice", name)
		}
		seen[name] = true
		if s.header {
			_, _, isRange := cutRange(name)
			open = open || isRange // how many they are, the file says
			count++
			continue
		}
		first, last, ok := numbers(name)
		if !ok {
			wrong(key, "without a header, columns go by their numbers from 1: column: 3", "%q is not the number of a column", name)
			open = true
		}
		count += last - first + 1
	}
	if want := f.Type.Shape.Numel(); f.Type.DType != ir.Invalid && !open && count != want {
		help := ""
		if key == "column" {
			help = "list the columns: columns: [a, b, …]"
		}
		wrong(key, help, "%s for %s: %s", diag.Count(count, "column"), diag.Count(want, "element"), f.Type)
	}
	return problems
}

// numbers reads a column's number from 1, or a range of them.
func numbers(text string) (first, last int, ok bool) {
	from, to, isRange := cutRange(text)
	if !isRange {
		from, to = text, text
	}
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	ok = err1 == nil && err2 == nil && first >= 1 && last >= first && last <= maxColumns && strconv.Itoa(first) == from && strconv.Itoa(last) == to
	return first, last, ok
}

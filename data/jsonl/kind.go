// Package jsonl reads examples from files with a JSON object in each line.
package jsonl

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/data/records"
	"github.com/flowrun/flowrun/data/table"
)

// Kind is the kind of data source that reads JSON Lines.
var Kind = table.Kind{
	Name: "jsonl",
	Doc:  "JSON Lines: a line is a JSON object and an example",
	FieldKeys: []table.Key{
		{Name: "key", Doc: "the key of the field's value, or a list of keys that lead to it", Form: table.FormTexts,
			More: "the field's name if absent; keys are compared exactly, and a field with dimensions takes arrays of just those lengths"},
	},
	Check: check,
	Open:  open,
}

// path gives the keys that lead to a field's value.
func path(f *table.Field) []string {
	if f.Options.Has("key") {
		return f.Options.Texts("key")
	}
	return []string{f.Name}
}

// show writes a path for messages.
func show(path []string) string { return strings.Join(path, ".") }

func check(d *table.Decl) (problems []table.Problem) {
	for i := range d.Fields {
		f := &d.Fields[i]
		problems = append(problems, records.CheckFill(f)...)
		if len(path(f)) == 0 {
			problems = append(problems, table.Problem{At: f.At, Message: fmt.Sprintf("field %s: key is empty", f.Name)})
		}
	}
	return problems
}

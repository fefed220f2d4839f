package check

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax"
)

// labels finds the fields whose classes the model's outputs are about: those of the
// training data first.
func (r *resolver) labels(def *syntax.Spec) {
	sources := def.DataSources
	if t := def.Train; t != nil && t.DataSource != nil {
		sources = slices.Concat([]*syntax.DataSource{t.DataSource}, sources)
	}
	if len(def.Model.Labels) == 0 {
		return
	}
	open := r.openVars
	fields, owners := map[string]*syntax.Field{}, map[string]*syntax.DataSource{}
	var names []string
	for _, src := range sources {
		open = open || src.Open()
		for _, f := range src.Fields {
			if owners[f.Name] != nil {
				continue
			}
			fields[f.Name], owners[f.Name] = f, src
			if f.Decl.Classes != nil {
				names = append(names, f.Name)
			}
		}
	}
	for _, l := range def.Model.Labels {
		if l.Found = fields[l.Field]; l.Found != nil {
			owners[l.Field].Used = true
		} else if !open {
			r.report(diag.UnknownName, l.FieldAt, cmp.Or(syntax.Suggestion(r.list, l.Field, names), "name a field with `classes`"),
				"no data source reads a field %s", syntax.Quoted(l.Field))
		}
	}
}

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
	for _, l := range def.Model.Labels {
		open := r.openVars
		var names []string
		for _, src := range sources {
			open = open || src.Open()
			if l.Found = src.FieldNamed(l.Field); l.Found != nil {
				src.Used = true
				break
			}
			for _, f := range src.Fields {
				if f.Decl.Classes != nil {
					names = append(names, f.Name)
				}
			}
		}
		if l.Found == nil && !open {
			r.report(diag.UnknownName, l.FieldAt, cmp.Or(syntax.Suggestion(r.list, l.Field, names), "name a field with `classes`"),
				"no data source reads a field %s", syntax.Quoted(l.Field))
		}
	}
}

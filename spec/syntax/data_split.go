package syntax

import (
	"math"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// split decodes the parts of a data source; nil if that fails.
func (d *decoder) split(n *tree.Node, section *Section) *table.Split {
	fields, ok := d.fields(n, section)
	if !ok || fields["parts"] == nil {
		return nil
	}
	s := &table.Split{At: keyRange(n), InOrder: section.Key("order").Default == inOrder}
	s.Seed, _ = d.integer(fields["seed"], "seed")
	if by := fields["by"]; by != nil {
		s.By, _ = d.word(by, "by")
	}
	if f := fields["stratify"]; f != nil {
		s.Stratify, _ = d.word(f, "stratify")
	}
	if o := fields["order"]; o != nil {
		text, _ := d.choose(o, "order", Forms["part order"].Enum)
		s.InOrder = text == inOrder
	}
	// What is given as its default means nothing, and may be there: rendering writes it.
	given := func(key string) bool {
		return fields[key] != nil && fields[key].Text != section.Key(key).Default
	}
	drawn := "parts are either drawn, or taken in order, or found by a field"
	for _, pair := range [][2]string{{"by", "stratify"}, {"by", "order"}, {"by", "seed"}} {
		if fields[pair[0]] != nil && given(pair[1]) {
			d.report(diag.InvalidValue, fields[pair[1]].Range, drawn, "`%s` has no effect beside `%s`", pair[1], pair[0])
		}
	}
	if fields["by"] != nil {
		s.InOrder = false
	}
	if s.InOrder {
		for _, key := range []string{"stratify", "seed"} {
			if given(key) {
				help := drawn
				if fields["order"] == nil {
					help = "add order: random"
				}
				d.report(diag.InvalidValue, fields[key].Range, help, "`%s` has no effect on parts that are taken in order", key)
			}
		}
	}
	if len(fields["parts"].Entries) == 0 && fields["parts"].Kind == tree.Map && !fields["parts"].Broken {
		d.report(diag.InvalidValue, fields["parts"].Range, "write {train: 0.8, test: 0.2}", "split has no parts")
		return nil
	}
	d.parts(s, fields["parts"], fields["by"] != nil)
	if len(s.Parts) == 0 {
		return nil
	}
	return s
}

// inOrder is the order of parts that follow each other.
const inOrder = "in_order"

// parts decodes the parts themselves.
func (d *decoder) parts(s *table.Split, n *tree.Node, by bool) {
	sum := 0.0
	whose := map[string]string{}
	for _, e := range d.entries(n, "parts") {
		p := table.Part{Name: e.Key.Text}
		if by {
			p.Values, _ = d.distinct(e.Value, "the part "+p.Name)
			for _, text := range p.Values {
				if other, taken := whose[text]; taken && other != p.Name {
					d.report(diag.DuplicateName, e.Value.Range, "", "%s is in the parts %s and %s", diag.Quote(text), other, p.Name)
				}
				whose[text] = p.Name
			}
		} else {
			p.Fraction = d.fraction(e.Value, p.Name)
			sum += p.Fraction
		}
		s.Parts = append(s.Parts, p)
	}
	if sum > 1+1e-9 {
		d.report(diag.InvalidValue, n.Range, "fractions are of all examples: {train: 0.8, test: 0.2}", "the parts are %v of the examples together, which is more than 1", math.Round(sum*1e9)/1e9)
	}
}

// fraction decodes a part's fraction of the examples; 0 if that fails.
func (d *decoder) fraction(n *tree.Node, part string) float64 {
	if n.Broken {
		return 0
	}
	if n.Kind != tree.Int && n.Kind != tree.Float {
		help := "add `by: FIELD` for parts that a field says"
		if text, percent := strings.CutSuffix(n.Text, "%"); percent {
			if v, err := strconv.ParseFloat(text, 64); err == nil {
				help = "write " + strconv.FormatFloat(v/100, 'g', -1, 64)
			}
		}
		d.report(diag.WrongType, n.Range, help, "the part %s must be a fraction, a number between 0 and 1, not %s", part, strange(n))
		return 0
	}
	v, ok := d.float(n, "the part "+part)
	if !ok {
		return 0
	}
	if !(v > 0 && v <= 1) {
		help := ""
		if v > 1 && v < 100 && v == math.Trunc(v) {
			help = "for " + n.Text + " % write " + strconv.FormatFloat(v/100, 'g', -1, 64)
		}
		d.report(diag.InvalidValue, n.Range, help, "the part %s must be a fraction between 0 and 1, got %v", part, v)
		return 0
	}
	return v
}

// splitFields checks the fields that a split names.
func (d *decoder) splitFields(s *DataSource) {
	for key, name := range map[string]string{"by": s.Decl.Split.By, "stratify": s.Decl.Split.Stratify} {
		if name == "" || s.openFields || len(s.Fields) == 0 {
			continue
		}
		n := s.splitNode.Get(key)
		f := s.FieldNamed(name)
		switch {
		case n == nil:
		case f == nil:
			d.report(diag.UnknownName, n.Range, Suggestion(d.list, name, s.fieldNames()), "the data source %s has no field %s", s.Name, Quoted(name))
		case f.Decl.Classes == nil && !f.refused:
			d.report(diag.InvalidValue, n.Range, "add `classes` to it", "`%s` requires a field with classes; `%s` has none", key, name)
		}
	}
}

// FieldNamed finds a field of files, before a transform; nil if there is none.
func (src *DataSource) FieldNamed(name string) *Field {
	if src.byName == nil {
		src.byName = make(map[string]*Field, len(src.Fields))
	}
	for _, f := range src.Fields[src.named:] {
		src.byName[f.Name] = f
	}
	src.named = len(src.Fields)
	return src.byName[name]
}

func (src *DataSource) fieldNames() []string {
	var names []string
	for _, f := range src.Fields {
		names = append(names, f.Name)
	}
	return names
}

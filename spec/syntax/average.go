package syntax

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Average is an average of the weights over the steps.
type Average struct {
	Name  string
	At    diag.Range
	Decay float64 // of an exponential moving average
	Equal bool    // there is no decay: all that are averaged count the same
	Start int64   // the first step that counts
	Every int64   // from that on
	Match []ParamName
}

var averageSection = &Section{name: "an average", Doc: "An average of the weights over the steps: exponential with a decay, else the mean.", Keys: []Key{
	{Name: "decay", Value: "decay", doc: "how much of the average stays at each step: an exponential moving average", more: "without it, the average is the mean of the weights of all steps that count (SWA)"},
	{Name: "start", Value: "count", doc: "the first step whose weights count", more: "until then, the average is the weights themselves", Default: "1"},
	{Name: "every", Value: "count", doc: "the number of steps from one that counts to the next", Default: "1"},
	{Name: "match", Value: "patterns", doc: "the weights to average: a pattern of names, or a list of them", more: "by default all"},
}}

// averages decodes train.averages.
func (d *decoder) averages(n *tree.Node, t *Train) {
	t.openAverages = incomplete(n)
	entries := d.entries(n, "averages")
	if len(entries) > maxAverages {
		d.report(diag.TooLarge, n.Range, "each is as large as the model", "too many averages: %d, the limit is %d", len(entries), maxAverages)
		return
	}
	for _, e := range entries {
		if a := d.average(e); a != nil {
			t.Averages = append(t.Averages, a)
		}
	}
}

// maxAverages bounds the averages of a spec.
const maxAverages = 100

func (d *decoder) average(e tree.Entry) *Average {
	fields, ok := d.fields(e.Value, averageSection)
	if !ok {
		return nil
	}
	a := &Average{Name: e.Key.Text, At: e.Key.Range, Equal: true, Start: 1, Every: 1}
	if n := fields["decay"]; n != nil {
		v, ok := d.float(n, "decay")
		if ok && !(v >= 0 && v < 1) {
			d.report(diag.InvalidValue, n.Range, "0.999 averages over about 1,000 steps", "decay must be at least 0 and less than 1, got %v", v)
		}
		a.Decay, a.Equal = v, false
	}
	if n := fields["start"]; n != nil {
		a.Start = max(1, d.positive(n, "start"))
	}
	if n := fields["every"]; n != nil {
		a.Every = max(1, d.positive(n, "every"))
	}
	a.Match = d.weightPatterns(fields["match"], "match")
	return a
}

// averageNamed decodes the name of one of train.averages.
func (d *decoder) averageNamed(n *tree.Node, t *Train) string {
	name, ok := d.text(n, "weights")
	if !ok {
		return ""
	}
	name = d.name(name)
	if t.openAverages || slices.ContainsFunc(t.Averages, func(a *Average) bool { return a.Name == name }) {
		return name
	}
	var known []string
	for _, a := range t.Averages {
		known = append(known, a.Name)
	}
	help := Suggestion(d.list, name, known)
	switch {
	case help != "":
	case len(known) > 0:
		help = ThereIs(known)
	default:
		help = fmt.Sprintf("declare it: train: {averages: {%s: {decay: 0.999}}}", diag.Cut(name))
	}
	d.report(diag.UnknownName, n.Range, help, "train.averages has no `%s`", diag.Cut(name))
	return ""
}

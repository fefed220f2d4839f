package syntax

import (
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Weights is a file of weights that train.init or model.init names.
type Weights struct {
	Decl   *ir.Weights
	Params []ParamName // that the rule names
}

// ParamName is a parameter, or a pattern of parameters, that a rule for weights names.
type ParamName struct {
	Name string
	At   diag.Range
}

// weights decodes an init section.
func (d *decoder) weights(n *tree.Node) *Weights {
	fields, ok := d.fields(n, initSection)
	if !ok {
		return nil
	}
	file := fields["safetensors"]
	text, ok := d.text(file, "safetensors")
	if !ok {
		return nil
	}
	name, ok := d.interpolated(file, text)
	if !ok {
		return nil
	}
	decl := &ir.Weights{File: name, Path: d.namedFile(NamedFile{Node: file, Name: name}), Origin: file.Range}
	w := &Weights{Decl: decl}
	if !strings.HasSuffix(name, foreign.ShardIndex) {
		d.warnOfFormat(file)
	}
	decl.Partial, _ = d.boolean(fields["partial"], "partial")
	for _, p := range d.weightPatterns(fields["match"], "match") {
		decl.Match = append(decl.Match, ir.PlainPath(p.Name))
		w.Params = append(w.Params, p)
	}
	for _, p := range d.weightPatterns(fields["ignore"], "ignore") {
		decl.Ignore = append(decl.Ignore, p.Name)
	}
	d.renames(fields["rename"], w)
	if n := fields["average"]; n != nil {
		if text, ok := d.text(n, "average"); ok {
			decl.Average = d.name(text)
		}
	}
	for _, p := range d.weightPatterns(fields["forget"], "forget") {
		decl.Forget = append(decl.Forget, p.Name)
	}
	return w
}

// weightPatterns decodes a pattern or a list of them.
func (d *decoder) weightPatterns(n *tree.Node, what string) (patterns []ParamName) {
	if n == nil {
		return nil
	}
	texts, ok := d.distinct(n, what)
	if !ok {
		return nil
	}
	if len(texts) > maxRules {
		d.report(diag.TooLarge, n.Range, "use patterns that match several names", "too many patterns in %s: %d, the limit is %d", what, len(texts), maxRules)
		return nil
	}
	for i, text := range texts {
		at := n.Range
		if n.Kind == tree.List {
			at = n.Items[i].Range
		}
		if text == "" {
			d.report(diag.InvalidValue, at, "", "%s has an empty pattern", what)
			continue
		}
		patterns = append(patterns, ParamName{text, at})
	}
	return patterns
}

// renames decodes {TENSOR: PARAMETER}, where either may be a pattern, and one tensor may
// have several parameters.
func (d *decoder) renames(n *tree.Node, w *Weights) {
	if !d.is(n, tree.Map, "write {NAME_IN_FILE: PARAMETER}", "rename must be a mapping") {
		return
	}
	taken := map[string]bool{}
	patterns := 0
	for _, e := range n.Entries {
		rename := ir.WeightRename{From: e.Key.Text}
		stars := strings.Count(rename.From, "*")
		if stars > 0 {
			patterns++
		}
		if rename.From == "" {
			d.report(diag.InvalidValue, e.Key.Range, "", "a name in rename is empty")
			continue
		}
		for _, to := range d.weightPatterns(e.Value, "a name in rename") {
			plain := ir.PlainPath(to.Name) // h[0].weight is h.0.weight
			switch own := strings.Count(plain, "*"); {
			case own != 0 && own != stars:
				d.report(diag.InvalidValue, to.At, "each * on the right stands for what the one on the left has matched",
					"%s has %s and %s has %s", diag.Quote(rename.From), diag.Count(stars, "star"), diag.Quote(to.Name), diag.Count(own, "star"))
				continue
			case own == 0 && stars == 0 && taken[plain]:
				d.report(diag.DuplicateName, to.At, "", "two tensors are renamed to %s", diag.Cut(plain))
				continue
			}
			taken[plain] = true
			rename.To = append(rename.To, plain)
			w.Params = append(w.Params, ParamName{plain, to.At})
		}
		if len(rename.To) > 0 {
			w.Decl.Rename = append(w.Decl.Rename, rename)
		}
	}
	if patterns > maxRules {
		d.report(diag.TooLarge, n.Range, "use patterns that match several names", "too many patterns in rename: %d, the limit is %d", patterns, maxRules)
	}
}

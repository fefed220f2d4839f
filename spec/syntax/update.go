package syntax

import (
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Update is one of train.updates: it minimizes a loss, assigns values to states, or copies
// states. A train section with `loss` and `optimizer` has one, without a name.
type Update struct {
	Name string
	At   diag.Range // of its name, or of the train section

	Minimizes  bool        // it has a loss, if only one that was reported
	Loss       expr.Expr   // nil if it has none
	Weight     expr.Expr   // what the loss is divided by; nil: as is known of it
	Parameters []ParamName // patterns of those that it trains; nil: all that the loss depends on
	Optimizer  *expr.Call
	Clip       expr.Expr
	Groups     []*Group
	Accumulate int64

	Assign []*Assignment
	Copies []*Copying
	Rate   expr.Expr // how far copies go; nil: all the way

	Every       int64     // steps
	When        expr.Expr // a condition of the step; nil: none
	SeesEarlier bool      // it sees what earlier updates of the step have written

	UsesNorm bool // a metric names the norm of its gradients
}

// Assignment gives a parameter or state a new value.
type Assignment struct {
	Path string // as PlainPath writes it
	At   diag.Range
	Def  *Node
}

// Copying copies parameters and states that a pattern matches to others.
type Copying struct {
	From, To     string // as PlainPath writes them
	FromAt, ToAt diag.Range
}

// LossName and NormName are what metrics call the update's loss and the norm of its
// gradients.
func (u *Update) LossName() string { return u.named("loss") }
func (u *Update) NormName() string { return u.named(GradNormName) }

// ClipPath is the path of what clips its gradients.
func (u *Update) ClipPath() string { return u.named("clip_grad_norm") }

// WeightPath is the path of its weight.
func (u *Update) WeightPath() string { return u.named("loss_weight") }

func (u *Update) named(what string) string {
	if u.Name == "" {
		return what
	}
	return u.Name + "_" + what
}

// Losses are the updates that minimize a loss.
func (t *Train) Losses() []*Update {
	var with []*Update
	for _, u := range t.Updates {
		if u.Loss != nil {
			with = append(with, u)
		}
	}
	return with
}

// Named reports whether the section has named updates.
func (t *Train) Named() bool { return len(t.Updates) > 0 && t.Updates[0].Name != "" }

// single is the update of a section with a loss and an optimizer.
func (t *Train) single() *Update {
	if t.short == nil {
		t.short = &Update{At: t.At, Minimizes: true, Accumulate: 1, Every: 1}
	}
	return t.short
}

// What keys mean that both a train section and an update have.
const (
	lossDoc       = "the floating-point scalar to minimize"
	optimizerDoc  = "an optimizer with its arguments: {SGD: {lr: 0.1}}"
	clipDoc       = "the maximum norm of all gradients together"
	groupsDoc     = "a list of {match, …}: optimizer arguments, or an optimizer, for some of the parameters"
	accumulateDoc = "the number of batches that an update takes together, as if they were one"
	weightDoc     = "with `accumulate`: what the loss is divided by, such as a count of labels"
	weightMore    = "by default what it divides a sum by, or the number of examples"
)

// ofLosses are the keys that say how a loss is minimized.
var ofLosses = []string{"optimizer", "clip_grad_norm", "param_groups", "accumulate", "weight"}

var updateSection = &Section{name: "an update", Doc: "What a step does to parameters and states: minimize a loss, assign values, or copy.",
	One: []string{"loss", "assign", "copy"}, Needs: map[string]string{"loss": "optimizer", "weight": "accumulate"},
	Without: map[string][]string{"loss": {"rate"}, "assign": append([]string{"parameters", "rate"}, ofLosses...), "copy": append([]string{"parameters"}, ofLosses...)}, Keys: []Key{
		{Name: "loss", Value: "expression", doc: lossDoc},
		{Name: "optimizer", Value: "optimizer call", doc: optimizerDoc, more: "required with `loss`"},
		{Name: "parameters", Value: "patterns", doc: "the parameters that it trains: a pattern of names, or a list of them", more: "by default all that the loss depends on"},
		{Name: "clip_grad_norm", Value: "expression", doc: clipDoc},
		{Name: "param_groups", Value: "groups", doc: groupsDoc},
		{Name: "accumulate", Value: "count", doc: accumulateDoc, more: "it counts the steps in which the update has its turn", Default: "1", Unsaid: true},
		{Name: "weight", Value: "expression", doc: weightDoc, more: weightMore},
		{Name: "assign", Value: "assignments", doc: "new values of parameters and states by their paths", more: "instead of a loss"},
		{Name: "copy", Value: "copies", doc: "parameters and states to copy: {FROM: TO}, where either may be a pattern", more: "instead of a loss; what is copied to begins as a copy, too"},
		{Name: "rate", Value: "expression", doc: "how far a copy goes", more: "1 copies, and 0.005 makes a moving average: to + 0.005 * (from - to)", Default: "1", Unsaid: true},
		{Name: "every", Value: "count", doc: "the number of steps from one time to the next", more: "with 5, it is made in steps 5, 10, …", Default: "1"},
		{Name: "when", Value: "expression", doc: "a condition: the update is made in the steps in which it holds"},
		{Name: "sees_earlier", Value: "bool", doc: "whether it sees what earlier updates of the step have written", more: "otherwise it is computed from the states as they were before the step", Default: "true"},
	}}

// updates decodes train.updates.
func (d *decoder) updates(n *tree.Node, t *Train) {
	entries := d.entries(n, "updates")
	t.OpenUpdates = incomplete(n)
	if len(entries) > maxRules {
		d.report(diag.TooLarge, n.Range, "", "too many updates: %d, the limit is %d", len(entries), maxRules)
		return
	}
	for _, e := range entries {
		if u := d.update(e); u != nil {
			t.Updates = append(t.Updates, u)
		} else {
			t.OpenUpdates = true
		}
	}
}

func (d *decoder) update(e tree.Entry) *Update {
	n := e.Value
	fields, ok := d.fields(n, updateSection)
	if !ok {
		return nil
	}
	u := &Update{Name: e.Key.Text, At: e.Key.Range, Accumulate: 1, Every: 1, SeesEarlier: true}
	kind := d.oneOf(n, updateSection, fields)
	if kind == "" || !d.onlyFor(kind, fields) {
		return nil
	}
	switch kind {
	case "loss":
		u.Minimizes, u.Loss = true, d.expression(fields["loss"], "loss")
		d.needsOptimizer(n, updateSection, fields)
		u.Optimizer = d.optimizerCall(fields["optimizer"])
		u.Parameters = d.weightPatterns(fields["parameters"], "parameters")
		if clip := fields["clip_grad_norm"]; clip != nil {
			u.Clip = d.expression(clip, "clip_grad_norm")
		}
		if groups := fields["param_groups"]; groups != nil {
			u.Groups = d.groups(groups, u.Optimizer)
		}
		if a := fields["accumulate"]; a != nil {
			u.Accumulate = max(1, d.positive(a, "accumulate"))
		}
		if weight := fields["weight"]; weight != nil {
			u.Weight = d.expression(weight, "weight")
			d.needsAccumulate(weight, u)
		}
	case "assign":
		u.Assign = d.assignments(fields["assign"])
		d.notEmpty(fields["assign"], "assign", "write {STATE: value}")
	case "copy":
		u.Copies = d.copies(fields["copy"])
		d.notEmpty(fields["copy"], "copy", "write {FROM: TO}")
		if rate := fields["rate"]; rate != nil {
			u.Rate = d.expression(rate, "rate")
		}
	}
	if every := fields["every"]; every != nil {
		u.Every = max(1, d.positive(every, "every"))
	}
	if when := fields["when"]; when != nil {
		u.When = d.expression(when, "when")
	}
	if sees := fields["sees_earlier"]; sees != nil {
		if v, ok := d.boolean(sees, "sees_earlier"); ok {
			u.SeesEarlier = v
		}
	}
	return u
}

// oneOf finds which of the keys a mapping has of which it must have one; "" was reported.
func (d *decoder) oneOf(n *tree.Node, s *Section, fields map[string]*tree.Node) string {
	var have []string
	for _, k := range s.One {
		if fields[k] != nil {
			have = append(have, k)
		}
	}
	switch {
	case len(have) == 1:
		return have[0]
	case n.Partial:
	case len(have) > 1:
		d.report(diag.InvalidValue, fields[have[1]].Range, "make two updates of it", "%s can't have both `%s` and `%s`", s.name, have[0], have[1])
	default:
		d.report(diag.MissingKey, keyRange(n), "write {loss: …, optimizer: {SGD: {lr: 0.1}}}, {assign: {STATE: value}} or {copy: {FROM: TO}}",
			"%s requires one of the keys %s", s.name, strings.Join(s.One, ", "))
	}
	return ""
}

// onlyFor reports keys that have no meaning in a kind of update.
func (d *decoder) onlyFor(kind string, fields map[string]*tree.Node) bool {
	good := true
	for _, key := range updateSection.Without[kind] {
		if fields[key] == nil {
			continue
		}
		needs := "loss"
		if key == "rate" {
			needs = "copy"
		}
		d.report(diag.InvalidValue, fields[key].Range, "remove it", "`%s` has no meaning in an update with `%s`, only with `%s`", key, kind, needs)
		good = false
	}
	return good
}

// needsAccumulate reports a weight that has no effect.
func (d *decoder) needsAccumulate(n *tree.Node, u *Update) {
	if u.Accumulate == 1 {
		d.report(diag.InvalidValue, n.Range, "remove it, or add `accumulate`", "`weight` has no effect without `accumulate`")
	}
}

// needsOptimizer reports a loss without an optimizer.
func (d *decoder) needsOptimizer(n *tree.Node, s *Section, fields map[string]*tree.Node) {
	if fields["optimizer"] == nil && !n.Partial && !d.misplaced["optimizer"] {
		d.report(diag.MissingKey, keyRange(n), "optimizer: "+optimizerDoc, "%s requires the key `optimizer`", s.name)
	}
}

// oneForm sees to it that a train section has either a loss with its optimizer or named
// updates.
func (d *decoder) oneForm(n *tree.Node, fields map[string]*tree.Node, t *Train) {
	if fields["updates"] == nil {
		if fields["loss"] == nil && !n.Partial && !d.misplaced["loss"] {
			d.report(diag.MissingKey, keyRange(n), "loss: "+lossDoc, "%s requires the key `loss`", TrainSection.name)
		}
		d.needsOptimizer(n, TrainSection, fields)
		t.Updates = []*Update{t.single()}
		return
	}
	for _, k := range append([]string{"loss"}, ofLosses...) {
		if fields[k] != nil {
			d.report(diag.InvalidValue, fields[k].Range, "move it into one of the updates, or remove `updates`",
				"train has `updates`, so `%s` belongs to one of them", k)
		}
	}
	d.notEmpty(fields["updates"], "updates", "write {NAME: {loss: …, optimizer: {SGD: {lr: 0.1}}}}")
}

// notEmpty reports a mapping without entries, which would do nothing.
func (d *decoder) notEmpty(n *tree.Node, key, help string) {
	if n.Kind == tree.Map && len(n.Entries) == 0 && !n.Broken && !n.Partial {
		d.report(diag.InvalidValue, n.Range, help, "%s is empty", key)
	}
}

// assignments decodes {PATH: value}.
func (d *decoder) assignments(n *tree.Node) []*Assignment {
	if !d.is(n, tree.Map, "write {STATE: value}", "assign must be a mapping") {
		return nil
	}
	var all []*Assignment
	for _, e := range n.Entries {
		all = append(all, &Assignment{Path: e.Key.Text, At: e.Key.Range, Def: d.node(e.Value, "the new value of "+diag.Cut(e.Key.Text))})
	}
	return all
}

// copies decodes {FROM: TO}.
func (d *decoder) copies(n *tree.Node) []*Copying {
	if !d.is(n, tree.Map, "write {FROM: TO}, as in {online.*: target.*}", "copy must be a mapping") {
		return nil
	}
	var all []*Copying
	for _, e := range n.Entries {
		to, ok := d.text(e.Value, "copy")
		if !ok {
			continue
		}
		if from := e.Key.Text; ir.Stars(from) != ir.Stars(to) {
			d.report(diag.InvalidValue, e.Value.Range, "each * on the right stands for what the one on the left has matched",
				"%s has %s and %s has %s", diag.Quote(from), diag.Count(ir.Stars(from), "star"), diag.Quote(to), diag.Count(ir.Stars(to), "star"))
			continue
		}
		all = append(all, &Copying{From: e.Key.Text, To: to, FromAt: e.Key.Range, ToAt: e.Value.Range})
	}
	if len(all) > maxRules {
		d.report(diag.TooLarge, n.Range, "use patterns that match several names", "too many copies: %d, the limit is %d", len(all), maxRules)
		return nil
	}
	return all
}

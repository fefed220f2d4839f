package syntax

import (
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// The decoding of what a training section may say beside its loss, optimizer and
// metrics.

// Group is a group of parameters with arguments of its own.
type Group struct {
	At     diag.Range // of its pattern
	Match  string
	Frozen bool
	Call   *expr.Call // the optimizer with the arguments that the group gives
}

// Weights is a file that parameters start from.
type Weights struct {
	At         diag.Range
	File, Path string
	Rename     []Rename
}

// Rename calls a tensor of the file by another name.
type Rename struct {
	From, To string
	At       diag.Range // of to
}

// Evaluation is an evaluation on other data.
type Evaluation struct {
	At             diag.Range // of its data
	DataSource     *DataSource
	Every, Batches int64
	Metrics        []*Metric
}

// Watch is a metric that something is decided by.
type Watch struct {
	Metric   string
	Maximise bool
}

type EarlyStop struct {
	Watch
	Patience int64
	MinDelta float64
}

type Checkpoint struct {
	Every, Keep int64
	Best        *Watch
	Dir, Path   string
}

// options decodes them into t.
func (d *decoder) options(t *Train, fields map[string]*tree.Node, def *Spec) {
	if n := fields["clip_grad_norm"]; n != nil {
		t.Clip = d.expression(n, "clip_grad_norm")
	}
	t.Accumulate = 1
	if n := fields["accumulate"]; n != nil {
		t.Accumulate = max(1, d.positive(n, "accumulate"))
	}
	t.Groups = d.groups(fields["param_groups"], t.Optimizer)
	t.Weights = d.weights(fields["init"], def)
	t.Evaluation = d.evaluation(fields["eval"], def)
	open := incomplete(fields["metrics"]) || fields["eval"] != nil && (t.Evaluation == nil || fields["eval"].Get("metrics") == nil || incomplete(fields["eval"].Get("metrics")))
	if n := fields["early_stop"]; n != nil {
		t.EarlyStop = d.earlyStop(n, t.watchable(), open)
	}
	if n := fields["checkpoint"]; n != nil {
		t.Checkpoint = d.checkpoint(n, t.watchable(), open, def)
	}
}

// watchable are the metrics that early_stop and checkpoint.best can name.
func (t *Train) watchable() []string {
	var names []string
	for _, m := range t.Metrics {
		names = append(names, m.Name)
	}
	if t.Evaluation != nil {
		for _, m := range t.Evaluation.Metrics {
			names = append(names, ir.EvalPrefix+m.Name)
		}
	}
	return names
}

// groups decodes param_groups.
func (d *decoder) groups(n *tree.Node, optimizer *expr.Call) []*Group {
	if n == nil || n.Broken {
		return nil
	}
	if n.Kind != tree.List {
		d.report(diag.WrongType, n.Range, `begin each group with "-": - {match: "*.bias", weight_decay: 0}`, "param_groups is a list, not %s", n.Kind)
		return nil
	}
	if len(n.Items) > maxRules {
		d.report(diag.TooLarge, n.Range, "patterns match many parameters at once", "there are %d groups; at most %d are possible", len(n.Items), maxRules)
		return nil
	}
	var groups []*Group
	for _, item := range n.Items {
		if g := d.group(item, optimizer); g != nil {
			groups = append(groups, g)
		}
	}
	return groups
}

// group decodes {match, frozen} with arguments of the optimizer.
func (d *decoder) group(n *tree.Node, optimizer *expr.Call) *Group {
	if n.Broken {
		return nil
	}
	if n.Kind != tree.Map {
		d.report(diag.WrongType, n.Range, `write {match: "*.bias", weight_decay: 0}`, "a group of parameters is a mapping, not %s", n.Kind)
		return nil
	}
	match := n.Get("match")
	if match == nil && !n.Partial {
		d.report(diag.MissingKey, keyRange(n), "match: "+groupSection.Key("match").doc, "a group of parameters has no key `match`")
	}
	g := &Group{At: n.Range}
	if match != nil {
		g.At = match.Range
	}
	var ok bool
	if g.Match, ok = d.text(match, "match"); !ok {
		return nil
	}
	if f := n.Get("frozen"); f != nil {
		g.Frozen, _ = d.boolean(f, "frozen")
	}
	if optimizer == nil {
		return g
	}
	g.Call = &expr.Call{Place: expr.Place{Range: n.Range}, Name: optimizer.Name, NameAt: optimizer.NameAt}
	sig := SignatureOf(d.lib.Optimizers[optimizer.Name])
	for _, e := range n.Entries {
		key := e.Key.Text
		switch {
		case groupSection.Key(key) != nil:
		case !sig.has(key):
			help := d.list.Suggestion(key, append(sig.Names(), "match", "frozen"))
			if help == "" {
				help = "its arguments are " + strings.Join(sig.Names(), ", ")
			}
			d.report(diag.UnknownArgument, e.Key.Range, help, "%s has no argument %s", optimizer.Name, diag.Cut(key))
		case g.Frozen:
			d.report(diag.InvalidValue, e.Key.Range, "remove it, or frozen", "frozen parameters aren't updated; `%s` would mean nothing", key)
		default:
			if x := d.argument(e.Value, sig.find(key), "the argument "+key); x != nil {
				g.Call.Named = append(g.Call.Named, expr.Named{Name: key, NameAt: e.Key.Range, Value: x})
			}
		}
	}
	return g
}

// weights decodes train.init.
func (d *decoder) weights(n *tree.Node, def *Spec) *Weights {
	if n == nil {
		return nil
	}
	fields, ok := d.fields(n, initSection)
	if !ok {
		return nil
	}
	w := &Weights{At: n.Range}
	if w.File, ok = d.text(fields["safetensors"], "safetensors"); !ok {
		return nil
	}
	w.At = fields["safetensors"].Range
	w.Path = d.path(fields["safetensors"], def.File, w.File, "file", def.Options.AllowRead, allowHelp)
	d.format(fields["safetensors"])
	rename := fields["rename"]
	if rename == nil || rename.Broken {
		return w
	}
	if rename.Kind != tree.Map {
		d.report(diag.WrongType, rename.Range, "write {name in the file: name of a parameter}", "rename is a mapping of names, not %s", rename.Kind)
		return w
	}
	taken := map[string]bool{}
	for _, e := range rename.Entries {
		to, ok := d.text(e.Value, "a name in rename")
		to = ir.PlainPath(to) // h[0].weight is h.0.weight
		switch {
		case !ok:
			continue
		case taken[to]:
			d.report(diag.DuplicateName, e.Value.Range, "", "two tensors are renamed to %s", diag.Cut(to))
			continue
		}
		taken[to] = true
		w.Rename = append(w.Rename, Rename{e.Key.Text, to, e.Value.Range})
	}
	return w
}

// evaluation decodes train.eval.
func (d *decoder) evaluation(n *tree.Node, def *Spec) *Evaluation {
	if n == nil {
		return nil
	}
	fields, ok := d.fields(n, evalSection)
	if !ok {
		return nil
	}
	e := &Evaluation{At: keyRange(n), Batches: 1}
	if f := fields["data"]; f != nil {
		e.At, e.DataSource = f.Range, d.trainSource(f, def)
	}
	if f := fields["every"]; f != nil {
		e.Every = d.positive(f, "every")
	}
	if b := fields["batches"]; b != nil {
		e.Batches = d.positive(b, "batches")
	}
	e.Metrics = d.metrics(fields["metrics"])
	return e
}

// watch decodes a metric and what it should become.
func (d *decoder) watch(fields map[string]*tree.Node, known []string, open bool) Watch {
	var w Watch
	if n := fields["metric"]; n != nil {
		var ok bool
		if w.Metric, ok = d.watched(n); ok && !open && !slices.Contains(known, w.Metric) {
			help := Suggestion(d.list, w.Metric, known)
			if help == "" && len(known) > 0 {
				help = "there is " + strings.Join(known[:min(len(known), 12)], ", ")
			}
			d.report(diag.UnknownName, n.Range, help, "there is no metric `%s`", diag.Cut(w.Metric))
		}
	}
	if n := fields["mode"]; n != nil {
		text, ok := d.text(n, "mode")
		w.Maximise = text == "max"
		if ok && text != "min" && text != "max" {
			d.report(diag.InvalidValue, n.Range, "min: smaller is better; max: larger is", "mode is min or max, not `%s`", diag.Cut(text))
		}
	}
	return w
}

// watched decodes the name of a metric: NAME, or eval.NAME.
func (d *decoder) watched(n *tree.Node) (string, bool) {
	text, ok := d.text(n, "metric")
	if name, isEval := strings.CutPrefix(text, ir.EvalPrefix); ok && isEval {
		return ir.EvalPrefix + d.name(name), true
	}
	return d.name(text), ok
}

func (d *decoder) earlyStop(n *tree.Node, known []string, open bool) *EarlyStop {
	fields, ok := d.fields(n, earlyStopSection)
	if !ok {
		return nil
	}
	e := &EarlyStop{Watch: d.watch(fields, known, open)}
	if p := fields["patience"]; p != nil {
		e.Patience = d.positive(p, "patience")
	}
	if m := fields["min_delta"]; m != nil {
		v, ok := d.float(m, "min_delta")
		e.MinDelta = v
		if ok && !(e.MinDelta >= 0) || math.IsInf(e.MinDelta, 0) {
			d.report(diag.InvalidValue, m.Range, "", "min_delta is %v; it must be at least 0, and finite", e.MinDelta)
		}
	}
	return e
}

func (d *decoder) checkpoint(n *tree.Node, known []string, open bool, def *Spec) *Checkpoint {
	fields, ok := d.fields(n, checkpointSection)
	if !ok {
		return nil
	}
	c := &Checkpoint{Keep: defaultKeep, Dir: checkpointSection.Key("dir").Default}
	if f := fields["every"]; f != nil {
		c.Every = d.positive(f, "every")
	}
	if f := fields["keep"]; f != nil {
		c.Keep = d.positive(f, "keep")
	}
	if f := fields["best"]; f != nil {
		if decl, ok := d.fields(f, bestSection); ok {
			w := d.watch(decl, known, open)
			c.Best = &w
		}
	}
	at := n
	if f := fields["dir"]; f != nil {
		if c.Dir, ok = d.text(f, "dir"); !ok {
			return nil
		}
		at = f
	}
	c.Path = d.path(at, def.File, c.Dir, "folder", nil, "name a folder in the spec's own")
	return c
}

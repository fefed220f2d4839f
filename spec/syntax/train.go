package syntax

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Evaluation is what an evaluation computes; Train.Loop says when.
type Evaluation struct {
	At         diag.Range // of its data
	DataSource *DataSource
	Part       string // of the data source
	Metrics    []*Metric
}

// trainKeys are the keys of the train section, and how each is decoded into t. A key
// may rely on those above it.
var trainKeys = []struct {
	Key
	decode func(d *decoder, n *tree.Node, t *Train)
}{
	{Key{Name: "data", Value: "text", doc: "the data source of the batches, or a part of it: SOURCE.PART", more: "required if the model has inputs"},
		func(d *decoder, n *tree.Node, t *Train) { t.DataSource, t.Part = d.dataSource(n) }},
	{Key{Name: "loss", Value: "expression", doc: lossDoc, more: "required unless there are `updates`"},
		func(d *decoder, n *tree.Node, t *Train) { t.single().Loss = d.expression(n, "loss") }},
	{Key{Name: "optimizer", Value: "optimizer call", doc: optimizerDoc, more: "required with `loss`"},
		func(d *decoder, n *tree.Node, t *Train) { t.single().Optimizer = d.optimizerCall(n) }},
	{Key{Name: "updates", Value: "updates", doc: "several updates by name, made in this order in each step; instead of `loss` and `optimizer`"}, (*decoder).updates},
	{Key{Name: "metrics", Value: "metrics", doc: "metrics by name, stored and logged", more: "after every step"},
		func(d *decoder, n *tree.Node, t *Train) {
			t.Metrics, t.openMetrics = d.metrics(n), incomplete(n)
			for _, m := range t.Metrics {
				t.Loop.Metrics = append(t.Loop.Metrics, m.Name)
			}
		}},
	{Key{Name: "until", Value: "expression", doc: "the stop condition, an expression of metrics and step"},
		func(d *decoder, n *tree.Node, t *Train) {
			t.Until = d.expression(n, "until")
			t.Loop.Until = t.Until != nil
		}},
	{Key{Name: "max_steps", Value: "steps", doc: "the maximum number of steps", Default: "unlimited", Aside: true},
		func(d *decoder, n *tree.Node, t *Train) { t.Loop.MaxSteps = d.limited(n, "max_steps") }},
	{Key{Name: "epochs", Value: "count", doc: "the maximum number of epochs of the data", more: "of max_steps and epochs, the one that is reached first ends the run", Aside: true}, (*decoder).epochs},
	{Key{Name: "log_every", Value: "interval", doc: "steps between log lines, or `epoch`", more: "it thins all logs; evaluations and the last step always have a line", Default: "100", Aside: true},
		func(d *decoder, n *tree.Node, t *Train) {
			t.Loop.LogEvery, t.Loop.LogEpoch = d.interval(n, "log_every", t)
		}},
	{Key{Name: "clip_grad_norm", Value: "expression", doc: clipDoc, more: "it can use `step`, as the optimizer's arguments can; without it, gradients aren't clipped"},
		func(d *decoder, n *tree.Node, t *Train) { t.single().Clip = d.expression(n, "clip_grad_norm") }},
	{Key{Name: "param_groups", Value: "groups", doc: groupsDoc},
		func(d *decoder, n *tree.Node, t *Train) { t.single().Groups = d.groups(n, t.single().Optimizer) }},
	{Key{Name: "accumulate", Value: "count", doc: accumulateDoc, Default: "1", Unsaid: true},
		func(d *decoder, n *tree.Node, t *Train) { t.single().Accumulate = max(1, d.positive(n, "accumulate")) }},
	{Key{Name: "weight", Value: "expression", doc: weightDoc, more: weightMore},
		func(d *decoder, n *tree.Node, t *Train) {
			t.single().Weight = d.expression(n, "weight")
			d.needsAccumulate(n, t.single())
		}},
	{Key{Name: "averages", Value: "averages", doc: "averages of the weights over the steps, by name"}, (*decoder).averages},
	{Key{Name: "on_nonfinite", Value: "nonfinite", doc: "what to do if the loss is infinite or NaN: stop, skip the step, or continue", Default: string(ir.StopOnNonFinite), Aside: true},
		func(d *decoder, n *tree.Node, t *Train) { t.Loop.OnNonFinite = d.onNonFinite(n) }},
	{Key{Name: "init", Value: "init", doc: "a file of weights that training begins with", Aside: true},
		func(d *decoder, n *tree.Node, t *Train) { t.Weights = d.weights(n) }},
	{Key{Name: "eval", Value: "eval", doc: "metrics on other data, at intervals", Aside: true}, (*decoder).evaluation},
	{Key{Name: "early_stop", Value: "early_stop", doc: "ends the run when a metric no longer improves", Aside: true},
		func(d *decoder, n *tree.Node, t *Train) { t.Loop.EarlyStop = d.earlyStop(n, t) }},
	{Key{Name: "checkpoint", Value: "checkpoint", doc: "when to save checkpoints, from which a run can be resumed", Aside: true},
		func(d *decoder, n *tree.Node, t *Train) { t.Loop.Checkpoint = d.checkpoint(n, t) }},
}

// TrainSection is the train section. Its keys are those of trainKeys.
var TrainSection = &Section{name: "train", Doc: "How to train. One of until, max_steps and epochs is required.", One: []string{"loss", "updates"},
	Needs: map[string]string{"loss": "optimizer"}, Without: map[string][]string{"updates": ofLosses}}

func (d *decoder) train(n *tree.Node) *Train {
	fields, ok := d.fields(n, TrainSection)
	if !ok {
		return nil
	}
	t := &Train{At: keyRange(n), Loop: ir.Loop{LogEvery: defaultLogEvery, OnNonFinite: ir.StopOnNonFinite}}
	for _, k := range trainKeys {
		if n := fields[k.Name]; n != nil {
			k.decode(d, n, t)
		}
	}
	d.oneForm(n, fields, t)
	for _, u := range t.Updates {
		t.implied(u)
	}
	endless := fields["until"] == nil && fields["epochs"] == nil && (fields["max_steps"] == nil || fields["max_steps"].Text == unlimited)
	if endless && !d.misplaced["until"] && !d.misplaced["max_steps"] && !d.misplaced["epochs"] && !n.Partial {
		d.report(diag.EndlessTraining, t.At, "add max_steps, epochs or until", "training has no stop condition")
	}
	return t
}

// GradNormName is what the norm of all gradients is called in train.metrics.
const GradNormName = "grad_norm"

// implied makes metrics of what a named update minimizes, and of the norm that clipping
// computes.
func (t *Train) implied(u *Update) {
	if u.Loss != nil && u.Name != "" {
		t.implyMetric(u.LossName(), u.Loss.At())
	}
	if u.Clip != nil {
		t.implyMetric(u.NormName(), u.Clip.At())
	}
}

func (t *Train) implyMetric(name string, at diag.Range) {
	if slices.ContainsFunc(t.Metrics, func(m *Metric) bool { return m.Name == name }) {
		return
	}
	value := &expr.Name{Position: expr.Position{Range: at}, Name: name}
	t.Metrics = append(t.Metrics, &Metric{Name: name, At: at, Def: &Node{Value: value, At: at}, Implied: true})
	t.Loop.Metrics = append(t.Loop.Metrics, name)
}

// WithoutImplied takes out an implied metric: of a spec in which its name is that of
// something else.
func (t *Train) WithoutImplied(name string) {
	t.Metrics = slices.DeleteFunc(t.Metrics, func(m *Metric) bool {
		implied := m.Implied && m.Name == name
		if implied {
			t.Loop.Metrics = slices.DeleteFunc(t.Loop.Metrics, func(name string) bool { return name == m.Name })
		}
		return implied
	})
}

// unlimited is the number of steps of a train section without a limit.
const unlimited = "unlimited"

// epochs decodes train.epochs.
func (d *decoder) epochs(n *tree.Node, t *Train) {
	v, ok := d.atLeast(n, "epochs", 1)
	if !ok || !d.hasEpochs(n, "epochs", "use max_steps", t) {
		return
	}
	t.Loop.Epochs = v
	if src := t.DataSource; src != nil && src.Decl != nil && src.Decl.Repeat > 0 && src.Decl.Repeat < v {
		d.report(diag.InvalidValue, n.Range, fmt.Sprintf("write repeat: %d under data.%s, or train for %d", v, src.Name, src.Decl.Repeat),
			"the data source %s provides %s, which is less than %d", src.Name, diag.Count(int(src.Decl.Repeat), "epoch"), v)
	}
}

// interval decodes a number of steps, or an epoch of the training data.
func (d *decoder) interval(n *tree.Node, what string, t *Train) (steps int64, epoch bool) {
	if n != nil && !n.Broken && n.Kind == tree.String && !d.placeholder(n) {
		if n.Text == everyEpoch {
			return 0, d.hasEpochs(n, what+": epoch", "use a number of steps", t)
		}
		if help := map[string]string{"epochs": "write epoch", "1 epoch": "write epoch", "step": "write 1"}[n.Text]; help != "" {
			d.report(diag.WrongType, n.Range, help, "%s must be an int or epoch, not %s", what, strange(n))
			return 0, false
		}
	} else if n != nil && n.Kind == tree.String {
		return 0, false
	}
	return d.positive(n, what), false
}

// everyEpoch is the interval of an epoch.
const everyEpoch = "epoch"

// hasEpochs reports what needs epochs where the data has none.
func (d *decoder) hasEpochs(n *tree.Node, what, help string, t *Train) bool {
	switch src := t.DataSource; {
	case src == nil && d.misplaced["data"]:
	case src == nil:
		d.report(diag.InvalidValue, n.Range, help, "`%s` has no meaning without data", what)
		return false
	case src.Decl == nil && !src.Body.Open:
		d.report(diag.InvalidValue, n.Range, help, "`%s` has no meaning with %s: generated data has no epochs", what, src.Name)
		return false
	}
	return true
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

// evaluation decodes train.eval.
func (d *decoder) evaluation(n *tree.Node, t *Train) {
	fields, ok := d.fields(n, evalSection)
	t.openMetrics = t.openMetrics || !ok || fields["metrics"] == nil || incomplete(fields["metrics"])
	if !ok {
		return
	}
	t.Evaluation = &Evaluation{At: keyRange(n), Metrics: d.metrics(fields["metrics"])}
	if data := fields["data"]; data != nil {
		t.Evaluation.At = data.Range
		t.Evaluation.DataSource, t.Evaluation.Part = d.dataSource(data)
	}
	t.Loop.Evaluation = &ir.Evaluation{}
	t.Loop.Evaluation.Every, t.Loop.Evaluation.EveryEpoch = d.interval(fields["every"], "every", t)
	if weights := fields["weights"]; weights != nil {
		t.Loop.Evaluation.Weights = d.averageNamed(weights, t)
	}
	if src := t.Evaluation.DataSource; src == nil || src.Decl == nil {
		t.Loop.Evaluation.Batches = 1
	}
	if batches := fields["batches"]; batches != nil {
		t.Loop.Evaluation.Batches = d.positive(batches, "batches")
	}
}

// watch decodes a metric and what it should become.
func (d *decoder) watch(fields map[string]*tree.Node, t *Train) ir.Watch {
	var w ir.Watch
	if n := fields["metric"]; n != nil {
		var ok bool
		w.Origin = n.Range
		if w.Metric, ok = d.watched(n); ok && !t.openMetrics && !slices.Contains(t.watchable(), w.Metric) {
			known := t.watchable()
			help := Suggestion(d.list, w.Metric, known)
			if help == "" && len(known) > 0 {
				help = "available: " + strings.Join(known[:min(len(known), 12)], ", ")
			}
			d.report(diag.UnknownName, n.Range, help, "unknown metric `%s`", diag.Cut(w.Metric))
		}
	}
	if n := fields["mode"]; n != nil {
		text, ok := d.text(n, "mode")
		w.Maximise = text == "max"
		if ok && text != "min" && text != "max" {
			d.report(diag.InvalidValue, n.Range, "use min if smaller is better, max if larger is", "mode must be min or max, not `%s`", diag.Cut(text))
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

func (d *decoder) earlyStop(n *tree.Node, t *Train) *ir.EarlyStop {
	fields, ok := d.fields(n, earlyStopSection)
	if !ok {
		return nil
	}
	e := &ir.EarlyStop{Watch: d.watch(fields, t), Patience: d.positive(fields["patience"], "patience")}
	if m := fields["min_delta"]; m != nil {
		v, ok := d.float(m, "min_delta")
		e.MinDelta = v
		if ok && !(v >= 0) || math.IsInf(v, 0) {
			d.report(diag.InvalidValue, m.Range, "", "min_delta must be finite and at least 0, got %v", v)
		}
	}
	return e
}

func (d *decoder) checkpoint(n *tree.Node, t *Train) *ir.Checkpoint {
	fields, ok := d.fields(n, checkpointSection)
	if !ok {
		return nil
	}
	c := &ir.Checkpoint{Keep: defaultKeep}
	c.Every, c.EveryEpoch = d.interval(fields["every"], "every", t)
	if keep := fields["keep"]; keep != nil {
		c.Keep = d.positive(keep, "keep")
	}
	if best := fields["best"]; best != nil {
		if decl, ok := d.fields(best, bestSection); ok {
			w := d.watch(decl, t)
			c.Best = &w
		}
	}
	at, dir := n, checkpointSection.Key("dir").Default
	if f := fields["dir"]; f != nil {
		if dir, ok = d.text(f, "dir"); !ok {
			return nil
		}
		at = f
	}
	c.Path = d.path(at, dir, "folder", nil, "choose a folder inside the spec's folder")
	return c
}

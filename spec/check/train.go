package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// train resolves the training section over the model's scope.
func (r *resolver) train(def *syntax.Spec, model *scope) {
	t := def.Train
	s := *model
	s.graph = maps.Clone(model.graph)
	if t.DataSource != nil {
		r.fields(t.DataSource, &s, model)
		s.open = s.open || t.DataSource.Open()
	}
	s.hint(syntax.GradNormName, "the gradients are those of the loss; use it in train.metrics")
	for _, u := range t.Updates {
		s.check(u.Loss, false, nil)
		s.check(u.Weight, false, nil)
	}
	epochs := r.epochs(t)
	r.metrics(t, &s, epochs)
	for _, u := range t.Updates {
		r.update(u, t, &s, epochs)
	}
	t.UsesEpoch = epochs.epoch.used || epochs.fraction.used
	if t.Evaluation != nil {
		r.evaluation(t, &s, model)
	}
}

// builtin is a name that a run gives a value.
func builtin() *symbol { return &symbol{what: "the built-in value", used: true} }

// ofStep is a scope that sees the number of the step, too.
func (s *scope) ofStep(epochs *epochs) *scope {
	t := s.withGraph(maps.Clone(s.graph))
	if t.graph["step"] == nil {
		t.graph["step"] = builtin()
	}
	epochs.declare(t)
	return t
}

// lossNames makes the losses of the updates visible, unless something of the spec has their
// names.
func (s *scope) lossNames(t *syntax.Train) {
	for _, u := range t.Updates {
		if name := u.LossName(); u.Minimizes && (u.Name == "" || s.find(name, false) == nil) {
			s.graph[name] = builtin()
		}
	}
	s.open = s.open || t.OpenUpdates
	if t.Named() {
		s.hint("loss", "the loss of an update is called by its name: NAME_loss")
	}
}

// metrics resolves the metrics, and until, which sees them.
func (r *resolver) metrics(t *syntax.Train, s *scope, epochs *epochs) {
	see := s.ofStep(epochs)
	see.lossNames(t)
	norms := map[*syntax.Update]*symbol{}
	for _, u := range t.Updates {
		if name := u.NormName(); see.find(name, false) == nil {
			norms[u] = &symbol{what: "the built-in value"}
			see.graph[name] = norms[u]
		} else {
			t.WithoutImplied(name)
		}
	}
	until := s.withGraph(map[string]*symbol{"step": builtin()})
	until.hints = nil
	if slices.ContainsFunc(t.Updates, func(u *syntax.Update) bool { return u.Minimizes }) {
		until.graph["loss_step"] = builtin()
	}
	for _, m := range t.Metrics {
		see.node(m.Def, nil)
		m.UsesNorm = t.Named()
		for u, norm := range norms {
			u.UsesNorm, m.UsesNorm, norm.used = u.UsesNorm || norm.used, m.UsesNorm || norm.used, false
		}
		t.UsesNorm = t.UsesNorm || m.UsesNorm
		until.graph[m.Name] = &symbol{what: "the metric", at: m.At}
	}
	epochs.declare(until)
	until.hint("loss", "use loss_step, the loss of this step, or the name of a metric")
	until.hint(syntax.GradNormName, "add `grad_norm: grad_norm` to train.metrics")
	until.hint("eval", "until can use only the metrics under train.metrics")
	if !r.untilOfEval(t) {
		until.check(t.Until, false, nil)
	}
}

// update resolves all of an update but its loss.
func (r *resolver) update(u *syntax.Update, t *syntax.Train, s *scope, epochs *epochs) {
	args := s.withGraph(map[string]*symbol{"step": builtin()})
	args.hints = nil
	epochs.declare(args)
	args.hint("loss", "optimizer arguments can use only step, epoch, epoch_fraction and vars")
	if u.Optimizer != nil {
		args.optimizer(u.Optimizer, s)
		args.check(u.Clip, false, nil)
	}
	for _, g := range u.Groups {
		switch {
		case g.Call == nil:
		case g.Own:
			args.optimizer(g.Call, s)
		case u.Optimizer != nil:
			optimizer := r.lib.Optimizers[u.Optimizer.Name]
			sig := *syntax.SignatureOf(optimizer)
			sig.Params = slices.Clone(sig.Params)
			for i := range sig.Params {
				sig.Params[i].Optional = true // those of the update's optimizer are the default
			}
			args.bind(g.Call, &Target{Module: optimizer}, &sig, false, nil)
		}
	}
	args.check(u.Rate, false, nil)
	values := s.ofStep(epochs)
	for _, a := range u.Assign {
		values.node(a.Def, nil)
	}
	values.lossNames(t)
	values.check(u.When, false, nil)
}

// optimizer resolves an optimizer's call; in is the scope that notes which modules are used.
func (s *scope) optimizer(c *expr.Call, in *scope) {
	m := s.lib.Optimizers[c.Name]
	s.bind(c, &Target{Module: m}, syntax.SignatureOf(m), false, nil)
	in.calls[m] = true
}

// epochs are the names that count epochs of the training data.
type epochs struct {
	epoch, fraction *symbol
	none            string // why there are none; "" if there are
}

func (r *resolver) epochs(t *syntax.Train) *epochs {
	e := &epochs{epoch: &symbol{what: "the built-in value"}, fraction: &symbol{what: "the built-in value"}}
	switch src := t.DataSource; {
	case src == nil:
		e.none = "there are no epochs without data; use step"
	case src.Body != nil && !src.Body.Open:
		e.none = "generated data has no epochs; use step"
	}
	return e
}

// declare makes them visible, unless something of the spec has their name.
func (e *epochs) declare(s *scope) {
	for name, sym := range map[string]*symbol{syntax.EpochName: e.epoch, syntax.EpochFraction: e.fraction} {
		switch {
		case s.graph[name] != nil || s.consts[name] != nil:
		case e.none != "":
			s.hint(name, e.none)
		default:
			s.graph[name] = sym
		}
	}
}

// hint says what to tell those who try a name in this scope.
func (s *scope) hint(name, help string) {
	s.hints = maps.Clone(s.hints)
	if s.hints == nil {
		s.hints = map[string]string{}
	}
	s.hints[name] = help
}

// untilOfEval reports metrics of an evaluation in until.
func (r *resolver) untilOfEval(t *syntax.Train) bool {
	found := false
	expr.Walk(t.Until, func(e expr.Expr) bool {
		m, ok := e.(*expr.Member)
		if !ok {
			return true
		}
		if x, ok := m.X.(*expr.Name); ok && x.Name == strings.TrimSuffix(ir.EvalPrefix, ".") {
			found = true
			r.report(diag.UnknownName, m.At(), fmt.Sprintf("use early_stop: {metric: %s%s, patience: 1000}", ir.EvalPrefix, m.Name),
				"until can't use %s%s: it is checked after every step, but evaluations are less frequent", ir.EvalPrefix, m.Name)
		}
		return false
	})
	return found
}

// evaluation resolves the metrics of an evaluation, which see what the loss sees: its
// data must have the fields that the training data have.
func (r *resolver) evaluation(t *syntax.Train, train, model *scope) {
	s := *train
	if src := t.Evaluation.DataSource; src != nil && src != t.DataSource {
		s.graph = maps.Clone(model.graph)
		r.fields(src, &s, model)
		if t.DataSource != nil {
			r.sameFields(t, src)
		}
	}
	s.graph = maps.Clone(s.graph)
	s.lossNames(t)
	s.hint(syntax.GradNormName, "an evaluation computes no gradients; use it in train.metrics")
	for _, m := range t.Evaluation.Metrics {
		s.node(m.Def, nil)
	}
}

// sameFields reports what the data of an evaluation lacks of the training data.
func (r *resolver) sameFields(t *syntax.Train, src *syntax.DataSource) {
	trained, have := nameSet(t.DataSource.FieldNames()), nameSet(src.FieldNames())
	for _, it := range nodesOf(src) { // the loss uses those of train
		it.Used = it.Used || trained[it.Name]
	}
	if src.Open() {
		return
	}
	for _, it := range nodesOf(t.DataSource) {
		if it.Bad { // reported
			delete(trained, it.Name)
		}
	}
	for _, name := range t.DataSource.FieldNames() {
		if trained[name] && !have[name] {
			r.report(diag.UnboundInput, t.Evaluation.At, r.list.Suggestion(name, src.FieldNames()),
				"the data source %s has no field `%s`, which the training data has", src.Name, name)
		}
	}
}

func nameSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// fields makes a data source's fields visible to loss and metrics.
func (r *resolver) fields(src *syntax.DataSource, s, model *scope) {
	see := func(name string, at diag.Range, it *syntax.Item) {
		if sym := model.graph[name]; sym != nil && sym.what == "the input" {
			if it != nil {
				it.Used = true
			}
			return
		}
		sym := s.declare(s.graph, name, "the field", at)
		if it != nil && sym.at == at {
			sym.item = it
		}
	}
	made := map[string]bool{}
	for _, it := range nodesOf(src) {
		made[it.Name] = true
		see(it.Name, it.At, it)
	}
	for _, f := range src.Fields {
		if !made[f.Name] {
			see(f.Name, f.At, nil)
		}
	}
}

// nodesOf are the nodes that a data source's fields are, if they are computed.
func nodesOf(src *syntax.DataSource) []*syntax.Item {
	switch {
	case src.Body != nil:
		return src.Body.Items
	case src.Transform != nil:
		return src.Transform.Items
	}
	return nil
}

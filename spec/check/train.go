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
	s.check(t.Loss, false, nil)
	builtin := func() *symbol { return &symbol{what: "the built-in value", used: true} }
	epochs := r.epochs(t)
	loss := s.withGraph(maps.Clone(s.graph))
	loss.graph["loss"] = builtin()
	if loss.graph["step"] == nil {
		loss.graph["step"] = builtin()
	}
	epochs.declare(loss)
	norm := builtin()
	norm.used = false
	if loss.graph[syntax.GradNormName] == nil && loss.consts[syntax.GradNormName] == nil {
		loss.graph[syntax.GradNormName] = norm
	} else {
		t.WithoutImplied()
	}
	until := s.withGraph(map[string]*symbol{"step": builtin(), "loss_step": builtin()})
	until.hints = nil
	for _, m := range t.Metrics {
		loss.node(m.Def, nil)
		m.UsesNorm, norm.used = norm.used, false
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
	if t.Optimizer != nil {
		optimizer := r.lib.Optimizers[t.Optimizer.Name]
		sig := *syntax.SignatureOf(optimizer)
		args := s.withGraph(map[string]*symbol{"step": builtin()})
		args.hints = nil
		epochs.declare(args)
		args.hint("loss", "optimizer arguments can use only step, epoch, epoch_fraction and vars")
		args.bind(t.Optimizer, &Target{Module: optimizer}, syntax.SignatureOf(optimizer), false, nil)
		s.calls[optimizer] = true
		args.check(t.Clip, false, nil)
		sig.Params = slices.Clone(sig.Params)
		for i := range sig.Params {
			sig.Params[i].Optional = true // those of train.optimizer are the default
		}
		for _, g := range t.Groups {
			if g.Call != nil {
				args.bind(g.Call, &Target{Module: optimizer}, &sig, false, nil)
			}
		}
	}
	t.UsesEpoch = epochs.epoch.used || epochs.fraction.used
	if t.Evaluation != nil {
		r.evaluation(t, &s, model)
	}
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
	s.graph["loss"] = &symbol{what: "the built-in value", used: true}
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

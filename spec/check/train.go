package check

import (
	"fmt"
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
	s.graph = map[string]*symbol{}
	for name, sym := range model.graph {
		s.graph[name] = sym
	}
	if t.DataSource != nil {
		r.fields(t.DataSource, &s, model)
		s.open = s.open || t.DataSource.Body != nil && t.DataSource.Body.Open
	}
	s.check(t.Loss, false, nil)
	loss := s.withGraph(map[string]*symbol{"loss": {what: "the built-in value", used: true}})
	for name, sym := range s.graph {
		if name != "loss" {
			loss.graph[name] = sym
		}
	}
	until := s.withGraph(map[string]*symbol{"step": {what: "the built-in value", used: true}, "loss_step": {what: "the built-in value", used: true}})
	for _, m := range t.Metrics {
		loss.node(m.Def, nil)
		until.graph[m.Name] = &symbol{what: "the metric", at: m.At}
	}
	until.hints = map[string]string{
		"loss":  "use loss_step, the loss of this step, or the name of a metric",
		"epoch": "use step, the number of completed steps",
		"eval":  "until can use only the metrics under train.metrics",
	}
	if !r.untilOfEval(t) {
		until.check(t.Until, false, nil)
	}
	if t.Optimizer != nil {
		args := s.withGraph(map[string]*symbol{"step": {what: "the built-in value", used: true}})
		args.hints = map[string]string{
			"loss":  "optimizer arguments can use only step and vars",
			"epoch": "use step, the number of updates so far",
		}
		args.bind(t.Optimizer, &Target{Module: r.lib.Optimizers[t.Optimizer.Name]},
			syntax.SignatureOf(r.lib.Optimizers[t.Optimizer.Name]), false, nil)
		s.calls[r.lib.Optimizers[t.Optimizer.Name]] = true
		args.check(t.Clip, false, nil)
		sig := *syntax.SignatureOf(r.lib.Optimizers[t.Optimizer.Name])
		sig.Params = slices.Clone(sig.Params)
		for i := range sig.Params {
			sig.Params[i].Optional = true // those of train.optimizer are the default
		}
		for _, g := range t.Groups {
			if g.Call != nil {
				args.bind(g.Call, &Target{Module: r.lib.Optimizers[t.Optimizer.Name]}, &sig, false, nil)
			}
		}
	}
	if t.Evaluation != nil {
		r.evaluation(t, &s, model)
	}
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
	if t.Evaluation.DataSource != nil && t.Evaluation.DataSource != t.DataSource {
		s.graph = map[string]*symbol{}
		for name, sym := range model.graph {
			s.graph[name] = sym
		}
		r.fields(t.Evaluation.DataSource, &s, model)
		have := t.Evaluation.DataSource.FieldNames()
		if body := t.Evaluation.DataSource.Body; body != nil && t.DataSource != nil {
			trained := nameSet(t.DataSource.FieldNames())
			for _, it := range body.Items { // the loss uses those of train
				it.Used = it.Used || trained[it.Name]
			}
		}
		if t.DataSource != nil && !(t.Evaluation.DataSource.Body != nil && t.Evaluation.DataSource.Body.Open) {
			there := nameSet(have)
			for _, name := range t.DataSource.FieldNames() {
				if !there[name] {
					r.report(diag.UnboundInput, t.Evaluation.At, r.list.Suggestion(name, have), "the data source %s has no field `%s`, which the training data has", t.Evaluation.DataSource.Name, name)
				}
			}
		}
	}
	s.graph["loss"] = &symbol{what: "the built-in value", used: true}
	for _, m := range t.Evaluation.Metrics {
		s.node(m.Def, nil)
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
	isInput := func(name string) bool {
		sym := model.graph[name]
		return sym != nil && sym.what == "the input"
	}
	see := func(name string, at diag.Range, it *syntax.Item) {
		if isInput(name) {
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
	if src.Body != nil {
		for _, it := range src.Body.Items {
			see(it.Name, it.At, it)
		}
	}
	for _, f := range src.Fields {
		see(f.Name, f.At, nil)
	}
}

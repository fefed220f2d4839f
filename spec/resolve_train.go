package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
)

// train resolves the training section over the model's scope.
func (r *resolver) train(def *specDef, model *scope) {
	t := def.train
	s := *model
	s.graph = map[string]*symbol{}
	for name, sym := range model.graph {
		s.graph[name] = sym
	}
	if t.source != nil {
		r.fields(t.source, &s, model)
		s.open = s.open || t.source.body != nil && t.source.body.open
	}
	s.check(t.loss, false, nil)
	loss := s.withGraph(map[string]*symbol{"loss": {what: "the loss", used: true}})
	for name, sym := range s.graph {
		if name != "loss" {
			loss.graph[name] = sym
		}
	}
	until := s.withGraph(map[string]*symbol{"step": {what: "the step", used: true}, "loss_step": {what: "the loss", used: true}})
	for _, m := range t.metrics {
		loss.node(m.def, nil)
		until.graph[m.name] = &symbol{what: "the metric", at: m.at}
	}
	until.hints = map[string]string{
		"loss":  "loss_step is the loss of this step; a metric of it is seen by its name",
		"epoch": "step is the number of steps taken",
		"eval":  "until sees the metrics of train",
	}
	if !r.untilOfEval(t) {
		until.check(t.until, false, nil)
	}
	if t.optimizer != nil {
		args := s.withGraph(map[string]*symbol{"step": {what: "the step", used: true}})
		args.hints = map[string]string{
			"loss":  "the optimizer's arguments see step and the vars",
			"epoch": "step is the number of updates before this one",
		}
		args.bind(t.optimizer, &target{module: r.lib.optimizers[t.optimizer.Name]},
			signatureOf(r.lib.optimizers[t.optimizer.Name]), false, nil)
		s.calls[r.lib.optimizers[t.optimizer.Name]] = true
		args.check(t.clip, false, nil)
		sig := *signatureOf(r.lib.optimizers[t.optimizer.Name])
		sig.params = slices.Clone(sig.params)
		for i := range sig.params {
			sig.params[i].optional = true // the optimizer's own stand in
		}
		for _, g := range t.groups {
			if g.call != nil {
				args.bind(g.call, &target{module: r.lib.optimizers[t.optimizer.Name]}, &sig, false, nil)
			}
		}
	}
	if t.eval != nil {
		r.eval(t, &s, model)
	}
}

// untilOfEval refuses metrics of an evaluation in until.
func (r *resolver) untilOfEval(t *trainDef) bool {
	found := false
	expr.Walk(t.until, func(e expr.Expr) bool {
		m, ok := e.(*expr.Member)
		if !ok {
			return true
		}
		if x, ok := m.X.(*expr.Name); ok && x.Name == strings.TrimSuffix(ir.EvalPrefix, ".") {
			found = true
			r.report(diag.UnknownName, m.At(), fmt.Sprintf("early_stop can: {metric: %s%s, patience: 1000}", ir.EvalPrefix, m.Name),
				"until can't see %s%s: it is asked after every step, and an evaluation is made only after some", ir.EvalPrefix, m.Name)
		}
		return false
	})
	return found
}

// eval resolves the metrics of an evaluation, which see what the loss sees: its
// data must have the fields that the training data have.
func (r *resolver) eval(t *trainDef, train, model *scope) {
	s := *train
	if t.eval.source != nil && t.eval.source != t.source {
		s.graph = map[string]*symbol{}
		for name, sym := range model.graph {
			s.graph[name] = sym
		}
		r.fields(t.eval.source, &s, model)
		have := t.eval.source.fieldNames()
		if body := t.eval.source.body; body != nil && t.source != nil {
			trained := nameSet(t.source.fieldNames())
			for _, it := range body.items { // the loss uses those of train
				it.used = it.used || trained[it.name]
			}
		}
		if t.source != nil && !(t.eval.source.body != nil && t.eval.source.body.open) {
			there := nameSet(have)
			for _, name := range t.source.fieldNames() {
				if !there[name] {
					r.report(diag.UnboundInput, t.eval.at, r.list.Suggestion(name, have), "the data source %s has no field %s, which that of train has", t.eval.source.name, name)
				}
			}
		}
	}
	s.graph["loss"] = &symbol{what: "the loss", used: true}
	for _, m := range t.eval.metrics {
		s.node(m.def, nil)
	}
}

func nameSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// fields makes a source's fields visible to loss and metrics.
func (r *resolver) fields(src *sourceDef, s, model *scope) {
	isInput := func(name string) bool {
		sym := model.graph[name]
		return sym != nil && sym.what == "the input"
	}
	see := func(name string, at diag.Range, it *item) {
		if isInput(name) {
			if it != nil {
				it.used = true
			}
			return
		}
		sym := s.declare(s.graph, name, "the field", at)
		if it != nil && sym.at == at {
			sym.item = it
		}
	}
	if src.body != nil {
		for _, it := range src.body.items {
			see(it.name, it.at, it)
		}
	}
	for _, f := range src.fields {
		see(f.name, f.at, nil)
	}
}

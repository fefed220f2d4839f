package flowrun

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/weights"
)

// WeightsRule says which tensors of a file are taken, and as which parameters. The zero
// rule asks for all parameters and buffers, and nothing else.
type WeightsRule = weights.Rule

// WeightsRename gives the tensors that a pattern fits the names of parameters.
type WeightsRename = weights.Rename

// WeightsReport says what was taken from a file of weights, what keeps its initial value,
// and what else the file has.
type WeightsReport = weights.Report

// Report says what was taken from the file that the weights were read from; nil if they
// weren't read.
func (w Weights) Report() *WeightsReport { return w.report }

// ReadWeights reads parameters and buffers for WithWeights from a safetensors file, a
// checkpoint, or an index of several files (model.safetensors.index.json), and what was
// learned from the data that they were trained on, if flowrun has written the file. The
// file must have all of the program's parameters and buffers, and nothing else. What a
// checkpoint keeps beside them (the optimizer's states, metrics, counters) is left out.
func (p *Program) ReadWeights(path string) (Weights, error) {
	return p.ReadWeightsBy(path, WeightsRule{})
}

// ReadWeightsBy is ReadWeights with a rule that says which tensors are taken.
// [Weights.Report] says what it did.
func (p *Program) ReadWeightsBy(path string, rule WeightsRule) (Weights, error) {
	if err := p.ready(); err != nil {
		return Weights{}, err
	}
	return readWeights(nil, path, rule, p.weightParams(nil))
}

// OnWeights calls a function with what is taken from each file of weights that a session
// or an inference begins with: those of [WithWeights] if they were read from a file, those
// of train.init, those of model.init.
func OnWeights(tell func(*WeightsReport)) StartOption {
	return func(o *startOptions) { o.tellWeights = tell }
}

// OnWeightsFile calls a function with what would be taken from each file of weights that
// the spec names. [WithFiles] makes a check look.
func OnWeightsFile(tell func(*WeightsReport)) LoadOption {
	return func(o *loadOptions) { o.tellWeights = tell }
}

// readWeights reads what a rule takes for parameters.
func readWeights(open weights.Opener, path string, rule WeightsRule, params []weights.Param) (Weights, error) {
	return takeWeights(open, path, rule, params, (*weights.File).Read)
}

// takeWeights is readWeights with a function that reads the tensors.
func takeWeights(open weights.Opener, path string, rule WeightsRule, params []weights.Param, read func(*weights.File, *weights.Report) (map[string]*Tensor, error)) (Weights, error) {
	file, err := weights.Open(open, path)
	if err != nil {
		return Weights{}, err
	}
	defer file.Close()
	report, err := file.Assign(rule, params)
	if err != nil {
		return Weights{}, file.WithCopies(err)
	}
	tensors, err := read(file, report)
	if err != nil {
		return Weights{}, err
	}
	known, err := known(file, rule)
	if err != nil {
		return Weights{}, err
	}
	w := Weights{Tensors: tensors, learned: known, kept: map[string]bool{}, report: report}
	for _, name := range report.Kept {
		w.kept[name] = true
	}
	return w, nil
}

// known is what a file knows of data, as JSON, without what a rule forgets.
func known(file *weights.File, rule WeightsRule) (string, error) {
	facts, err := learned.Parse(file.Learned())
	if err == nil {
		err = forget(facts, rule.Forget)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", diag.CutPath(file.Path()), err)
	case len(facts) == 0:
		return "", nil
	}
	return facts.JSON(), nil
}

// forget removes the fields that patterns fit.
func forget(facts learned.Facts, patterns []string) error {
	fields := slices.Sorted(maps.Keys(facts))
	for _, text := range patterns {
		pattern, fits := ir.NewPattern(text), false
		for _, field := range fields {
			if pattern.Match(field) {
				delete(facts, field)
				fits = true
			}
		}
		if !fits {
			return fmt.Errorf("forget: the weights know nothing of the field %s; they know of %s", diag.Quote(text), diag.Names(fields))
		}
	}
	return nil
}

// ruleOf is the rule that a spec gives.
func ruleOf(w *ir.Weights) WeightsRule {
	return WeightsRule{Partial: w.Partial, Match: w.Match, Ignore: w.Ignore, Forget: w.Forget, Rename: w.Rename, Average: w.Average}
}

// weightStates are the parameters and buffers of the program by name: of the model, and of
// what training has beside it, as a loss may have parameters. Those of a graph, which may
// be nil, come before others of the same name.
func (p *Program) weightStates(g *ir.Graph) map[string]*ir.State {
	states := map[string]*ir.State{}
	for _, g := range []*ir.Graph{g, p.spec.Train, p.spec.Infer} {
		if g == nil {
			continue
		}
		for _, s := range g.States {
			if isWeight(s) && states[s.Name] == nil {
				states[s.Name] = s
			}
		}
	}
	return states
}

// weightParams lists the parameters and buffers that a file is to have: those of a graph,
// or, for nil, those that all graphs have. Others of the program may be there.
func (p *Program) weightParams(g *ir.Graph) (params []weights.Param) {
	required := func(name string) bool {
		if g != nil {
			return g.State(name) != nil
		}
		return p.spec.Infer.State(name) != nil && (p.spec.Train == nil || p.spec.Train.State(name) != nil)
	}
	states := p.weightStates(g)
	for _, name := range slices.Sorted(maps.Keys(states)) {
		params = append(params, weights.Param{Name: name, Type: states[name].Type, Optional: !required(name)})
	}
	return params
}

// readInit reads the file that train.init or model.init names for a graph.
func (p *Program) readInit(key string, w *ir.Weights, g *ir.Graph) (Weights, error) {
	read, err := readWeights(p.openNamed, w.Path, ruleOf(w), p.weightParams(g))
	if err != nil {
		return Weights{}, fmt.Errorf("%s: %w", key, err)
	}
	return read, nil
}

// checkInit compares the header of such a file with a graph. It gives what readInit does,
// without the tensors.
func (p *Program) checkInit(w *ir.Weights, g *ir.Graph) (Weights, error) {
	none := func(*weights.File, *weights.Report) (map[string]*Tensor, error) { return nil, nil }
	return takeWeights(p.openNamed, w.Path, ruleOf(w), p.weightParams(g), none)
}

// trainingWeights are those that training begins with.
func (p *Program) trainingWeights(o *startOptions) (Weights, error) {
	w := o.weights
	if init := p.spec.Loop.Weights; init != nil && w.Tensors == nil {
		var err error
		if w, err = p.readInit("train.init", init, p.spec.Train); err != nil {
			return Weights{}, err
		}
	}
	return p.completeWeights(p.spec.Train, w, o)
}

// inferenceWeights are those that a graph infers with. That there are none is noted: who
// has forgotten them gets answers all the same.
func (p *Program) inferenceWeights(g *ir.Graph, w Weights, o *startOptions) (Weights, error) {
	w, err := p.completeWeights(g, w, o)
	if err == nil && w.Tensors == nil && o.note != nil && slices.ContainsFunc(g.States, isWeight) {
		o.note("no weights were given: the parameters have their initial values, as before training")
	}
	return w, err
}

// completeWeights takes what weights leave out on purpose from the file of model.init, and
// tells what was read. Without weights, all of it is taken.
func (p *Program) completeWeights(g *ir.Graph, w Weights, o *startOptions) (Weights, error) {
	whole := w
	if init := p.spec.Weights; init != nil && (w.Tensors == nil || leavesOut(w, g)) {
		base, err := p.readInit("model.init", init, g)
		if err != nil {
			return Weights{}, err
		}
		o.tellOf(base)
		if whole, err = over(base, w); err != nil {
			return Weights{}, err
		}
	}
	o.tellOf(w)
	return whole, nil
}

// tellOf tells what was taken from a file.
func (o *startOptions) tellOf(w Weights) {
	if o.tellWeights != nil && w.report != nil {
		o.tellWeights(w.report)
	}
}

// leavesOut reports whether weights lack parameters of a graph on purpose.
func leavesOut(w Weights, g *ir.Graph) bool {
	return slices.ContainsFunc(g.States, func(s *ir.State) bool { return w.kept[s.Name] })
}

// over are weights over those of a base.
func over(base, w Weights) (Weights, error) {
	if w.report == nil && w.Tensors == nil {
		return base, nil
	}
	whole := Weights{Tensors: maps.Clone(base.Tensors), kept: map[string]bool{}, report: w.report}
	maps.Copy(whole.Tensors, w.Tensors)
	for name := range base.kept {
		if whole.Tensors[name] == nil {
			whole.kept[name] = true
		}
	}
	known, err := learned.Parse(base.learned)
	if err != nil {
		return Weights{}, err
	}
	more, err := learned.Parse(w.learned)
	if err != nil {
		return Weights{}, err
	}
	for field, fact := range more {
		one, other := learned.Facts{field: known[field]}, learned.Facts{field: fact}
		if known[field] != nil && one.JSON() != other.JSON() {
			return Weights{}, fmt.Errorf("what is taken from %s and from %s was trained on other data: they know different things of the field %s",
				diag.CutPath(base.report.File), diag.CutPath(w.report.File), diag.Cut(field))
		}
		known[field] = fact
	}
	if len(known) > 0 {
		whole.learned = known.JSON()
	}
	return whole, nil
}

package flowrun

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/weights"
)

// Weights are a model's parameters and buffers by name. Those of a [Session] and those
// that [Program.ReadWeights] reads also know what was learned from the training data:
// classes, vocabularies, means. Weights{Tensors: t} know nothing of data.
type Weights struct {
	Tensors map[string]*Tensor

	learned string          // what was learned from the data, as JSON; "" if nothing is known
	kept    map[string]bool // parameters that aren't there on purpose
	report  *WeightsReport  // nil: they weren't read from a file
}

// Save writes the weights to a safetensors file, under PyTorch's names, with what was
// learned from the data in its metadata. The file is replaced as a whole or not at all.
func (w Weights) Save(path string) error {
	if w.Tensors == nil {
		return fmt.Errorf("there are no weights to write to %s: the map is nil", path)
	}
	if err := checkTensors("weights", w.Tensors); err != nil {
		return err
	}
	return safetensors.WriteWith(path, w.Tensors, w.metadata())
}

// metadata is what a file of the weights says beside them.
func (w Weights) metadata() map[string]string {
	if w.learned == "" {
		return nil
	}
	return map[string]string{weights.LearnedKey: w.learned}
}

// WithWeights starts from given parameters instead of the spec's init. All of
// the model's parameters must be there, and nothing else; of weights that
// [Program.ReadWeightsBy] has read, those that its rule has taken. The others keep their
// initial values. What the weights know of the data is used instead of what the data of this
// session would teach.
func WithWeights(w Weights) StartOption {
	return func(o *startOptions) { o.weights, o.given = w, true }
}

// Weights gives the parameters and buffers by name, all of them after the same step.
func (s *Session) Weights() (Weights, error) {
	if err := s.ready(); err != nil {
		return Weights{}, err
	}
	var names []string
	for _, st := range s.engine.Plan().Graph.States {
		if isWeight(st) {
			names = append(names, st.Name)
		}
	}
	tensors, err := s.engine.GetAll(names)
	return Weights{Tensors: tensors, learned: s.learned}, err
}

// Averages reports whether a session keeps an average of the weights under a name.
func (s *Session) Averages(name string) bool {
	return s.ready() == nil && slices.ContainsFunc(s.engine.Plan().Graph.States, func(st *ir.State) bool {
		return strings.HasPrefix(st.Name, ir.AverageOf(name, ""))
	})
}

// AveragedWeights are an average of the weights over the steps, one of train.averages, in the
// place of the weights that it is of, rounded to their dtypes. Of the others, they are those
// of the last step.
func (s *Session) AveragedWeights(average string) (Weights, error) {
	if err := s.ready(); err != nil {
		return Weights{}, err
	}
	if !s.Averages(average) {
		return Weights{}, fmt.Errorf("train.averages has no average %s of the weights", diag.Quote(average))
	}
	g := s.engine.Plan().Graph
	var names []string
	of := map[string]*ir.State{} // by what is read
	for _, st := range g.States {
		if !isWeight(st) {
			continue
		}
		name := st.Name
		if avg := ir.AverageOf(average, st.Name); g.State(avg) != nil {
			name = avg
		}
		names, of[name] = append(names, name), st
	}
	values, err := s.engine.GetAll(names)
	if err != nil {
		return Weights{}, err
	}
	w := Weights{Tensors: map[string]*Tensor{}, learned: s.learned}
	for name, st := range of {
		w.Tensors[st.Name] = weights.Converted(values[name], st.Type.DType)
	}
	return w, nil
}

// SaveWeights writes the weights to a file, as [Weights.Save] does.
func (s *Session) SaveWeights(path string) error {
	w, err := s.Weights()
	if err != nil {
		return err
	}
	return w.Save(path)
}

func isWeight(s *ir.State) bool { return s.Kind == ir.ParamState || s.Kind == ir.BufferState }

// checkWeights compares weights with the parameters of a graph. Those that the
// program has elsewhere (parameters of the loss, in an evaluation) are no fault.
func (p *Program) checkWeights(g *ir.Graph, w Weights) error {
	if err := checkTensors("weights", w.Tensors); err != nil {
		return err
	}
	var problems []string
	known := map[string]bool{}
	for _, s := range g.States {
		if !isWeight(s) {
			continue
		}
		known[s.Name] = true
		switch t := w.Tensors[s.Name]; {
		case t == nil && !w.kept[s.Name]:
			problems = append(problems, fmt.Sprintf("%s (%s) is missing", s.Name, s.Type))
		case t != nil && !t.Type.Equal(s.Type):
			problems = append(problems, fmt.Sprintf("%s is %s, the model's is %s", s.Name, t.Type, s.Type))
		}
	}
	elsewhere := p.weightStates(nil)
	for _, name := range slices.Sorted(maps.Keys(w.Tensors)) {
		if !known[name] && elsewhere[name] == nil {
			problems = append(problems, fmt.Sprintf("%s is no parameter of the model", diag.Cut(name)))
		}
	}
	return misfit("weights", problems)
}

// misfit is the error for values that don't fit the model: the first few
// problems, and how many more there are.
func misfit(what string, problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("the %s don't fit the model: %s", what, diag.Few(problems))
}

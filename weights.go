package flowrun

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Weights are a model's parameters and buffers by name. Those of a [Session] and those
// that [Program.ReadWeights] reads also know what was learned from the training data:
// classes, vocabularies, means. Weights{Tensors: t} know nothing of data.
type Weights struct {
	Tensors map[string]*Tensor

	learned string // what was learned from the data, as JSON; "" if nothing is known
}

// learnedKey is the key of what was learned from the data in the metadata of a file of
// weights.
const learnedKey = "flowrun.data"

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
	return map[string]string{learnedKey: w.learned}
}

// WithWeights starts from given parameters instead of the spec's init. All of
// the model's parameters must be there, and nothing else. What they know of the data is
// used instead of what the data of this session would teach.
func WithWeights(weights Weights) StartOption {
	return func(o *startOptions) { o.weights, o.given = weights, true }
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
	return Weights{tensors, s.learned}, err
}

// SaveWeights writes the weights to a file, as [Weights.Save] does.
func (s *Session) SaveWeights(path string) error {
	weights, err := s.Weights()
	if err != nil {
		return err
	}
	return weights.Save(path)
}

func isWeight(s *ir.State) bool { return s.Kind == ir.ParamState || s.Kind == ir.BufferState }

// readWeights reads the parameters that the spec's train.init names.
func (p *Program) readWeights(w *ir.Weights, g *ir.Graph) (Weights, error) {
	file, err := p.openWeights(w)
	if err != nil {
		return Weights{}, err
	}
	defer file.Close()
	names, err := weightNames(file, w, g)
	if err != nil {
		return Weights{}, err
	}
	if err := file.Verify(); err != nil {
		return Weights{}, fmt.Errorf("train.init: %w", err)
	}
	tensors := map[string]*Tensor{}
	for ours, theirs := range names {
		if tensors[ours], err = file.Tensor(theirs); err != nil {
			return Weights{}, fmt.Errorf("train.init: %w", err)
		}
	}
	return Weights{tensors, file.Metadata()[learnedKey]}, nil
}

// checkWeightsFile compares the file's header with the model.
func (p *Program) checkWeightsFile(w *ir.Weights) error {
	file, err := p.openWeights(w)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = weightNames(file, w, p.spec.Train)
	return err
}

// openWeights opens the file of train.init.
func (p *Program) openWeights(w *ir.Weights) (*safetensors.File, error) {
	file, err := p.openTensors(w.Path)
	if err != nil {
		return nil, fmt.Errorf("train.init: %w", err)
	}
	return file, nil
}

// weightNames gives the file's names for the weights of g, by g's. All must be
// there in their types.
func weightNames(file *safetensors.File, w *ir.Weights, g *ir.Graph) (map[string]string, error) {
	there := map[string]string{}
	for _, name := range file.Names() {
		there[name] = name
	}
	var problems []string
	renamed := map[string]string{}
	for _, from := range slices.Sorted(maps.Keys(w.Rename)) {
		if there[from] == "" {
			problems = append(problems, fmt.Sprintf("it has no tensor %s, which rename names", diag.Quote(from)))
		}
		renamed[w.Rename[from]] = from
		delete(there, from)
	}
	maps.Copy(there, renamed)
	names := map[string]string{}
	for _, s := range g.States {
		if !isWeight(s) {
			continue
		}
		name := there[s.Name]
		if name == "" {
			problems = append(problems, fmt.Sprintf("%s (%s) is missing", s.Name, s.Type))
			continue
		}
		switch t, err := file.Type(name); {
		case err != nil:
			problems = append(problems, err.Error())
		case !t.Equal(s.Type):
			problems = append(problems, fmt.Sprintf("%s is %s, the model's is %s", s.Name, t, s.Type))
		default:
			names[s.Name] = name
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("train.init: %s doesn't fit the model: %s", diag.CutPath(w.File), diag.Few(problems))
	}
	return names, nil
}

// ReadWeights reads parameters and buffers from a safetensors file, for
// WithWeights, and what was learned from the data that they were trained on, if flowrun
// has written the file. Of a checkpoint, what the program doesn't have as a weight and
// the loop keeps beside them (the optimizer's states, metrics, counters) is left out.
func (p *Program) ReadWeights(path string) (Weights, error) {
	if err := p.ready(); err != nil {
		return Weights{}, err
	}
	file, err := safetensors.Open(path)
	if err != nil {
		return Weights{}, err
	}
	defer file.Close()
	tensors, err := file.All()
	if err != nil {
		return Weights{}, err
	}
	if checkpoint.Is(file.Metadata()) {
		maps.DeleteFunc(tensors, func(name string, _ *Tensor) bool { return !p.hasWeight(name) && besideWeights.MatchString(name) })
	}
	return Weights{tensors, file.Metadata()[learnedKey]}, nil
}

// besideWeights are the names of a checkpoint's tensors that aren't weights: no
// node of a model can have them.
var besideWeights = regexp.MustCompile(`^(` + checkpoint.Memory + `|optimizer\.|metrics\.|step\.|step$|stopped$)`)

// hasWeight reports whether a name is that of a parameter or buffer, of the model or
// of what training has beside it: a loss may have parameters.
func (p *Program) hasWeight(name string) bool {
	for _, g := range []*ir.Graph{p.spec.Train, p.spec.Infer} {
		if g == nil {
			continue
		}
		if s := g.State(name); s != nil && isWeight(s) {
			return true
		}
	}
	return false
}

// checkWeights compares weights with the parameters of a graph. Those that the
// program has elsewhere (parameters of the loss, in an evaluation) are no fault.
func (p *Program) checkWeights(g *ir.Graph, weights map[string]*Tensor) error {
	if err := checkTensors("weights", weights); err != nil {
		return err
	}
	var problems []string
	known := map[string]bool{}
	for _, s := range g.States {
		if !isWeight(s) {
			continue
		}
		known[s.Name] = true
		switch t := weights[s.Name]; {
		case t == nil:
			problems = append(problems, fmt.Sprintf("%s (%s) is missing", s.Name, s.Type))
		case !t.Type.Equal(s.Type):
			problems = append(problems, fmt.Sprintf("%s is %s, the model's is %s", s.Name, t.Type, s.Type))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		if !known[name] && !p.hasWeight(name) {
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

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
	"github.com/flowrun/flowrun/spec"
)

// readWeights reads the parameters that the spec's train.init names.
func (p *Program) readWeights(w *spec.Weights, g *ir.Graph) (map[string]*Tensor, error) {
	file, err := p.openWeights(w)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names, err := weightNames(file, w, g)
	if err != nil {
		return nil, err
	}
	if err := file.Verify(); err != nil {
		return nil, fmt.Errorf("train.init: %w", err)
	}
	weights := map[string]*Tensor{}
	for ours, theirs := range names {
		if weights[ours], err = file.Tensor(theirs); err != nil {
			return nil, fmt.Errorf("train.init: %w", err)
		}
	}
	return weights, nil
}

// checkWeightsFile compares the file's header with the model.
func (p *Program) checkWeightsFile(w *spec.Weights) error {
	file, err := p.openWeights(w)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = weightNames(file, w, p.spec.Train)
	return err
}

// openWeights opens the file of train.init.
func (p *Program) openWeights(w *spec.Weights) (*safetensors.File, error) {
	file, err := p.openTensors(w.Path)
	if err != nil {
		return nil, fmt.Errorf("train.init: %w", err)
	}
	return file, nil
}

// weightNames gives the file's names for the weights of g, by g's. All must be
// there in their types.
func weightNames(file *safetensors.File, w *spec.Weights, g *ir.Graph) (map[string]string, error) {
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
		return nil, fmt.Errorf("train.init: %s doesn't fit the model: %s", diag.CutPath(w.File), few(problems))
	}
	return names, nil
}

// ReadWeights reads parameters and buffers from a safetensors file, for
// WithWeights. Of a checkpoint, what the program doesn't have as a weight and the
// loop keeps beside them (the optimizer's states, metrics, counters) is left out.
func (p *Program) ReadWeights(path string) (map[string]*Tensor, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	tensors, err := file.All()
	if err != nil {
		return nil, err
	}
	if checkpoint.Is(file.Metadata()) {
		maps.DeleteFunc(tensors, func(name string, _ *Tensor) bool { return !p.hasWeight(name) && besideWeights.MatchString(name) })
	}
	return tensors, nil
}

// besideWeights are the names of a checkpoint's tensors that aren't weights: no
// node of a model can have them.
var besideWeights = regexp.MustCompile(`^(` + checkpoint.Memory + `|optimizer\.|metrics\.|step\.|step$|stopped$)`)

// hasWeight reports whether a name is that of a parameter or buffer, of the model or
// of what training has beside it: a loss may have parameters.
func (p *Program) hasWeight(name string) bool {
	for _, g := range []*ir.Graph{p.spec.Train, p.spec.Eval} {
		if g == nil {
			continue
		}
		if s := g.State(name); s != nil && isWeight(s) {
			return true
		}
	}
	return false
}

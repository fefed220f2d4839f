package flowrun

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/data/safetensors"
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
	if err := p.mayRead(w.Path); err != nil {
		return nil, fmt.Errorf("train.init: %w", err)
	}
	file, err := safetensors.Open(w.Path)
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
			problems = append(problems, fmt.Sprintf("it has no tensor %s, which rename names", from))
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
		return nil, fmt.Errorf("train.init: %s doesn't fit the model: %s", w.File, few(problems))
	}
	return names, nil
}

package weights

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// ofFlowrun begins the keys of flowrun's own metadata.
const ofFlowrun = "flowrun."

// About says in words what is known of a file besides its tensors.
type About struct {
	Checkpoint *Origin           // nil if it isn't one
	Flowrun    bool              // flowrun has written it
	Learned    []Learned         // by the names of fields
	Rendered   string            // the spec that it was trained by, rendered; "" if it isn't there
	Other      map[string]string // metadata of others
}

// Remembered reports whether a checkpoint has a tensor beside the states: what the run
// remembers, such as its best metric.
func Remembered(name string) bool { return strings.HasPrefix(name, checkpoint.Memory) }

// Origin is where a checkpoint comes from.
type Origin struct {
	Step    int64
	Run     string   // its name; "" in files of versions that knew no runs
	Parents []string // RUN@STEP: the checkpoints that the run went on from
	Finite  bool     // parameters and loss were numbers
	BestBy  string   // "min METRIC" or "max METRIC" if the run keeps its best one
}

// Learned is what is known of a field of the training data.
type Learned struct {
	Field   string
	Classes []string // texts of the ids; nil if it has none
	Unknown *int64   // the id that no text has
	Mean    []float64
	Std     []float64
	Fill    []float64
}

// About reads it. What flowrun can't have written like that is an error.
func (f *File) About() (*About, error) {
	a := &About{Rendered: f.metadata[checkpoint.RenderedKey]}
	facts, err := learned.Parse(f.learned)
	if err != nil {
		return nil, f.wrap(err)
	}
	for _, field := range slices.SortedFunc(maps.Keys(facts), Natural) {
		a.Learned = append(a.Learned, describe(field, facts[field]))
	}
	for key, value := range f.metadata {
		if strings.HasPrefix(key, ofFlowrun) {
			a.Flowrun = true
			continue
		}
		if a.Other == nil {
			a.Other = map[string]string{}
		}
		a.Other[key] = value
	}
	if f.IsCheckpoint() {
		if a.Checkpoint, err = f.origin(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func describe(field string, fact *learned.Fact) Learned {
	l := Learned{Field: field, Unknown: fact.Unknown, Mean: fact.Mean, Std: fact.Std, Fill: fact.Fill}
	for _, c := range fact.Classes {
		l.Classes = append(l.Classes, string(c))
	}
	return l
}

func (f *File) origin() (*Origin, error) {
	head, err := checkpoint.HeadOf(diag.CutPath(f.path), f.metadata)
	if err != nil {
		return nil, err
	}
	step, err := f.Tensor(ir.StepState)
	if err != nil || len(step.Type.Shape) > 0 {
		return nil, f.wrap(errors.New("it is a checkpoint, but has no step"))
	}
	o := &Origin{Step: step.Int(0), Run: head.Run.ID, Finite: head.Finite, BestBy: head.BestBy}
	for _, p := range head.Run.Parents {
		o.Parents = append(o.Parents, p.String())
	}
	return o, nil
}

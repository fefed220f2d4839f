package flowrun

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// StartInferenceOn is [Program.StartInference] for examples as a data source of files has
// them: the inputs are its fields, those that the outputs need, which go through its
// transform, with training false, and then the model. Each has the examples in its first
// dimension, as many as all others, at least one. "" is the training's data source.
// [Inference.Prepare] fills and normalizes raw fields.
func (p *Program) StartInferenceOn(ctx context.Context, source string, options ...StartOption) (*Inference, error) {
	in, err := p.openInference(ctx, options)
	if err != nil {
		return nil, err
	}
	if source == "" {
		source = p.spec.TrainData
	}
	decl, _ := p.spec.Source(source)
	switch {
	case source == "":
		err = fmt.Errorf("%s trains on no data source that reads files; name one, or use StartInference, which takes the model's inputs", p.spec.File)
	case decl == nil:
		err = fmt.Errorf("%s has no data source %s that reads files: StartInference takes the model's inputs", p.spec.File, diag.Quote(source))
	case decl.Kind != "" && data.KindOf(decl.Kind).Batches:
		err = fmt.Errorf("the data source %s is a recording of batches, not of examples: StartInference takes the model's inputs", source)
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	g, err := p.inferOn(source, max(1, decl.Batch))
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	in.source = source
	in.takes(inputTypes(g))
	return in.started(ctx, g)
}

// inputTypes are the types of a graph's inputs.
func inputTypes(g *ir.Graph) map[string]Type {
	types := map[string]Type{}
	for _, st := range g.States {
		if st.Kind == ir.InputState {
			types[st.Name] = st.Type
		}
	}
	return types
}

// graphOn is the graph for a batch of examples.
func (in *Inference) graphOn(inputs map[string]*Tensor) (*ir.Graph, error) {
	var problems []string
	examples, first := 0, ""
	for _, name := range in.inputs {
		t, want := inputs[name], in.types[name]
		switch err := t.Check(); {
		case t == nil:
			problems = append(problems, fmt.Sprintf("%s (%s) is missing", name, want))
		case err != nil:
			problems = append(problems, fmt.Sprintf("%s is %v", name, err))
		case t.Type.DType != want.DType || len(t.Type.Shape) != len(want.Shape) || !slices.Equal(t.Type.Shape[1:], want.Shape[1:]):
			problems = append(problems, fmt.Sprintf("%s is %s, the data source %s has %s for %s", name, t.Type, in.source, want, diag.Count(want.Shape[0], "example")))
		case t.Type.Shape[0] == 0:
			problems = append(problems, fmt.Sprintf("%s has no examples", name))
		case first == "":
			examples, first = t.Type.Shape[0], name
		case t.Type.Shape[0] != examples:
			problems = append(problems, fmt.Sprintf("%s has %s, and %s has %d", name, diag.Count(t.Type.Shape[0], "example"), first, examples))
		}
	}
	for name := range inputs {
		if !slices.Contains(in.inputs, name) {
			problems = append(problems, fmt.Sprintf("the outputs need no field %s of the data source %s", diag.Cut(name), in.source))
		}
	}
	if problems != nil {
		slices.Sort(problems)
		return nil, misfit("inputs", problems)
	}
	return in.program.inferOn(in.source, int64(examples))
}

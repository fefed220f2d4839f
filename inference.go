package flowrun

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/ir"
)

// Inference computes a model's outputs for many callers. It keeps its plans and their
// memory, so that a call with inputs of sizes that were there before allocates nothing, and
// its weights can be replaced while calls are at work. All methods may be called from
// several goroutines.
//
// There is a plan for each combination of the inputs' sizes, [MaxInferencePlans] at most:
// beyond that, the one that was used the longest ago is freed. Calls of one size follow each
// other; those of different sizes run side by side.
type Inference struct {
	program *Program // nil: nobody has started it
	options *startOptions
	source  string          // whose fields the inputs are; "": they are the model's
	types   map[string]Type // of the inputs, in the spec's sizes
	inputs  []string        // their names, sorted
	outputs []string        // in the spec's order
	device  string

	weights  atomic.Pointer[weightSet]
	swapping sync.Mutex
	plans    planCache
}

// weightSet is what all states of the model but its inputs are set to. It doesn't change.
type weightSet struct {
	values  map[string]*Tensor
	learned string        // as Weights has it
	facts   learned.Facts // the same; nil if nothing is known
}

// StartInference lowers the model with training false onto devices, for inputs of the sizes
// that the spec gives, and sets its weights: those of [WithWeights], or else those of
// model.init or the spec's initial ones. The caller closes it.
func (p *Program) StartInference(ctx context.Context, options ...StartOption) (*Inference, error) {
	in, err := p.openInference(ctx, options)
	if err != nil {
		return nil, err
	}
	return in.started(ctx, p.spec.Infer)
}

// started makes the first plan, of the graph for the spec's sizes.
func (in *Inference) started(ctx context.Context, g *ir.Graph) (*Inference, error) {
	plan, err := in.plans.acquire(ctx, in, in.typesOf(in.types), g)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	in.device = plan.device
	in.plans.release(plan)
	return in, nil
}

// openInference is StartInference without a plan.
func (p *Program) openInference(ctx context.Context, options []StartOption) (*Inference, error) {
	if err := errors.Join(p.ready(), checkContext(ctx)); err != nil {
		return nil, err
	}
	o, err := gatherStart(ctx, options)
	if err != nil {
		return nil, err
	}
	if o.resume.wanted {
		return nil, errResumeInfers
	}
	in := &Inference{program: p, options: o, outputs: p.Outputs()}
	in.takes(p.Inputs())
	in.plans.closing = make(chan struct{})
	set, err := in.newSet(ctx, o.weights)
	if err != nil {
		return nil, err
	}
	in.weights.Store(set)
	return in, nil
}

// takes sets the inputs.
func (in *Inference) takes(types map[string]Type) {
	in.types, in.inputs = types, slices.Sorted(maps.Keys(types))
}

// Inputs gives the names and types of what Run takes, in the sizes that the spec gives:
// the model's inputs, or the fields of the data source that [Program.StartInferenceOn] was
// given.
func (in *Inference) Inputs() map[string]Type {
	if in.ready() != nil {
		return nil
	}
	types := make(map[string]Type, len(in.types))
	for name, t := range in.types {
		types[name] = Type{DType: t.DType, Shape: slices.Clone(t.Shape)}
	}
	return types
}

// newSet checks weights against the model, and copies them.
func (in *Inference) newSet(ctx context.Context, w Weights) (*weightSet, error) {
	w, err := in.program.inferenceWeights(in.program.spec.Infer, w, in.options)
	if err != nil {
		return nil, err
	}
	set := &weightSet{learned: w.learned}
	if w.learned != "" {
		facts, err := learned.Parse(w.learned)
		if err != nil {
			return nil, err
		}
		set.facts = facts
	}
	values, err := in.program.initialValues(ctx, in.program.spec.Infer, w)
	if err != nil {
		return nil, err
	}
	for name := range w.Tensors {
		if values[name] != nil {
			values[name] = values[name].Clone() // the caller may change theirs
		}
	}
	set.values = values
	return set, nil
}

// SetWeights replaces all weights: calls of Run that begin later use the new ones, those at
// work end with the old ones, and each answer is that of one set. If the weights don't fit
// the model, nothing changes.
//
// Weights that have learned something else of the data than those before are an error:
// their ids would mean other classes, and inputs would be normalized otherwise. Start
// another Inference with them. Weights that know nothing of data leave what is known.
// What weights leave out on purpose gets its initial value, not the one before.
func (in *Inference) SetWeights(w Weights) error {
	if err := in.ready(); err != nil {
		return err
	}
	if w.Tensors == nil {
		return errors.New("there are no weights to set: Tensors is nil")
	}
	in.swapping.Lock()
	defer in.swapping.Unlock()
	if in.plans.isClosed() {
		return ErrClosed
	}
	set, err := in.newSet(context.Background(), w)
	if err != nil {
		return err
	}
	switch old := in.weights.Load(); {
	case set.learned == "":
		set.learned, set.facts = old.learned, old.facts
	case old.learned != "" && set.learned != old.learned:
		return ErrOtherData
	}
	in.weights.Store(set)
	return nil
}

// ErrOtherData is what [Inference.SetWeights] returns for weights that have learned
// something else of their data.
var ErrOtherData = errors.New("these weights have learned other classes, means or fill values than those that they would replace; start another inference with them")

// Run computes outputs from inputs, both by name, with training false. It writes into the
// tensors of outputs, which has some or all of the model's outputs in their types; Outputs
// makes such tensors. The caller may use all tensors again as soon as it has returned. An
// index that is out of range in an input is an error.
//
// If ctx ends while the call waits for others, or Close is called meanwhile, it returns
// without having computed anything: the context's error, or [ErrClosed].
func (in *Inference) Run(ctx context.Context, inputs, outputs map[string]*Tensor) error {
	plan, err := in.planFor(ctx, inputs)
	if err != nil {
		return err
	}
	defer in.plans.release(plan)
	if err := plan.checkOutputs(in, outputs); err != nil {
		return err
	}
	return plan.run(ctx, in, inputs, outputs)
}

// Outputs makes tensors for the outputs that inputs of these sizes have. Only the inputs'
// types matter.
func (in *Inference) Outputs(ctx context.Context, inputs map[string]*Tensor) (map[string]*Tensor, error) {
	plan, err := in.planFor(ctx, inputs)
	if err != nil {
		return nil, err
	}
	defer in.plans.release(plan)
	outputs := make(map[string]*Tensor, len(in.outputs))
	for i, name := range in.outputs {
		t := plan.port.OutputType(i)
		outputs[name] = ir.NewTensor(Type{DType: t.DType, Shape: slices.Clone(t.Shape)})
	}
	return outputs, nil
}

// planFor gives the plan for inputs; the caller releases it.
func (in *Inference) planFor(ctx context.Context, inputs map[string]*Tensor) (*inferencePlan, error) {
	if err := in.ready(); err != nil {
		return nil, err
	}
	if err := checkContext(ctx); err != nil {
		return nil, err
	}
	plan, err := in.plans.find(ctx, in, inputs)
	if plan != nil || err != nil {
		return plan, err
	}
	g, err := in.graphFor(inputs)
	if err != nil {
		return nil, &InputError{err}
	}
	types := make([]Type, len(in.inputs))
	for i, name := range in.inputs {
		types[i] = inputs[name].Type
	}
	return in.plans.acquire(ctx, in, types, g)
}

// graphFor is the graph for inputs.
func (in *Inference) graphFor(inputs map[string]*Tensor) (*ir.Graph, error) {
	if in.source != "" {
		return in.graphOn(inputs)
	}
	return in.program.inferenceOf(inputs)
}

// typesOf lists types in the order of the inputs.
func (in *Inference) typesOf(types map[string]Type) []Type {
	list := make([]Type, len(in.inputs))
	for i, name := range in.inputs {
		list[i] = types[name]
	}
	return list
}

// ready is the error for an inference that nobody has started.
func (in *Inference) ready() error {
	if in == nil || in.program == nil {
		return errors.New("there is no inference: StartInference makes one, if it returns no error")
	}
	return nil
}

// Device names the default device: the one that was asked for, or that auto chose. It may
// be called after Close.
func (in *Inference) Device() string {
	if in.ready() != nil {
		return ""
	}
	return in.device
}

// Close frees all memory and gives the devices back. It waits for calls that are being
// computed; those that wait, and later ones, get [ErrClosed]. A second call does nothing.
func (in *Inference) Close() error {
	if in == nil || in.program == nil {
		return nil
	}
	return in.plans.close()
}

// Infer computes the model's outputs once from its inputs by name, with training
// false: Dropout and the like do nothing. The parameters are the spec's initial
// ones unless WithWeights gives others. Sizes to which the spec gives a name are those of
// the inputs, whatever they were in training. For many calls, see [Inference].
func (p *Program) Infer(ctx context.Context, inputs map[string]*Tensor, options ...StartOption) (_ map[string]*Tensor, err error) {
	in, err := p.openInference(ctx, options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	outputs, err := in.Outputs(ctx, inputs)
	if err != nil {
		return nil, err
	}
	if err := in.Run(ctx, inputs, outputs); err != nil {
		return nil, err
	}
	return outputs, nil
}

package flowrun

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// inferencePlan is the model lowered for inputs of certain sizes.
type inferencePlan struct {
	types   []Type // of the inputs
	users   int    // of calls that use it
	last    uint64 // when it was used last, by the cache's clock
	dropped bool   // from the cache: its last user frees it

	built chan struct{} // closed once what follows is there
	err   error
	*instance
	port   *engine.Port
	bounds [][]ir.Bound // by input
	states map[string]bool

	turn chan struct{} // held by the call that is being computed, which what follows is for
	set  *weightSet    // that its states have
	ins  []*Tensor
	outs []*Tensor
}

// takes reports whether a plan is for the types of some inputs.
func (p *inferencePlan) takes(in *Inference, inputs map[string]*Tensor) bool {
	for i, name := range in.inputs {
		t := inputs[name]
		if t == nil || t.Type.DType != p.types[i].DType || !t.Type.Shape.Equal(p.types[i].Shape) {
			return false
		}
	}
	return true
}

// build lowers the model onto devices of its own.
func (p *inferencePlan) build(ctx context.Context, in *Inference, g *ir.Graph) (err error) {
	g, names := apart(g)
	if p.instance, err = in.program.instantiate(ctx, g, in.options); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.instance.close())
			p.instance = nil
		}
	}()
	p.states = map[string]bool{}
	for _, st := range g.States {
		if st.Kind != ir.InputState {
			p.states[st.Name] = true
		}
	}
	p.bounds = make([][]ir.Bound, len(in.inputs))
	for _, b := range boundsOfSource(g, "") {
		if i := slices.Index(in.inputs, b.Field); i >= 0 {
			p.bounds[i] = append(p.bounds[i], b)
		}
	}
	p.ins, p.outs = make([]*Tensor, len(in.inputs)), make([]*Tensor, len(names))
	if p.port, err = p.engine.Port(in.inputs, names); err != nil {
		return err
	}
	return p.setWeights(in.weights.Load())
}

// setWeights sets all states but the inputs, if they have another set.
func (p *inferencePlan) setWeights(set *weightSet) error {
	if p.set == set {
		return nil
	}
	values := make(map[string]*Tensor, len(set.values))
	for name, t := range set.values {
		if p.states[name] {
			values[name] = t
		}
	}
	if err := p.engine.SetAll(values); err != nil {
		return err
	}
	p.set = set
	return nil
}

// free gives memory and devices back.
func (p *inferencePlan) free() error { return p.instance.close() }

// checkOutputs compares the tensors for outputs with what the model gives.
func (p *inferencePlan) checkOutputs(in *Inference, outputs map[string]*Tensor) error {
	var problems []string
	found := 0
	for i, name := range in.outputs {
		t, wanted := outputs[name]
		if !wanted {
			continue
		}
		found++
		if err := t.Check(); err != nil && t != nil && t.Type.DType == ir.Bool && len(t.Data) == t.Type.Bytes() {
			continue // whatever is in it is overwritten
		} else if err != nil {
			problems = append(problems, fmt.Sprintf("%s is %v", name, err))
		} else if typ := p.port.OutputType(i); !t.Type.Equal(typ) {
			problems = append(problems, fmt.Sprintf("%s is %s, the model gives %s", name, t.Type, typ))
		}
	}
	if len(outputs) == 0 {
		problems = append(problems, "none is asked for")
	}
	if found < len(outputs) {
		for name := range outputs {
			if !slices.Contains(in.outputs, name) {
				problems = append(problems, fmt.Sprintf("the model has no output %s", diag.Cut(name)))
			}
		}
		slices.Sort(problems)
	}
	return misfit("outputs", problems)
}

// run computes outputs as soon as it is the call's turn.
func (p *inferencePlan) run(ctx context.Context, in *Inference, inputs, outputs map[string]*Tensor) error {
	for i, name := range in.inputs {
		t := inputs[name]
		if err := t.Check(); err != nil {
			return &InputError{checkTensors("inputs", inputs)}
		}
		for j := range p.bounds[i] {
			b := &p.bounds[i][j]
			if at := b.Stray(t.Type.DType, t.Data); at >= 0 {
				return strayInput(name, t, b, at)
			}
		}
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-in.plans.closing:
		return ErrClosed
	}
	defer func() { <-p.turn }()
	if err := ctx.Err(); err != nil {
		return err
	}
	if in.plans.isClosed() {
		return ErrClosed
	}
	for i, name := range in.inputs {
		p.ins[i] = inputs[name]
	}
	for i, name := range in.outputs {
		p.outs[i] = outputs[name]
	}
	defer clear(p.ins) // they are the caller's
	defer clear(p.outs)
	err := p.setWeights(in.weights.Load())
	if err == nil {
		err = p.port.Run(ctx, p.ins, p.outs)
	}
	if err != nil && (ctx.Err() == nil || !errors.Is(err, ctx.Err())) {
		in.plans.fail(p)
	}
	return err
}

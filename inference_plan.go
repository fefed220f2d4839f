package flowrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// MaxInferencePlans is for how many combinations of the inputs' sizes an [Inference] keeps
// a plan and its memory.
const MaxInferencePlans = 8

// planCache are the plans of an inference.
type planCache struct {
	mu      sync.Mutex
	plans   []*inferencePlan
	clock   uint64        // counts uses
	freed   chan struct{} // closed when a plan is no longer used, if somebody waits for that
	closed  bool
	closing chan struct{} // closed when Close is called
	ended   sync.WaitGroup
	failure error // of freeing plans that were dropped
}

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

// find gives the plan for inputs, once it is built; nil if there is none.
func (c *planCache) find(ctx context.Context, in *Inference, inputs map[string]*Tensor) (*inferencePlan, error) {
	if len(inputs) != len(in.inputs) {
		return nil, nil
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	for _, plan := range c.plans {
		if plan.takes(in, inputs) {
			c.use(plan)
			c.mu.Unlock()
			return c.await(ctx, plan)
		}
	}
	c.mu.Unlock()
	return nil, nil
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

// use accounts for another user of a plan. The cache is locked.
func (c *planCache) use(plan *inferencePlan) {
	c.clock++
	plan.last = c.clock
	plan.users++
	c.ended.Add(1)
}

// await waits until a plan that the caller uses is built. After an error, it isn't used.
func (c *planCache) await(ctx context.Context, plan *inferencePlan) (*inferencePlan, error) {
	select {
	case <-plan.built:
	case <-ctx.Done():
		c.release(plan)
		return nil, ctx.Err()
	}
	if err := plan.err; err != nil {
		c.release(plan)
		return nil, err
	}
	return plan, nil
}

// acquire gives the plan for inputs of some types, which it builds out of their graph if
// there is none.
func (c *planCache) acquire(ctx context.Context, in *Inference, types []Type, g *ir.Graph) (*inferencePlan, error) {
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return nil, ErrClosed
		}
		at := slices.IndexFunc(c.plans, func(p *inferencePlan) bool { return slices.EqualFunc(p.types, types, Type.Equal) })
		if at >= 0 {
			plan := c.plans[at]
			c.use(plan)
			c.mu.Unlock()
			return c.await(ctx, plan)
		}
		if oldest := c.oldest(); oldest != nil {
			c.drop(oldest)
			c.mu.Unlock()
			c.note(oldest.free())
			continue
		}
		if len(c.plans) < MaxInferencePlans {
			break
		}
		if c.freed == nil {
			c.freed = make(chan struct{})
		}
		freed := c.freed
		c.mu.Unlock()
		select {
		case <-freed:
		case <-c.closing:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	plan := &inferencePlan{built: make(chan struct{}), turn: make(chan struct{}, 1)}
	for _, t := range types {
		plan.types = append(plan.types, Type{DType: t.DType, Shape: slices.Clone(t.Shape)})
	}
	c.use(plan)
	c.plans = append(c.plans, plan)
	c.mu.Unlock()
	// Others may wait for the plan, so it is built even if this caller goes.
	if plan.err = plan.build(context.WithoutCancel(ctx), in, g); plan.err != nil {
		c.mu.Lock()
		c.drop(plan)
		c.mu.Unlock()
	}
	close(plan.built)
	return c.await(ctx, plan)
}

// oldest is the plan that must make room for another one; nil if there is room, or all are
// being used. The cache is locked.
func (c *planCache) oldest() (oldest *inferencePlan) {
	if len(c.plans) < MaxInferencePlans {
		return nil
	}
	for _, plan := range c.plans {
		if plan.users == 0 && (oldest == nil || plan.last < oldest.last) {
			oldest = plan
		}
	}
	return oldest
}

// drop takes a plan out of the cache. The cache is locked.
func (c *planCache) drop(plan *inferencePlan) {
	plan.dropped = true
	c.plans = slices.DeleteFunc(c.plans, func(p *inferencePlan) bool { return p == plan })
}

// release ends a use of a plan.
func (c *planCache) release(plan *inferencePlan) {
	c.mu.Lock()
	plan.users--
	last := plan.users == 0
	if last && c.freed != nil {
		close(c.freed)
		c.freed = nil
	}
	free := last && plan.dropped
	c.mu.Unlock()
	if free {
		c.note(plan.free())
	}
	c.ended.Done()
}

// fail takes a plan out of the cache whose devices have failed: the next call builds
// another one.
func (c *planCache) fail(plan *inferencePlan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !plan.dropped {
		c.drop(plan)
	}
}

// note keeps an error for Close.
func (c *planCache) note(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = errors.Join(c.failure, err)
}

func (c *planCache) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// close waits for the users of all plans, and frees them.
func (c *planCache) close() error {
	c.mu.Lock()
	first := !c.closed
	if first {
		c.closed = true
		close(c.closing)
	}
	c.mu.Unlock()
	c.ended.Wait()
	if !first {
		return nil
	}
	for _, plan := range c.plans { // nobody adds to them any more
		c.note(plan.free())
	}
	c.plans = nil
	return c.failure
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

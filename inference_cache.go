package flowrun

import (
	"context"
	"errors"
	"slices"
	"sync"

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

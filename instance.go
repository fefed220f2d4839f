package flowrun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
)

// instance is a graph with memory on its devices.
type instance struct {
	machine *machine
	device  string // the default device's name
	engine  *engine.Session
}

// instantiate lowers a graph without data of files onto the machine's devices and
// allocates its memory.
func (p *Program) instantiate(ctx context.Context, g *ir.Graph, o *startOptions) (*instance, error) {
	return p.instantiateWith(ctx, g, nil, 0, nil, o)
}

// instantiateWith is instantiate for a graph that may read data, and the one for the
// smaller last batch of an epoch of so many steps, which may be nil.
func (p *Program) instantiateWith(ctx context.Context, g, tail *ir.Graph, steps int64, d *dataset, o *startOptions) (_ *instance, err error) {
	plan, m, err := p.plan(g, o)
	if err != nil {
		return nil, errors.Join(ctx.Err(), err) // who has ended this may have ended the search for devices
	}
	in := &instance{machine: m, device: m.devices[m.main].Name()}
	defer func() {
		if err != nil {
			err = errors.Join(err, in.close())
		}
	}()
	settings := o.engine
	if d != nil {
		settings.DataSources = map[string]engine.DataSource{d.name: d}
	}
	if tail != nil {
		last, err := p.lowerOn(m, tail, o)
		if err != nil {
			return nil, err
		}
		settings.Tail = &engine.Tail{Plan: last, Every: steps, Step: ir.StepState}
	}
	if in.engine, err = engine.New(plan, m.devices, settings); err != nil {
		return nil, err
	}
	return in, nil
}

// close gives memory, files and devices back.
func (in *instance) close() error {
	if in == nil {
		return nil
	}
	var err error
	if in.engine != nil {
		err = in.engine.Close()
	}
	return errors.Join(err, in.machine.close())
}

// plan opens the machine and lowers a graph onto it.
func (p *Program) plan(g *ir.Graph, o *startOptions) (*lower.Plan, *machine, error) {
	fallback := o.device
	if fallback == "" {
		fallback = p.spec.Placement.Default
	}
	rules := slices.Concat(p.spec.Placement.Rules, o.rules)
	m, err := openMachine(fallback, rules, pinnedDevices(g), o)
	if err != nil {
		return nil, nil, err
	}
	plan, err := p.lowerOn(m, g, o)
	if err != nil {
		return nil, nil, errors.Join(err, m.close())
	}
	return plan, m, nil
}

// lowerOn lowers a graph onto a machine.
func (p *Program) lowerOn(m *machine, g *ir.Graph, o *startOptions) (*lower.Plan, error) {
	manifest, err := kernels.Load()
	if err != nil {
		return nil, err
	}
	lo := o.lower
	lo.Rules, lo.Manifest = slices.Concat(p.spec.Placement.Rules, o.rules), manifest
	return m.lower(g, lo)
}

// pinnedDevices lists the devices that nodes and states are pinned to, as rules, by their
// names.
func pinnedDevices(g *ir.Graph) []ir.PlacementRule {
	first := map[string]diag.Range{}
	pin := func(device string, at diag.Range) {
		if _, known := first[device]; device != "" && !known {
			first[device] = at
		}
	}
	for _, n := range g.Nodes {
		pin(n.Device, n.Origin)
	}
	for _, s := range g.States {
		pin(s.Device, s.Origin)
	}
	var pinned []ir.PlacementRule
	for _, device := range slices.Sorted(maps.Keys(first)) {
		pinned = append(pinned, ir.PlacementRule{Device: device, Origin: first[device]})
	}
	return pinned
}

// initialValues are what the states of g start with, computed on the host, under given
// weights.
func (p *Program) initialValues(ctx context.Context, g *ir.Graph, weights Weights) (map[string]*Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	init := p.spec.Init.Clone()
	given := map[string]*Tensor{}
	if weights.Tensors != nil {
		if err := p.checkWeights(g, weights); err != nil {
			return nil, err
		}
		given = giveWeights(init, weights.Tensors)
	}
	init.Outputs = slices.DeleteFunc(init.Outputs, func(out ir.Output) bool {
		return weights.Tensors[out.Name] != nil || g.State(out.Name) == nil
	})
	values, err := p.compute(ctx, init, given)
	if err != nil {
		return nil, fmt.Errorf("initial values: %w", err)
	}
	if weights.Tensors != nil {
		for name, t := range weights.Tensors {
			if g.State(name) != nil {
				values[name] = t
			}
		}
	}
	return values, nil
}

// giveWeights makes states of the parameters that weights give, in a graph of initial values,
// where others are computed from their values: copies, averages, what an optimizer begins
// with. It gives the values of these states.
func giveWeights(init *ir.Graph, tensors map[string]*Tensor) map[string]*Tensor {
	byNode := map[*ir.Node]*Tensor{}
	var stack []*ir.Node
	for _, out := range init.Outputs {
		if t := tensors[out.Name]; t == nil {
			stack = append(stack, out.Node)
		} else if t.Type.Equal(out.Node.Type) {
			byNode[out.Node] = t
		}
	}
	needed := map[*ir.Node]bool{}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if needed[n] {
			continue
		}
		needed[n] = true
		if byNode[n] == nil && n.Op.Class != ir.Leaf { // of zeros_like(param), the values don't matter
			stack = append(stack, n.Inputs...)
		}
	}
	given := map[string]*Tensor{}
	for _, out := range init.Outputs {
		t, n := tensors[out.Name], out.Node
		if t == nil || t != byNode[n] || !needed[n] {
			continue
		}
		s := &ir.State{Name: out.Name, Kind: ir.InputState, Type: n.Type, Read: n, Home: -1, Origin: n.Origin}
		n.Op, n.State, n.Inputs, n.Attrs, n.Name = ir.StateOp, s, nil, nil, out.Name
		init.States = append(init.States, s)
		given[out.Name] = t
	}
	return given
}

// compute computes the outputs of a graph on the host, with values of its states.
func (p *Program) compute(ctx context.Context, g *ir.Graph, given map[string]*Tensor) (map[string]*Tensor, error) {
	values := map[string]*Tensor{}
	if len(g.Outputs) == 0 {
		return values, nil
	}
	in, err := p.instantiate(ctx, g, &startOptions{device: "cpu"})
	if err != nil {
		return nil, err
	}
	defer in.close()
	if err := in.engine.SetAll(given); err != nil {
		return nil, err
	}
	for _, out := range g.Outputs {
		if values[out.Name], err = in.engine.Get(out.Name); err != nil {
			return nil, fmt.Errorf("%s: %w", out.Name, err)
		}
	}
	return values, nil
}

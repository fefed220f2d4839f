package engine_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// faultProgram has a bit of everything that can fail: weights at home on the
// host and on a device, written in place and copied in, states that swap,
// random numbers, data, a frozen part, a copy of a copy's result.
func faultProgram(t tester) *program { return faultProgramOf(t, 5) }

// faultProgramOf is faultProgram with batches of so many rows.
func faultProgramOf(t tester, rows int) *program {
	b := newBuilder()
	far, near, frozen := b.param("host.w", 5, 5), b.param("w", 5, 5), b.param("frozen", 5, 5)
	left, right := b.param("host.left", 5), b.param("right", 5)
	left.Next, right.Next = right.Read, left.Read
	base := b.op("tanh", b.op("transpose", frozen.Read))
	x := b.op("add", b.random(1, rows, 5), b.op("source", b.step.Read, "data", "x", "f32", []any{rows, 5}))
	h := b.output("h", b.op("tanh", b.op("matmul", b.op("matmul", x, b.op("transpose", far.Read)), b.op("add", near.Read, base))))
	loss := b.output("loss", b.op("mean", b.op("square", h)))
	for _, w := range []*ir.State{far, near} {
		w.Next = b.op("sub", w.Read, b.op("mul", b.Apply(ir.GradOp, loss, w.Read), 0.1))
	}
	b.state("metrics.loss", ir.MetricState, scalar(0)).Next = loss
	p := b.program(t)
	p.sources = map[string]engine.DataSource{"data": noise{}}
	return p
}

// act is one thing that a caller does.
type act struct {
	name string
	do   func(s *engine.Session) (*ir.Tensor, error)
}

func acts() (all []act) {
	step := act{"step", func(s *engine.Session) (*ir.Tensor, error) { return nil, s.Step(ctx) }}
	read := func(name string) act {
		return act{"get " + name, func(s *engine.Session) (*ir.Tensor, error) { return s.Get(name) }}
	}
	write := func(name string, seed int64, shape ...int) act {
		return act{"set " + name, func(s *engine.Session) (*ir.Tensor, error) { return nil, s.Set(name, uniform(shape, seed)) }}
	}
	steps := []act{step, step, step, step, step, step} // the last of them replayed without looking
	all = append(all, steps...)
	all = append(all, read("loss"), read("metrics.loss"), step, read("h"), read("h"))
	all = append(all, write("host.w", 50, 5, 5), step, write("frozen", 51, 5, 5), read("loss"))
	all = append(all, steps...)
	return append(all, read("host.w"), read("w"), read("host.left"), read("right"), read("loss"))
}

// snapshot reads all states.
func snapshot(t tester, s *engine.Session) map[string]*ir.Tensor {
	t.Helper()
	all := map[string]*ir.Tensor{}
	for _, st := range s.Plan().Graph.States {
		all[st.Name] = get(t, s, st.Name)
	}
	return all
}

// TestARetryAfterAnyFaultGivesTheFaultFreeResult lets every call to every
// device fail in turn, in steps that run eagerly, are recorded, are replayed,
// and are replayed without looking. Whatever fails is restored, if the error
// says that it must be, and tried again; every read must be what it is without
// faults.
func TestARetryAfterAnyFaultGivesTheFaultFreeResult(t *testing.T) { anyFault(t, machine) }

func TestARetryAfterAnyFaultGivesTheFaultFreeResultOnSharedMemory(t *testing.T) {
	anyFault(t, unified)
}

func anyFault(t *testing.T, machine machines) { anyFaultWith(t, machine, 0) }

// anyFaultWith has a smaller batch every so many steps; 0: never.
func anyFaultWith(t *testing.T, machine machines, tailEvery int64) {
	p := faultProgram(t)
	devices := machine(t, 2)
	lo := lower.Options{Default: 1, Rules: []ir.PlacementRule{{Match: "host.*", Device: "cpu"}, {Match: "h", Device: "sim:1"}}}
	pl := plan(t, p, devices, lo)
	var tail *engine.Tail
	if tailEvery > 0 {
		tail = &engine.Tail{Plan: plan(t, faultProgramOf(t, 2), devices, lo), Every: tailEvery, Step: "step"}
	}

	// Without faults: what each act gives, and the states before it.
	clean := session(t, pl, devices, engine.Options{DataSources: p.sources, Tail: tail})
	require.NoError(t, clean.SetAll(p.values))
	before, results := []map[string]*ir.Tensor{}, []*ir.Tensor{}
	for _, a := range acts() {
		before = append(before, snapshot(t, clean))
		v, err := a.do(clean)
		require.NoError(t, err)
		results = append(results, v)
	}

	modes := map[string]engine.Options{"eager": {NoReplay: true}, "replayed": {Trace: func(engine.Execution) {}}, "steady": {}}
	for mode, o := range modes {
		o.DataSources, o.Tail = p.sources, tail
		for at := range devices {
			t.Run(fmt.Sprintf("%s, faults on %s", mode, devices[at].Name()), func(t *testing.T) {
				faults := 0
				for event := 0; ; event += sparse() {
					if !faulty(t, machine(t, 2), pl, p, o, at, event, before, results) {
						break
					}
					faults++
				}
				require.Greater(t, sparse()*faults, 20)
			})
		}
	}
}

// faulty runs all acts with one event failing, and reports whether there was
// such an event.
func faulty(t *testing.T, devices []device.Device, pl *lower.Plan, p *program, o engine.Options, at, event int, before []map[string]*ir.Tensor, results []*ir.Tensor) bool {
	happened := false
	devices[at].(*sim.Device).Inject(func(e sim.Event) error {
		if e.Serial != event {
			return nil
		}
		happened = true
		return errInjected
	})
	s, err := engine.New(pl, devices, o)
	if err != nil {
		require.ErrorIs(t, err, errInjected)
		return true
	}
	defer func() {
		devices[at].(*sim.Device).Inject(nil)
		require.NoError(t, s.Close())
	}()
	retry(t, s, p.values, func() error { return s.SetAll(p.values) })
	for i, a := range acts() {
		var v *ir.Tensor
		retry(t, s, before[i], func() (err error) { v, err = a.do(s); return err })
		if results[i] != nil {
			same(t, results[i], v, fmt.Sprintf("%s (act %d, event %d)", a.name, i, event))
		}
	}
	return happened
}

// retry calls f until it doesn't fail, restoring what the errors ask for.
func retry(t *testing.T, s *engine.Session, states map[string]*ir.Tensor, f func() error) {
	t.Helper()
	for range 3 {
		err := f()
		if err == nil {
			return
		}
		require.ErrorIs(t, err, errInjected)
		var poisoned *engine.Poisoned
		if !errors.As(err, &poisoned) {
			continue
		}
		for _, name := range poisoned.States {
			require.ErrorAs(t, second(s.Get("loss")), new(*engine.Poisoned), "until all are restored")
			require.NoError(t, s.Set(name, states[name]))
		}
	}
	t.Fatal("it fails though only one fault was injected")
}

func TestAFaultBeforeTheFirstWriteChangesNothing(t *testing.T) {
	b := newBuilder()
	x, y := b.param("x", 4), b.param("y", 4)
	h := b.op("tanh", b.op("add", x.Read, y.Read))
	x.Next, y.Next = b.op("add", x.Read, h), b.op("sub", y.Read, h)
	devices := machine(t, 0)
	p := b.program(t)
	s := start(t, p, devices, lower.Options{}, engine.Options{})
	failKernel(devices[0], "tanh")
	err := s.Step(ctx)
	require.ErrorIs(t, err, errInjected)
	require.False(t, errors.As(err, new(*engine.Poisoned)))
	var failure *engine.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, "tanh", failure.Op)
	for name, v := range p.values {
		same(t, v, get(t, s, name), name)
	}
}

func TestAFaultAmongTheWritesPoisonsUntilAllStatesAreRestored(t *testing.T) {
	b := newBuilder()
	x, y := b.param("x", 4), b.param("y", 4)
	x.Next, y.Next = b.op("add", x.Read, 1.0), b.op("tanh", y.Read)
	devices := machine(t, 0)
	p := b.program(t)
	s := start(t, p, devices, lower.Options{}, engine.Options{})
	failKernel(devices[0], "tanh")
	var poisoned *engine.Poisoned
	require.ErrorAs(t, s.Step(ctx), &poisoned)
	require.ElementsMatch(t, []string{"step", "x", "y"}, poisoned.States)
	for name := range p.values {
		for _, err := range []error{s.Step(ctx), second(s.Get(name)), s.Demand(must(s.Lookup(name)))} {
			require.ErrorAs(t, err, &poisoned)
			require.ErrorIs(t, err, errInjected, "the cause stays known")
		}
	}
	set(t, s, "x", p.values["x"])
	require.ErrorAs(t, s.Step(ctx), &poisoned)
	require.ElementsMatch(t, []string{"step", "y"}, poisoned.States)
	require.NoError(t, s.SetAll(map[string]*ir.Tensor{"y": p.values["y"], "step": p.values["step"]}))
	steps(t, s, 2)
	require.EqualValues(t, float32(p.values["x"].Float(0))+1+1, number(t, s, "x"))
}

func TestAStepThatCannotBeBoundChangesNothing(t *testing.T) {
	b := newBuilder()
	x := b.param("x", 4)
	x.Next = b.op("tanh", x.Read)
	p := b.program(t)
	for event := range 2 { // the bindings of add, for the counter, and of tanh
		devices := machine(t, 0)
		s := start(t, p, devices, lower.Options{}, engine.Options{})
		breaks(devices[0], event)
		err := s.Step(ctx)
		require.ErrorIs(t, err, errInjected)
		require.False(t, errors.As(err, new(*engine.Poisoned)))
		steps(t, s, 1)
		require.EqualValues(t, 1, get(t, s, "step").Int(0))
	}
}

func TestAFailureWhileSettingSeveralStatesPoisonsTheSession(t *testing.T) {
	b := newBuilder()
	for _, name := range []string{"a", "b", "c"} {
		b.output("twice "+name, b.op("mul", b.param(name, 4).Read, 2.0))
	}
	devices := machine(t, 1)
	p := b.program(t)
	s := start(t, p, devices, lower.Options{Default: 1}, engine.Options{})
	copies := 0
	devices[1].(*sim.Device).Inject(func(e sim.Event) error {
		if e.Kind == "copy" {
			if copies++; copies == 2 {
				return errInjected
			}
		}
		return nil
	})
	ones := ir.FromFloat32(ir.Shape{4}, []float32{1, 1, 1, 1})
	all := map[string]*ir.Tensor{"a": ones, "b": ones, "c": ones}
	var poisoned *engine.Poisoned
	require.ErrorAs(t, s.SetAll(all), &poisoned)
	require.Equal(t, []string{"b", "c"}, poisoned.States, "nobody may see a new and c old")
	require.NoError(t, s.SetAll(all))
	for name := range all {
		require.EqualValues(t, 2, number(t, s, "twice "+name))
	}
}

func TestASetThatCannotBindLeavesTheStateUnchanged(t *testing.T) {
	b := newBuilder()
	b.param("a", 4)
	devices := machine(t, 1)
	p := b.program(t)
	s := start(t, p, devices, lower.Options{Default: 1}, engine.Options{})
	devices[1].(*sim.Device).Inject(func(e sim.Event) error {
		if e.Kind == "bind" {
			return errInjected
		}
		return nil
	})
	require.ErrorIs(t, s.Set("a", uniform(ir.Shape{4}, 9)), errInjected)
	devices[1].(*sim.Device).Inject(nil)
	same(t, p.values["a"], get(t, s, "a"), "a")
}

func TestAFailedReadIsNotUsedAsTheValueLater(t *testing.T) {
	b := newBuilder()
	b.param("a", 4)
	devices := machine(t, 1)
	p := b.program(t)
	s := start(t, p, devices, lower.Options{Default: 1}, engine.Options{})
	same(t, p.values["a"], get(t, s, "a"), "a")
	v := uniform(ir.Shape{4}, 9)
	set(t, s, "a", v)
	breaks(devices[1], 1) // the copy, after it is bound
	require.ErrorIs(t, second(s.Get("a")), errInjected)
	same(t, v, get(t, s, "a"), "a")
}

func TestAPlanThatDoesNotFitLeavesNothingBehind(t *testing.T) {
	p := faultProgram(t)
	pl := plan(t, p, machine(t, 2), lower.Options{Default: 1})
	for event := range 6 { // two allocations on each device
		devices := machine(t, 2)
		d := devices[event/2]
		breaks(d, event%2)
		_, err := engine.New(pl, devices, engine.Options{DataSources: p.sources})
		require.ErrorIs(t, err, errInjected)
		require.ErrorContains(t, err, d.Name())
	}
}

// failKernel makes the next run of a kernel fail.
func failKernel(d device.Device, kernel string) {
	done := false
	d.(*sim.Device).Inject(func(e sim.Event) error {
		if done || e.Kind != "run" || e.Kernel != kernel {
			return nil
		}
		done = true
		return errInjected
	})
}

func second[T any](_ T, err error) error { return err }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

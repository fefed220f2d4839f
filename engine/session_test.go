package engine_test

import (
	"context"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

func TestMathNetLearnsToAdd(t *testing.T) {
	s := onCPU(t, mathNet(t), engine.Options{})
	steps(t, s, 60_000)
	require.Greater(t, number(t, s, "metrics.accuracy"), 0.99)
}

func TestWritingAWeightDirtiesItsCopies(t *testing.T) {
	b := newBuilder()
	w := b.param("w", 3)
	b.on("sim:0", func() { b.output("y", b.op("mul", w.Read, 2.0)) })
	s := start(t, b.program(t), machine(t, 1), lower.Options{}, engine.Options{})
	for i := range 3 {
		set(t, s, "w", ir.FromFloat32(ir.Shape{3}, []float32{float32(i), 1, 2}))
		require.EqualValues(t, 2*i, number(t, s, "y"))
	}
}

func TestAReadAfterAWriteSeesIt(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		b := newBuilder()
		b.output("y", b.op("neg", b.state("home.w", ir.ParamState, scalar(1)).Read))
		s := start(t, b.program(t), devices, lo, engine.Options{})
		for i := range 4 {
			set(t, s, "home.w", scalar(float64(i)))
			require.EqualValues(t, i, number(t, s, "home.w"))
			require.EqualValues(t, -i, number(t, s, "y"))
		}
	})
}

func TestAStepReadsStatesAsTheyWereBeforeIt(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		// x would be written first: its kernel needs nothing but x.
		b := newBuilder()
		x, y := b.state("home.x", ir.BufferState, scalar(1)), b.state("y", ir.BufferState, scalar(0))
		x.Next = b.op("mul", x.Read, 2.0)
		y.Next = b.op("neg", x.Read)
		s := start(t, b.program(t), devices, lo, engine.Options{})
		for i := range 6 {
			steps(t, s, 1)
			require.Equal(t, math.Exp2(float64(i+1)), number(t, s, "home.x"))
			require.Equal(t, -math.Exp2(float64(i)), number(t, s, "y"))
		}
	})
}

// written says how the plan writes a state.
func written(s *engine.Session, name string) lower.Storage {
	p := s.Plan()
	return p.Value(p.Graph.State(name).Next).Storage
}

func TestInPlaceAndCopiedCommitsGiveTheSame(t *testing.T) {
	// Both become 1.5 x - y, but y's kernel may not write over its home.
	b := newBuilder()
	x, y := b.param("x", 4, 4), b.param("y", 4, 4)
	h := b.op("matmul", x.Read, y.Read)
	x.Next = b.op("sub", x.Read, b.op("mul", h, 0.1))
	y.Next = b.op("matmul", y.Read, b.op("tanh", h))
	p := b.program(t)
	s := start(t, p, machine(t, 0), lower.Options{}, engine.Options{})
	require.Equal(t, lower.InPlace, written(s, "x"))
	require.Equal(t, lower.Transient, written(s, "y"))
	m := newModel(p, s.Plan(), machine)
	for name, v := range p.values {
		m.set(name, v)
	}
	for range 5 {
		steps(t, s, 1)
		m.commit(m.plan.Graph.States, m.stepped(t))
		same(t, m.states["x"], get(t, s, "x"), "x")
		same(t, m.states["y"], get(t, s, "y"), "y")
	}
}

func TestReadingTheNextValueOfAStateDoesNotWriteIt(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		b := newBuilder()
		x := b.state("home.x", ir.BufferState, scalar(1))
		x.Next = b.output("next", b.op("add", x.Read, 1.0))
		b.output("beyond", b.op("mul", x.Next, 10.0))
		s := start(t, b.program(t), devices, lo, engine.Options{})
		for i := 1; i < 5; i++ {
			require.EqualValues(t, 10*(i+1), number(t, s, "beyond"))
			require.EqualValues(t, i, number(t, s, "home.x"))
			require.EqualValues(t, i+1, number(t, s, "next"))
			require.EqualValues(t, i, number(t, s, "home.x"))
			steps(t, s, 1)
			require.EqualValues(t, i+1, number(t, s, "home.x"))
		}
	})
}

func TestAValueBetweenStepsIsWhatTheNextStepSees(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		b := newBuilder()
		loss := b.output("loss", b.op("mean", b.random(1, 8)))
		b.state("metrics.loss", ir.MetricState, scalar(0)).Next = loss
		s := start(t, b.program(t), devices, lo, engine.Options{})
		for range 5 {
			before := number(t, s, "loss")
			steps(t, s, 1)
			require.Equal(t, before, number(t, s, "metrics.loss"))
			require.NotEqual(t, before, number(t, s, "loss"), "the counter has moved on")
		}
	})
}

func TestAKeptValueStaysValidOverStepsThatDoNotChangeIt(t *testing.T) {
	b := newBuilder()
	frozen, x := b.state("frozen", ir.ParamState, scalar(0.5)), b.state("x", ir.BufferState, scalar(0))
	once := b.op("tanh", frozen.Read)
	twice := b.op("tanh", once)
	x.Next = b.op("add", x.Read, b.op("mul", once, twice))
	s := start(t, b.program(t), machine(t, 0), lower.Options{}, engine.Options{})
	steps(t, s, 10)
	// Ten roundings of sums of at most 2, and a few relative ones of each term.
	want := 10 * math.Tanh(0.5) * math.Tanh(math.Tanh(0.5))
	require.InDelta(t, want, number(t, s, "x"), 20*unit*2)
}

func TestATransientValueIsRecomputedInEveryDemand(t *testing.T) {
	b := newBuilder()
	x := b.random(1, 16)
	shared := b.op("tanh", x)
	b.output("a", b.op("neg", shared))
	b.output("c", b.op("sigmoid", shared))
	b.output("b", b.op("sigmoid", b.op("neg", b.op("tanh", b.op("sigmoid", b.random(2, 16))))))
	p := b.program(t)
	s := start(t, p, machine(t, 0), lower.Options{}, engine.Options{})
	m := newModel(p, s.Plan(), machine)
	m.set("step", p.values["step"])
	for _, name := range []string{"a", "b", "c"} { // b uses the place that a's operand had
		same(t, m.value(t, name), get(t, s, name), name)
	}
}

func TestATapeIsReplayedOnlyForTheSameWork(t *testing.T) {
	// A write of a or of b makes a step do as much, but not the same.
	b := newBuilder()
	one, other := b.state("a", ir.ParamState, scalar(1)), b.state("b", ir.ParamState, scalar(1))
	sum := b.state("sum", ir.BufferState, scalar(0))
	sum.Next = b.op("add", sum.Read, b.op("mul", b.op("square", one.Read), b.op("square", other.Read)))
	s := start(t, b.program(t), machine(t, 0), lower.Options{}, engine.Options{})
	values, want := []float64{1, 1}, 0.0
	steps(t, s, 3)
	want = 3
	for i := range 8 {
		values[i%2]++
		set(t, s, []string{"a", "b"}[i%2], scalar(values[i%2]))
		steps(t, s, 2)
		want += 2 * values[0] * values[0] * values[1] * values[1]
		require.Equal(t, want, number(t, s, "sum"))
	}
}

func TestAWriteBetweenReplayedStepsIsSeenByTheNext(t *testing.T) {
	b := newBuilder()
	w, sum := b.state("w", ir.ParamState, scalar(1)), b.state("sum", ir.BufferState, scalar(0))
	sum.Next = b.op("add", sum.Read, b.op("square", w.Read))
	s := start(t, b.program(t), machine(t, 0), lower.Options{}, engine.Options{})
	steps(t, s, 10)
	set(t, s, "w", scalar(2))
	steps(t, s, 10)
	require.EqualValues(t, 10+40, number(t, s, "sum"))
}

func TestAReadBetweenReplayedStepsSeesThem(t *testing.T) {
	b := newBuilder()
	b.output("square", b.op("square", b.op("cast", b.step.Read, "f32")))
	s := start(t, b.program(t), machine(t, 1), lower.Options{Default: 1}, engine.Options{})
	for i := range 4 {
		require.EqualValues(t, 10*i, get(t, s, "step").Int(0))
		require.EqualValues(t, 100*i*i, number(t, s, "square"))
		steps(t, s, 10)
	}
	for i := range 4 { // nothing else is done, so that steps go on being replayed without looking
		require.EqualValues(t, 40+10*i, get(t, s, "step").Int(0))
		steps(t, s, 10)
	}
}

func TestASettledProgramReplaysEveryStep(t *testing.T) {
	replayed, eager := 0, 0
	s := onCPU(t, mathNet(t), engine.Options{Trace: func(e engine.Execution) {
		if e.Replay {
			replayed++
		} else {
			eager++
		}
	}})
	steps(t, s, 2) // the first computes what is frozen too
	require.Zero(t, replayed)
	eager = 0
	steps(t, s, 10)
	require.Positive(t, replayed)
	require.Zero(t, eager)
}

func TestASteadyStepMakesNoGarbage(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		s := start(t, mathNet(t), devices, lo, engine.Options{})
		steps(t, s, 5)
		require.Zero(t, testing.AllocsPerRun(100, func() { steps(t, s, 1) }))
	})
}

func TestTwoSessionsOfAPlanShareNothing(t *testing.T) {
	p := frozenProgram(t)
	devices := machine(t, 0)
	pl := plan(t, p, devices, lower.Options{})
	one, other := session(t, pl, devices, engine.Options{}), session(t, pl, devices, engine.Options{})
	require.NoError(t, one.SetAll(p.values))
	require.NoError(t, other.SetAll(p.values))
	steps(t, one, 5)
	same(t, p.values["w"], get(t, other, "w"), "w")
	steps(t, other, 5)
	same(t, get(t, one, "y"), get(t, other, "y"), "y")
}

func TestManyGoroutinesMayUseASession(t *testing.T) {
	// Whatever the order: sum counts the steps in units of w, which is always
	// (k, k, k), and nobody sees a half-written w.
	b := newBuilder()
	w, y := b.state("w", ir.ParamState, ir.FromFloat32(ir.Shape{3}, []float32{1, 1, 1})), b.state("y", ir.BufferState, ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{3}}))
	y.Next = b.op("add", y.Read, w.Read)
	b.output("half", b.op("mul", w.Read, 0.5))
	s := start(t, b.program(t), machine(t, 1), lower.Options{Default: 1, Rules: []ir.PlacementRule{{Match: "w", Device: "cpu"}}}, engine.Options{})
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 50 {
				var v *ir.Tensor
				var err error
				switch (i + g) % 4 {
				case 0:
					err = s.Step(context.Background())
				case 1:
					k := float32(i)
					err = s.Set("w", ir.FromFloat32(ir.Shape{3}, []float32{k, k, k}))
				case 2:
					v, err = s.Get("half")
				case 3:
					v, err = s.Get("y")
					s.Stats()
				}
				if err != nil || v != nil && (v.Float(0) != v.Float(1) || v.Float(1) != v.Float(2)) {
					t.Errorf("%v, %v", v, err)
				}
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 50, get(t, s, "step").Int(0))
}

func TestAStateCanOnlyBeSetToItsOwnType(t *testing.T) {
	b := newBuilder()
	b.output("y", b.op("neg", b.param("w", 2, 3).Read))
	b.param("v", 2)
	p := b.program(t)
	s := start(t, p, machine(t, 0), lower.Options{}, engine.Options{})
	ones := ir.FromFloat32(ir.Shape{2}, []float32{1, 1})
	for _, wrong := range []*ir.Tensor{uniform(ir.Shape{3, 2}, 1), scalar(1), ir.FromInt64(ir.I32, ir.Shape{2, 3}, make([]int64, 6)),
		{Type: p.values["w"].Type, Data: make([]byte, 5)}} {
		err := s.SetAll(map[string]*ir.Tensor{"v": ones, "w": wrong})
		require.ErrorContains(t, err, "w is f32[2, 3]")
	}
	require.ErrorContains(t, s.SetAll(map[string]*ir.Tensor{"v": ones, "z": ones}), "no state z")
	require.ErrorContains(t, s.Set("y", ones), "no state y")
	same(t, p.values["v"], get(t, s, "v"), "v, when another was wrong,")
}

func TestAnotherNameOfAStateIsReadOnly(t *testing.T) {
	b := newBuilder()
	w := b.param("w", 2)
	b.Graph.Outputs = append(b.Graph.Outputs, ir.Output{Name: "alias", Node: w.Read})
	p := b.program(t)
	s := start(t, p, machine(t, 0), lower.Options{}, engine.Options{})
	same(t, p.values["w"], get(t, s, "alias"), "alias")
	require.ErrorContains(t, s.Set("alias", p.values["w"]), "no state alias")
}

func TestEmptyValuesWork(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		b := newBuilder()
		w := b.param("home.w", 0, 3)
		w.Next = b.op("mul", w.Read, 2.0)
		b.output("sum", b.op("sum", b.op("tanh", w.Read)))
		s := start(t, b.program(t), devices, lo, engine.Options{})
		for range 4 {
			steps(t, s, 1)
			require.Zero(t, number(t, s, "sum"))
			require.Empty(t, get(t, s, "home.w").Data)
		}
	})
}

func TestAnInputThatIsNotSetIsNamed(t *testing.T) {
	b := newBuilder()
	x := b.NewState("x", ir.InputState, ir.Type{DType: ir.F32, Shape: ir.Shape{2}})
	w := b.param("w", 2)
	b.output("y", b.op("add", x.Read, w.Read))
	b.output("z", b.op("neg", w.Read))
	p := b.program(t)
	s := start(t, p, machine(t, 0), lower.Options{}, engine.Options{})
	var unset *engine.Unset
	for _, name := range []string{"y", "x"} {
		require.ErrorAs(t, second(s.Get(name)), &unset)
		require.Equal(t, "x", unset.State)
	}
	get(t, s, "z") // doesn't need it
	steps(t, s, 1) // neither does a step
	set(t, s, "x", uniform(ir.Shape{2}, 3))
	finite(t, get(t, s, "y"), "y")
}

func TestAnUnknownNameIsAnError(t *testing.T) {
	s := onCPU(t, mathNet(t), engine.Options{})
	_, err := s.Get("nothing")
	require.ErrorContains(t, err, "nothing")
	_, err = s.Lookup("nothing")
	require.Error(t, err)
}

func TestAReadValueBelongsToTheCaller(t *testing.T) {
	b := newBuilder()
	b.param("w", 2)
	p := b.program(t)
	s := start(t, p, machine(t, 0), lower.Options{}, engine.Options{})
	v := get(t, s, "w")
	clear(v.Data)
	same(t, p.values["w"], get(t, s, "w"), "w")
	given := uniform(ir.Shape{2}, 9)
	set(t, s, "w", given)
	kept := given.Clone()
	clear(given.Data)
	same(t, kept, get(t, s, "w"), "w")
}

func TestAClosedSessionRejectsCallsAndCanBeClosedAgain(t *testing.T) {
	b := newBuilder()
	b.output("y", b.op("neg", b.param("w", 2).Read))
	p := b.program(t)
	s := start(t, p, machine(t, 1), lower.Options{Default: 1}, engine.Options{})
	get(t, s, "y")
	h := must(s.Lookup("y"))
	require.NoError(t, s.Close())
	for _, err := range []error{s.Step(ctx), s.Set("w", p.values["w"]), s.Demand(h), second(s.Get("y"))} {
		require.ErrorIs(t, err, engine.ErrClosed)
	}
	require.NoError(t, s.Close())
}

func TestACancelledStepDoesNotHappen(t *testing.T) {
	b := newBuilder()
	s := start(t, b.program(t), machine(t, 0), lower.Options{}, engine.Options{})
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, s.Step(cancelled), context.Canceled)
	require.Zero(t, get(t, s, "step").Int(0))
}

func TestASessionNeedsADeviceForEveryTargetAndAllSources(t *testing.T) {
	p := faultProgram(t)
	devices := machine(t, 2)
	pl := plan(t, p, devices, lower.Options{})
	_, err := engine.New(pl, devices[:2], engine.Options{DataSources: p.sources})
	require.ErrorContains(t, err, "3 devices")
	_, err = engine.New(pl, devices, engine.Options{})
	require.ErrorContains(t, err, "data source data")
}

func TestPeakBytesCountsAllAllocations(t *testing.T) {
	p := faultProgram(t)
	devices := machine(t, 2)
	s := start(t, p, devices, lower.Options{Default: 1}, engine.Options{})
	require.Equal(t, s.Plan().PeakBytes(), s.Stats().PeakBytes)
	get(t, s, "loss") // now it has memory of its own
	require.Equal(t, s.Plan().PeakBytes()+4, s.Stats().PeakBytes)
}

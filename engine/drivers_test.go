package engine_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// driver is one on whose devices the engine keeps its promises. Its tests are of the
// same kinds as those of every other; they are called after it, so that they can be
// asked for where the devices are.
type driver struct {
	kind string
	// need tells how many devices there are, and skips the test if there are none.
	need func(t *testing.T) int
	// open opens one. fails is asked before each call of the driver's library whether
	// it shall fail; it may be nil.
	open func(index int, fails func(call string) bool) (drivenDevice, error)
	// failure reports whether an error is that of a call that was made to fail.
	failure func(err error) bool
	// programs is how many drawn programs are tried; "" is rapid's own number. They
	// are the same in every run: fused kernels are new for each, and some compilers
	// take half a second apiece when they first see them.
	programs string
	// Every so many-th call is made to fail, and among those these.
	stride int
	faulty []string
}

// drivenDevice is a device that accounts for its memory.
type drivenDevice interface {
	device.Device
	Usage() device.Budget
}

// machines gives machines of a host and two devices, which stay open from one machine
// to the next. Where there is one device, a simulated one is the second.
func (d *driver) machines(t *testing.T) machines {
	t.Helper()
	var shared []device.Device
	for i := range min(2, d.need(t)) {
		opened, err := d.open(i, nil)
		require.NoError(t, err)
		t.Cleanup(func() {
			require.Zero(t, opened.Usage().Live, "buffers left on %s", opened.Name())
			require.NoError(t, opened.Close())
		})
		shared = append(shared, opened)
	}
	if len(shared) == 1 {
		shared = append(shared, sim.New(d.kind+":1", sim.Options{}))
	}
	return func(_ tester, far int) []device.Device {
		return append([]device.Device{sim.New("cpu", sim.Options{HostVisible: true})}, shared[:far]...)
	}
}

// check is rapid.Check with as many programs as the driver has time for.
func (d *driver) check(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	if d.programs != "" {
		for name, value := range map[string]string{"rapid.checks": d.programs, "rapid.seed": "1"} {
			f := flag.Lookup(name)
			before := f.Value.String()
			require.NoError(t, f.Value.Set(value))
			t.Cleanup(func() { require.NoError(t, f.Value.Set(before)) })
		}
	}
	rapid.Check(t, property)
}

// everyReadIsFresh holds drawn programs, with drawn writes and reads, against the
// engine's promises.
func (d *driver) everyReadIsFresh(t *testing.T) {
	machine := d.machines(t)
	d.check(t, func(t *rapid.T) {
		h := newHarnessOn(t, together, machine)
		h.act(t, map[string]func(){"count": h.counted})
		for _, name := range h.names() {
			h.get(name)
		}
		h.counted()
	})
}

// replayIsEager takes steps until they are replayed, and as many more.
func (d *driver) replayIsEager(t *testing.T) {
	machine := d.machines(t)
	d.check(t, func(t *rapid.T) {
		p := drawProgram(t, machine(t, 2))
		o := lower.Options{Default: rapid.IntRange(0, 2).Draw(t, "default")}
		count := len(p.graph.States) + rapid.IntRange(3, 8).Draw(t, "steps")
		var sessions []*engine.Session
		for _, eager := range []bool{true, false} {
			s := start(t, p, machine(t, 2), o, engine.Options{NoReplay: eager})
			for _, st := range p.graph.States {
				if p.values[st.Name] == nil {
					set(t, s, st.Name, uniform(st.Type.Shape, 1))
				}
			}
			steps(t, s, count)
			sessions = append(sessions, s)
		}
		for _, st := range p.graph.States {
			same(t, get(t, sessions[0], st.Name), get(t, sessions[1], st.Name), st.Name)
		}
		for _, out := range p.graph.Outputs {
			same(t, get(t, sessions[0], out.Name), get(t, sessions[1], out.Name), out.Name)
		}
		for _, s := range sessions {
			require.NoError(t, s.Close())
		}
	})
}

// runningAheadEndsWhereWaitingDoes runs programs that stop at different steps.
func (d *driver) runningAheadEndsWhereWaitingDoes(t *testing.T) {
	machine := d.machines(t)
	for _, limit := range []float64{0.6, 0.3, 0.05, 0.021, 0.02, 0.006, 0.0012} {
		p := countdown(t, limit)
		slow := start(t, p, machine(t, 1), lower.Options{Default: 1}, engine.Options{NoReplay: true})
		fast := start(t, p, machine(t, 1), lower.Options{Default: 1}, engine.Options{})
		want, err := slow.Run(ctx, countdownLoop)
		require.NoError(t, err)
		got, err := fast.Run(ctx, countdownLoop)
		require.NoError(t, err)
		want.Elapsed, got.Elapsed = 0, 0
		require.Equal(t, want, got)
		for name, v := range snapshot(t, slow) {
			same(t, v, snapshot(t, fast)[name], name)
		}
		require.NoError(t, slow.Close())
		require.NoError(t, fast.Close())
	}
}

// mathNetLearns runs math_net with its weights and layers in different places, step by
// step and all at once.
func (d *driver) mathNetLearns(t *testing.T) {
	machine := d.machines(t)
	p := mathNet(t)
	count := 300 / sparse()
	begin := func(devices []device.Device, o lower.Options, eo engine.Options) (s *engine.Session, spaces map[int]bool) {
		s, spaces = start(t, p, devices, o, eo), map[int]bool{}
		for n, v := range s.Plan().Values {
			if v.Kernel != nil {
				spaces[s.Plan().Graph.Nodes[n].Space] = true // kernels run there
			}
		}
		return s, spaces
	}
	stepped := func(devices []device.Device, o lower.Options, eo engine.Options) (losses []float64) {
		s, _ := begin(devices, o, eo)
		for range count {
			steps(t, s, 1)
			losses = append(losses, number(t, s, "metrics.loss_step"))
		}
		return losses
	}
	want := stepped(machine(t, 0), lower.Options{}, engine.Options{})
	second := d.kind + ":1"
	for name, rules := range map[string][]ir.PlacementRule{
		"at home on the device": nil,
		"at home on the host":   {{Match: "*.weight", Device: "cpu"}},
		"a layer on the host":   {{Match: "h2", Device: "cpu"}},
		"on two devices":        {{Match: "h2", Device: second}, {Match: "h1.weight", Device: second}},
		"a layer on each":       {{Match: "h2", Device: second}, {Match: "h2.weight", Device: second}, {Match: "sum_bits", Device: "cpu"}, {Match: "sum_bits.weight", Device: "cpu"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := lower.Options{Default: 1, Rules: rules}
			s, spaces := begin(machine(t, 2), o, engine.Options{})
			if name == "a layer on each" {
				require.Len(t, spaces, 3)
			}
			var got []float64
			observer := engine.Observer{Every: 1, Observe: func(r engine.Record) error {
				got = append(got, r.Loss)
				return nil
			}}
			_, err := s.Run(ctx, engine.Loop{Step: "step", Loss: "metrics.loss_step", MaxSteps: int64(count), Observers: []engine.Observer{observer}})
			require.NoError(t, err)
			got = got[:count] // the last step is told of again, as the run's end
			o.NoFuse = true
			require.Equal(t, stepped(machine(t, 2), o, engine.Options{Sync: true}), got, "fusion, and not waiting, change no bit")
			for i := range want {
				// Losses are near 0.25; kernels on the two devices round
				// differently in the last place, and 300 steps of learning carry
				// that along.
				require.InDelta(t, want[i], got[i], 1e-4, "step %d", i)
			}
		})
	}
}

// smallerBatches requires that steps of which every third has a smaller batch have the
// bits of states that are moved by hand between two sessions, eagerly, replayed, and
// captured, several at once.
func (d *driver) smallerBatches(t *testing.T) {
	devices := d.machines(t)(t, 1)
	lo := lower.Options{Default: 1}
	last := plan(t, generatedProgram(t, lastBatch, 0), devices, lo)
	with := func(every int64, o engine.Options) *engine.Session {
		o.Tail = &engine.Tail{Plan: last, Every: every, Step: "step"}
		return start(t, generatedProgram(t, wholeBatch, 0), devices, lo, o)
	}
	for _, every := range []int64{epochSteps, 29} { // 29: there is room for captures of eight steps
		eager, run := with(every, engine.Options{NoReplay: true}), with(every, engine.Options{})
		whole := start(t, generatedProgram(t, wholeBatch, 0), devices, lo, engine.Options{NoReplay: true})
		alone := start(t, generatedProgram(t, lastBatch, 0), devices, lo, engine.Options{NoReplay: true})
		loop := countdownLoop
		for step := range int64(120) {
			if step%every == every-1 {
				require.NoError(t, alone.SetAll(snapshot(t, whole)))
				steps(t, alone, 1)
				require.NoError(t, whole.SetAll(snapshot(t, alone)))
			} else {
				steps(t, whole, 1)
			}
			steps(t, eager, 1)
			if loop.MaxSteps = step + 1; step != 0 && step != 100 && step != 119 {
				continue
			}
			_, err := run.Run(ctx, loop)
			require.NoError(t, err)
			want := snapshot(t, whole)
			for _, s := range []*engine.Session{eager, run} {
				for name, v := range snapshot(t, s) {
					same(t, want[name], v, name)
				}
			}
		}
	}
}

package engine_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// capturing is a machine whose second device captures, and counts what it is told to run.
func capturing(t tester, queue bool) (devices []device.Device, counts map[string]int) {
	counts = map[string]int{}
	d := sim.New("sim:0", sim.Options{Captures: true, Queue: queue})
	d.Inject(func(e sim.Event) error { counts[e.Kind]++; return nil })
	t.Cleanup(func() { require.Zero(t, d.Usage().Live) })
	return append(machine(t, 0), d), counts
}

// A step with loops is one launch, however many positions and commands they have; one that
// has too many commands for that is a few.
func TestALoopIsCapturedWithItsStep(t *testing.T) {
	for _, c := range []struct {
		length, most int
		queue        bool
	}{{3, 1, true}, {60, 1, false}, {60, 1, true}, {2000, 60, false}} {
		t.Run(fmt.Sprint(c.length, " ", c.queue), func(t *testing.T) {
			p := recurrent(t, c.length, false)
			devices, counts := capturing(t, c.queue)
			o := lower.Options{Default: 1, KeepScans: true}
			s := start(t, p, devices, o, engine.Options{})
			eager := start(t, p, machine(t, 0), lower.Options{KeepScans: true}, engine.Options{NoReplay: true}) // a device that captures nothing
			require.Equal(t, 2, count(s, ir.ScanOp))
			steps(t, s, 5)
			steps(t, eager, 5)
			clear(counts)
			const more = 3
			steps(t, s, more)
			steps(t, eager, more)
			require.LessOrEqual(t, counts["replay"], more*c.most)
			require.LessOrEqual(t, counts["run"]+counts["copy"], more*(c.most-1))
			for _, st := range p.graph.States {
				same(t, get(t, eager, st.Name), get(t, s, st.Name), st.Name)
			}
		})
	}
}

// Without a tape, as where answers are computed on demand, a loop is captured by itself
// once that is worth it.
func TestALoopThatIsAskedForIsCapturedByItself(t *testing.T) {
	p := recurrent(t, 90, false)
	devices, counts := capturing(t, false)
	s := start(t, p, devices, lower.Options{Default: 1, KeepScans: true}, engine.Options{})
	slow := start(t, p, machine(t, 0), lower.Options{KeepScans: true}, engine.Options{})
	ask := func(seed int64) {
		for _, s := range []*engine.Session{s, slow} {
			set(t, s, "u", uniform(ir.Shape{6, 6}, seed))
		}
		clear(counts)
		same(t, get(t, slow, "all"), get(t, s, "all"), "all")
	}
	for seed := range int64(20) {
		ask(seed)
	}
	ask(21)
	require.NotZero(t, counts["replay"])
	require.Less(t, counts["run"]+counts["copy"]+counts["replay"], 40, "its 90 positions have some 10 commands each")
}

package engine_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// calls watches the calls that a driver makes of its library. It counts them and the
// handles that they leave, and lets some fail.
type calls struct {
	driver  *driver
	count   int
	names   []string       // of the calls, since begin
	failing int            // the number of the call that fails, from 1; 0 for none
	lost    bool           // all later calls fail too
	failed  string         // the first call that failed
	live    map[string]int // handles, by what releases them, where a library's names tell (OpenCL)
}

// fails is asked before each call.
func (c *calls) fails(call string) bool {
	c.count++
	c.names = append(c.names, call)
	fails := c.failing > 0 && (c.count == c.failing || c.lost && c.count > c.failing)
	if name, ok := strings.CutPrefix(call, "clRelease"); ok {
		c.live[name]-- // it is gone, whatever becomes of the call
	}
	switch {
	case fails && c.failed == "":
		c.failed = call
	case !fails && strings.HasPrefix(call, "clCreate"):
		c.live[released(call)]++
	}
	return fails
}

// released is what a handle is called by the function that releases it.
func released(create string) string {
	switch name := strings.TrimPrefix(create, "clCreate"); name {
	case "Buffer", "SubBuffer":
		return "MemObject"
	case "ProgramWithSource", "ProgramWithBinary":
		return "Program"
	default:
		return name
	}
}

// begin lets one call from now on fail, and with lost all after it.
func (c *calls) begin(failing int, lost bool) {
	c.count, c.names, c.failing, c.lost, c.failed = 0, c.names[:0], failing, lost, ""
}

// happened reports whether there was such a call, and lets all succeed again.
func (c *calls) happened() bool {
	c.failing, c.lost = 0, false
	return c.failed != ""
}

// requireNamed holds an error against the call that failed.
func (c *calls) requireNamed(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.ErrorContains(t, err, c.driver.kind+":0")
	require.ErrorContains(t, err, c.failed+": ", "it names what failed")
	require.True(t, c.driver.failure(err), "%v", err)
}

// watched opens the first device.
func (d *driver) watched(t *testing.T) (drivenDevice, *calls) {
	t.Helper()
	c := &calls{driver: d, live: map[string]int{}}
	opened, err := d.open(0, c.fails)
	require.NoError(t, err)
	return opened, c
}

// closed closes a device, on which nothing may be left.
func closed(t *testing.T, d device.Device, c *calls) {
	t.Helper()
	require.NoError(t, d.Close())
	for name, left := range c.live {
		require.Zero(t, left, "handles that clRelease%s should have had", name)
	}
}

// scene is a program on a host and a device, with what each act gives where nothing
// fails, and the states before it.
type scene struct {
	program *program
	plan    *lower.Plan
	device  drivenDevice
	devices []device.Device
	calls   *calls
	handles map[string]int // that there were before
	before  []map[string]*ir.Tensor
	results []*ir.Tensor
}

// scene runs all acts once on a device of its own; the device's kernels are built with
// it.
func (d *driver) scene(t *testing.T) *scene {
	t.Helper()
	host := d.machines(t)(t, 0)[0]
	opened, c := d.watched(t)
	sc := &scene{program: faultProgram(t), device: opened, devices: []device.Device{host, opened}, calls: c}
	sc.plan = plan(t, sc.program, sc.devices, lower.Options{Default: 1, Rules: []ir.PlacementRule{{Match: "host.*", Device: "cpu"}}})
	s := session(t, sc.plan, sc.devices, engine.Options{DataSources: sc.program.sources})
	require.NoError(t, s.SetAll(sc.program.values))
	for _, a := range acts() {
		sc.before = append(sc.before, snapshot(t, s))
		v, err := a.do(s)
		require.NoError(t, err)
		sc.results = append(sc.results, v)
	}
	require.NoError(t, s.Close())
	sc.handles = held(c.live)
	return sc
}

// held are the counts that aren't 0.
func held(live map[string]int) map[string]int {
	all := maps.Clone(live)
	maps.DeleteFunc(all, func(_ string, n int) bool { return n == 0 })
	return all
}

// unused says that the device holds no memory, and no more handles than before.
func (sc *scene) unused(t *testing.T, what string) {
	t.Helper()
	require.Zero(t, sc.device.Usage().Live, "buffers, %s", what)
	require.Zero(t, sc.device.Usage().InUse, "bytes, %s", what)
	require.Equal(t, sc.handles, held(sc.calls.live), "handles, %s", what)
}

// play runs all acts in a session of its own, of which one call may fail. Whatever
// fails must name the call; it is tried again, after what the error asks for has been
// restored. Every read must give what it gives where nothing fails.
func (sc *scene) play(t *testing.T, o engine.Options) {
	t.Helper()
	c := sc.calls
	o.DataSources = sc.program.sources
	s, err := engine.New(sc.plan, sc.devices, o)
	if err != nil {
		c.requireNamed(t, err)
		return
	}
	again(t, c, s, sc.program.values, func() error { return s.SetAll(sc.program.values) })
	for i, a := range acts() {
		var v *ir.Tensor
		again(t, c, s, sc.before[i], func() (err error) { v, err = a.do(s); return err })
		if sc.results[i] != nil {
			same(t, sc.results[i], v, fmt.Sprintf("%s (act %d), where %s failed, call %d", a.name, i, c.failed, c.failing))
		}
	}
	if err := s.Close(); err != nil {
		c.requireNamed(t, err)
	}
}

// again calls f until it doesn't fail, restoring what the errors ask for.
func again(t *testing.T, c *calls, s *engine.Session, states map[string]*ir.Tensor, f func() error) {
	t.Helper()
	for range 2 {
		err := f()
		if err == nil {
			return
		}
		c.requireNamed(t, err)
		if poisoned := new(engine.Poisoned); errors.As(err, &poisoned) {
			for name := range states {
				require.ErrorAs(t, second(s.Get(name)), &poisoned, "nothing is given before it is restored")
			}
			require.NoError(t, s.SetAll(states))
		}
	}
	t.Fatalf("%s failed once, and still something fails", c.failed)
}

// anyCallFails lets the driver's calls fail, each in a run of its own, from the
// session's first allocation until it is closed: in steps that run eagerly, are
// recorded, are replayed, and are replayed without looking. The runs share a device,
// whose kernels are built.
func (d *driver) anyCallFails(t *testing.T) {
	sc := d.scene(t)
	for name, o := range map[string]engine.Options{"eager": {NoReplay: true}, "replayed": {Trace: func(engine.Execution) {}}, "steady": {}} {
		t.Run(name, func(t *testing.T) {
			failed := map[string]bool{}
			for at := 1; ; at += d.stride * sparse() {
				sc.calls.begin(at, false)
				sc.play(t, o)
				if !sc.calls.happened() {
					require.Greater(t, at, 60)
					break
				}
				failed[sc.calls.failed] = true
				sc.unused(t, fmt.Sprintf("%s failed, call %d", sc.calls.failed, at))
			}
			for _, name := range d.faulty {
				require.True(t, failed[name] || sparse() > 1, "no %s failed", name)
			}
		})
	}
	closed(t, sc.device, sc.calls)
}

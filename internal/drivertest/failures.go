package drivertest

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
)

// action is one use of a device.
type action struct {
	name string
	do   func() error
}

// actions are uses that queue work or wait for it: x is negated in place, copied to y,
// read and written.
func actions(t testing.TB, dev device.Device, x, y device.Arg) []action {
	t.Helper()
	within, err := dev.BindWithin(y.Slice, x.Slice)
	require.NoError(t, err)
	up, err := dev.BindFromHost(x.Slice, F32(3, 4))
	require.NoError(t, err)
	down, err := dev.BindToHost(make([]byte, x.Slice.Bytes), x.Slice)
	require.NoError(t, err)
	run := BindNeg(t, x, x)
	all := []action{
		{"kernel neg", run.Run},
		{"a copy within the device", within.Run},
		{"a copy from the host", up.Run},
		{"a copy to the host", down.Run},
	}
	if capture, ok := makeCapture(t, dev, run, run); ok {
		all = append(all, action{"a capture of 2 launches and copies", capture.Run})
	}
	return all
}

// lateFailure makes queued work fail: each call that can report it does.
func lateFailure(t *testing.T, d Driver) {
	l := d.start(t)
	dev := openOn(t, l, nil)
	x, y := Tensor(t, dev, 1, 2), Tensor(t, dev, 0, 0)
	all := append(actions(t, dev, x, y), action{"waiting", dev.Sync})
	run, up := all[0].do, all[2].do
	queue := func() {
		t.Helper()
		l.Fault(nil)
		require.NoError(t, dev.Sync())
		require.NoError(t, run())
		require.NoError(t, run())
		require.NoError(t, up())
	}
	for _, a := range all {
		queue()
		calls, err := callsOf(l, a.do)
		require.NoError(t, err)
		for _, call := range calls {
			queue()
			failing(l, append([]string{call}, d.Waits...)...)
			err := elsewhere(a.do)
			late := new(device.Late)
			if !errors.As(err, &late) { // not reported yet; the next call does
				require.ErrorContains(t, err, call+": ", a.name)
				failing(l, d.Waits...)
				err = dev.Sync()
			}
			require.ErrorAs(t, err, &late, "%s: %s", a.name, call)
			require.Equal(t, dev.Name(), late.Device)
			require.GreaterOrEqual(t, len(late.Work), 2)
			require.Equal(t, []string{"neg", "a copy from the host"}, late.Work[:2], "%s: %s", a.name, call)
			require.Subset(t, []string{"neg", "a copy from the host", a.name}, late.Work)
			require.ErrorContains(t, err, "device "+dev.Name()+": one of neg, a copy from the host")
			require.ErrorContains(t, err, " has failed: ")
			require.ErrorContains(t, err, d.Failure)

			l.Fault(nil)
			require.NoError(t, dev.Sync(), "it is reported once")
			Write(t, x.Slice, F32(5, -6))
			require.NoError(t, run())
			require.Equal(t, F32(-5, 6), Read(t, x.Slice), "what comes after it is right")
		}
		if a.name == "waiting" {
			require.Subset(t, calls, d.Waits)
		}
	}
}

// ownFailure makes each call of each action fail, with and without successful work before
// it.
func ownFailure(t *testing.T, d Driver) {
	l := d.start(t)
	dev := openOn(t, l, nil)
	first, x, y := Tensor(t, dev, 0, 0), Tensor(t, dev, 1, 2), Tensor(t, dev, 0, 0)
	before := BindNeg(t, first, first)
	seen := 0
	for _, a := range actions(t, dev, x, y) {
		for _, busy := range []bool{true, false} {
			prepare := func() {
				t.Helper()
				l.Fault(nil)
				Write(t, first.Slice, F32(1, 2))
				require.NoError(t, before.Run())
				if !busy {
					require.NoError(t, dev.Sync())
				}
			}
			prepare()
			calls, err := callsOf(l, a.do)
			require.NoError(t, err)
			calls = slices.DeleteFunc(calls, func(call string) bool { return slices.Contains(d.Waits, call) })
			for _, call := range calls {
				seen++
				prepare()
				failing(l, call)
				err = elsewhere(a.do)
				require.ErrorContains(t, err, "device "+dev.Name()+": ")
				require.ErrorContains(t, err, call+": ")
				require.ErrorContains(t, err, d.Failure)
				require.NotErrorAs(t, err, new(*device.Late), "%s: %s", a.name, call)
				l.Fault(nil)
				require.NoError(t, a.do(), "a command that failed may be run again")
				require.Equal(t, F32(-1, -2), Read(t, first.Slice), "what was queued before stands")
			}
			if len(calls) > 0 {
				require.ErrorContains(t, err, "device "+dev.Name()+": "+a.name+": ", "at the last of %v", calls)
			}
		}
	}
	require.Positive(t, seen)
}

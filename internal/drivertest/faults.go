package drivertest

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
)

// nth makes the n-th call from now on fail, counting from 0; none if n is negative. made
// counts the calls, and at is the one that failed.
func nth(l Library, n int) (made *int, at *string) {
	made, at = new(int), new(string)
	l.Fault(func(call string) bool {
		*made++
		if *made-1 != n {
			return false
		}
		*at = call
		return true
	})
	return made, at
}

// everyCallFails makes each library call fail in turn, from opening a device to closing
// it.
func everyCallFails(t *testing.T, d Driver) {
	life := func(failing int) (made int, at string, err error) {
		l := d.start(t)
		defer l.Fault(nil)
		calls, call := nth(l, failing)
		dev, err := l.Open(0, nil)
		if err == nil {
			err = elsewhere(func() error { return step(t, dev, 1) })
			err = errors.Join(err, elsewhere(dev.Close))
		}
		RequireNothingLeft(t, l)
		return *calls, *call, err
	}
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	for _, cached := range []bool{false, true} { // the second uses the kernels that the first compiled
		total, _, err := life(-1)
		require.NoError(t, err)
		require.Greater(t, total, 10)
		for i := range total {
			if !cached {
				t.Setenv("FLOWRUN_CACHE", t.TempDir())
			}
			_, at, err := life(i)
			if err == nil && (slices.Contains(d.Spare, at) || cached && slices.Contains(d.SpareCached, at)) {
				continue
			}
			require.ErrorContains(t, err, d.Kind+":0", "call %d, %s", i, at)
			require.ErrorContains(t, err, at+": ", "call %d", i)
			require.ErrorContains(t, err, d.Failure, "call %d, %s", i, at)
		}
	}
}

// everyCallOfAStepFails makes each call of a device in use fail in turn, and checks
// earlier results and later work.
func everyCallOfAStepFails(t *testing.T, d Driver) {
	l := d.start(t)
	dev := openOn(t, l, nil)
	x, kept := Tensor(t, dev, 5, -6), Tensor(t, dev, 0, 0)
	negate := BindNeg(t, x, kept)
	before := func() {
		t.Helper()
		l.Fault(nil)
		Write(t, kept.Slice, F32(0, 0))
		require.NoError(t, dev.Sync())
		require.NoError(t, negate.Run(), "before the step, and in its queue")
	}
	require.NoError(t, step(t, dev, 1))
	before()
	total, _ := nth(l, -1)
	require.NoError(t, step(t, dev, 1))
	for i := range *total {
		before()
		used := dev.Usage()
		_, at := nth(l, i)
		err := elsewhere(func() error { return step(t, dev, 1) })
		l.Fault(nil)
		require.NotEmpty(t, *at)
		require.ErrorContains(t, err, *at+": ")
		require.ErrorContains(t, err, d.Failure)
		late := errors.As(err, new(*device.Late))
		require.Equal(t, slices.Contains(d.Waits, *at), late, "call %d, %s: %v", i, *at, err)
		if !late {
			require.Equal(t, F32(-5, 6), Read(t, kept.Slice), "call %d, %s: what was queued before", i, *at)
		}
		require.Equal(t, F32(5, -6), Read(t, x.Slice), "call %d, %s: what was there before", i, *at)
		after := dev.Usage()
		require.Equal(t, []int64{used.InUse, int64(used.Live)}, []int64{after.InUse, int64(after.Live)}, "call %d, %s", i, *at)
		require.NoError(t, step(t, dev, 1), "after call %d, %s, failed", i, *at)
	}
}

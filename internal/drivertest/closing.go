package drivertest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
)

// closed closes a device with many resources, and then calls everything. The second
// device, if any, may be of another kind.
func closed(t *testing.T, d Driver) {
	for index := range 2 {
		l := d.start(t)
		dev, err := l.Open(index, nil)
		if index > 0 && err != nil {
			require.ErrorContains(t, err, fmt.Sprintf("there is no device %s:%d", d.Kind, index))
			return
		}
		require.NoError(t, err)
		whole := Alloc(t, dev, 16*Step(dev))
		var runs []device.Command
		for i := range 10 {
			x := Part(whole.Buffer, i, 2)
			runs = append(runs, BindNeg(t, x, x))
			require.NoError(t, runs[i].Run())
		}
		up, err := dev.BindFromHost(whole, make([]byte, whole.Bytes))
		require.NoError(t, err)
		require.NoError(t, up.Run())
		commands := []device.Command{runs[0], runs[9], up}
		capture, captures := makeCapture(t, dev, runs...)
		if captures {
			require.NoError(t, capture.Run())
			commands = append(commands, capture)
		}
		require.NoError(t, dev.Close())
		RequireNothingLeft(t, l)
		require.NoError(t, dev.Close(), "a second time")
		for _, c := range commands {
			require.ErrorContains(t, c.Run(), "device "+dev.Name()+": is closed")
		}
		require.ErrorContains(t, dev.Sync(), "is closed")
		_, err = dev.Alloc(1)
		require.ErrorContains(t, err, "is closed")
		_, err = dev.BindToHost(make([]byte, whole.Bytes), whole)
		require.ErrorContains(t, err, "is closed")
		x := Part(whole.Buffer, 0, 2)
		_, err = dev.Bind(Neg(t, x, x))
		require.ErrorContains(t, err, "is closed")
		require.NoError(t, whole.Buffer.Free())
		if captures {
			capture.Free()
		}
	}
}

// closesInEveryState closes devices in different states.
func closesInEveryState(t *testing.T, d Driver) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, l Library, dev Device)
		late bool // Close reports the failure
	}{
		{"as it was opened", func(*testing.T, Library, Device) {}, false},
		{"with memory", func(t *testing.T, _ Library, dev Device) { Alloc(t, dev, 0); Alloc(t, dev, 100) }, false},
		{"with a launch that never ran", func(t *testing.T, _ Library, dev Device) {
			x := Tensor(t, dev, 1)
			BindNeg(t, x, x)
		}, false},
		{"with work that nobody waits for", func(t *testing.T, _ Library, dev Device) {
			x := Tensor(t, dev, 1)
			run := BindNeg(t, x, x)
			for range 3 {
				require.NoError(t, run.Run())
			}
			if r, ok := makeCapture(t, dev, run); ok {
				require.NoError(t, r.Run())
			}
		}, false},
		{"with freed memory that work uses", func(t *testing.T, _ Library, dev Device) {
			x := Tensor(t, dev, 1)
			require.NoError(t, BindNeg(t, x, x).Run())
			require.NoError(t, x.Slice.Buffer.Free())
		}, false},
		{"after a failure of work", func(t *testing.T, l Library, dev Device) {
			x := Tensor(t, dev, 1)
			require.NoError(t, BindNeg(t, x, x).Run())
			failing(l, d.Waits...)
			require.Error(t, dev.Sync())
			l.Fault(nil)
		}, false},
		{"with work that has failed", func(t *testing.T, l Library, dev Device) {
			x := Tensor(t, dev, 1)
			require.NoError(t, BindNeg(t, x, x).Run())
			failing(l, d.Waits...)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := d.start(t)
			dev, err := l.Open(0, nil)
			require.NoError(t, err)
			c.make(t, l, dev)
			err = dev.Close()
			l.Fault(nil)
			RequireNothingLeft(t, l)
			require.NoError(t, dev.Close(), "a second time")
			if !c.late {
				require.NoError(t, err)
				return
			}
			late := new(device.Late)
			require.ErrorAs(t, err, &late)
			require.Contains(t, late.Work, "neg")
		})
	}
}

package drivertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
)

// use is one way to use a device repeatedly, in its own memory.
type use struct {
	name   string
	memory []device.Buffer
	do     func() error
}

// budgeted is a device that reports its memory use, as all in tests do.
type budgeted interface{ Usage() device.Budget }

// usesOf lists every way to use a device: each method but Close, and each kind of
// command. The second device, if not nil, is another of its kind.
func usesOf(t *testing.T, dev, second device.Device) []use {
	t.Helper()
	var uses []use
	add := func(name string, make func(x, y device.Arg) func() error) {
		t.Helper()
		x, y := Tensor(t, dev, 1, 2), Tensor(t, dev, 3, 4)
		uses = append(uses, use{name, []device.Buffer{x.Slice.Buffer, y.Slice.Buffer}, make(x, y)})
	}
	// A command is bound each time, or bound once and run repeatedly.
	command := func(name string, bind func(x, y device.Arg, host []byte) (device.Command, error)) {
		t.Helper()
		add("binding "+name, func(x, y device.Arg) func() error {
			host := make([]byte, x.Slice.Bytes)
			return func() error { _, err := bind(x, y, host); return err }
		})
		add("running "+name, func(x, y device.Arg) func() error {
			c, err := bind(x, y, make([]byte, x.Slice.Bytes))
			require.NoError(t, err)
			return c.Run
		})
	}
	add("asking what it is", func(x, _ device.Arg) func() error {
		return func() error {
			if dev.Name() != dev.Info().Name || x.Slice.Buffer.Device() != dev || x.Slice.Buffer.Bytes() != x.Slice.Bytes {
				return fmt.Errorf("%s says that it is %+v", dev.Name(), dev.Info())
			}
			return nil
		}
	})
	add("asking for its memory", func(x, _ device.Arg) func() error {
		return func() error {
			dev.(budgeted).Usage()
			x.Slice.Host()
			if s, ok := x.Slice.Buffer.(device.SharedBuffer); ok {
				s.Shared()
			}
			return nil
		}
	})
	add("allocating", func(device.Arg, device.Arg) func() error {
		return func() error {
			b, err := dev.Alloc(100)
			if err != nil {
				return err
			}
			return b.Free()
		}
	})
	add("waiting", func(device.Arg, device.Arg) func() error { return dev.Sync })
	neg := Kernel(t, "neg")
	command("a launch", func(x, y device.Arg, _ []byte) (device.Command, error) {
		return dev.Bind(&device.Call{Kernel: neg, Buffers: []device.Arg{x, y}})
	})
	command("a copy from the host", func(x, _ device.Arg, host []byte) (device.Command, error) {
		return dev.BindFromHost(x.Slice, host)
	})
	command("a copy to the host", func(x, _ device.Arg, host []byte) (device.Command, error) {
		return dev.BindToHost(host, x.Slice)
	})
	command("a copy within", func(x, y device.Arg, _ []byte) (device.Command, error) {
		return dev.BindWithin(y.Slice, x.Slice)
	})
	others := []device.Device{cpu.New("host")}
	if second != nil {
		others = append(others, second)
	}
	for _, other := range others {
		away := Tensor(t, other, 5, 6)
		command("a copy to "+other.Name(), func(x, _ device.Arg, _ []byte) (device.Command, error) {
			return device.BindCopy(away.Slice, x.Slice)
		})
		away = Tensor(t, other, 5, 6)
		command("a copy from "+other.Name(), func(x, _ device.Arg, _ []byte) (device.Command, error) {
			return device.BindCopy(x.Slice, away.Slice)
		})
	}
	if capturer, ok := dev.(device.Capturer); ok {
		captured := func(x, y device.Arg) (device.Capture, error) {
			a, err := dev.Bind(&device.Call{Kernel: neg, Buffers: []device.Arg{x, y}})
			if err != nil {
				return nil, err
			}
			b, err := dev.BindWithin(x.Slice, y.Slice)
			if err != nil || !capturer.Captures(a) {
				return nil, err
			}
			return capturer.Capture([]device.Command{a, b})
		}
		add("capture", func(x, y device.Arg) func() error {
			return func() error {
				r, err := captured(x, y)
				if err == nil {
					r.Free()
				}
				return err
			}
		})
		add("running a capture", func(x, y device.Arg) func() error {
			r, err := captured(x, y)
			require.NoError(t, err)
			return r.Run
		})
	}
	return uses
}

// ending ends a device or its memory during use.
type ending struct {
	name string
	end  func(dev device.Device, uses []use) error
	says string // the error of later uses
}

var endings = []ending{
	{"closed", func(dev device.Device, _ []use) error { return dev.Close() }, ": is closed"},
	{"freed", func(_ device.Device, uses []use) error {
		for _, u := range uses {
			for _, b := range u.memory {
				if err := b.Free(); err != nil {
					return err
				}
			}
		}
		return nil
	}, "has been freed"},
}

// Ended ends a device, or its memory, while it is used in every way: later uses fail with
// the right error, and nobody reads what the end writes. open returns the device, a
// second one of its kind or nil, and a cleanup function.
func Ended(t *testing.T, open func(t *testing.T) (dev, second device.Device, after func())) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			for round := range 4 {
				dev, second, after := open(t)
				ended(t, dev, usesOf(t, dev, second), e, round > 0, time.Duration(round)*200*time.Microsecond)
				after()
			}
		})
	}
}

// ended uses a device in all ways at once, repeatedly or once each, and ends it after a
// while. The uses aren't synchronized with whoever ends the device, so the race detector
// reports whatever a use does after it has released the device's lock.
func ended(t *testing.T, dev device.Device, uses []use, e ending, again bool, while time.Duration) {
	t.Helper()
	var all sync.WaitGroup
	var over atomic.Bool
	for _, u := range uses {
		all.Go(func() {
			for {
				err := u.do()
				if err != nil && !strings.Contains(err.Error(), e.says) {
					t.Errorf("%s: %v", u.name, err)
				}
				if err != nil || !again || over.Load() {
					return
				}
				time.Sleep(10 * time.Microsecond) // so that the end gets its turn
			}
		})
	}
	if !again {
		while = 5 * time.Millisecond
	}
	time.Sleep(while)
	err := e.end(dev, uses)
	over.Store(true)
	all.Wait()
	require.NoError(t, err)
	for _, u := range uses {
		if err := u.do(); err != nil {
			require.ErrorContains(t, err, e.says, u.name)
		}
	}
}

// endedInUse runs Ended for drivers.
func endedInUse(t *testing.T, d Driver) {
	Ended(t, func(t *testing.T) (dev, second device.Device, after func()) {
		l := d.Library(t)
		opened, err := l.Open(0, nil)
		require.NoError(t, err)
		devices := []device.Device{opened}
		if other, err := l.Open(1, nil); err == nil {
			devices = append(devices, other)
			second = other
		}
		return opened, second, func() {
			for _, dev := range slices.Backward(devices) {
				require.NoError(t, dev.Close())
			}
			RequireNothingLeft(t, l)
		}
	})
}

package drivertest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
)

// step uses everything that a device offers, in its own memory, until the first error. It
// releases what it has allocated in any case.
func step(t testing.TB, dev device.Device, seed float32) (err error) {
	t.Helper()
	whole, err := dev.Alloc(2 * Step(dev))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, whole.Free()) }()
	x, y := Part(whole, 0, 2), Part(whole, 1, 2)
	result := make([]byte, 8)
	var commands []device.Command
	binds := []func() (device.Command, error){
		func() (device.Command, error) { return dev.BindFromHost(x.Slice, F32(seed, 2)) },
		func() (device.Command, error) { return dev.Bind(Neg(t, x, y)) },
		func() (device.Command, error) { return dev.BindWithin(x.Slice, y.Slice) },
	}
	want := F32(-seed, -2)
	if capturer, ok := dev.(device.Capturer); ok {
		want = F32(seed, 2)
		binds = append(binds, func() (device.Command, error) {
			return capturer.Capture(commands[1:3])
		})
	}
	binds = append(binds, func() (device.Command, error) { return dev.BindToHost(result, x.Slice) })
	for _, bind := range binds {
		c, err := bind()
		if err != nil {
			return err
		}
		if r, ok := c.(device.Capture); ok {
			defer r.Free()
		}
		commands = append(commands, c)
	}
	for _, c := range commands {
		if err := c.Run(); err != nil {
			return err
		}
	}
	if !bytes.Equal(want, result) {
		return fmt.Errorf("a step gave %v, not %v", result, want)
	}
	return nil
}

// elsewhere calls f on a new thread, on which the library hasn't been used.
func elsewhere(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		done <- f()
	}()
	return <-done
}

func together(t *testing.T, d Driver) {
	l := d.start(t)
	devices := []Device{openOn(t, l, nil), openOn(t, l, nil)}
	Kernel(t, "neg")
	var all sync.WaitGroup
	for worker := range 8 {
		dev := devices[worker%2]
		all.Go(func() {
			for i := range 20 {
				if err := step(t, dev, float32(100*worker+i)); err != nil {
					t.Errorf("worker %d, round %d: %v", worker, i, err)
					return
				}
				if i%7 == 0 {
					if err := dev.Sync(); err != nil {
						t.Errorf("worker %d, round %d: %v", worker, i, err)
					}
				}
			}
		})
	}
	all.Wait()
	for _, dev := range devices {
		require.NoError(t, dev.Sync())
		require.Zero(t, dev.Usage().Live)
	}
}

// closedInUse closes a device that others are using: each use fails with an error that
// says so.
func closedInUse(t *testing.T, d Driver) {
	l := d.start(t)
	dev, err := l.Open(0, nil)
	require.NoError(t, err)
	require.NoError(t, step(t, dev, 1))
	var all sync.WaitGroup
	var ready sync.WaitGroup
	const workers = 4
	ready.Add(workers)
	for range workers {
		all.Go(func() {
			for i := 0; ; i++ {
				err := step(t, dev, 3)
				if i == 0 {
					ready.Done()
				}
				if err == nil {
					continue
				}
				if !strings.Contains(err.Error(), "device "+dev.Name()+": is closed") {
					t.Errorf("round %d: %v", i, err)
				}
				return
			}
		})
	}
	ready.Wait()
	require.NoError(t, dev.Close())
	all.Wait()
	RequireNothingLeft(t, l)
}

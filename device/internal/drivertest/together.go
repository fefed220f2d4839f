package drivertest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
)

// round does with a device what many do at once: all memory is its own.
func round(t testing.TB, dev device.Device, seed float32) error {
	whole, err := dev.Alloc(2 * Step(dev))
	if err != nil {
		return err
	}
	x, y := Part(whole, 0, 2), Part(whole, 1, 2)
	result := make([]byte, 8)
	for _, bind := range []func() (device.Command, error){
		func() (device.Command, error) { return dev.BindFromHost(x.Slice, F32(seed, 2)) },
		func() (device.Command, error) { return dev.Bind(Neg(t, x, y)) },
		func() (device.Command, error) { return dev.BindWithin(x.Slice, y.Slice) },
		func() (device.Command, error) { return dev.BindToHost(result, x.Slice) },
	} {
		c, err := bind()
		if err == nil {
			err = c.Run()
		}
		if err != nil {
			return err
		}
	}
	if want := F32(-seed, -2); !bytes.Equal(want, result) {
		return fmt.Errorf("the result is %v, not %v", result, want)
	}
	return whole.Free()
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
				if err := round(t, dev, float32(100*worker+i)); err != nil {
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

// closedInUse closes a device under others' hands: they are told so, whatever they were
// at.
func closedInUse(t *testing.T, d Driver) {
	l := d.start(t)
	dev, err := l.Open(0, nil)
	require.NoError(t, err)
	require.NoError(t, round(t, dev, 1))
	var all sync.WaitGroup
	var ready sync.WaitGroup
	const workers = 4
	ready.Add(workers)
	for range workers {
		all.Go(func() {
			for i := 0; ; i++ {
				err := round(t, dev, 3)
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

package drivertest

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
)

// captures runs random launches and copies over overlapping memory one by one, and as a
// capture, which may run them in any order with the same result.
func captures(t *testing.T, d Driver) {
	dev := d.open(t)
	capturer := dev.(device.Capturer)
	const places = 6
	apart := Step(dev)
	whole := Alloc(t, dev, places*apart)
	contents := make([]byte, whole.Bytes)
	rapid.Check(t, func(r *rapid.T) {
		place := func(label string) device.Arg {
			// Some overlap others by half.
			at := rapid.IntRange(0, 2*places-2).Draw(r, label)
			return Vector(device.Slice{Buffer: whole.Buffer, Offset: int64(at) * apart / 2, Bytes: apart})
		}
		var commands []device.Command
		for range rapid.IntRange(1, 12).Draw(r, "commands") {
			from, to := place("from"), place("to")
			if from.Slice != to.Slice && from.Slice.Offset+apart > to.Slice.Offset && to.Slice.Offset+apart > from.Slice.Offset {
				continue
			}
			bind := func() (device.Command, error) { return dev.Bind(Neg(t, from, to)) }
			if rapid.Bool().Draw(r, "copy") {
				bind = func() (device.Command, error) { return dev.BindWithin(to.Slice, from.Slice) }
			}
			c, err := bind()
			require.NoError(r, err)
			commands = append(commands, c)
		}
		for i := range contents {
			contents[i] = byte(rand.Uint32())
		}
		Write(t, whole, contents)
		for _, c := range commands {
			require.True(r, capturer.Captures(c))
			require.NoError(r, c.Run())
		}
		want := Read(t, whole)
		Write(t, whole, contents)
		capture, err := capturer.Capture(commands)
		require.NoError(r, err)
		require.Equal(r, contents, Read(t, whole), "capture runs nothing")
		require.NoError(r, capture.Run())
		require.Equal(r, want, Read(t, whole))
		capture.Free()
		capture.Free() // a second time
	})
	capture, _ := makeCapture(t, dev, BindNeg(t, Part(whole.Buffer, 0, 2), Part(whole.Buffer, 1, 2)))
	capture.Free()
	require.ErrorContains(t, capture.Run(), "has been freed")
}

func notCaptured(t *testing.T, d Driver) {
	l := d.start(t)
	dev, second := openOn(t, l, nil), openOn(t, l, nil)
	capturer := dev.(device.Capturer)
	x, y := Tensor(t, dev, 1), Tensor(t, second, 1)
	up, err := dev.BindFromHost(x.Slice, F32(1))
	require.NoError(t, err)
	down, err := dev.BindToHost(F32(1), x.Slice)
	require.NoError(t, err)
	for _, c := range []device.Command{up, down, BindNeg(t, y, y), device.CommandFunc(func() error { return nil })} {
		require.False(t, capturer.Captures(c))
		_, err := capturer.Capture([]device.Command{c})
		require.ErrorContains(t, err, "can't be captured")
	}
}

func emptyCapture(t *testing.T, d Driver) {
	dev := d.open(t)
	empty := Tensor(t, dev)
	r, err := dev.(device.Capturer).Capture([]device.Command{BindNeg(t, empty, empty)})
	require.NoError(t, err)
	require.NoError(t, r.Run())
	r.Free()
}

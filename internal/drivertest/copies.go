package drivertest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
)

// pattern returns bytes that depend on their position.
func pattern(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7) + byte(i>>8) + seed
	}
	return b
}

// ordinary maps a byte so that any four make a normal f32: GPUs may choose the bits of
// NaNs, and flush subnormals to 0.
func ordinary(b byte) byte { return 1 + b%0x7e }

// copiesArrive copies to the device, within it, and back, and checks the surrounding
// bytes.
func copiesArrive(t *testing.T, d Driver) {
	dev := d.open(t)
	sizes := []int{1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 64, 255, 4096}
	for _, s := range d.Sizes {
		sizes = append(sizes, s-1, s, s+1, s+5)
	}
	slices.Sort(sizes)
	for _, size := range slices.Compact(sizes) {
		const margin = 16
		a, b := Alloc(t, dev, int64(size)+margin), Alloc(t, dev, 2*int64(size)+2*margin)
		places := [][2]int64{{3, 7}, {0, 0}, {4, 8}, {1, 4}}
		if size > 1<<20 {
			places = places[:1]
		}
		for _, offsets := range places {
			contents, around := pattern(size, byte(offsets[1])), bytes.Repeat([]byte{0xEE}, int(b.Bytes))
			from := device.Slice{Buffer: a.Buffer, Offset: offsets[0], Bytes: int64(size)}
			to := device.Slice{Buffer: b.Buffer, Offset: offsets[1], Bytes: int64(size)}
			behind := device.Slice{Buffer: b.Buffer, Offset: offsets[1] + int64(size), Bytes: int64(size)}
			Write(t, b, around)
			Write(t, from, contents)
			for _, pair := range [][2]device.Slice{{to, from}, {behind, to}} {
				within, err := dev.BindWithin(pair[0], pair[1])
				require.NoError(t, err)
				require.NoError(t, within.Run())
			}
			want := slices.Clone(around)
			copy(want[to.Offset:], contents)
			copy(want[behind.Offset:], contents)
			require.True(t, bytes.Equal(contents, Read(t, behind)), "%d bytes from %v", size, offsets)
			require.True(t, bytes.Equal(want, Read(t, b)), "%d bytes from %v, and what lies around", size, offsets)
		}
		require.NoError(t, a.Buffer.Free())
		require.NoError(t, b.Buffer.Free())
	}
}

// sourceIsRead copies from the same host memory repeatedly, more than the driver can
// keep, and changes it each time.
func sourceIsRead(t *testing.T, d Driver) {
	dev := d.open(t)
	total := 2_000_000
	for _, s := range d.Sizes {
		total = max(total, 5*s/2)
	}
	for _, size := range append([]int{5000}, d.Sizes...) {
		times := total / size
		if times < 2 {
			continue
		}
		source := make([]byte, size)
		slots := Alloc(t, dev, int64(size*times))
		for i := range times {
			copy(source, bytes.Repeat([]byte{byte(i)}, size))
			Write(t, device.Slice{Buffer: slots.Buffer, Offset: int64(i * size), Bytes: int64(size)}, source)
		}
		copy(source, bytes.Repeat([]byte{0xEE}, size))
		all := Read(t, slots)
		for i := range times {
			require.True(t, bytes.Equal(bytes.Repeat([]byte{byte(i)}, size), all[i*size:(i+1)*size]), "copy %d of %d bytes", i, size)
		}
		require.NoError(t, slots.Buffer.Free())
	}
}

func emptyCopies(t *testing.T, d Driver) {
	l := d.start(t)
	dev := openOn(t, l, nil)
	a, empty := Alloc(t, dev, 8), Alloc(t, dev, 0)
	calls := Counts(l)
	Write(t, empty, nil)
	Write(t, device.Slice{Buffer: a.Buffer, Offset: 8}, nil)
	require.Empty(t, Read(t, empty))
	for _, s := range []device.Slice{a, empty} {
		within, err := dev.BindWithin(s, s)
		require.NoError(t, err)
		require.NoError(t, within.Run())
	}
	require.Empty(t, calls)
}

func badCopies(t *testing.T, d Driver) {
	dev := d.open(t)
	a, b := Alloc(t, dev, 16), Alloc(t, dev, 16)
	part := func(offset, bytes int64) device.Slice {
		return device.Slice{Buffer: a.Buffer, Offset: offset, Bytes: bytes}
	}
	for _, c := range []struct {
		name string
		bind func() (device.Command, error)
		want string
	}{
		{"onto what it reads, from behind", func() (device.Command, error) { return dev.BindWithin(part(0, 5), part(3, 5)) },
			"a copy of 5 bytes from byte 3 to byte 0 of the same buffer overlaps itself"},
		{"onto what it reads, from before", func() (device.Command, error) { return dev.BindWithin(part(3, 5), part(0, 5)) },
			"a copy of 5 bytes from byte 0 to byte 3 of the same buffer overlaps itself"},
		{"of two sizes", func() (device.Command, error) { return dev.BindWithin(part(0, 5), b) }, "a copy between 5 bytes and 16"},
		{"of two sizes, from the host", func() (device.Command, error) { return dev.BindFromHost(a, make([]byte, 15)) }, "a copy between 16 bytes and 15"},
		{"of two sizes, to the host", func() (device.Command, error) { return dev.BindToHost(make([]byte, 17), a) }, "a copy between 16 bytes and 17"},
		{"over the end", func() (device.Command, error) { return dev.BindToHost(make([]byte, 5), part(12, 5)) }, "bytes 12 to 17 are outside a buffer of 16"},
		{"from before the beginning", func() (device.Command, error) { return dev.BindFromHost(part(-1, 5), make([]byte, 5)) }, "bytes -1 to 4 are outside"},
		{"of fewer than no bytes", func() (device.Command, error) { return dev.BindWithin(b, part(4, -4)) }, "a copy between 16 bytes and -4"},
		{"of no buffer", func() (device.Command, error) { return dev.BindWithin(b, device.Slice{Bytes: 16}) }, "no buffer"},
	} {
		_, err := c.bind()
		require.ErrorContains(t, err, c.want, c.name)
	}
}

func twoDevices(t *testing.T, d Driver) {
	l := d.start(t)
	a, b := openOn(t, l, nil), openOn(t, l, nil)
	x, y := Tensor(t, a, 1, 2, 3), Tensor(t, b, 0, 0, 0)
	move, err := device.BindCopy(y.Slice, x.Slice)
	require.NoError(t, err)
	require.NoError(t, BindNeg(t, x, x).Run())
	require.NoError(t, move.Run())
	require.Equal(t, F32(-1, -2, -3), Read(t, y.Slice))
}

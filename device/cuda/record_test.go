package cuda

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
)

// TestARecordingDoesWhatItsCommandsDo runs random launches and copies over a few
// places in memory one by one, and as a recording, whose nodes run in any order
// that its edges allow.
func TestARecordingDoesWhatItsCommandsDo(t *testing.T) {
	d := open(t, loader(t), Options{})
	const places = 6
	whole := alloc(t, d, places*alignment)
	contents := make([]byte, places*alignment)
	rapid.Check(t, func(r *rapid.T) {
		place := func(label string) device.Arg {
			// Some overlap others by half.
			at := rapid.IntRange(0, 2*places-2).Draw(r, label)
			return device.Arg{Slice: device.Slice{Buffer: whole.Buffer, Offset: int64(at) * alignment / 2, Bytes: alignment}, DType: "f32", Shape: []int{alignment / 4}}
		}
		var commands []device.Command
		for range rapid.IntRange(1, 12).Draw(r, "commands") {
			from, to := place("from"), place("to")
			if from.Slice != to.Slice && from.Slice.Offset+alignment > to.Slice.Offset && to.Slice.Offset+alignment > from.Slice.Offset {
				continue
			}
			bind := func() (device.Command, error) { return d.Bind(neg(t, from, to)) }
			if rapid.Bool().Draw(r, "copy") {
				bind = func() (device.Command, error) { return d.BindWithin(to.Slice, from.Slice) }
			}
			c, err := bind()
			require.NoError(r, err)
			commands = append(commands, c)
		}
		for i := range contents {
			contents[i] = byte(rand.Uint32())
		}
		write(t, whole, contents)
		for _, c := range commands {
			require.True(r, d.Records(c))
			require.NoError(r, c.Run())
		}
		want := read(t, whole)
		write(t, whole, contents)
		recording, err := d.Record(commands)
		require.NoError(r, err)
		require.Equal(r, contents, read(t, whole), "recording runs nothing")
		require.NoError(r, recording.Run())
		require.Equal(r, want, read(t, whole))
		recording.Free()
		recording.Free() // a second time
	})
	require.NoError(t, d.Close())
}

func TestWhatTheHostHasAPartInIsNotRecorded(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	second := open(t, l, Options{})
	x, y := tensor(t, d, 1), tensor(t, second, 1)
	up, err := d.BindFromHost(x.Slice, f32(1))
	require.NoError(t, err)
	down, err := d.BindToHost(f32(1), x.Slice)
	require.NoError(t, err)
	for _, c := range []device.Command{up, down, bindNeg(t, y, y), device.CommandFunc(func() error { return nil })} {
		require.False(t, d.Records(c))
		_, err := d.Record([]device.Command{c})
		require.ErrorContains(t, err, "can't be recorded")
	}
}

func TestARecordingThatDiffersInArgumentsOnlyIsUpdated(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	x, y, z := tensor(t, d, 1), tensor(t, d, 2), tensor(t, d, 3)
	counts := l.calls()
	record := func(commands ...device.Command) device.Recording {
		r, err := d.Record(commands)
		require.NoError(t, err)
		return r
	}
	first := record(bindNeg(t, x, y), bindNeg(t, y, z))
	require.NoError(t, first.Run())
	first.Free()
	second := record(bindNeg(t, y, x), bindNeg(t, x, x))
	require.Equal(t, []int{1, 1}, []int{counts[cuGraphInstantiate], counts[cuGraphExecUpdate]})
	require.NoError(t, second.Run())
	require.Equal(t, f32(-1), read(t, x.Slice))
	require.Equal(t, f32(1), read(t, z.Slice), "the first ran with its own arguments")
	second.Free()
	third := record(bindNeg(t, x, y))
	require.Equal(t, 2, counts[cuGraphInstantiate], "it has another shape")
	require.NoError(t, third.Run())
	require.Equal(t, f32(1), read(t, y.Slice))
	third.Free()
	require.ErrorContains(t, third.Run(), "has been freed")
}

func TestARecordingOfNothingDoesNothing(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	empty := device.Arg{Slice: alloc(t, d, 0), DType: "f32", Shape: []int{0}}
	r, err := d.Record([]device.Command{bindNeg(t, empty, empty)})
	require.NoError(t, err)
	require.NoError(t, r.Run())
	r.Free()
}

// BenchmarkRecording runs a chain of launches one by one and recorded, and
// independent ones: what a graph's edges cost and bring.
func BenchmarkRecording(b *testing.B) {
	const count = 64
	d := open(b, loader(b), Options{})
	whole := alloc(b, d, count*alignment)
	arg := func(i int) device.Arg {
		return device.Arg{Slice: device.Slice{Buffer: whole.Buffer, Offset: int64(i) * alignment, Bytes: 256}, DType: "f32", Shape: []int{64}}
	}
	var chain, apart []device.Command
	for i := range count {
		chain = append(chain, bindNeg(b, arg(0), arg(0)))
		apart = append(apart, bindNeg(b, arg(i), arg(i)))
	}
	for name, commands := range map[string][]device.Command{"a chain": chain, "independent": apart} {
		b.Run(name+" recorded", func(b *testing.B) {
			r, err := d.Record(commands)
			require.NoError(b, err)
			for b.Loop() {
				require.NoError(b, r.Run())
			}
			require.NoError(b, d.Sync())
			r.Free()
		})
		b.Run(name+" launched", func(b *testing.B) {
			for b.Loop() {
				for _, c := range commands {
					require.NoError(b, c.Run())
				}
			}
			require.NoError(b, d.Sync())
		})
	}
}

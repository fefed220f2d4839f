package drivertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/kernels"
)

// references runs calls of different forms on the device and on the CPU: elementwise,
// broadcasting, teams, two dimensions, several launches per call. All numbers are small
// integers, so sums have the same bits in any order.
func references(t *testing.T, d Driver) {
	dev, host := d.open(t), cpu.New("cpu")
	for _, c := range []struct {
		kernel  string
		shapes  [][]int // inputs, then the output
		scalars []any
	}{
		{"neg", [][]int{{1000}, {1000}}, nil},
		{"add", [][]int{{7, 5}, {5}, {7, 5}}, nil},
		{"sum", [][]int{{3, 10000}, {3}}, []any{[]int{1}}},
		{"matmul", [][]int{{2, 3}, {3, 4}, {2, 4}}, []any{false, false}},
		{"matmul", [][]int{{40, 70}, {50, 70}, {40, 50}}, []any{false, true}},
		{"concat", [][]int{{2, 3}, {1, 3}, {4, 3}, {7, 3}}, []any{0}},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		var results [2][]byte
		var contents [][]byte
		for range c.shapes {
			values := make([]float32, 30000)
			for i := range values {
				values[i] = float32(random.IntN(17) - 8)
			}
			contents = append(contents, F32(values...))
		}
		for i, on := range []device.Device{dev, host} {
			call := &device.Call{Kernel: Kernel(t, c.kernel), Scalars: c.scalars}
			for j, shape := range c.shapes {
				s := Alloc(t, on, int64(4*kernels.Numel(shape)))
				Write(t, s, contents[j][:s.Bytes])
				call.Buffers = append(call.Buffers, device.Arg{Slice: s, DType: "f32", Shape: shape})
			}
			run, err := on.Bind(call)
			require.NoError(t, err)
			require.NoError(t, run.Run())
			results[i] = Read(t, call.Buffers[len(c.shapes)-1].Slice)
		}
		require.Equal(t, results[1], results[0], "%s of %v", c.kernel, c.shapes)
	}
}

func badCalls(t *testing.T, d Driver) { BadCalls(t, d.open(t)) }

// BadCalls tests that a device's Bind rejects invalid calls, with the reason. It also
// works for devices without a queue.
func BadCalls(t *testing.T, d device.Device) {
	other := cpu.New("other")
	vector := func(n int) device.Arg { return Vector(Alloc(t, d, int64(4*n))) }
	a, b, out := vector(4), vector(4), vector(4)
	as := func(dtype string, shape ...int) device.Arg {
		return device.Arg{Slice: a.Slice, DType: dtype, Shape: shape}
	}
	freed := vector(4)
	require.NoError(t, freed.Slice.Buffer.Free())
	big := Alloc(t, d, 64)
	at := func(offset int64) device.Arg {
		return Vector(device.Slice{Buffer: big.Buffer, Offset: offset, Bytes: 16})
	}
	scalar := "scalar 0 must be a int"
	if d.Info().Language != "" {
		scalar = "got x (string)" // reported by the computation of the grid
	}
	args := func(all ...device.Arg) []device.Arg { return all }
	for _, c := range []struct {
		name    string
		kernel  string
		buffers []device.Arg
		scalars []any
		want    string
	}{
		{"another device's memory", "add", args(a, Vector(Alloc(t, other, 16)), out), nil, d.Name() + " was handed memory of other"},
		{"a missing operand", "add", args(a, out), nil, "doesn't serve [f32] → f32"},
		{"no buffers", "add", nil, nil, "there are no buffers"},
		{"two dtypes", "add", args(a, as("i64", 2), out), nil, "doesn't serve [f32 i64] → f32"},
		{"a dtype that isn't one", "add", args(a, as("f31", 4), out), nil, `there is no dtype "f31"`},
		{"a shape that isn't the memory's", "add", args(as("f32", 5), b, out), nil, "f32[5] doesn't match the 16 bytes of its memory"},
		{"negative sizes", "add", args(as("f32", -2, -2), b, out), nil, "f32[-2 -2] doesn't match"},
		{"sizes whose product wraps around", "add", args(as("f32", 4, 1<<32, 1<<32), b, out), nil, "doesn't match the 16 bytes"},
		{"shapes that don't broadcast", "add", args(a, vector(3), out), nil, "the shape [3] doesn't broadcast to [4]"},
		{"a scalar too few", "softmax", args(a, out), nil, "takes 1 scalars, got 0"},
		{"a scalar of another type", "softmax", args(a, out), []any{"x"}, scalar},
		{"a dim out of range", "softmax", args(a, out), []any{1}, "dim 1 is out of range"},
		{"an output over an input that it may not overwrite", "flip", args(a, a), []any{[]int{0}}, "the output overlaps the input x"},
		{"an output half over an input", "add", args(at(0), b, at(8)), nil, "the output overlaps the input a"},
		{"memory that isn't aligned", "add", args(at(2), b, out), nil, "begins at byte 2"},
		{"memory out of bounds", "add", args(at(56), b, out), nil, "outside a buffer of 64"},
		{"freed memory", "add", args(freed, b, out), nil, "has been freed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := d.Bind(&device.Call{Kernel: Kernel(t, c.kernel), Buffers: c.buffers, Scalars: c.scalars})
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "kernel "+c.kernel)
		})
	}
	for _, dtype := range d.Info().Lacks {
		x := device.Arg{Slice: Alloc(t, d, int64(kernels.DTypeSize(dtype))), DType: dtype, Shape: []int{1}}
		_, err := d.Bind(Neg(t, x, x))
		require.ErrorContains(t, err, dtype, "a dtype that the device lacks")
	}
	_, err := d.Bind(&device.Call{Kernel: Kernel(t, "add"), Buffers: args(a, b, a)})
	require.NoError(t, err, "an output over an input that it may overwrite")
}

func partsOfABuffer(t *testing.T, d Driver) {
	dev := d.open(t)
	whole := Alloc(t, dev, 3*Step(dev))
	Write(t, whole, make([]byte, whole.Bytes))
	part := func(i int) device.Arg { return Part(whole.Buffer, i, 3) }
	Write(t, part(1).Slice, F32(1, -2, 3))
	require.NoError(t, BindNeg(t, part(1), part(2)).Run())
	require.Equal(t, F32(-1, 2, -3), Read(t, part(2).Slice))
	require.NoError(t, BindNeg(t, part(1), part(1)).Run(), "over its input")
	require.Equal(t, F32(-1, 2, -3), Read(t, part(1).Slice))
	require.Equal(t, make([]byte, 12), Read(t, part(0).Slice), "and nothing else is touched")
}

func emptyKernel(t *testing.T, d Driver) {
	l := d.start(t)
	dev := openOn(t, l, nil)
	empty := Tensor(t, dev)
	run := BindNeg(t, empty, empty)
	calls := Counts(l)
	require.NoError(t, run.Run())
	require.Empty(t, calls)
}

func manyLaunches(t *testing.T, d Driver) {
	dev := d.open(t)
	a, b := Tensor(t, dev, 1, 2, 3), Tensor(t, dev, 0, 0, 0)
	there, back := BindNeg(t, a, b), BindNeg(t, b, a)
	most := 0
	for range d.MaxQueued/2 + 1 { // of each: together more than may be queued
		require.NoError(t, there.Run())
		require.NoError(t, back.Run())
		most = max(most, d.Queued(dev))
	}
	require.NoError(t, there.Run())
	require.Positive(t, most)
	require.LessOrEqual(t, most, d.MaxQueued)
	require.Equal(t, F32(1, 2, 3), Read(t, a.Slice))
	require.Equal(t, F32(-1, -2, -3), Read(t, b.Slice))
	require.NoError(t, dev.Sync())
	require.Zero(t, d.Queued(dev))
}

func launchAllocations(t *testing.T, d Driver) {
	dev := d.open(t)
	if racetest.Enabled {
		t.Skip("under the race detector a sync.Pool, which the calls of a library go through, forgets things at random")
	}
	x := Tensor(t, dev, 1)
	run := BindNeg(t, x, x)
	commands := []device.Command{run}
	if capture, ok := makeCapture(t, dev, run, run); ok {
		commands = append(commands, capture)
	}
	for _, c := range commands {
		require.Zero(t, testing.AllocsPerRun(200, func() { require.NoError(t, c.Run()) }))
	}
}

func inOrder(t *testing.T, d Driver) { InOrder(t, d.open(t)) }

// InOrder runs random launches and copies of every kind over partly overlapping memory,
// and compares what the host sees with the same done in Go. It also works for devices
// without a queue.
func InOrder(t *testing.T, dev device.Device) {
	step := int(Step(dev))
	const places = 5
	whole := Alloc(t, dev, int64(places*step))
	rapid.Check(t, func(r *rapid.T) {
		memory := make([]byte, places*step)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "contents"), 0))
		for i := range memory {
			memory[i] = ordinary(byte(random.Uint32()))
		}
		Write(t, whole, memory)
		for i := range rapid.IntRange(1, 20).Draw(r, "commands") {
			size := rapid.IntRange(1, step).Draw(r, "size")
			at := func(label string) int { return rapid.IntRange(0, places*step-size).Draw(r, label) }
			what := fmt.Sprintf("command %d", i)
			part := func(at int) device.Slice {
				return device.Slice{Buffer: whole.Buffer, Offset: int64(at), Bytes: int64(size)}
			}
			run := func(c device.Command, err error) {
				require.NoError(r, err, what)
				require.NoError(r, c.Run(), what)
			}
			switch rapid.SampledFrom([]string{"launch", "up", "down", "within"}).Draw(r, "kind") {
			case "launch":
				size = size/4*4 + 4
				from := rapid.IntRange(0, places-2).Draw(r, "from")
				to := rapid.IntRange(0, places-2).Draw(r, "to")
				if size > step && from != to {
					size = step
				}
				x, out := Part(whole.Buffer, from, size/4), Part(whole.Buffer, to, size/4)
				run(dev.Bind(Neg(t, x, out)))
				negated := slices.Clone(memory[from*step : from*step+size])
				for j := 3; j < size; j += 4 {
					negated[j] ^= 0x80
				}
				copy(memory[to*step:], negated)
			case "up":
				to, source := at("to"), pattern(size, byte(i))
				for i, b := range source {
					source[i] = ordinary(b)
				}
				run(dev.BindFromHost(part(to), source))
				copy(memory[to:], source)
				clear(source)
			case "down":
				from, target := at("from"), make([]byte, size)
				run(dev.BindToHost(target, part(from)))
				require.Equal(r, memory[from:from+size], target, what)
			case "within":
				from, to := at("from"), at("to")
				if from < to+size && to < from+size {
					continue
				}
				run(dev.BindWithin(part(to), part(from)))
				copy(memory[to:to+size], memory[from:from+size])
			}
		}
		require.Equal(r, memory, Read(t, whole))
	})
}

package kernels_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cuda"
	fakecuda "github.com/flowrun/flowrun/internal/fakegpu/cuda"
	"github.com/flowrun/flowrun/ir"
)

// What kernels reach on a GPU: bytes read and written, or operations, per second.
// Each measurement is a capture of twenty launches in a row, on more bytes than
// the GPU's caches hold; given is the median of seven. What other libraries reach
// there, bench/gpu/peers.py measures.
func BenchmarkKernelsOnAGPU(b *testing.B) {
	fakecuda.Need(b)
	if fakecuda.Loaded() {
		b.Skip("needs a GPU")
	}
	d, err := cuda.Open(0, device.Options{Sources: sourcesToTry(b)})
	require.NoError(b, err)
	defer func() { require.NoError(b, d.Close()) }()
	matrix := ir.Shape{8192, 4096}
	bytes := 4 * float64(matrix.Numel())
	b.Run("copy", func(b *testing.B) {
		from, to := random(b, d, matrix), random(b, d, matrix)
		c, err := d.BindWithin(to.Slice, from.Slice)
		require.NoError(b, err)
		b.ReportMetric(2*bytes/seconds(b, d, []device.Command{c})/1e12, "TB/s")
	})
	for _, c := range []struct {
		op     string
		args   []any
		inputs []ir.Shape
		moved  float64 // bytes
	}{
		{"add", nil, []ir.Shape{matrix, matrix}, 3 * bytes},
		{"silu", nil, []ir.Shape{matrix}, 2 * bytes},
		{"exp", nil, []ir.Shape{matrix}, 2 * bytes},
		{"sum", list(1), []ir.Shape{matrix}, bytes},
		{"sum", list(0), []ir.Shape{matrix}, bytes},
		{"softmax", list(1), []ir.Shape{matrix}, 2 * bytes},
		{"layer_norm", nil, []ir.Shape{matrix, {4096}, {4096}}, 2 * bytes},
	} {
		b.Run(c.op+matrix.String(), func(b *testing.B) {
			b.ReportMetric(c.moved/seconds(b, d, onGPU(b, d, c.op, c.args, c.inputs))/1e12, "TB/s")
		})
	}
	for _, n := range []int{1024, 4096} {
		shape := ir.Shape{n, n}
		b.Run("matmul"+shape.String(), func(b *testing.B) {
			took := seconds(b, d, onGPU(b, d, "matmul", nil, []ir.Shape{shape, shape}))
			b.ReportMetric(2*math.Pow(float64(n), 3)/took/1e12, "TFLOP/s")
		})
	}
}

// random is a tensor of numbers from 0 to 1 on a device.
func random(b *testing.B, d device.Device, shape ir.Shape) device.Arg {
	b.Helper()
	r := rand.New(rand.NewPCG(1, uint64(shape.Numel())))
	data := make([]byte, 0, 4*shape.Numel())
	for range shape.Numel() {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(r.Float32()))
	}
	buffer, err := d.Alloc(int64(len(data)))
	require.NoError(b, err)
	b.Cleanup(func() { _ = buffer.Free() })
	s := device.Slice{Buffer: buffer, Bytes: buffer.Bytes()}
	up, err := d.BindFromHost(s, data)
	require.NoError(b, err)
	require.NoError(b, up.Run())
	return device.Arg{Slice: s, DType: "f32", Shape: shape}
}

// onGPU binds an op's kernel.
func onGPU(b *testing.B, d device.Device, op string, args []any, inputs []ir.Shape) []device.Command {
	b.Helper()
	g := ir.NewBuilder(&ir.Graph{})
	call := &device.Call{}
	operands := make([]any, len(inputs))
	shapes := make([][]int, len(inputs))
	dtypes := make([]string, len(inputs))
	for i, s := range inputs {
		operands[i] = g.NewState("x", ir.ParamState, ir.Type{DType: ir.F32, Shape: s}).Read
		shapes[i], dtypes[i] = s, "f32"
		call.Buffers = append(call.Buffers, random(b, d, s))
	}
	n, err := g.Call(ir.LookupOp(op), append(operands, args...))
	require.NoError(b, err)
	call.Buffers = append(call.Buffers, random(b, d, n.Type.Shape))
	call.Kernel = load(b).Find(op, dtypes, "f32")
	call.Scalars, err = call.Kernel.EvalScalars(n.LookupAttr, shapes, n.Type.Shape)
	require.NoError(b, err)
	c, err := d.Bind(call)
	require.NoError(b, err)
	return []device.Command{c}
}

// seconds gives the median time of commands.
func seconds(b *testing.B, d *cuda.Device, commands []device.Command) float64 {
	b.Helper()
	const times = 20
	var all []device.Command
	for range times {
		all = append(all, commands...)
	}
	r, err := d.Capture(all)
	require.NoError(b, err)
	defer r.Free()
	run := func() time.Duration {
		start := time.Now()
		require.NoError(b, r.Run())
		require.NoError(b, d.Sync())
		return time.Since(start)
	}
	run()
	var took []time.Duration
	for range 7 {
		took = append(took, run())
	}
	for b.Loop() {
	}
	slices.Sort(took)
	return took[3].Seconds() / times
}

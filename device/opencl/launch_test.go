package opencl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
	"github.com/flowrun/flowrun/kernels"
)

func TestASliceThatTheDeviceCantAddressIsRefused(t *testing.T) {
	d := open(t, loader(t), nil)
	if d.Info().Alignment <= 4 {
		t.Skipf("%s takes slices from any byte", d.Info().Description)
	}
	whole := drivertest.Alloc(t, d, 1024)
	x := device.Arg{Slice: device.Slice{Buffer: whole.Buffer, Offset: 4, Bytes: 4}, DType: "f32", Shape: []int{1}}
	_, err := d.Bind(drivertest.Neg(t, x, x))
	if err == nil {
		t.Skipf("%s takes slices that it says it doesn't", d.Info().Description)
	}
	require.EqualError(t, err, fmt.Sprintf("device opencl:0: kernel neg: bytes 4 to 8 of a buffer (parts begin at multiples of %d): "+
		"clCreateSubBuffer: CL_MISALIGNED_SUB_BUFFER_OFFSET (-13)", d.Info().Alignment))
}

func TestLogPositionsAreMappedToFiles(t *testing.T) {
	files := []kernels.File{{Name: "prelude.h", Text: "one\ntwo\n"}, {Name: "neg.cl", Text: "first\nsecond"}}
	lines := strings.Split(kernels.Source{Files: files}.Joined(), "\n")
	for i, text := range lines {
		want := map[string]string{"one": "prelude.h:1", "two": "prelude.h:2", "first": "neg.cl:1", "second": "neg.cl:2"}[text]
		if want != "" {
			require.Equal(t, "\n"+want+":5: error", located(fmt.Sprintf("<kernel>:%d:5: error\n", i+1), files))
		}
	}
	require.Equal(t, "\nneg.cl:1:5: error, <kernel>:99", located("neg.cl:1:5: error, <kernel>:99", files))
	require.Empty(t, located("\n", files))
}

func TestPartsThatOverlapAreReleasedWithoutACrash(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	whole := drivertest.Alloc(t, d, 1<<20)
	step := max(d.Info().Alignment, 64)
	for i := range int64(60) {
		n := 1 + int(i*i*37%500)
		x := device.Arg{Slice: device.Slice{Buffer: whole.Buffer, Offset: i * 7 % 20 * step, Bytes: int64(4 * n)}, DType: "f32", Shape: []int{n}}
		require.NoError(t, drivertest.BindNeg(t, x, x).Run())
	}
	require.NoError(t, d.Sync())
	require.NoError(t, whole.Buffer.Free())
}

func BenchmarkLaunch(b *testing.B) {
	d := open(b, loader(b), nil)
	x := drivertest.Tensor(b, d, 1)
	run := drivertest.BindNeg(b, x, x)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, run.Run())
	}
	require.NoError(b, d.Sync())
}

// BenchmarkUpload copies a batch to the device and computes on it, eight times, and then
// waits: staged, so that the host copies the next batch while the device computes; and
// blocking, as large copies are. On a CPU both compete for the same cores.
func BenchmarkUpload(b *testing.B) {
	for _, bytes := range []int{1 << 14, 1 << 18, 4 << 20} {
		for _, most := range []int{0, 4 << 20} {
			b.Run(fmt.Sprintf("%d KiB/up to %d KiB are staged", bytes>>10, most>>10), func(b *testing.B) {
				d := open(b, loader(b), nil)
				d.staging = newStaging(true)
				d.staging.most = most
				x := device.Arg{Slice: drivertest.Alloc(b, d, int64(bytes)), DType: "f32", Shape: []int{bytes / 4}}
				y := device.Arg{Slice: drivertest.Alloc(b, d, 16<<20), DType: "f32", Shape: []int{4 << 20}}
				drivertest.Write(b, y.Slice, make([]byte, 16<<20))
				up, err := d.BindFromHost(x.Slice, make([]byte, bytes))
				require.NoError(b, err)
				commands := []device.Command{up, drivertest.BindNeg(b, x, x), drivertest.BindNeg(b, y, y), drivertest.BindNeg(b, y, y)}
				b.SetBytes(int64(8 * bytes))
				for b.Loop() {
					for range 8 {
						for _, c := range commands {
							require.NoError(b, c.Run())
						}
					}
					require.NoError(b, d.Sync())
				}
			})
		}
	}
}

// BenchmarkCopy copies to the device and back, waiting each time.
func BenchmarkCopy(b *testing.B) {
	for _, bytes := range []int{4, 1 << 16, 1 << 20, 16 << 20} {
		d := open(b, loader(b), nil)
		d.staging.most = 0
		s, host := drivertest.Alloc(b, d, int64(bytes)), make([]byte, bytes)
		up, err := d.BindFromHost(s, host)
		require.NoError(b, err)
		down, err := d.BindToHost(host, s)
		require.NoError(b, err)
		for i, c := range []device.Command{up, down} {
			b.Run(fmt.Sprintf("%d B/%s", bytes, []string{"up", "down"}[i]), func(b *testing.B) {
				b.SetBytes(int64(bytes))
				for b.Loop() {
					require.NoError(b, c.Run())
				}
			})
		}
	}
}

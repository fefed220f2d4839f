package metal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
)

// crowd is a set of buffers that queued work uses, with their expected contents: copies
// from the host to them are staged.
type crowd struct {
	slices []device.Slice
	want   [][]byte
	uses   []device.Command // each writes 0 to a buffer's last element
	writes byte
}

func newCrowd(t testing.TB, d *Device, n int) *crowd {
	t.Helper()
	c := &crowd{}
	for range n {
		s := drivertest.Alloc(t, d, stagingBytes)
		drivertest.Write(t, s, make([]byte, stagingBytes))
		last := device.Slice{Buffer: s.Buffer, Offset: stagingBytes - 4, Bytes: 4}
		use, err := d.BindWithin(last, drivertest.Tensor(t, d, 0).Slice)
		require.NoError(t, err)
		c.slices, c.want, c.uses = append(c.slices, s), append(c.want, make([]byte, stagingBytes)), append(c.uses, use)
	}
	return c
}

// use queues work that uses a buffer.
func (c *crowd) use(t testing.TB, i int) {
	require.NoError(t, c.uses[i].Run())
	clear(c.want[i][stagingBytes-4:])
}

// upload writes part of a buffer with bytes unique to this copy.
func (c *crowd) upload(t testing.TB, d *Device, i, at, length int) {
	c.writes++
	source := make([]byte, length)
	for j := range source {
		source[j] = byte(j>>8) ^ byte(j) ^ c.writes*37
	}
	to := c.slices[i]
	to.Offset, to.Bytes = to.Offset+int64(at), int64(length)
	up, err := d.BindFromHost(to, source)
	require.NoError(t, err)
	require.NoError(t, up.Run())
	copy(c.want[i][at:], source)
	clear(source) // Run has read it
}

func (c *crowd) check(t testing.TB, d *Device) {
	for i, s := range c.slices {
		got := make([]byte, s.Bytes)
		down, err := d.BindToHost(got, s)
		require.NoError(t, err)
		require.NoError(t, down.Run())
		require.True(t, bytes.Equal(c.want[i], got), "buffer %d", i)
	}
}

// Many copies that each fill a piece are in one open batch: none may reuse a piece that
// the device has yet to read, however many batches ago the piece was first used.
func TestLargeCopiesInOneBatchDontShareStaging(t *testing.T) {
	for _, pace := range []fakemetal.Pace{fakemetal.Late, fakemetal.Eager} {
		t.Run(fmt.Sprint("pace ", pace), func(t *testing.T) {
			l := loader(t)
			if fakemetal.Loaded() {
				fakemetal.Work(t, pace)
			}
			d := open(t, l, nil)
			c := newCrowd(t, d, stagingPieces+3)
			for range 2 { // the second time the pieces exist already
				for i := range c.slices {
					c.use(t, i)
				}
				n := l.counts()
				for i := range stagingPieces {
					c.upload(t, d, i, 0, stagingBytes-4*(i%2))
				}
				require.LessOrEqual(t, n[commandBuffer], 1, "they wait together")
				for i := stagingPieces; i < len(c.slices); i++ { // no more pieces are allocated
					c.upload(t, d, i, 0, stagingBytes)
				}
				require.Len(t, d.staging.pieces, stagingPieces)
				c.check(t, d)
			}
		})
	}
}

// Copies of random sizes in random order: each buffer ends as if they had been executed
// one by one.
func TestStagedCopiesArriveWhateverTheirSizes(t *testing.T) {
	sizes := []int{4, 300, stagingBytes / 3 &^ 3, stagingBytes/2 - 4, stagingBytes / 2, stagingBytes/2 + 4,
		stagingBytes - constantAlignment, stagingBytes - 4, stagingBytes}
	for _, pace := range []fakemetal.Pace{fakemetal.Late, fakemetal.Mixed} {
		t.Run(fmt.Sprint("pace ", pace), func(t *testing.T) {
			l := loader(t)
			if fakemetal.Loaded() {
				fakemetal.Work(t, pace)
			}
			d := open(t, l, nil)
			c := newCrowd(t, d, 5)
			draw := rand.New(rand.NewPCG(1, 1))
			for range 8 {
				for range 1 + draw.IntN(2*stagingPieces) {
					if draw.IntN(4) > 0 {
						c.use(t, draw.IntN(len(c.slices)))
					}
					length := sizes[draw.IntN(len(sizes))]
					c.upload(t, d, draw.IntN(len(c.slices)), draw.IntN(2)*(stagingBytes-length), length)
				}
				c.check(t, d)
			}
		})
	}
}

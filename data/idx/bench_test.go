package idx_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/arrays/arraystest"
	"github.com/flowrun/flowrun/data/idx"
	"github.com/flowrun/flowrun/ir"
)

// BenchmarkIDX reads batches of 128 images of MNIST's size, in and out of order, beside a
// copy of as many bytes in memory. Each sees other images than the last: the file has 47 MB.
func BenchmarkIDX(b *testing.B) {
	const images, batch, size = 60_000, 128, 28 * 28
	content := file(0x08, []uint32{images, 28, 28}, make([]byte, images*size)...)
	path := save(b, content)
	open := func(typ ir.Type) func(rows []int64, dst []byte) error {
		tab, err := arraystest.Open(idx.Kind, arraystest.Decl(idx.Kind, path, arraystest.Field("x", typ)))
		require.NoError(b, err)
		b.Cleanup(func() { _ = tab.Close() })
		return func(rows []int64, dst []byte) error { return tab.Read(0, rows, dst) }
	}
	u8 := open(arraystest.Type("u8", 28, 28))
	for _, c := range []struct {
		name    string
		shuffle bool
		size    int
		read    func(rows []int64, dst []byte) error
	}{
		{"copy", false, size, func(rows []int64, dst []byte) error {
			copy(dst, content[rows[0]*size:])
			return nil
		}},
		{"u8", false, size, u8},
		{"u8-shuffled", true, size, u8},
		{"f32", false, 4 * size, open(arraystest.Type("f32", 28, 28))},
	} {
		b.Run(c.name, func(b *testing.B) {
			rows := make([]int64, batch)
			dst := make([]byte, batch*c.size)
			b.SetBytes(batch * size)
			order := rand.New(rand.NewPCG(1, 2)).Perm(images)
			at := 0
			for b.Loop() {
				if at+batch > images {
					at = 0
				}
				for i := range rows {
					rows[i] = int64(at + i)
					if c.shuffle {
						rows[i] = int64(order[at+i])
					}
				}
				at += batch
				if err := c.read(rows, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

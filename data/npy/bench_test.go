package npy_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/arrays/arraystest"
	"github.com/flowrun/flowrun/data/npy"
)

// BenchmarkNPY reads batches of 256 examples of 1 KiB of an array of 64 MB, beside a copy
// of as many bytes in memory.
func BenchmarkNPY(b *testing.B) {
	const examples, batch, size = 1 << 16, 256, 1024
	content := file(dict("<f4", "(65536, 256)"), make([]byte, examples*size)...)
	path := save(b, "x.npy", content)
	open := func(dtype string) func(rows []int64, dst []byte) error {
		tab, err := arraystest.Open(npy.Kind, arraystest.Decl(npy.Kind, path, arraystest.Field("x", arraystest.Type(dtype, 256))))
		require.NoError(b, err)
		b.Cleanup(func() { _ = tab.Close() })
		return func(rows []int64, dst []byte) error { return tab.Read(0, rows, dst) }
	}
	f32 := open("f32")
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
		{"f32", false, size, f32},
		{"f32-shuffled", true, size, f32},
		{"f64", false, 2 * size, open("f64")},
	} {
		b.Run(c.name, func(b *testing.B) {
			rows := make([]int64, batch)
			dst := make([]byte, batch*c.size)
			b.SetBytes(batch * size)
			order := rand.New(rand.NewPCG(1, 2)).Perm(examples)
			at := 0
			for b.Loop() {
				for i := range rows {
					rows[i] = int64(at + i)
					if c.shuffle {
						rows[i] = int64(order[at+i])
					}
				}
				at = (at + batch) % examples
				if err := c.read(rows, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

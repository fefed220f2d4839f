package data_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/arrays/arraystest"
	"github.com/flowrun/flowrun/data/idx"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
)

// Image i is full of the byte i, and its label is i modulo 12. More than ten classes tell
// ids from their texts' order, in which "10" comes before "2".
func TestImagesAndLabelsOfIdxFilesStayTogether(t *testing.T) {
	const n, classes, batch = 200, 12, 16
	images := []byte{0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 3, 0, 0, 0, 2}
	labels := []byte{0, 0, 8, 1, 0, 0, 0, n}
	for i := range n {
		images = append(images, bytes.Repeat([]byte{byte(i)}, 6)...)
		labels = append(labels, byte(i%classes))
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(labels)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	folder := t.TempDir()
	x, y := filepath.Join(folder, "x"), filepath.Join(folder, "y")
	require.NoError(t, os.WriteFile(x, images, 0o600))
	require.NoError(t, os.WriteFile(y, packed.Bytes(), 0o600))

	label := arraystest.Field("y", arraystest.Type("i64"))
	label.Classes = &table.Classes{Count: classes, Unknown: -1}
	d := &table.Decl{
		Name: "digits", Kind: "idx", Files: []table.File{{Field: "x", Path: x}, {Field: "y", Path: y}},
		Fields: []table.Field{arraystest.Field("x", arraystest.Type("u8", 3, 2)), label},
		Batch:  batch, Shuffle: true,
		Split: &table.Split{Parts: []table.Part{{Name: "train", Fraction: 0.75}, {Name: "test", Fraction: 0.25}}, Stratify: "y"},
	}
	idx.Kind.Complete(d)
	seen := map[byte]int{}
	cache := prepared.In(t.TempDir())
	for _, part := range []string{"train", "test", "train"} { // the last time from the cache
		s, err := data.Open(context.Background(), d, nil, data.Options{Files: arraystest.Anywhere{}, Cache: cache, Part: part, LearnFrom: "train", Seed: 1})
		require.NoError(t, err)
		for step := range s.EpochSteps() {
			size := int64(batch)
			if step == s.EpochSteps()-1 && s.Remainder() > 0 {
				size = s.Remainder()
			}
			xs, ys := make([]byte, 6*size), make([]byte, 8*size)
			require.NoError(t, s.Batch(step, "x", xs))
			require.NoError(t, s.Batch(step, "y", ys))
			for i := range int(size) {
				image := xs[6*i : 6*i+6]
				require.Equal(t, bytes.Repeat(image[:1], 6), image)
				require.EqualValues(t, image[0]%classes, binary.LittleEndian.Uint64(ys[8*i:]))
				seen[image[0]]++
			}
		}
		require.NoError(t, s.Verify())
		require.NoError(t, s.Close())
	}
	require.Len(t, seen, n)
}

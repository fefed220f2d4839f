package images_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

type anywhere struct{}

func (anywhere) Open(path string) (*os.File, error)    { return os.Open(path) }
func (anywhere) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

func (anywhere) List(_ context.Context, path string) ([]string, error) {
	return filepath.Glob(filepath.Join(path, "*", "*"))
}

// pets declares a folder with an image of each class, one more pixel brighter than the one
// before.
func pets(t *testing.T, classes ...string) *table.Decl {
	dir := t.TempDir()
	for i, class := range classes {
		m := image.NewGray(image.Rect(0, 0, 1, 1))
		m.Pix[0] = byte(i)
		var b bytes.Buffer
		require.NoError(t, png.Encode(&b, m))
		require.NoError(t, os.Mkdir(filepath.Join(dir, class), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, class, "1.png"), b.Bytes(), 0o600))
	}
	return &table.Decl{Name: "pets", Kind: "images", Files: []table.File{{Name: "pets", Path: dir}}, Batch: int64(len(classes)), Fields: []table.Field{
		{Name: "x", Type: ir.Type{DType: ir.U8, Shape: ir.Shape{1, 1, 1}}, Options: table.Options{"value": {Value: "image"}}},
		{Name: "y", Type: ir.Scalar(ir.I64), Options: table.Options{"value": {Value: "folder"}}, Classes: &table.Classes{Count: 3, Unknown: -1}},
	}}
}

// labels are the ids of a source's images, in the order of its folders.
func labels(t *testing.T, d *table.Decl, facts learned.Facts) ([]int64, learned.Facts) {
	s, err := data.Open(context.Background(), d, nil, data.Options{Files: anywhere{}, Cache: prepared.In(""), InOrder: true, Facts: facts})
	require.NoError(t, err)
	defer s.Close()
	pixels, dst := make([]byte, d.Batch), make([]byte, 8*d.Batch)
	require.NoError(t, s.Batch(0, "x", pixels))
	require.NoError(t, s.Batch(0, "y", dst))
	ids := make([]int64, d.Batch)
	for i := range ids {
		ids[pixels[i]] = int64(binary.LittleEndian.Uint64(dst[8*i:]))
	}
	return ids, s.Facts()
}

func TestAFolderThatLacksAClassHasTheIdsOfTraining(t *testing.T) {
	ids, facts := labels(t, pets(t, "ant", "bee", "cat"), nil)
	require.Equal(t, []int64{0, 1, 2}, ids)
	ids, _ = labels(t, pets(t, "cat", "bee"), facts)
	require.Equal(t, []int64{2, 1}, ids)

	d := pets(t, "bee", "dog")
	_, err := data.Open(context.Background(), d, nil, data.Options{Files: anywhere{}, Cache: prepared.In(""), Facts: facts})
	require.ErrorContains(t, err, filepath.Join("dog", "1.png")+`: "dog" is no class of the field y that the training data has: "ant", "bee", "cat"`)
}

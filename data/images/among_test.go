package images

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/csv"
	"github.com/flowrun/flowrun/data/jsonl"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

var inCSV = Among(csv.Kind)

// listed declares CSV files in the folder of some images, with columns path, label and
// width.
func listed(t *testing.T, images map[string]string, lists ...string) *table.Decl {
	t.Helper()
	d := put(t, images)
	d.Kind = "csv"
	root := d.Files[0].Path
	d.Files = nil
	for i, text := range lists {
		name := []string{"list.csv", "old/list.csv"}[i]
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		d.Files = append(d.Files, table.File{Name: name, Path: path})
	}
	d.Fields = []table.Field{
		{Name: "x", Type: ir.Type{DType: ir.U8, Shape: ir.Shape{1, 2, 2}}, Options: table.Options{keyImage: {Value: true}, "column": {Value: "path"}}},
		{Name: "y", Type: ir.Scalar(ir.I64), Options: table.Options{"column": {Value: "label"}}, Classes: &table.Classes{Count: 2, Unknown: -1}},
		{Name: "width", Type: ir.Scalar(ir.F32)},
	}
	return d
}

func openedList(t *testing.T, d *table.Decl) table.Table {
	t.Helper()
	require.Empty(t, inCSV.Check(d))
	tab, err := (&opener{among: &inCSV}).open(d)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tab.Close()) })
	return tab
}

func TestRowsOfACSVNameImagesInItsFolder(t *testing.T) {
	d := listed(t, pets(t), "width,label,path\n1.5,cat,cat/b.png\n2.5,dog,dog/a.png\n3.5,dog,./cat/b.png\n4.5,cat,cat/b.png\n")
	tab := openedList(t, d)
	require.EqualValues(t, 4, tab.Len())
	require.Equal(t, d.Fields[0].Type, tab.Column(0).Type)
	require.Empty(t, tab.Column(0).Texts)
	require.Equal(t, []byte{2, 2, 2, 2, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2}, pixels(t, tab, 0))
	require.Equal(t, []string{"cat", "dog", "dog", "cat"}, classes(t, tab, 1))
	require.Equal(t, float32(1.5), math.Float32frombits(binary.LittleEndian.Uint32(pixels(t, tab, 2))))
	at := tab.At(2, 0)
	require.Equal(t, table.Place{File: d.Files[0].Path, Row: 4, Column: "path"}, at)
	require.Equal(t, at, tab.(table.Sequenced).ElementAt(2, 0, 3))
	require.NoError(t, tab.Verify())
}

func TestEachCSVsPathsAreRelativeToItsOwnFolder(t *testing.T) {
	images := pets(t)
	images["old/dog/a.png"] = asPNG(t, flat(2, 2, gray(9)))
	d := listed(t, images, "path,label,width\ndog/a.png,dog,1\n", "path,label,width\ndog/a.png,dog,1\n../cat/b.png,cat,2\n")
	require.Equal(t, []byte{1, 1, 1, 1, 9, 9, 9, 9, 2, 2, 2, 2}, pixels(t, openedList(t, d), 0))
}

func TestPairsOfImagesAreTwoFields(t *testing.T) {
	d := listed(t, pets(t), "path,label,width\ndog/a.png,cat/b.png,1\n")
	d.Fields[1] = d.Fields[0]
	d.Fields[1].Name, d.Fields[1].Options = "other", table.Options{keyImage: {Value: true}, "column": {Value: "label"}}
	tab := openedList(t, d)
	require.Equal(t, []byte{1, 1, 1, 1}, pixels(t, tab, 0))
	require.Equal(t, []byte{2, 2, 2, 2}, pixels(t, tab, 1))
}

func TestAnImageAtFaultIsNamedWithTheRowThatNamesIt(t *testing.T) {
	images := pets(t)
	images["dog/wide.png"] = asPNG(t, flat(3, 2, gray(1)))
	images["dog/notes.txt"] = "remember the milk"
	d := listed(t, images, "path,label,width\ndog/a.png,dog,1\ndog/none.png,dog,1\ndog/wide.png,dog,1\ndog/notes.txt,dog,1\n")
	o := &opener{among: &inCSV, all: true}
	_, err := o.open(d)
	require.ErrorIs(t, err, table.ErrFaults)
	require.Len(t, o.faults, 2)
	require.Contains(t, o.faults[0], `list.csv:3, column "path": dog/none.png: there is no such file`)
	require.Equal(t, `list.csv:5, column "path": dog/notes.txt: it isn't an image: it begins with "remember"; images are PNG or JPEG`, o.faults[1])

	d = listed(t, images, "path,label,width\ndog/a.png,dog,1\ndog/wide.png,dog,1\n")
	_, err = (&opener{among: &inCSV}).open(d)
	require.Equal(t, `list.csv:3, column "path": dog/wide.png: its size is 3 × 2, and the field's is 2 × 2; declare `+"`resize`, or scale the image", within(d, err.Error()))
}

func TestWithoutImagesAmongItsFieldsAKindIsAsItWas(t *testing.T) {
	d := listed(t, nil, "path,label,width\nnone.png,dog,1\n")
	d.Fields = d.Fields[1:]
	require.Equal(t, []string{"dog"}, classes(t, openedList(t, d), 0))
}

func TestPathsMayBeMissingWhereARuleSaysWhatThen(t *testing.T) {
	d := listed(t, pets(t), "path,label,width\ndog/a.png,dog,1\n?,dog,1\ncat/b.png,cat,1\n")
	d.Options["missing"] = table.Option{Value: []string{"?"}}
	_, err := (&opener{among: &inCSV}).open(d)
	require.ErrorContains(t, err, "missing")
	d.Fields[0].Fill.By = table.FillDrop
	require.Equal(t, []byte{1, 1, 1, 1, 2, 2, 2, 2}, pixels(t, openedList(t, d), 0))
}

func TestFieldsOfImagesAreCheckedWithoutFiles(t *testing.T) {
	d := listed(t, nil)
	require.Empty(t, inCSV.Check(d))
	d.Fields[0].Type.Shape = ir.Shape{2, 2}
	d.Fields[2].Options = table.Options{keyResize: {Value: "crop", At: diag.Range{Start: diag.Pos{Line: 1, Col: 1}}}}
	found := inCSV.Check(d)
	require.Len(t, found, 2)
	require.Equal(t, "field x: pixels are channels × height × width, not u8[2, 2]", found[0].Message)
	require.Equal(t, "field width: `resize` is for pixels", found[1].Message)
}

func TestLinesOfJSONNameImagesToo(t *testing.T) {
	d := listed(t, pets(t), `{"path": "cat/b.png", "width": 1}`+"\n"+`{"width": 2, "path": "dog/a.png"}`+"\n")
	d.Kind = "jsonl"
	d.Fields[0].Options = table.Options{keyImage: {Value: true}, "key": {Value: []string{"path"}}}
	d.Fields = []table.Field{d.Fields[0], d.Fields[2]}
	inJSON := Among(jsonl.Kind)
	require.Empty(t, inJSON.Check(d))
	tab, err := (&opener{among: &inJSON}).open(d)
	require.NoError(t, err)
	require.Equal(t, []byte{2, 2, 2, 2, 1, 1, 1, 1}, pixels(t, tab, 0))
	require.NoError(t, tab.Close())
}

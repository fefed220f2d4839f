package images

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// disk opens files of a test. It counts how often.
type disk struct{ opened *atomic.Int64 }

func (d disk) Open(path string) (*os.File, error) {
	d.opened.Add(1)
	return files.Open(path)
}

func (disk) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

func (disk) List(_ context.Context, path string) (found []string, err error) {
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			found = append(found, p)
		}
		return err
	})
	return found, err
}

// flat is an image of one colour.
func flat(w, h int, c color.Color) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, c)
		}
	}
	return m
}

func asPNG(t require.TestingT, m image.Image) string {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.String()
}

func gray(v uint8) color.Color { return color.NRGBA{v, v, v, 255} }

// put writes files, by their names, and declares the folder: x are pixels, y are classes.
func put(t *testing.T, content map[string]string) *table.Decl {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pets")
	require.NoError(t, os.Mkdir(dir, 0o700))
	for name, text := range content {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return &table.Decl{Name: "pets", Kind: "images", Options: table.Options{},
		Files: []table.File{{Name: "pets", Path: dir}},
		Fields: []table.Field{
			{Name: "x", Type: ir.Type{DType: ir.U8, Shape: ir.Shape{1, 2, 2}}, Options: table.Options{keyValue: {Value: valueImage}}},
			{Name: "y", Type: ir.Scalar(ir.I64), Options: table.Options{keyValue: {Value: valueFolder}}, Classes: &table.Classes{Count: 2, Unknown: -1}},
		}}
}

// opener opens declarations, and keeps what was said and how many files were opened.
type opener struct {
	cache  string
	notes  []string
	faults []string
	all    bool // faults are reported, and don't end reading
	opened atomic.Int64
	among  *table.Kind // if it isn't the kind of folders
}

func (o *opener) kind() *table.Kind {
	if o.among != nil {
		return o.among
	}
	return &Kind
}

func (o *opener) open(d *table.Decl) (table.Table, error) {
	in := &table.Input{Decl: d, Files: disk{&o.opened}, Prepare: prepared.In(o.cache).Prepare(nil),
		Note: func(s string) { o.notes = append(o.notes, s) }}
	if o.all {
		in.Fault = func(f *table.Fault) error {
			o.faults = append(o.faults, within(d, f.Error()))
			return nil
		}
	}
	return o.kind().Open(context.Background(), in)
}

// within removes the test's folder from a message.
func within(d *table.Decl, message string) string {
	return filepath.ToSlash(strings.ReplaceAll(message, filepath.Dir(d.Files[0].Path)+string(filepath.Separator), ""))
}

func opened(t *testing.T, d *table.Decl) table.Table {
	t.Helper()
	require.Empty(t, check(d))
	tab, err := (&opener{}).open(d)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tab.Close()) })
	return tab
}

func refused(t *testing.T, d *table.Decl) string {
	t.Helper()
	_, err := (&opener{}).open(d)
	require.Error(t, err)
	return within(d, err.Error())
}

// pixels reads all examples of a field of one byte per value.
func pixels(t *testing.T, tab table.Table, field int) []byte {
	t.Helper()
	dst := make([]byte, int(tab.Len())*tab.Column(field).Type.Bytes())
	require.NoError(t, tab.Read(field, all(tab), dst))
	return dst
}

// classes reads all examples of a field of names.
func classes(t *testing.T, tab table.Table, field int) (names []string) {
	t.Helper()
	for b := pixels(t, tab, field); len(b) > 0; b = b[4:] {
		names = append(names, tab.Column(field).Texts[binary.LittleEndian.Uint32(b)])
	}
	return names
}

func all(tab table.Table) []int64 {
	rows := make([]int64, tab.Len())
	for i := range rows {
		rows[i] = int64(i)
	}
	return rows
}

func pets(t *testing.T) map[string]string {
	return map[string]string{
		"dog/a.png":       asPNG(t, flat(2, 2, gray(1))),
		"cat/b.png":       asPNG(t, flat(2, 2, gray(2))),
		"cat/old/c.PNG":   asPNG(t, flat(2, 2, gray(3))),
		"cat-like/d.png":  asPNG(t, flat(2, 2, gray(4))),
		"dog/.hidden.txt": "not counted",
	}
}

func TestAFoldersNameIsTheClassAndClassesAreInTheOrderOfTheirBytes(t *testing.T) {
	tab := opened(t, put(t, pets(t)))
	require.EqualValues(t, 4, tab.Len())
	require.Equal(t, []string{"cat", "cat-like", "dog"}, tab.Column(1).Texts)
	require.Equal(t, []string{"cat", "cat", "cat-like", "dog"}, classes(t, tab, 1))
	require.Equal(t, []byte{2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 1, 1, 1, 1}, pixels(t, tab, 0))
	require.True(t, strings.HasSuffix(filepath.ToSlash(tab.At(1, 0).File), "pets/cat/old/c.PNG"))
	require.Zero(t, tab.At(1, 0).Row)
}

func TestAnImagesFileIsItsName(t *testing.T) {
	d := put(t, pets(t))
	d.Fields[1].Options[keyValue] = table.Option{Value: valueFile}
	require.Equal(t, []string{"b.png", "c.PNG", "d.png", "a.png"}, classes(t, opened(t, d), 1))
}

func TestOfFilesTheFolderIsTheOneTheyAreIn(t *testing.T) {
	d := put(t, pets(t))
	d.Files = []table.File{{Name: "c.PNG", Path: filepath.Join(d.Files[0].Path, "cat", "old", "c.PNG")}}
	require.Equal(t, []string{"old"}, classes(t, opened(t, d), 1))
}

func TestWithoutAFieldForItAnImageNeedsNoClass(t *testing.T) {
	d := put(t, map[string]string{"b.png": asPNG(t, flat(2, 2, gray(2))), "a.png": asPNG(t, flat(2, 2, gray(1)))})
	require.Equal(t, "pets/a.png: it is in no folder below the one that the spec names, and the folder's name is its class", refused(t, d))
	d.Fields = d.Fields[:1]
	require.Equal(t, []byte{1, 1, 1, 1, 2, 2, 2, 2}, pixels(t, opened(t, d), 0))
}

func TestFieldsMayHaveTheSameImageInSeveralForms(t *testing.T) {
	d := put(t, map[string]string{"a/b.png": asPNG(t, flat(2, 2, color.NRGBA{255, 0, 51, 255}))})
	d.Fields = append(d.Fields, table.Field{Name: "colour", Type: ir.Type{DType: ir.F32, Shape: ir.Shape{3, 1, 1}},
		Options: table.Options{keyValue: {Value: valueImage}, keyResize: {Value: "stretch"}}})
	tab := opened(t, d)
	require.Equal(t, []byte{82, 82, 82, 82}, pixels(t, tab, 0)) // 0.299 × 255 + 0.114 × 51
	var got []float32
	for b := pixels(t, tab, 2); len(b) > 0; b = b[4:] {
		got = append(got, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	require.Equal(t, []float32{1, 0, 0.2}, got)
}

func TestFilesThatAreNoImagesAreErrorsOrCounted(t *testing.T) {
	content := pets(t)
	content["dog/notes.txt"] = "remember the milk"
	content["Thumbs.db"] = "\xd0\xcf\x11\xe0"
	d := put(t, content)
	require.Equal(t, `pets/Thumbs.db: it isn't an image: it begins with "\xd0\xcf\x11\xe0"; images are PNG or JPEG. Remove it, or declare `+"`other_files: skip`", refused(t, d))
	d.Options[keyOtherFiles] = table.Option{Value: otherSkip}
	o := &opener{}
	tab, err := o.open(d)
	require.NoError(t, err)
	require.EqualValues(t, 4, tab.Len())
	require.NoError(t, tab.Close())
	require.Len(t, o.notes, 1)
	require.Equal(t, "2 files skipped that are no images: pets/Thumbs.db; pets/dog/notes.txt", within(d, o.notes[0]))
}

func TestADamagedImageIsNeverSkipped(t *testing.T) {
	whole := asPNG(t, flat(2, 2, gray(2)))
	for name, want := range map[string]string{
		"cat/x.png":  "pets/cat/x.png: it isn't an image: it begins with \"remember\"; images are PNG or JPEG",
		"cat/x.JPEG": "pets/cat/x.JPEG: it isn't an image: it begins with \"remember\"; images are PNG or JPEG",
	} {
		content := pets(t)
		content[name] = "remember the milk"
		d := put(t, content)
		d.Options[keyOtherFiles] = table.Option{Value: otherSkip}
		require.Equal(t, want, refused(t, d))
	}
	for text, want := range map[string]string{
		"":                       "pets/cat/x: it is empty; images are PNG or JPEG",
		"GIF89a\x01\x00\x01\x00": "pets/cat/x: it is a GIF image; images are PNG or JPEG",
		whole[:len(whole)-20]:    "pets/cat/x: it ends within the image; was it cut off?",
		strings.Replace(whole, "IDAT", "IDAx", 1):       "pets/cat/x: it can't be decoded: png: invalid format: invalid checksum",
		asPNG(t, flat(3, 2, gray(2))):                   "pets/cat/x: its size is 3 × 2, and the field's is 2 × 2; declare `resize`, or scale the image",
		asPNG(t, flat(2, 2, color.NRGBA{1, 2, 3, 254})): "pets/cat/x: its pixel in column 1 of row 1 (from 1, as stored) is transparent: its alpha is 0.996; declare `alpha` (drop, white or black), or 4 channels",
	} {
		content := pets(t)
		content["cat/x"] = text
		d := put(t, content)
		if text == "" {
			content["cat/x.png"] = ""
			d = put(t, content)
			want = strings.Replace(want, "cat/x:", "cat/x:", 1) + ". Remove it, or declare `other_files: skip`"
		}
		require.Equal(t, want, refused(t, d))
	}
}

func TestAllImagesAtFaultAreReportedIfAskedFor(t *testing.T) {
	content := pets(t)
	content["cat/wide.png"] = asPNG(t, flat(5, 2, gray(2)))
	content["dog/cut.png"] = content["dog/a.png"][:50]
	content["dog/tall.png"] = asPNG(t, flat(2, 9, gray(2)))
	d := put(t, content)
	o := &opener{all: true, cache: t.TempDir()}
	_, err := o.open(d)
	require.ErrorIs(t, err, table.ErrFaults)
	require.Len(t, o.faults, 3)
	require.Contains(t, strings.Join(o.faults, "\n"), "pets/cat/wide.png: its size is 5 × 2")
	require.Contains(t, strings.Join(o.faults, "\n"), "pets/dog/cut.png: it ends within the image")
	require.Contains(t, strings.Join(o.faults, "\n"), "pets/dog/tall.png: its size is 2 × 9")
	_, err = (&opener{cache: o.cache}).open(d) // nothing was kept
	require.ErrorContains(t, err, "wide.png: its size is 5 × 2")
}

func TestTooManyPixelsAreRefusedBeforeDecoding(t *testing.T) {
	d := put(t, map[string]string{"a/b.png": asPNG(t, flat(4, 4, gray(1)))})
	d.Fields[0].Options[keyResize] = table.Option{Value: "stretch"}
	d.Options[keyMaxPixels] = table.Option{Value: int64(15)}
	require.Equal(t, "pets/a/b.png: its size is 4 × 4, which is more than 15 pixels; if that is right, raise `max_pixels`", refused(t, d))
	d.Options[keyMaxPixels] = table.Option{Value: int64(16)}
	require.EqualValues(t, 1, opened(t, d).Len())
}

func TestAFolderWithoutImagesIsAnError(t *testing.T) {
	require.Equal(t, "pets: there are no images", refused(t, put(t, nil)))
}

func TestManyImagesKeepTheirOrder(t *testing.T) {
	const n = 1000 // more than one group
	content := map[string]string{}
	for i := range n {
		side := 2
		if i%7 == 0 {
			side = 200 // slower
		}
		content[fmt.Sprintf("c/%04d.png", i)] = asPNG(t, flat(side, side, gray(uint8(i))))
	}
	d := put(t, content)
	d.Fields[0].Options[keyResize] = table.Option{Value: "stretch"}
	for i, v := range pixels(t, opened(t, d), 0) {
		require.Equal(t, uint8(i/4), v)
	}
}

func TestImagesAreDecodedOnceUntilAFileOrTheSpecChanges(t *testing.T) {
	sized := func(image string) string { return image + strings.Repeat(" ", 200-len(image)) }
	content := pets(t)
	content["cat/b.png"] = sized(content["cat/b.png"])
	d := put(t, content)
	o := &opener{cache: t.TempDir()}
	reads := func() (pictures int64, values []byte) {
		o.opened.Store(0)
		tab, err := o.open(d)
		require.NoError(t, err)
		defer tab.Close()
		return o.opened.Load(), pixels(t, tab, 0)
	}
	n, first := reads()
	require.EqualValues(t, 8, n) // each is hashed, and decoded
	n, again := reads()
	require.EqualValues(t, 4, n)
	require.Equal(t, first, again)

	d.Fields[0].Options[keyResize] = table.Option{Value: "crop"}
	n, _ = reads()
	require.EqualValues(t, 8, n)

	// The same size and time, with another content.
	path := filepath.Join(d.Files[0].Path, "cat", "b.png")
	info, err := os.Stat(path)
	require.NoError(t, err)
	changed := sized(asPNG(t, flat(2, 2, gray(7))))
	require.Len(t, changed, int(info.Size()))
	require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
	require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	n, values := reads()
	require.EqualValues(t, 8, n)
	require.Equal(t, []byte{7, 7, 7, 7}, values[:4])
}

func TestClassesOfFilesDontDependOnTheirContent(t *testing.T) {
	d := put(t, pets(t))
	require.NoError(t, os.Rename(filepath.Join(d.Files[0].Path, "cat-like"), filepath.Join(d.Files[0].Path, "zebra")))
	require.Equal(t, []string{"cat", "dog", "zebra"}, opened(t, d).Column(1).Texts)
}

func TestDeclarationsAreCheckedWithoutFiles(t *testing.T) {
	here := diag.Range{Start: diag.Pos{Line: 1, Col: 1}}
	for want, change := range map[string]func(x, y *table.Field){
		"": func(*table.Field, *table.Field) {},
		"field x: pixels are u8 (0 to 255) or f32 (0 to 1), not f64":     func(x, _ *table.Field) { x.Type.DType = ir.F64 },
		"field x: pixels are channels × height × width, not u8[2, 4, 4]": func(x, _ *table.Field) { x.Type.Shape = ir.Shape{2, 4, 4} },
		"field x: pixels are channels × height × width, not u8[4, 4]":    func(x, _ *table.Field) { x.Type.Shape = ir.Shape{4, 4} },
		"field x: pixels are channels × height × width, not u8[3, 0, 4]": func(x, _ *table.Field) { x.Type.Shape = ir.Shape{3, 0, 4} },
		"field x: `alpha: white` removes what the fourth channel is for": func(x, _ *table.Field) {
			x.Type.Shape = ir.Shape{4, 4, 4}
			x.Options[keyAlpha] = table.Option{Value: "white"}
		},
		"field x: normalized pixels are no integers":                          func(x, _ *table.Field) { x.Normalize = table.PerField },
		"field x: pixels have no classes":                                     func(x, _ *table.Field) { x.Classes = &table.Classes{} },
		"field x: an image has no missing values":                             func(x, _ *table.Field) { x.Fill.By = table.FillMean },
		"field y: the name of a folder needs classes":                         func(_, y *table.Field) { y.Classes = nil },
		"field y: the name of a folder becomes the id of a class, not f32[]":  func(_, y *table.Field) { y.Type = ir.Scalar(ir.F32) },
		"field y: the name of a folder becomes the id of a class, not i64[1]": func(_, y *table.Field) { y.Type.Shape = ir.Shape{1} },
		"field y: `resize` is for pixels, and this field has names":           func(_, y *table.Field) { y.Options[keyResize] = table.Option{Value: "crop", At: here} },
	} {
		d := put(t, nil)
		change(&d.Fields[0], &d.Fields[1])
		var found []string
		for _, p := range check(d) {
			require.NotEmpty(t, p.Help)
			found = append(found, p.Message)
		}
		require.Equal(t, want, strings.Join(found, "\n"))
	}
	require.NotPanics(t, func() { check(&table.Decl{Fields: make([]table.Field, 2)}) })
}

func TestTheErrorOfSeveralIsTheFirstOnes(t *testing.T) {
	for range 20 {
		err := parallel(context.Background(), 100, func(i int) error {
			runtime.Gosched()
			if i%10 == 7 {
				return fmt.Errorf("number %d", i)
			}
			return nil
		})
		require.EqualError(t, err, "number 7")
	}
	stopped, stop := context.WithCancelCause(context.Background())
	stop(errors.New("enough"))
	require.EqualError(t, parallel(stopped, 3, func(int) error { return nil }), "enough")
	require.NoError(t, parallel(context.Background(), 0, nil))
}

func TestPixelsInUseStayWithinTheBudgetButForOneImage(t *testing.T) {
	b := newBudget()
	b.take(3 * most)() // alone, whatever its size
	first := b.take(most - 1)
	second := b.take(1)
	waiting := make(chan struct{})
	go func() {
		b.take(1)()
		close(waiting)
	}()
	select {
	case <-waiting:
		require.Fail(t, "it was given more than there is")
	default:
	}
	first()
	<-waiting
	second()
	require.Zero(t, b.inUse)
}

// Package images reads images from the files of a folder: their pixels, and the folders
// that they are in, as classes. Package decode makes pixels into values.
//
// All images are decoded once, on all processors, and kept in a prepared table; opening
// it again reads the files only to compare their content.
package images

import (
	"fmt"

	"github.com/flowrun/flowrun/data/images/decode"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// The keys.
const (
	keyMaxPixels  = "max_pixels"
	keyOtherFiles = "other_files"
	keyValue      = "value"
	keyAlpha      = "alpha"
	keyResize     = "resize"

	valueImage  = "image"
	valueFolder = "folder"
	valueFile   = "file"

	otherError = "error"
	otherSkip  = "skip"
)

// defaultMaxPixels is max_pixels where a spec has none.
const defaultMaxPixels = 100_000_000

// The keys that other kinds have too, if their rows name images.
var (
	maxPixelsKey = table.Key{Name: keyMaxPixels, Form: table.FormCount, Default: fmt.Sprint(defaultMaxPixels),
		Doc:  "an image with more pixels is an error",
		More: "its size is known before it is decoded, so a small file that claims to be huge costs nothing"}
	alphaKey = table.Key{Name: keyAlpha, Form: table.FormChoice, Values: alphas, Default: string(decode.AlphaError),
		Doc:  "with 1 or 3 channels: what becomes of transparent pixels",
		More: "`drop` takes the colours as they are stored; `white` and `black` lay the image on that colour"}
	resizeKey = table.Key{Name: keyResize, Form: table.FormChoice, Values: resizes, Default: string(decode.ResizeError),
		Doc:  "what becomes of images of another size",
		More: "`stretch` changes the proportions, `crop` keeps the middle, `pad` adds zeros on both sides; all average when an image becomes smaller"}
)

// Kind is the kind of folders of images.
var Kind = table.Kind{
	Name: "images",
	Doc:  "a folder of PNG and JPEG images; an example is an image",
	Keys: []table.Key{
		maxPixelsKey,
		{Name: keyOtherFiles, Form: table.FormChoice, Values: []string{otherError, otherSkip}, Default: otherError,
			Doc:  "what becomes of files that are no images",
			More: "those whose names begin with a dot don't count; with `skip`, others are left out and counted, but images of other formats, and files called .png, .jpg or .jpeg, are errors"},
	},
	FieldKeys: []table.Key{
		{Name: keyValue, Form: table.FormChoice, Values: []string{valueImage, valueFolder, valueFile}, Required: true,
			Doc:  "what the field has: the image's pixels, its folder's name, or its file's",
			More: "pixels are `u8[C, H, W]`, or `f32[C, H, W]` from 0 to 1, where 1 channel is gray, 3 are red, green and blue, and 4 have alpha too; names are `classes`; of a folder that a spec names, an image's folder is the one directly below, of files and patterns the one that the image is in"},
		alphaKey, resizeKey,
	},
	Check: check,
	Open:  open,
}

var (
	alphas  = []string{string(decode.AlphaError), string(decode.AlphaDrop), string(decode.AlphaWhite), string(decode.AlphaBlack)}
	resizes = []string{string(decode.ResizeError), string(decode.ResizeStretch), string(decode.ResizeCrop), string(decode.ResizePad)}
)

func check(d *table.Decl) (found []table.Problem) {
	for i := range d.Fields {
		f := &d.Fields[i]
		add := func(help, format string, args ...any) {
			found = append(found, table.Problem{At: f.At, Message: "field " + f.Name + ": " + fmt.Sprintf(format, args...), Help: help})
		}
		switch value := f.Options.Text(keyValue); value {
		case valueImage:
			checkPixels(f, add)
			if f.Fill.By != table.FillNone {
				add("remove `fill`", "an image has no missing values")
			}
		case valueFolder, valueFile:
			for _, key := range []string{keyAlpha, keyResize} {
				if o := f.Options[key]; o.At.Known() {
					add("remove it", "`%s` is for pixels, and this field has names", key)
				}
			}
			if f.Classes == nil {
				add("declare `classes`: how many there are, or their names", "the name of a %s needs classes", value)
			}
			if f.Type.DType != ir.Invalid && (!f.Type.DType.IsInt() || len(f.Type.Shape) > 0) {
				add("declare it as i64[]", "the name of a %s becomes the id of a class, not %s", value, f.Type)
			}
		}
	}
	return found
}

// checkPixels checks a field of pixels.
func checkPixels(f *table.Field, add func(help, format string, args ...any)) {
	shape := f.Type.Shape
	if f.Type.DType != ir.Invalid {
		if f.Type.DType != ir.U8 && f.Type.DType != ir.F32 {
			add("declare it as u8, and cast it in a node if need be", "pixels are u8 (0 to 255) or f32 (0 to 1), not %s", f.Type.DType)
		}
		if len(shape) != 3 || shape[0] != 1 && shape[0] != 3 && shape[0] != 4 || shape[1] < 1 || shape[2] < 1 {
			add("declare 1 (gray), 3 (red, green, blue) or 4 (and alpha) channels: "+f.Type.DType.String()+"[3, 224, 224]",
				"pixels are channels × height × width, not %s", f.Type)
		} else if alpha := decode.Alpha(f.Options.Text(keyAlpha)); shape[0] == 4 && alpha != "" && alpha != decode.AlphaError {
			add("remove it, or declare 3 channels", "`alpha: %s` removes what the fourth channel is for", alpha)
		}
	}
	if f.Normalize != table.NotNormalized && f.Type.DType == ir.U8 {
		add("declare it as f32", "normalized pixels are no integers")
	}
	if f.Classes != nil {
		add("remove `classes`, or declare `value: folder`", "pixels have no classes")
	}
}

// optionsOf says how pixels become a field's values.
func optionsOf(d *table.Decl, f *table.Field) *decode.Options {
	o := &decode.Options{
		Channels: f.Type.Shape[0], Height: f.Type.Shape[1], Width: f.Type.Shape[2],
		Float:     f.Type.DType == ir.F32,
		MaxPixels: maxPixelsOf(d),
		Alpha:     decode.Alpha(f.Options.Text(keyAlpha)),
		Resize:    decode.Resize(f.Options.Text(keyResize)),
	}
	return o
}

// maxPixelsOf gives how many pixels an image has at most.
func maxPixelsOf(d *table.Decl) int64 {
	if n := d.Options.Int(keyMaxPixels); n > 0 {
		return n
	}
	return defaultMaxPixels
}

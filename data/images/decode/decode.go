// Package decode makes the pixels of PNG and JPEG files into values of a type: it turns
// them upright, removes or keeps alpha, makes them gray or coloured, and scales them.
//
// All of it is computed on straight (not premultiplied) values of 16 bits: an 8-bit value v
// is 257 v. Colour profiles aren't looked at.
package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
)

// Options say what an image becomes: channels × height × width values, in this order, of
// 8 bits (0 to 255) or as f32 (0 to 1).
type Options struct {
	Channels int // 1: gray; 3: red, green, blue; 4: and alpha, straight
	Height   int
	Width    int
	Float    bool

	MaxPixels int64
	Alpha     Alpha
	Resize    Resize
}

// Bytes is the size of an image's values.
func (o *Options) Bytes() int {
	n := o.Channels * o.Height * o.Width
	if o.Float {
		n *= 4
	}
	return n
}

// Alpha is what becomes of transparency with 1 or 3 channels.
type Alpha string

// What becomes of transparency.
const (
	AlphaError Alpha = "error" // a pixel that isn't opaque is an error
	AlphaDrop  Alpha = "drop"  // the colours are as they are stored
	AlphaWhite Alpha = "white" // the image is laid on white
	AlphaBlack Alpha = "black"
)

// Resize is what becomes of an image of another size.
type Resize string

// What becomes of images of other sizes. All but the first scale with a triangle filter as
// wide as it takes for averages when an image is made smaller ("antialiased").
const (
	ResizeError   Resize = "error"
	ResizeStretch Resize = "stretch" // its proportions change
	ResizeCrop    Resize = "crop"    // it is scaled to cover all; the middle is kept
	ResizePad     Resize = "pad"     // it is scaled to fit in; zeros are added on both sides
)

const (
	maxSide  = 65535 // pixels of width or height, which is JPEG's limit
	maxScans = 500   // of a JPEG: each may cost as much as a whole image
)

// Slack is how many bytes of a file may be something else than pixels: profiles, previews.
const Slack = 64 << 20

// Format names an image format by a file's first bytes, at least 16 if it has so many; "" is
// none. Only PNG and JPEG can be decoded.
func Format(head []byte) (name string, decodable bool) {
	for _, f := range formats {
		if len(head) >= len(f.begins) && matches(head, f.begins) {
			return f.name, f.name == formatPNG || f.name == formatJPEG
		}
	}
	return "", false
}

const (
	formatPNG  = "PNG"
	formatJPEG = "JPEG"
)

// formats are those that people keep pictures in; "?" stands for any byte.
var formats = []struct{ name, begins string }{
	{formatPNG, "\x89PNG\r\n\x1a\n"},
	{formatJPEG, "\xff\xd8\xff"},
	{"GIF", "GIF87a"},
	{"GIF", "GIF89a"},
	{"WebP", "RIFF????WEBP"},
	{"TIFF", "II*\x00"},
	{"TIFF", "MM\x00*"},
	{"BigTIFF", "II+\x00"},
	{"AVIF", "????ftypavif"},
	{"HEIC", "????ftyphei"},
	{"HEIC", "????ftypmif1"},
	{"JPEG 2000", "\x00\x00\x00\x0cjP  "},
	{"JPEG XL", "\x00\x00\x00\x0cJXL "},
	{"JPEG XL", "\xff\x0a"},
	{"Photoshop", "8BPS"},
	{"OpenEXR", "\x76\x2f\x31\x01"},
	{"BMP", "BM????\x00\x00\x00\x00"},
}

func matches(head []byte, pattern string) bool {
	for i := range len(pattern) {
		if pattern[i] != '?' && pattern[i] != head[i] {
			return false
		}
	}
	return true
}

// Size gives an image's width and height as stored, from the beginning of its file, and
// how large the file may be: what so many pixels explain.
func Size(r *io.SectionReader, maxPixels int64) (width, height int, maxBytes int64, err error) {
	head := make([]byte, 16)
	n, _ := r.ReadAt(head, 0)
	var c image.Config
	switch name, ok := Format(head[:n]); {
	case !ok:
		return 0, 0, 0, notAnImage(name, head[:n])
	case name == formatPNG:
		c, err = png.DecodeConfig(r)
	default:
		c, err = jpeg.DecodeConfig(r)
	}
	if err != nil {
		return 0, 0, 0, plainly(err)
	}
	pixels := int64(c.Width) * int64(c.Height)
	switch {
	case pixels == 0:
		return 0, 0, 0, fmt.Errorf("it has no pixels: its size is %d × %d", c.Width, c.Height)
	case pixels > maxPixels:
		return 0, 0, 0, fmt.Errorf("its size is %d × %d, which is more than %d pixels; if that is right, raise `max_pixels`", c.Width, c.Height, maxPixels)
	case max(c.Width, c.Height) > maxSide:
		return 0, 0, 0, fmt.Errorf("its size is %d × %d; a side has at most %d pixels", c.Width, c.Height, maxSide)
	}
	return c.Width, c.Height, 8*pixels + Slack, nil
}

// notAnImage is the error for a file that can't be decoded.
func notAnImage(format string, head []byte) error {
	if format != "" {
		return fmt.Errorf("it is a %s image; images are PNG or JPEG", format)
	}
	if len(head) == 0 {
		return errors.New("it is empty; images are PNG or JPEG")
	}
	if c, ok := foreign.Recognize(head); ok {
		return fmt.Errorf("it is %s; images are PNG or JPEG", c.What)
	}
	return fmt.Errorf("it isn't an image: it begins with %s; images are PNG or JPEG", diag.Quote(string(head[:min(len(head), 8)])))
}

// plainly says what a decoder says.
func plainly(err error) error {
	// The decoder of PNG has its own words for this.
	if s := err.Error(); errors.Is(err, io.EOF) || strings.HasSuffix(s, io.ErrUnexpectedEOF.Error()) || strings.HasSuffix(s, "not enough pixel data") {
		return errors.New("it ends within the image; was it cut off?")
	}
	return fmt.Errorf("it can't be decoded: %s", diag.Cut(err.Error()))
}

// Image decodes a file's content into dst, which has o.Bytes() bytes; f32 is
// little-endian.
func Image(content []byte, o *Options, dst []byte) error {
	width, height, maxBytes, err := Size(io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content))), o.MaxPixels)
	if err != nil {
		return err
	}
	if int64(len(content)) > maxBytes {
		return fmt.Errorf("the file has %s, far more than its %d × %d pixels explain", diag.Bytes(int64(len(content))), width, height)
	}
	decoded, orientation, err := pixels(content)
	if err != nil {
		return err
	}
	s, err := sourceOf(decoded)
	if err != nil {
		return err
	}
	if orientation > 4 {
		width, height = height, width
	}
	if o.Resize == ResizeError || o.Resize == "" {
		if width != o.Width || height != o.Height {
			return fmt.Errorf("its size is %d × %d, and the field's is %d × %d; declare `resize`, or scale the image", width, height, o.Width, o.Height)
		}
	}
	g := geometry(o, width, height)
	if orientation > 4 {
		g = g.transposed()
	}
	scaled, err := scale(s, o, g)
	if err != nil {
		return err
	}
	if orientation > 4 {
		g = g.transposed()
	}
	store(dst, scaled, o, g, orientation)
	return nil
}

// pixels decodes a file, and finds its orientation: 1 to 8.
func pixels(content []byte) (image.Image, int, error) {
	if name, _ := Format(content); name == formatPNG {
		m, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			return nil, 0, plainly(err)
		}
		return m, orientation(pngExif(content)), nil
	}
	exif, scans := jpegParts(content)
	if scans > maxScans {
		return nil, 0, fmt.Errorf("it has more than %d scans, which no program writes; it is made to take time", maxScans)
	}
	m, err := jpeg.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, 0, plainly(err)
	}
	return m, orientation(exif), nil
}

// store writes scaled values in their place, upright.
func store(dst []byte, scaled []float32, o *Options, g frame, orientation int) {
	clear(dst)
	plane := o.Height * o.Width
	width, height := g.width, g.height // as stored
	if orientation > 4 {
		width, height = height, width
	}
	for row := range g.height {
		for column := range g.width {
			x, y := stored(orientation, column, row, width, height)
			at := (g.top+row)*o.Width + g.left + column
			from := scaled[(y*width+x)*o.Channels:]
			for c := range o.Channels {
				v := min(max(from[c], 0), math.MaxUint16)
				if o.Float {
					binary.LittleEndian.PutUint32(dst[4*(c*plane+at):], math.Float32bits(v/math.MaxUint16))
				} else {
					dst[c*plane+at] = byte(v/257 + 0.5)
				}
			}
		}
	}
}

// stored gives the place of an upright image's pixel in the image as it is stored, which is
// width × height.
func stored(orientation, x, y, width, height int) (int, int) {
	switch orientation {
	case 2:
		return width - 1 - x, y
	case 3:
		return width - 1 - x, height - 1 - y
	case 4:
		return x, height - 1 - y
	case 5:
		return y, x
	case 6:
		return y, height - 1 - x
	case 7:
		return width - 1 - y, height - 1 - x
	case 8:
		return width - 1 - y, x
	}
	return x, y
}

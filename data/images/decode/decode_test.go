package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func encoded(t require.TestingT, m image.Image) []byte {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

func asJPEG(t require.TestingT, m image.Image) []byte {
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}))
	return b.Bytes()
}

func options(channels, height, width int) *Options {
	return &Options{Channels: channels, Height: height, Width: width, MaxPixels: 1e6, Alpha: AlphaError, Resize: ResizeError}
}

func decoded(t require.TestingT, content []byte, o *Options) []byte {
	dst := bytes.Repeat([]byte{0xaa}, o.Bytes())
	require.NoError(t, Image(content, o, dst))
	return dst
}

func floats(b []byte) (f []float32) {
	for ; len(b) > 0; b = b[4:] {
		f = append(f, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return f
}

func refusal(t require.TestingT, content []byte, o *Options) string {
	err := Image(content, o, make([]byte, o.Bytes()))
	require.Error(t, err)
	return err.Error()
}

// chunk is a chunk of a PNG file.
func chunk(name, data string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(b, name...)
	b = append(b, data...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

func TestPixelsAreChannelByChannelRowByRow(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i := range m.Pix {
		m.Pix[i] = byte(10 * i)
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	require.Equal(t, []byte{
		0, 40, 80, 120, 160, 200,
		10, 50, 90, 130, 170, 210,
		20, 60, 100, 140, 180, 220,
	}, decoded(t, encoded(t, m), options(3, 2, 3)))
	require.Equal(t, []byte{
		0, 40, 80, 120, 160, 200,
		10, 50, 90, 130, 170, 210,
		20, 60, 100, 140, 180, 220,
		255, 255, 255, 255, 255, 255,
	}, decoded(t, encoded(t, m), options(4, 2, 3)))
	o := options(3, 2, 3)
	o.Float = true
	for i, v := range floats(decoded(t, encoded(t, m), o)) {
		require.Equal(t, float32(decoded(t, encoded(t, m), options(3, 2, 3))[i])/255, v)
	}
}

func TestEveryValueOf8And16BitsIsKept(t *testing.T) {
	gray, deep := image.NewGray(image.Rect(0, 0, 256, 1)), image.NewGray16(image.Rect(0, 0, 256, 256))
	for i := range 256 {
		gray.Pix[i] = byte(i)
	}
	for i := range 65536 {
		binary.BigEndian.PutUint16(deep.Pix[2*i:], uint16(i))
	}
	require.Equal(t, gray.Pix, decoded(t, encoded(t, gray), options(1, 1, 256)))
	require.Equal(t, bytes.Repeat(gray.Pix, 3), decoded(t, encoded(t, gray), options(3, 1, 256)))
	narrow := decoded(t, encoded(t, deep), options(1, 256, 256))
	o := options(1, 256, 256)
	o.Float = true
	for i, v := range floats(decoded(t, encoded(t, deep), o)) {
		require.Equal(t, float32(i)/65535, v)
		require.Equal(t, byte(math.Round(float64(i)*255/65535)), narrow[i], i) // scaled, not clipped
	}
}

func TestColoursOf16BitsAreScaled(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(0, 0, 2, 1))
	m.SetNRGBA64(0, 0, color.NRGBA64{1, 2, 3, 65535})
	m.SetNRGBA64(1, 0, color.NRGBA64{65535, 256, 32768, 65535})
	o := options(3, 1, 2)
	o.Float = true
	require.Equal(t, []float32{1. / 65535, 1, 2. / 65535, 256. / 65535, 3. / 65535, 32768. / 65535}, floats(decoded(t, encoded(t, m), o)))
	require.Equal(t, []byte{0, 255, 0, 1, 0, 128}, decoded(t, encoded(t, m), options(3, 1, 2)))
	m.SetNRGBA64(0, 0, color.NRGBA64{1000, 2000, 3000, 257})
	require.Equal(t, []byte{4, 255, 8, 1, 12, 128, 1, 255}, decoded(t, encoded(t, m), options(4, 1, 2)))
}

func TestOneBitAndPaletteImagesHaveTheirColours(t *testing.T) {
	m := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}})
	m.Pix = []byte{1, 0}
	require.Equal(t, []byte{0, 255, 0, 0, 255, 0}, decoded(t, encoded(t, m), options(3, 1, 2)))
	require.Equal(t, []byte{29, 76}, decoded(t, encoded(t, m), options(1, 1, 2))) // 0.114 and 0.299 of 255
	m.Palette = color.Palette{color.NRGBA{200, 100, 50, 0}, color.NRGBA{0, 0, 255, 128}}
	require.Equal(t, []byte{0, 200, 0, 100, 255, 50, 128, 0}, decoded(t, encoded(t, m), options(4, 1, 2)))
}

func TestAlphaIsStraightAndFollowsTheRule(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	copy(m.Pix, []byte{255, 255, 255, 255, 200, 100, 0, 0, 200, 100, 0, 51, 1, 2, 3, 255})
	content := encoded(t, m)
	o := options(3, 2, 2)
	require.Equal(t, "its pixel in column 2 of row 1 (from 1, as stored) is transparent: its alpha is 0.000; declare `alpha` (drop, white or black), or 4 channels", refusal(t, content, o))
	for alpha, want := range map[Alpha][]byte{
		AlphaDrop:  {255, 200, 200, 1, 255, 100, 100, 2, 255, 0, 0, 3},
		AlphaWhite: {255, 255, 244, 1, 255, 255, 224, 2, 255, 255, 204, 3},
		AlphaBlack: {255, 0, 40, 1, 255, 0, 20, 2, 255, 0, 0, 3},
	} {
		o.Alpha = alpha
		require.Equal(t, want, decoded(t, content, o), alpha)
	}
	m.Pix[7], m.Pix[11] = 255, 255 // an alpha channel without a transparent pixel
	o.Alpha = AlphaError
	require.Equal(t, []byte{255, 200, 200, 1, 255, 100, 100, 2, 255, 0, 0, 3}, decoded(t, encoded(t, m), o))
}

func TestWhatCannotBeSeenDoesNotColourItsNeighbours(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	copy(m.Pix, []byte{255, 0, 0, 255, 0, 255, 0, 0})
	o := options(4, 1, 1)
	o.Resize = ResizeStretch
	require.Equal(t, []byte{255, 0, 0, 128}, decoded(t, encoded(t, m), o))
}

// exifOf is Exif data with an orientation, after a few other tags.
func exifOf(order binary.AppendByteOrder, orientation uint16) string {
	b := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 3)
	for _, tag := range []uint16{0x010f, 0x0112, 0x0128} {
		b = order.AppendUint16(b, tag)
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, orientation)
		b = order.AppendUint16(b, 0)
	}
	return string(order.AppendUint32(b, 0))
}

func withPNGExif(content []byte, exif string) []byte {
	const header = 8 + 25 // the signature and IHDR
	return []byte(string(content[:header]) + chunk("eXIf", exif) + string(content[header:]))
}

func withJPEGExif(content []byte, exif string) []byte {
	body := "Exif\x00\x00" + exif
	return []byte(string(content[:2]) + "\xff\xe1" + string(binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))) + body + string(content[2:]))
}

// upright is what Exif's specification says of each orientation: which side of what is
// seen the stored image's first row and first column are.
var upright = [9][2]string{
	1: {"top", "left"}, 2: {"top", "right"}, 3: {"bottom", "right"}, 4: {"bottom", "left"},
	5: {"left", "top"}, 6: {"right", "top"}, 7: {"right", "bottom"}, 8: {"left", "bottom"},
}

func TestImagesAreTurnedAsTheirExifDataSays(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 3, 2))
	m.Pix = []byte{10, 20, 30, 40, 50, 60}
	for orientation := 1; orientation <= 8; orientation++ {
		height, width := 2, 3
		if orientation > 4 {
			height, width = 3, 2
		}
		want := make([]byte, 6)
		for row := range 2 {
			for column := range 3 {
				x, y := 0, 0
				for i, at := range []int{row, column} {
					switch upright[orientation][i] {
					case "top":
						y = at
					case "bottom":
						y = height - 1 - at
					case "left":
						x = at
					case "right":
						x = width - 1 - at
					}
				}
				want[y*width+x] = m.Pix[row*3+column]
			}
		}
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			exif := exifOf(order, uint16(orientation))
			require.Equal(t, want, decoded(t, withPNGExif(encoded(t, m), exif), options(1, height, width)), orientation)
			flat := decoded(t, withJPEGExif(asJPEG(t, m), exif), options(1, height, width))
			for i := range want {
				require.InDelta(t, want[i], flat[i], 3)
			}
		}
	}
}

// Turning an image and scaling it is the same as scaling it when it has been turned.
func TestScalingFollowsTheUprightImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 12).Draw(t, "width"), rapid.IntRange(1, 12).Draw(t, "height")
		m := image.NewGray(image.Rect(0, 0, w, h))
		copy(m.Pix, rapid.SliceOfN(rapid.Byte(), w*h, w*h).Draw(t, "pixels"))
		orientation := rapid.IntRange(1, 8).Draw(t, "orientation")
		height, width := h, w
		if orientation > 4 {
			height, width = w, h
		}
		turned := withPNGExif(encoded(t, m), exifOf(binary.BigEndian, uint16(orientation)))
		flat := image.NewGray(image.Rect(0, 0, width, height))
		copy(flat.Pix, decoded(t, turned, options(1, height, width)))
		o := options(1, rapid.IntRange(1, 12).Draw(t, "H"), rapid.IntRange(1, 12).Draw(t, "W"))
		o.Resize = rapid.SampledFrom([]Resize{ResizeStretch, ResizeCrop, ResizePad}).Draw(t, "resize")
		want, got := decoded(t, encoded(t, flat), o), decoded(t, turned, o)
		for i := range want {
			require.InDelta(t, want[i], got[i], 1)
		}
	})
}

func TestExifDataThatSaysNothingChangesNothing(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 3, 2))
	m.Pix = []byte{10, 20, 30, 40, 50, 60}
	good := exifOf(binary.LittleEndian, 3)
	for _, exif := range []string{"", "II", "II*\x00", good[:8], good[:9], good[:20], exifOf(binary.BigEndian, 0), exifOf(binary.BigEndian, 9),
		"II*\x00\xff\xff\xff\xff" + good[8:], "II*\x00\x00\x00\x00\x80" + good[8:], "XX" + good[2:], strings.Replace(good, "\x12\x01\x03\x00\x01", "\x12\x01\x03\x00\x02", 1)} {
		require.Equal(t, m.Pix, decoded(t, withPNGExif(encoded(t, m), exif), options(1, 2, 3)))
		decoded(t, withJPEGExif(asJPEG(t, m), exif), options(1, 2, 3))
	}
	require.NotEqual(t, m.Pix, decoded(t, withPNGExif(encoded(t, m), good), options(1, 2, 3)))
}

func TestConstantsStayConstantHoweverTheyAreScaled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 300).Draw(t, "width"), rapid.IntRange(1, 300).Draw(t, "height")
		v := rapid.Byte().Draw(t, "value")
		m := image.NewGray(image.Rect(0, 0, w, h))
		for i := range m.Pix {
			m.Pix[i] = v
		}
		o := options(1, rapid.IntRange(1, 40).Draw(t, "H"), rapid.IntRange(1, 40).Draw(t, "W"))
		o.Resize = rapid.SampledFrom([]Resize{ResizeStretch, ResizeCrop}).Draw(t, "resize")
		for _, got := range decoded(t, encoded(t, m), o) {
			require.Equal(t, v, got)
		}
	})
}

// By a whole factor, each value is the weighted mean that the definition gives.
func TestScalingIsAntialiased(t *testing.T) {
	// A pattern finer than the result can show: it becomes its mean, not one of its colours.
	m := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range m.Pix {
		m.Pix[i] = byte(255 * ((i + i/64) % 2))
	}
	o := options(1, 4, 4)
	o.Resize = ResizeStretch
	for _, v := range decoded(t, encoded(t, m), o) {
		require.InDelta(t, 127.5, v, 1)
	}
}

func TestPaddingAndCroppingAreCentred(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 4, 2))
	m.Pix = []byte{10, 20, 30, 40, 10, 20, 30, 40}
	o := options(1, 4, 4)
	o.Resize = ResizePad
	require.Equal(t, []byte{0, 0, 0, 0, 10, 20, 30, 40, 10, 20, 30, 40, 0, 0, 0, 0}, decoded(t, encoded(t, m), o))
	o = options(1, 2, 2)
	o.Resize = ResizeCrop
	require.Equal(t, []byte{20, 30, 20, 30}, decoded(t, encoded(t, m), o))
	o = options(1, 3, 1)
	o.Resize = ResizePad
	require.Equal(t, []byte{0, 25, 0}, decoded(t, encoded(t, m), o))
	o = options(4, 3, 4)
	o.Resize = ResizePad
	require.Equal(t, []byte{255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0}, decoded(t, encoded(t, m), o)[36:])
}

func TestAThinImageTakesLittleMemory(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 1, maxSide))
	o := options(3, 8, 64)
	o.Resize = ResizeStretch
	decoded(t, encoded(t, m), o)
	o.Resize = ResizeCrop
	decoded(t, encoded(t, m), o)
	m = image.NewGray(image.Rect(0, 0, maxSide+1, 1))
	require.Equal(t, "its size is 65536 × 1; a side has at most 65535 pixels", refusal(t, encoded(t, m), o))
}

func TestWhatIsNoImageIsRefusedByName(t *testing.T) {
	o := options(3, 2, 3)
	good := encoded(t, image.NewGray(image.Rect(0, 0, 3, 2)))
	whole := asJPEG(t, image.NewGray(image.Rect(0, 0, 3, 2)))
	decoded(t, good, o)
	for content, want := range map[string]string{
		"":                             "it is empty; images are PNG or JPEG",
		"label,path\n":                 `it isn't an image: it begins with "label,pa"; images are PNG or JPEG`,
		"<!DOCTYPE html>":              "it is an HTML page, perhaps from a failed download; images are PNG or JPEG",
		"GIF89a\x01\x00\x01\x00":       "it is a GIF image; images are PNG or JPEG",
		"RIFF\x00\x00\x00\x00WEBPVP8 ": "it is a WebP image; images are PNG or JPEG",
		"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00":                      "it is a HEIC image; images are PNG or JPEG",
		"BM\x00\x00\x00\x00\x00\x00\x00\x00":                            "it is a BMP image; images are PNG or JPEG",
		string(good[:len(good)-20]):                                     "it ends within the image; was it cut off?",
		string(good[:20]):                                               "it ends within the image; was it cut off?",
		string(whole[:len(whole)-9]):                                    "it ends within the image; was it cut off?",
		strings.Replace(string(good), "IDAT", "IDAU", 1):                "it can't be decoded: png: invalid format: invalid checksum",
		string(encoded(t, image.NewGray(image.Rect(0, 0, 2, 3)))):       "its size is 2 × 3, and the field's is 3 × 2; declare `resize`, or scale the image",
		string(encoded(t, image.NewGray(image.Rect(0, 0, 1001, 1000)))): "its size is 1001 × 1000, which is more than 1000000 pixels; if that is right, raise `max_pixels`",
	} {
		require.Equal(t, want, refusal(t, []byte(content), o))
	}
	o = options(1, 1000, 1000)
	decoded(t, encoded(t, image.NewGray(image.Rect(0, 0, 1000, 1000))), o)
}

// The header alone decides: nothing is decoded, and nothing of the size is allocated.
func TestAHugeSizeIsRefusedBeforeDecoding(t *testing.T) {
	header := string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 1<<20), 1<<20)) + "\x08\x02\x00\x00\x00"
	bomb := []byte("\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunk("IDAT", "") + chunk("IEND", ""))
	require.Equal(t, "its size is 1048576 × 1048576, which is more than 1000000 pixels; if that is right, raise `max_pixels`", refusal(t, bomb, options(3, 1, 1)))
}

func TestAJPEGOfThousandsOfScansIsRefused(t *testing.T) {
	content := asJPEG(t, image.NewGray(image.Rect(0, 0, 3, 2)))
	start := bytes.Index(content, []byte("\xff\xda"))
	body := content[start : len(content)-2]
	repeated := func(n int) []byte {
		return []byte(string(content[:start]) + strings.Repeat(string(body), n) + "\xff\xd9")
	}
	_, scans := jpegParts(repeated(3))
	require.Equal(t, 3, scans)
	require.Equal(t, "it has more than 500 scans, which no program writes; it is made to take time", refusal(t, repeated(maxScans+1), options(1, 2, 3)))
}

func TestAFileFarLargerThanItsPixelsIsRefused(t *testing.T) {
	content := encoded(t, image.NewGray(image.Rect(0, 0, 3, 2)))
	_, _, most, err := Size(io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content))), 1e6)
	require.NoError(t, err)
	require.EqualValues(t, 8*6+Slack, most)
	for extra, ok := range map[int]bool{0: true, 1: false} {
		err := Image(append(content[:len(content):len(content)], make([]byte, int(most)-len(content)+extra)...), options(1, 2, 3), make([]byte, 6))
		require.Equal(t, ok, err == nil, fmt.Sprint(err))
	}
}

func FuzzImage(f *testing.F) {
	m := image.NewNRGBA(image.Rect(0, 0, 9, 7))
	f.Add(encoded(f, m), uint8(0))
	f.Add(asJPEG(f, m), uint8(5))
	f.Add(withJPEGExif(asJPEG(f, m), exifOf(binary.BigEndian, 6)), uint8(9))
	f.Add(withPNGExif(encoded(f, m), exifOf(binary.LittleEndian, 8)), uint8(14))
	f.Fuzz(func(t *testing.T, content []byte, how uint8) {
		o := &Options{Channels: []int{1, 3, 4}[how%3], Height: 5, Width: 3, MaxPixels: 1 << 16, Float: how&64 > 0,
			Alpha: []Alpha{AlphaError, AlphaDrop, AlphaWhite, AlphaBlack}[how/3%4], Resize: []Resize{ResizeStretch, ResizeCrop, ResizePad}[how/12%3]}
		dst := make([]byte, o.Bytes())
		if Image(content, o, dst) == nil && o.Float {
			for _, v := range floats(dst) {
				require.True(t, 0 <= v && v <= 1, v)
			}
		}
	})
}

func FuzzOrientation(f *testing.F) {
	f.Add([]byte(exifOf(binary.BigEndian, 6)))
	f.Add([]byte(exifOf(binary.LittleEndian, 3)[:30]))
	f.Fuzz(func(t *testing.T, exif []byte) {
		require.Contains(t, []int{1, 2, 3, 4, 5, 6, 7, 8}, orientation(exif))
		pngExif(exif)
		_, scans := jpegParts(exif)
		require.LessOrEqual(t, scans, maxScans+1)
	})
}

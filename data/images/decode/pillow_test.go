package decode

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pillow runs a program with Pillow, Python's imaging library, in a folder; without it the
// test is skipped. The program finds its arguments in sys.argv[1:].
func pillow(t *testing.T, folder, program string, args ...string) {
	t.Helper()
	python := os.Getenv("FLOWRUN_TEST_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import PIL").Run(); err != nil {
		t.Skipf("needs Python with Pillow (%s: %v); scripts/test installs it if it can", python, err)
	}
	c := exec.Command(python, append([]string{"-c", program}, args...)...)
	c.Dir = folder
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
}

// picture is smooth in one half and noise in the other.
func picture(w, h int, alpha bool) *image.NRGBA {
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{byte(255 * x / w), byte(255 * y / h), byte(128 + 127*math.Sin(float64(x*y)/50)), 255}
			if x > w/2 {
				c = color.NRGBA{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), 255}
			}
			if alpha {
				c.A = byte(r.Uint32())
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// planes orders pixel by pixel values channel by channel.
func planes(raw []byte, channels int) []byte {
	out := make([]byte, 0, len(raw))
	for c := range channels {
		for i := c; i < len(raw); i += channels {
			out = append(out, raw[i])
		}
	}
	return out
}

// near compares values that differ by rounding, and gives the mean difference.
func near(t *testing.T, want, got []byte, within float64, what string) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.InDelta(t, want[i], got[i], within, "%s, value %d", what, i)
	}
}

func TestScalingIsThatOfPillow(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.png"), encoded(t, picture(67, 41, false)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "alpha.png"), encoded(t, picture(67, 41, true)), 0o600))
	pillow(t, folder, `
from PIL import Image, ImageOps
im = Image.open("a.png").convert("RGB")
for w, h in [(20, 30), (7, 5), (1, 1), (100, 90), (68, 10)]:
    open(f"stretch-{w}x{h}", "wb").write(im.resize((w, h), Image.BILINEAR).tobytes())
    open(f"gray-{w}x{h}", "wb").write(im.convert("L").resize((w, h), Image.BILINEAR).tobytes())
    open(f"crop-{w}x{h}", "wb").write(ImageOps.fit(im, (w, h), Image.BILINEAR).tobytes())
    open(f"pad-{w}x{h}", "wb").write(ImageOps.pad(im, (w, h), Image.BILINEAR).tobytes())
    open(f"alpha-{w}x{h}", "wb").write(Image.open("alpha.png").resize((w, h), Image.BILINEAR).tobytes())
`)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	compared := 0
	for _, f := range files {
		how, size, ok := strings.Cut(f.Name(), "-")
		if !ok {
			continue
		}
		compared++
		var w, h int
		for i, c := range strings.Split(size, "x") {
			n := 0
			for _, d := range c {
				n = 10*n + int(d-'0')
			}
			*[]*int{&w, &h}[i] = n
		}
		raw, err := os.ReadFile(filepath.Join(folder, f.Name()))
		require.NoError(t, err)
		o := options(3, h, w)
		o.Resize = ResizeStretch
		content, within := "a.png", 1.0
		switch how {
		case "gray":
			o.Channels = 1
		case "crop":
			o.Resize = ResizeCrop
		case "pad":
			o.Resize = ResizePad
		case "alpha":
			o.Channels, content = 4, "alpha.png"
		}
		image, err := os.ReadFile(filepath.Join(folder, content))
		require.NoError(t, err)
		got := decoded(t, image, o)
		want := planes(raw, o.Channels)
		if how == "alpha" { // Pillow premultiplies in 8 bits, so the more transparent, the less exact its colours
			alpha := want[3*w*h:]
			near(t, alpha, got[3*w*h:], 1, f.Name())
			for i := range 3 * w * h {
				require.InDelta(t, want[i], got[i], 2+510/float64(max(alpha[i%(w*h)], 1)), f.Name())
			}
			continue
		}
		near(t, want, got, within, f.Name())
	}
	require.Equal(t, 25, compared)
}

func TestImagesThatPillowWritesAreRead(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.png"), encoded(t, picture(40, 24, true)), 0o600))
	pillow(t, folder, `
import random
from PIL import Image, ImageOps
a = Image.open("a.png")
rgb = a.convert("RGB").resize((40, 24), Image.BOX, (0, 0, 20, 24))  # the smooth half
def keep(name, im, mode, **options):
    im.save(name, **options)
    back = ImageOps.exif_transpose(Image.open(name))
    if name == "gray16.png":
        out = bytes((v * 255 * 2 + 65535) // (2 * 65535) for v in back.getdata())
    else:
        out = back.convert(mode).tobytes()
    open(name + ".raw", "wb").write(out)
keep("rgba.png", a, "RGBA")
keep("la.png", a.convert("LA"), "RGBA")
keep("palette.png", rgb.quantize(17), "RGB")
keep("clear.png", rgb.quantize(17), "RGBA", transparency=3)
keep("bits.png", rgb.convert("1"), "L")
keep("nibbles.png", rgb.quantize(9), "RGB", bits=4)
deep = Image.new("I;16", (40, 24))
deep.putdata([random.Random(1).randrange(65536) for _ in range(40 * 24)])
keep("gray16.png", deep, "L")
keep("gray.jpg", rgb.convert("L"), "L")
keep("full.jpg", rgb, "RGB", quality=90, subsampling=0)
keep("half.jpg", rgb, "RGB", quality=90, subsampling=2)
keep("wide.jpg", rgb, "RGB", quality=90, subsampling=1)
keep("progressive.jpg", rgb, "RGB", quality=90, subsampling=0, progressive=True)
keep("luma.jpg", rgb, "L", quality=90, subsampling=0)
keep("cmyk.jpg", rgb.convert("CMYK"), "RGB", quality=95)
# The same numbers, said to be brightness, colour differences and black.
cmyk = bytearray(open("cmyk.jpg", "rb").read())
cmyk[cmyk.index(b"Adobe") + 11] = 2
open("ycck.jpg", "wb").write(cmyk)
open("ycck.jpg.raw", "wb").write(Image.open("ycck.jpg").convert("RGB").tobytes())
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    keep(f"turned{orientation}.png", rgb, "RGB", exif=exif)
    keep(f"turned{orientation}.jpg", rgb, "RGB", exif=exif, quality=90, subsampling=0)
`)
	files, err := filepath.Glob(filepath.Join(folder, "*.raw"))
	require.NoError(t, err)
	require.Len(t, files, 31)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		content, err := os.ReadFile(strings.TrimSuffix(f, ".raw"))
		require.NoError(t, err)
		channels := len(raw) / (40 * 24)
		o := options(channels, 24, 40)
		name := filepath.Base(f)
		if orientation, ok := strings.CutPrefix(name, "turned"); ok && orientation[0] > '4' {
			o.Height, o.Width = 40, 24
		}
		within := 0.0
		if bytes.HasPrefix(content, []byte("\xff\xd8")) {
			within = 3 // inverse transforms and conversions of colour round differently
		}
		near(t, planes(raw, channels), decoded(t, content, o), within, name)
	}
}

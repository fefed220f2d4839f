package decode

import (
	"image"
	"image/color"
)

// Most JPEG files have a quarter or half as many colour differences as brightnesses. Where
// two pixels share one, it is interpolated as libjpeg does by default, with 3/4 of the
// nearer and 1/4 of the farther one, so that values are those that other programs get.

// chroma gives the rows of a decoded JPEG.
type chroma struct {
	m             *image.YCbCr
	width, height int  // of the colour differences
	across, down  bool // whether two pixels share one
	cb, cr, sums  []int
}

// upsampled is the row function of a source for m.
func upsampled(m *image.YCbCr) func(y, from, to int, dst []uint16) {
	b := m.Bounds()
	c := &chroma{m: m, width: b.Dx(), height: b.Dy()}
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		c.across, c.down = true, true
	case image.YCbCrSubsampleRatio422:
		c.across = true
	case image.YCbCrSubsampleRatio440:
		c.down = true
	case image.YCbCrSubsampleRatio410, image.YCbCrSubsampleRatio411: // libjpeg repeats these
		return c.repeated
	}
	if c.across {
		c.width = (c.width + 1) / 2
	}
	if c.down {
		c.height = (c.height + 1) / 2
	}
	c.cb, c.cr, c.sums = make([]int, b.Dx()), make([]int, b.Dx()), make([]int, c.width)
	return c.row
}

func (c *chroma) row(y, from, to int, dst []uint16) {
	c.interpolate(c.cb, c.m.Cb, y)
	c.interpolate(c.cr, c.m.Cr, y)
	line := c.m.Y[y*c.m.YStride:]
	for x := from; x < to; x++ {
		r, g, b := color.YCbCrToRGB(line[x], uint8(c.cb[x]), uint8(c.cr[x]))
		opaque(dst[4*(x-from):], r, g, b)
	}
}

func (c *chroma) repeated(y, from, to int, dst []uint16) {
	for x := from; x < to; x++ {
		i := c.m.COffset(x, y)
		r, g, b := color.YCbCrToRGB(c.m.Y[c.m.YOffset(x, y)], c.m.Cb[i], c.m.Cr[i])
		opaque(dst[4*(x-from):], r, g, b)
	}
}

// opaque writes a pixel.
func opaque(dst []uint16, r, g, b uint8) {
	dst[0], dst[1], dst[2], dst[3] = uint16(r)*257, uint16(g)*257, uint16(b)*257, 0xffff
}

// interpolate gives the colour differences of a row.
func (c *chroma) interpolate(out []int, plane []uint8, y int) {
	near, far := y, y
	if c.down {
		near, far = y/2, y/2-1+2*(y%2)
		far = min(max(far, 0), c.height-1)
	}
	a, b := plane[near*c.m.CStride:][:c.width], plane[far*c.m.CStride:][:c.width]
	switch {
	case !c.across && !c.down:
		for x, v := range a {
			out[x] = int(v)
		}
	case !c.across:
		for x := range a {
			out[x] = (3*int(a[x]) + int(b[x]) + 1 + y%2) / 4
		}
	case !c.down:
		for x := range a {
			c.sums[x] = int(a[x])
		}
		spread(out, c.sums, 4, 1, 2)
	default:
		for x := range a {
			c.sums[x] = 3*int(a[x]) + int(b[x])
		}
		spread(out, c.sums, 16, 8, 7)
	}
}

// spread makes two values of each: a left and a right one, rounded in different directions.
func spread(out, sums []int, of, left, right int) {
	for x := range out {
		i, round := x/2, left
		next := max(i-1, 0)
		if x%2 == 1 {
			next, round = min(i+1, len(sums)-1), right
		}
		out[x] = (3*sums[i] + sums[next] + round) / of
	}
}

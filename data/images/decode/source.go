package decode

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// source gives the rows of a decoded image as straight 16-bit red, green, blue and alpha,
// from the pixel from up to the pixel to.
type source struct {
	width, height int
	row           func(y, from, to int, dst []uint16)
}

// sourceOf knows the types that the decoders of PNG and JPEG give.
func sourceOf(m image.Image) (source, error) {
	b := m.Bounds()
	s := source{width: b.Dx(), height: b.Dy()}
	put := func(dst []uint16, r, g, b, a uint16) { dst[0], dst[1], dst[2], dst[3] = r, g, b, a }
	wide := func(v uint8) uint16 { return uint16(v) * 257 }
	word := func(p []byte) uint16 { return uint16(p[0])<<8 | uint16(p[1]) }
	switch m := m.(type) {
	case *image.Gray:
		s.row = func(y, from, to int, dst []uint16) {
			for i, v := range m.Pix[y*m.Stride+from : y*m.Stride+to] {
				put(dst[4*i:], wide(v), wide(v), wide(v), math.MaxUint16)
			}
		}
	case *image.Gray16:
		s.row = func(y, from, to int, dst []uint16) {
			for p := m.Pix[y*m.Stride+2*from : y*m.Stride+2*to]; len(p) > 0; p, dst = p[2:], dst[4:] {
				put(dst, word(p), word(p), word(p), math.MaxUint16)
			}
		}
	case *image.RGBA: // PNG without alpha, so nothing is premultiplied
		s.row = func(y, from, to int, dst []uint16) { widen(dst, m.Pix[y*m.Stride+4*from:y*m.Stride+4*to]) }
	case *image.NRGBA:
		s.row = func(y, from, to int, dst []uint16) { widen(dst, m.Pix[y*m.Stride+4*from:y*m.Stride+4*to]) }
	case *image.RGBA64:
		s.row = func(y, from, to int, dst []uint16) { words(dst, m.Pix[y*m.Stride+8*from:y*m.Stride+8*to]) }
	case *image.NRGBA64:
		s.row = func(y, from, to int, dst []uint16) { words(dst, m.Pix[y*m.Stride+8*from:y*m.Stride+8*to]) }
	case *image.Paletted:
		var palette [256][4]uint16
		for i, c := range m.Palette[:min(len(m.Palette), 256)] {
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			palette[i] = [4]uint16{wide(n.R), wide(n.G), wide(n.B), wide(n.A)}
		}
		s.row = func(y, from, to int, dst []uint16) {
			for i, v := range m.Pix[y*m.Stride+from : y*m.Stride+to] {
				copy(dst[4*i:], palette[v][:])
			}
		}
	case *image.YCbCr:
		s.row = upsampled(m)
	case *image.CMYK:
		s.row = func(y, from, to int, dst []uint16) {
			for p := m.Pix[y*m.Stride+4*from : y*m.Stride+4*to]; len(p) > 0; p, dst = p[4:], dst[4:] {
				r, g, b := color.CMYKToRGB(p[0], p[1], p[2], p[3])
				opaque(dst, r, g, b)
			}
		}
	default:
		return s, fmt.Errorf("its pixels are stored in an unknown way (%T)", m)
	}
	return s, nil
}

// widen makes 8-bit values 16-bit ones.
func widen(dst []uint16, p []byte) {
	for i, v := range p {
		dst[i] = uint16(v) * 257
	}
}

// words reads big-endian 16-bit values.
func words(dst []uint16, p []byte) {
	for i := range len(p) / 2 {
		dst[i] = uint16(p[2*i])<<8 | uint16(p[2*i+1])
	}
}

// convert makes pixels of four values into pixels of the channels asked for, in place, and
// gives those. y and from are where they are, for messages.
func convert(p []uint16, o *Options, y, from int) ([]uint16, error) {
	if o.Channels == 4 {
		return p, nil
	}
	out := p[:0]
	for i := 0; i < len(p); i += 4 {
		r, g, b, a := p[i], p[i+1], p[i+2], p[i+3]
		if a != math.MaxUint16 {
			switch o.Alpha {
			case AlphaDrop:
			case AlphaWhite:
				r, g, b = over(r, math.MaxUint16, a), over(g, math.MaxUint16, a), over(b, math.MaxUint16, a)
			case AlphaBlack:
				r, g, b = over(r, 0, a), over(g, 0, a), over(b, 0, a)
			default:
				return nil, fmt.Errorf("its pixel in column %d of row %d (from 1, as stored) is transparent: its alpha is %.3f; declare `alpha` (drop, white or black), or 4 channels",
					from+i/4+1, y+1, float64(a)/math.MaxUint16)
			}
		}
		if o.Channels == 1 {
			out = append(out, luma(r, g, b))
		} else {
			out = append(out, r, g, b)
		}
	}
	return out, nil
}

// over lays a value on a background.
func over(v, background, alpha uint16) uint16 {
	return uint16((uint32(v)*uint32(alpha) + uint32(background)*(math.MaxUint16-uint32(alpha)) + math.MaxUint16/2) / math.MaxUint16)
}

// luma is the brightness of a colour as ITU-R BT.601 weighs it: 0.299 red, 0.587 green,
// 0.114 blue.
func luma(r, g, b uint16) uint16 {
	return uint16((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}

package decode

import "math"

// frame is which part of a source goes where. The source's part is in pixels, which may be
// fractions.
type frame struct {
	x, y, w, h    float64 // of the source
	left, top     int     // of the result
	width, height int
	exact         bool // pixel by pixel
}

func (g frame) transposed() frame {
	return frame{x: g.y, y: g.x, w: g.h, h: g.w, left: g.top, top: g.left, width: g.height, height: g.width, exact: g.exact}
}

// geometry places an image of a size.
func geometry(o *Options, width, height int) frame {
	w, h := float64(width), float64(height)
	g := frame{w: w, h: h, width: o.Width, height: o.Height, exact: width == o.Width && height == o.Height}
	across, down := float64(o.Width)/w, float64(o.Height)/h
	switch {
	case g.exact:
	case o.Resize == ResizeCrop:
		factor := max(across, down)
		g.w, g.h = float64(o.Width)/factor, float64(o.Height)/factor
		g.x, g.y = (w-g.w)/2, (h-g.h)/2
	case o.Resize == ResizePad:
		factor := min(across, down)
		g.width = min(max(int(math.Round(w*factor)), 1), o.Width)
		g.height = min(max(int(math.Round(h*factor)), 1), o.Height)
		g.left, g.top = (o.Width-g.width)/2, (o.Height-g.height)/2
	}
	return g
}

// scale gives the values of a part of a source, row by row, pixel by pixel, channel by
// channel, from 0 to 65535.
func scale(s source, o *Options, g frame) ([]float32, error) {
	out := make([]float32, g.width*g.height*o.Channels)
	columns, rows := same(s.width), same(s.height)
	if !g.exact {
		columns, rows = weigh(g.x, g.w, s.width, g.width), weigh(g.y, g.h, s.height, g.height)
	}
	// Source rows are read once, in their order, and added to each row of the result that
	// they are a part of, so that memory doesn't grow with the source.
	from, to := columns[0].from, columns[len(columns)-1].end()
	pixels := make([]uint16, 4*(to-from))
	line := make([]float32, g.width*o.Channels)
	first := 0 // the first row of the result that isn't complete
	for y := rows[0].from; y < rows[len(rows)-1].end(); y++ {
		s.row(y, from, to, pixels)
		row, err := convert(pixels, o, y, from)
		if err != nil {
			return nil, err
		}
		across(line, row, columns, from, o.Channels, !g.exact)
		for first < len(rows) && rows[first].end() <= y {
			first++
		}
		for i := first; i < len(rows) && rows[i].from <= y; i++ {
			weight := rows[i].weights[y-rows[i].from]
			sum := out[i*len(line) : (i+1)*len(line)]
			for j, v := range line {
				sum[j] += weight * v
			}
		}
	}
	if o.Channels == 4 && !g.exact {
		for p := out; len(p) > 0; p = p[4:] {
			if alpha := p[3]; alpha > 0 {
				for c := range 3 {
					p[c] *= math.MaxUint16 / alpha
				}
			}
		}
	}
	return out, nil
}

// across scales a row. Colours with alpha are weighed by it: one that can't be seen
// doesn't count.
func across(line []float32, row []uint16, columns []taps, from, channels int, byAlpha bool) {
	clear(line)
	for i, t := range columns {
		sum := line[i*channels : (i+1)*channels]
		p := row[(t.from-from)*channels:]
		switch {
		case channels == 1:
			for k, weight := range t.weights {
				sum[0] += weight * float32(p[k])
			}
		case channels == 3:
			var r, g, b float32
			for k, weight := range t.weights {
				r += weight * float32(p[3*k])
				g += weight * float32(p[3*k+1])
				b += weight * float32(p[3*k+2])
			}
			sum[0], sum[1], sum[2] = r, g, b
		default:
			for k, weight := range t.weights {
				colour := weight
				if byAlpha {
					colour *= float32(p[4*k+3]) / math.MaxUint16
				}
				for c := range 3 {
					sum[c] += colour * float32(p[4*k+c])
				}
				sum[3] += weight * float32(p[4*k+3])
			}
		}
	}
}

// taps are the source's pixels that one of the result is made of.
type taps struct {
	from    int
	weights []float32 // their sum is 1
}

func (t taps) end() int { return t.from + len(t.weights) }

// same takes each pixel as it is.
func same(size int) []taps {
	all, one := make([]taps, size), []float32{1}
	for i := range all {
		all[i] = taps{i, one}
	}
	return all
}

// weigh spreads a triangle over each pixel of the result: as wide as two pixels of the
// source or of the result, whichever are larger.
func weigh(start, length float64, size, result int) []taps {
	all := make([]taps, result)
	step := length / float64(result)
	reach := max(step, 1)
	for i := range all {
		centre := start + (float64(i)+0.5)*step
		from := max(int(centre-reach+0.5), 0)
		to := min(int(centre+reach+0.5), size)
		weights, sum := make([]float64, max(to-from, 1)), 0.0
		for k := range weights {
			weights[k] = max(0, 1-math.Abs(float64(from+k)+0.5-centre)/reach)
			sum += weights[k]
		}
		t := taps{from: min(from, size-1), weights: make([]float32, len(weights))}
		for k, w := range weights {
			t.weights[k] = 1 // of one pixel, whatever its weight
			if sum > 0 {
				t.weights[k] = float32(w / sum)
			}
		}
		all[i] = t
	}
	return all
}

package cpu

import "unsafe"

const (
	// A block of lines, of which the innermost loop takes four at a time, is as long
	// along the sum as depth says: packed, it stays in the second-level cache.
	gatheredLines = 128
	otherLines    = 64
)

// contraction multiplies a gathered tensor by another, and adds to a third: out[r, c] +=
// Σ other[r, l] · gathered[c, l], where the lines c are positions and the elements l of
// the sum taps, or, with overTaps false, the lines are taps and the sum goes over
// positions. r are rows that lie apart in other and out by their own distances.
//
// It is a matrix product whose factors are packed in blocks, so that it needs memory for
// two blocks and no matrix of windows. In Go, a stretch of the sum, up to depth, is added
// up by itself, and then to out: so the error doesn't grow with every product.
type contraction[T float] struct {
	gathering
	overTaps             bool
	rows                 int
	rowOfOther, rowOfOut int

	panel           int               // how many lines a packed panel has
	tiles           *gatheredTiles[T] // what multiplies panels; nil for Go
	gathered, other []T               // packed: panels of lines, and in Go also of four rows; in scratch memory, while it runs
	roomGathered    int               // elements
	roomOther       int
	ofLine, ofSum   []int // where the lines of a block lie in out, and the elements in other
	inside          []reachable
	deep            int // how much of the sum is packed
}

// reachable are the positions along a row from which a tap of the innermost dim sees an
// element: from up to, and not including, to.
type reachable struct{ from, to int }

// newContraction makes room for sums over taps, or over positions, of up to so many lines
// and elements, and up to so many taps in a row.
func newContraction[T float](overTaps bool, lines, sum, taps int) *contraction[T] {
	deep, wide := min(sum, depth), min(lines, gatheredLines)
	c := &contraction[T]{overTaps: overTaps, panel: tileCols, inside: make([]reachable, taps)}
	if c.tiles = newGatheredTiles[T](deep); c.tiles != nil {
		wide, c.panel = min(lines, c.tiles.lines), c.tiles.wide
	}
	c.roomGathered, c.roomOther = roundUp(roundUp(wide, c.panel)*deep, cacheLine), otherLines*deep
	scratch.need((c.roomGathered + c.roomOther) * int(unsafe.Sizeof(*new(T))))
	c.ofLine, c.ofSum = make([]int, wide), make([]int, deep)
	return c
}

// contractions binds run to be called with all lines, in parts if their flops are worth it.
// Each part has a contraction of its own.
func contractions[T float](a *Args, lines int, flops float64, make func() *contraction[T], run func(c *contraction[T], first, end int)) func() {
	first := make()
	panels := (lines + first.panel - 1) / first.panel
	parts := a.parts(flops/flopsPerNano, panels)
	runs := []func(){}
	for part := range parts {
		c := first
		if part > 0 {
			c = make()
		}
		from, end := panels*part/parts*c.panel, min(panels*(part+1)/parts*c.panel, lines)
		runs = append(runs, func() {
			block := scratch.borrow()
			room := unsafe.Slice((*T)(block.at), c.roomGathered+c.roomOther)
			c.gathered, c.other = room[:c.roomGathered], room[c.roomGathered:]
			run(c, from, end)
			c.gathered, c.other = nil, nil
			scratch.giveBack(block)
		})
	}
	return together(runs)
}

// see chooses what is gathered.
func (c *contraction[T]) see(g gathering) {
	c.gathering = g
	c.inside = c.inside[:g.taps[2]]
	for t := range c.inside {
		c.inside[t] = g.reachable(t)
	}
}

// sum is how long the sum is.
func (c *contraction[T]) sum() int {
	if c.overTaps {
		return c.channels * c.taps.numel()
	}
	return c.batch * c.positions.numel()
}

// reachable solves 0 <= p · step + t · tapStep + origin < size for p.
func (g *gathering) reachable(t int) reachable {
	at, step, last := t*g.tapStep[2]+g.origin[2], g.step[2], g.positions[2]
	from, to := 0, 0
	if at < 0 {
		from = (-at + step - 1) / step
	}
	if at < g.size[2] {
		to = (g.size[2] - at + step - 1) / step
	}
	to = min(to, last)
	return reachable{min(from, to), to}
}

// run adds the lines from first up to end of the product to out.
func (c *contraction[T]) run(out, other, gathered []T, first, end int) {
	sum := c.sum()
	ofLine, ofSum := c.ofPosition, c.ofTap
	lineDims, sumDims := c.positions, c.taps
	if !c.overTaps {
		ofLine, ofSum, lineDims, sumDims = ofSum, ofLine, sumDims, lineDims
	}
	for l0 := first; l0 < end; l0 += len(c.ofLine) {
		wide := min(len(c.ofLine), end-l0)
		ofLine.offsets(c.ofLine[:wide], l0, lineDims)
		for s0 := 0; s0 < sum; s0 += depth {
			c.deep = min(depth, sum-s0)
			ofSum.offsets(c.ofSum[:c.deep], s0, sumDims)
			if c.overTaps {
				c.gather(gathered, l0, wide, s0, c.deep)
			} else {
				c.gather(gathered, s0, c.deep, l0, wide)
			}
			if c.tiles != nil {
				c.multiplyTiles(out, other, wide)
				continue
			}
			for r0 := 0; r0 < c.rows; r0 += otherLines {
				c.packOther(other, r0)
				c.multiply(out, r0, wide)
			}
		}
	}
}

// offsets lists where some positions or taps lie, from number first on.
func (p *place) offsets(to []int, first int, dims spatial) {
	i2, rest := first%dims[2], first/dims[2]
	i1, rest := rest%dims[1], rest/dims[1]
	i0, outer := rest%dims[0], rest/dims[0]
	for i := range to {
		to[i] = p.first + outer*p.outer + i0*p.inner[0] + i1*p.inner[1] + i2*p.inner[2]
		if i2++; i2 < dims[2] {
			continue
		}
		i2 = 0
		if i1++; i1 < dims[1] {
			continue
		}
		i1 = 0
		if i0++; i0 == dims[0] {
			i0 = 0
			outer++
		}
	}
}

// packOther packs a block of the other factor's rows, from r0 on.
func (c *contraction[T]) packOther(other []T, r0 int) {
	deep, rows := c.deep, min(otherLines, c.rows-r0)
	for i0 := 0; i0 < rows; i0 += tileRows {
		panel := c.other[i0*deep : (i0+tileRows)*deep]
		for i := range min(tileRows, rows-i0) {
			row := other[(r0+i0+i)*c.rowOfOther:]
			for l, at := range c.ofSum[:deep] {
				panel[4*l+i] = row[at]
			}
		}
	}
}

// multiply adds the product of what is packed to out.
func (c *contraction[T]) multiply(out []T, r0, wide int) {
	deep, rows := c.deep, min(otherLines, c.rows-r0)
	for j := 0; j < wide; j += tileCols {
		b := c.gathered[j*deep : (j+tileCols)*deep]
		at := c.ofLine[j:min(j+tileCols, wide)]
		for i := 0; i < rows; i += tileRows {
			a := c.other[i*deep : (i+tileRows)*deep]
			var t [tileRows][tileCols]T
			halfTile(&t[0], &t[1], a, b)
			if rows-i > 2 {
				halfTile(&t[2], &t[3], a[2:], b)
			}
			for r := range min(tileRows, rows-i) {
				row := out[(r0+i+r)*c.rowOfOut:]
				for e, to := range at {
					row[to] += t[r][e]
				}
			}
		}
	}
}

// gather packs what a number of positions see through a number of taps, from p0 and t0 on.
func (c *contraction[T]) gather(x []T, p0, positions, t0, taps int) {
	k2, rest := t0%c.taps[2], t0/c.taps[2]
	k1, rest := rest%c.taps[1], rest/c.taps[1]
	k0, channel := rest%c.taps[0], rest/c.taps[0]
	for t := range taps {
		c.gatherTap(x[channel*c.channel:], p0, positions, t, spatial{k0, k1, k2})
		if k2++; k2 < c.taps[2] {
			continue
		}
		k2 = 0
		if k1++; k1 < c.taps[1] {
			continue
		}
		k1 = 0
		if k0++; k0 == c.taps[0] {
			k0 = 0
			channel++
		}
	}
}

// gatherTap packs what positions see through one tap, which is the block's t-th.
func (c *contraction[T]) gatherTap(x []T, p0, positions, t int, tap spatial) {
	width := c.positions[2]
	i2, rest := p0%width, p0/width
	i1, rest := rest%c.positions[1], rest/c.positions[1]
	i0, example := rest%c.positions[0], rest/c.positions[0]
	var origin spatial
	for d, k := range tap {
		origin[d] = k*c.tapStep[d] + c.origin[d]
	}
	inside := c.inside[tap[2]]
	for done := 0; done < positions; {
		count := min(width-i2, positions-done)
		at0, at1 := i0*c.step[0]+origin[0], i1*c.step[1]+origin[1]
		from, to := max(inside.from-i2, 0), min(inside.to-i2, count)
		if uint(at0) >= uint(c.size[0]) || uint(at1) >= uint(c.size[1]) || from >= to {
			from, to = 0, 0
		}
		start := example*c.example + (at0*c.size[1]+at1)*c.size[2] + origin[2] + i2*c.step[2]
		c.fill(done, t, from)
		if from < to {
			c.put(done+from, t, to-from, x[start+from*c.step[2]:])
		}
		c.fill(done+to, t, count-to)
		done += count
		i2 = 0
		if i1++; i1 < c.positions[1] {
			continue
		}
		i1 = 0
		if i0++; i0 == c.positions[0] {
			i0 = 0
			example++
		}
	}
}

// start is where what a position sees through a tap is packed.
func (c *contraction[T]) start(p, t int) int {
	line, element := p, t
	if !c.overTaps {
		line, element = t, p
	}
	in := line % c.panel
	return (line-in)*c.deep + c.panel*element + in
}

// put packs n elements of a row of x, as what the block's positions from p on see through
// its t-th tap.
func (c *contraction[T]) put(p, t, n int, x []T) {
	step := c.step[2]
	if !c.overTaps { // positions follow each other along the sum
		to := c.gathered[c.start(p, t):]
		for i := range n {
			to[c.panel*i] = x[i*step]
		}
		return
	}
	for i := 0; i < n; { // and here side by side, as far as the panel goes
		to := c.gathered[c.start(p+i, t):]
		to = to[:min(c.panel-(p+i)%c.panel, n-i)]
		if step == 1 {
			copy(to, x[i:])
		} else {
			for e := range to {
				to[e] = x[(i+e)*step]
			}
		}
		i += len(to)
	}
}

// fill packs n zeros.
func (c *contraction[T]) fill(p, t, n int) {
	if !c.overTaps {
		if n > 0 {
			to := c.gathered[c.start(p, t):]
			for i := range n {
				to[c.panel*i] = 0
			}
		}
		return
	}
	for i := range n {
		c.gathered[c.start(p+i, t)] = 0
	}
}

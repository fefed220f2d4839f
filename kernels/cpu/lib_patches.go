package cpu

// patching is how windows lie over planes.
type patching struct {
	planes, height, width   int
	kernel, count           [2]int
	step, padding, dilation []int
}

// patchingOf reads the scalars of patches, from number first on, for planes of a shape and
// windows of another.
func patchingOf(a *Args, first int, planes, windows []int) *patching {
	if len(planes) != 3 || len(windows) != 5 || planes[0] != windows[0] {
		fail("windows of the shape %v don't lie over planes of %v", windows, planes)
	}
	p := &patching{planes: planes[0], height: planes[1], width: planes[2],
		kernel: [2]int{windows[1], windows[2]}, count: [2]int{windows[3], windows[4]},
		step: a.ints(first + 1), padding: a.ints(first + 2), dilation: a.ints(first + 3)}
	if len(p.step) != 2 || len(p.padding) != 2 || len(p.dilation) != 2 {
		fail("windows over planes have two steps, paddings and dilations, not %v, %v, %v", p.step, p.padding, p.dilation)
	}
	return p
}

// each calls f with the rows of windows' elements that are in x: their places in the
// windows taken apart and in x, how many there are, and how far they are apart in x.
func (p *patching) each(f func(from, to, count, step int)) {
	for plane := range p.planes {
		for ky := range p.kernel[0] {
			for kx := range p.kernel[1] {
				column := kx*p.dilation[1] - p.padding[1] // of the first window
				skip := 0
				if column < 0 {
					skip = (p.step[1] - 1 - column) / p.step[1]
				}
				column += skip * p.step[1]
				count := 0
				if column < p.width {
					count = min(p.count[1]-skip, (p.width-column+p.step[1]-1)/p.step[1])
				}
				for oy := range p.count[0] {
					row := oy*p.step[0] - p.padding[0] + ky*p.dilation[0]
					if row < 0 || row >= p.height || count <= 0 {
						continue
					}
					tap := (plane*p.kernel[0]+ky)*p.kernel[1] + kx
					f((tap*p.count[0]+oy)*p.count[1]+skip, (plane*p.height+row)*p.width+column, count, p.step[1])
				}
			}
		}
	}
}

package arrays

import (
	"bytes"
	"fmt"
	"io"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

const (
	// fillBytes is about how much of an array is in memory while it is prepared.
	fillBytes = 16 << 20
	// maxTurned is the most of a compressed array in column order, which must be in memory
	// as a whole.
	maxTurned = 256 << 20
)

// turned reports whether rows aren't next to each other, so that they must be gathered.
func (a *Array) turned() bool {
	long := 0
	for _, n := range a.Shape {
		switch {
		case n == 0:
			return false
		case n > 1:
			long++
		}
	}
	return a.Columns && long > 1
}

// prepare makes tables on disk of the arrays whose bytes can't be used as they are.
func (o *opening) prepare() error {
	for i := range o.table.fields {
		f := &o.table.fields[i]
		for k := range f.parts {
			p := &f.parts[k]
			if p.direct() || f.size == 0 {
				continue
			}
			a := p.array
			key := fmt.Sprintf("%s 1 %s %q %s %v %t as %s %d", o.format.Kind, p.file.Hash(), a.Name, a.typ(), a.Elem.Big, a.Columns, f.typ, f.classes)
			made, err := o.in.Prepare(o.ctx, key, []table.Column{{Type: f.typ}}, func(w table.Writer) error {
				w.Files([]string{p.file.Path})
				if err := o.fill(w, f, p); err != nil {
					return err
				}
				return o.in.Faultless()
			})
			if err != nil {
				return err
			}
			p.made = made
			o.table.made = append(o.table.made, made)
		}
	}
	return nil
}

// direct reports whether rows can be read from the file.
func (p *part) direct() bool { return p.array.Data != nil && !p.array.turned() }

// fill appends the rows of an array.
func (o *opening) fill(w table.Writer, f *field, p *part) error {
	next, err := p.blocks()
	if err != nil {
		return err
	}
	defer next.Close()
	raw := int64(f.typ.Shape.Numel()) * int64(p.array.Elem.Size)
	most := min(p.rows, max(1, fillBytes/max(raw, f.size)))
	src, dst := make([]byte, most*raw), make([]byte, most*f.size)
	for row := int64(0); row < p.rows; {
		if err := o.ctx.Err(); err != nil {
			return err
		}
		n := min(most, p.rows-row)
		if err := next.read(src[:n*raw], row, n); err != nil {
			return err
		}
		if err := o.accept(f, p, row, dst[:n*f.size], src[:n*raw]); err != nil {
			return err
		}
		for i := range n {
			if err := w.Append(dst[i*f.size:(i+1)*f.size], 0, row+i+1); err != nil {
				return err
			}
		}
		row += n
	}
	return next.end()
}

// accept converts rows, and reports those with elements that the field can't hold.
func (o *opening) accept(f *field, p *part, row int64, dst, src []byte) error {
	if f.convert(dst, src, p.array.Elem) == nil {
		return nil
	}
	raw := f.typ.Shape.Numel() * p.array.Elem.Size
	for ; len(src) > 0; row++ {
		if bad := f.convert(dst[:f.size], src[:raw], p.array.Elem); bad != nil {
			if err := o.in.Report(p.fault(f.typ.Shape, row, bad)); err != nil {
				return err
			}
		}
		src, dst = src[raw:], dst[f.size:]
	}
	return nil
}

// blocks reads an array's rows from first to last.
type blocks interface {
	read(dst []byte, row, n int64) error
	end() error
	Close() error
}

// blocks opens an array for reading its rows in order.
func (p *part) blocks() (blocks, error) {
	a := p.array
	if a.Data != nil {
		if a.turned() {
			return &gathered{a, p.file, a.Data}, nil
		}
		return &stream{io.NopCloser(io.NewSectionReader(a.Data, 0, int64(a.bytes()))), p.file}, nil
	}
	r, err := a.Stream()
	if err != nil {
		return nil, p.file.failed(err)
	}
	s := &stream{r, p.file}
	if !a.turned() {
		return s, nil
	}
	defer s.Close()
	if a.bytes() > maxTurned {
		return nil, fmt.Errorf("%s: %s is in column order (Fortran's) and compressed, and has %d bytes; at most %d can be turned: save it with np.ascontiguousarray, or uncompressed",
			p.file.Path, a.describe("array"), a.bytes(), maxTurned)
	}
	all := make([]byte, a.bytes())
	if err := s.read(all, 0, 0); err != nil {
		return nil, err
	}
	return &gathered{a, p.file, bytes.NewReader(all)}, s.end()
}

// bytes is the size of an array.
func (a *Array) bytes() int { return ir.MulSize(a.Shape.Numel(), a.Elem.Size) }

// stream reads rows that follow each other.
type stream struct {
	io.ReadCloser
	file *File
}

func (s *stream) read(dst []byte, _, _ int64) error {
	_, err := io.ReadFull(s, dst)
	return s.file.failed(err)
}

// end reads to the end of the stream, where checksums are compared.
func (s *stream) end() error {
	var more [1]byte
	n, err := s.Read(more[:])
	for n == 0 && err == nil {
		n, err = s.Read(more[:])
	}
	if n > 0 {
		return fmt.Errorf("%s: there are more bytes than its header says", s.file.Path)
	}
	if err == io.EOF {
		return nil
	}
	return s.file.failed(err)
}

// gathered reads rows of an array in column order.
type gathered struct {
	array *Array
	file  *File
	data  io.ReaderAt
}

// read gathers rows. The file has a column for each element of an example: as many
// neighbours as the array has rows. Short columns are read whole, several at a time; of
// long ones, only the wanted rows.
func (g *gathered) read(dst []byte, row, n int64) error {
	shape, size := g.array.Shape, int64(g.array.Elem.Size)
	numel, column := int64(len(dst))/n/size, int64(shape[0])*size
	skip, width, many := row*size, n*size, int64(1)
	if column <= shortColumn {
		skip, width, many = 0, column, min(numel, spanBytes/column)
	}
	buffer := make([]byte, many*width)
	place := odometer{shape: shape[1:], strides: shape[1:].Strides(), index: make([]int, len(shape)-1)}
	for q := int64(0); q < numel; q += many {
		block := buffer[:min(many, numel-q)*width]
		if err := g.file.read(g.data, block, q*column+skip); err != nil {
			return err
		}
		for ; len(block) > 0; block = block[width:] {
			from := row*size - skip
			scatter(dst[int64(place.at)*size:], block[from:from+n*size], int(numel*size), int(size))
			place.next()
		}
	}
	return nil
}

const (
	shortColumn = 16 << 10
	spanBytes   = 1 << 20
)

// odometer counts through the elements of a shape, the first dimension fastest.
type odometer struct {
	shape   ir.Shape
	strides []int
	index   []int
	at      int // of the element, the last dimension's neighbours next to each other
}

func (o *odometer) next() {
	for d := range o.index {
		o.index[d]++
		o.at += o.strides[d]
		if o.index[d] < o.shape[d] {
			return
		}
		o.at -= o.index[d] * o.strides[d]
		o.index[d] = 0
	}
}

// scatter writes elements at a distance from each other.
func scatter(dst, src []byte, distance, size int) {
	for at := 0; len(src) > 0; at += distance {
		copy(dst[at:at+size], src[:size])
		src = src[size:]
	}
}

func (g *gathered) end() error   { return nil }
func (g *gathered) Close() error { return nil }

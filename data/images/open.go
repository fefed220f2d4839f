package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/data/images/decode"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// version is of the code that makes values of files: prepared tables of another one aren't
// used.
const version = 1

// open finds the images, and decodes them unless that has been done before.
func open(ctx context.Context, in *table.Input) (table.Table, error) {
	pictures, err := list(ctx, in)
	if err != nil {
		return nil, err
	}
	m := newMaker(in, pictures)
	prepared, err := in.Prepare(ctx, m.key(), m.columns, func(w table.Writer) error { return m.fill(ctx, w) })
	if err != nil {
		return nil, err
	}
	return images{prepared}, nil
}

// images is a prepared table of images.
type images struct{ table.Prepared }

// ReadFields implements table.Joint.
func (t images) ReadFields(fields []int, rows []int64, dst [][]byte) error {
	return table.ReadFields(t.Prepared, fields, rows, dst)
}

// At gives an image's file.
func (t images) At(row int64, _ int) table.Place {
	file, _ := t.Origin(row)
	return table.Place{File: file}
}

// maker makes values of images.
type maker struct {
	in       *table.Input
	pictures []picture
	columns  []table.Column
	texts    []*texts          // of fields of names
	options  []*decode.Options // of fields of pixels
	bytes    int               // of an example
}

// texts numbers names in the order of their first image.
type texts struct {
	of   func(*picture) string
	ids  map[string]int32
	list []string
}

func newMaker(in *table.Input, pictures []picture) *maker {
	n := len(in.Decl.Fields)
	m := &maker{in: in, pictures: pictures, columns: make([]table.Column, n), texts: make([]*texts, n), options: make([]*decode.Options, n)}
	for i := range in.Decl.Fields {
		f := &in.Decl.Fields[i]
		if value := f.Options.Text(keyValue); value == valueImage {
			m.options[i], m.columns[i].Type = optionsOf(in.Decl, f), f.Type
		} else {
			t := &texts{of: (*picture).name, ids: map[string]int32{}}
			if value == valueFolder {
				t.of = func(p *picture) string { return p.class }
			}
			for j := range pictures {
				name := t.of(&pictures[j])
				if _, ok := t.ids[name]; !ok {
					t.ids[name] = int32(len(t.list))
					t.list = append(t.list, name)
				}
			}
			m.texts[i], m.columns[i] = t, table.Column{Type: ir.Scalar(ir.I32), Texts: t.list}
		}
		m.bytes += m.columns[i].Type.Bytes()
	}
	return m
}

// key names all that the values depend on.
func (m *maker) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "images %d\n", version)
	for i := range m.columns {
		if o := m.options[i]; o != nil {
			fmt.Fprintf(&b, "pixels %s %s alpha %s resize %s\n", m.in.Decl.Fields[i].Name, m.columns[i].Type, o.Alpha, o.Resize)
		} else {
			fmt.Fprintf(&b, "%s %s\n", m.in.Decl.Fields[i].Options.Text(keyValue), m.in.Decl.Fields[i].Name)
		}
	}
	h := sha256.New()
	for i := range m.pictures {
		p := &m.pictures[i]
		fmt.Fprintf(h, "%q %q %s\n", p.class, p.name(), p.hash)
	}
	fmt.Fprintf(&b, "files %s\n", hex.EncodeToString(h.Sum(nil)))
	return b.String()
}

// fill decodes all images, many at a time, and appends them in their order.
func (m *maker) fill(ctx context.Context, w table.Writer) error {
	names := make([]string, len(m.pictures))
	for i := range names {
		names[i] = m.pictures[i].path
	}
	w.Files(names)
	for i, t := range m.texts {
		if t != nil {
			w.Texts(i, t.list)
		}
	}
	const group = 256 // images that are decoded before the first of them is appended
	size := min(group, max(1, (64<<20)/max(m.bytes, 1)))
	values, faults := make([]byte, size*m.bytes), make([]error, size)
	budget := newBudget()
	for from := 0; from < len(m.pictures); from += size {
		n := min(size, len(m.pictures)-from)
		err := parallel(ctx, n, func(i int) error {
			p := &m.pictures[from+i]
			release := budget.take(p.pixels)
			defer release()
			var err error
			faults[i], err = m.decode(w, p, values[i*m.bytes:(i+1)*m.bytes])
			return err
		})
		if err != nil {
			return err
		}
		for i := range n {
			if faults[i] != nil {
				if err := m.in.Report(m.pictures[from+i].fault(faults[i].Error())); err != nil {
					return err
				}
				continue
			}
			if err := w.Append(values[i*m.bytes:(i+1)*m.bytes], from+i, 0); err != nil {
				return err
			}
		}
	}
	return m.in.Faultless()
}

// decode gives an image's values. What is wrong with the image is a fault; other errors
// end all.
func (m *maker) decode(w table.Writer, p *picture, dst []byte) (fault, err error) {
	f, err := m.in.Files.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// A file that has grown is another one: one byte more is enough to see it.
	most := int64(8)*p.pixels + decode.Slack
	content := bytes.NewBuffer(make([]byte, 0, min(info.Size(), most)+bytes.MinRead))
	if _, err := content.ReadFrom(io.LimitReader(f, most+1)); err != nil {
		return nil, err
	}
	if err := w.Hashed(p.path, p.hash, prepared.HashOf(content.Bytes())); err != nil {
		return nil, err
	}
	for i := range m.columns {
		n := m.columns[i].Type.Bytes()
		if t := m.texts[i]; t != nil {
			binary.LittleEndian.PutUint32(dst, uint32(t.ids[t.of(p)]))
		} else if err := decode.Image(content.Bytes(), m.options[i], dst[:n]); err != nil {
			return err, nil
		}
		dst = dst[n:]
	}
	return nil, nil
}

// parallel calls a function for the numbers below n, on all processors. Of several errors
// it gives the one of the lowest number.
func parallel(ctx context.Context, n int, f func(int) error) error {
	var mutex sync.Mutex
	next, failed, failure := 0, n, error(nil)
	take := func() (int, bool) {
		mutex.Lock()
		defer mutex.Unlock()
		next++
		return next - 1, next <= failed && ctx.Err() == nil
	}
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		all.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				if err := f(i); err != nil {
					mutex.Lock()
					if i < failed {
						failed, failure = i, err
					}
					mutex.Unlock()
				}
			}
		})
	}
	all.Wait()
	if failure == nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return failure
}

// budget bounds the pixels that are decoded at the same time, but for a single image that
// has more.
type budget struct {
	mutex sync.Mutex
	freed *sync.Cond
	inUse int64
}

// most is how many pixels are decoded at the same time; one takes up to 8 bytes.
const most = 32 << 20

func newBudget() *budget {
	b := &budget{}
	b.freed = sync.NewCond(&b.mutex)
	return b
}

// take waits until so many pixels may be decoded.
func (b *budget) take(pixels int64) (release func()) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for b.inUse > 0 && b.inUse+pixels > most {
		b.freed.Wait()
	}
	b.inUse += pixels
	return func() {
		b.mutex.Lock()
		b.inUse -= pixels
		b.mutex.Unlock()
		b.freed.Broadcast()
	}
}

package text

import (
	"encoding/binary"
	"errors"
	"sort"
	"unicode/utf8"

	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// document is an open file.
type document struct {
	path   string
	file   *prepared.Snapshot
	index  *index // of characters; nil: of bytes
	first  int64  // the number of its first token, if the files are one text
	tokens int64
	row    int64 // the number of its first window, if windows don't cross files
}

// texts are the windows of files.
type texts struct {
	fields      []table.Field
	characters  bool
	across      bool
	from, to    int64        // the tokens of a window that fields take
	last        *table.Field // the field that ends last
	stride      int64
	documents   []*document
	book        book
	tokens      int64
	windows     int64
	fingerprint string
}

var (
	_ table.Overlapping = (*texts)(nil)
	_ table.Sequenced   = (*texts)(nil)
)

func (t *texts) Len() int64 { return t.windows }

func (t *texts) Column(field int) table.Column {
	declared := t.fields[field].Type
	if !t.characters {
		return table.Column{Type: declared}
	}
	return table.Column{Type: ir.Type{DType: ir.I32, Shape: declared.Shape}, Texts: t.book.texts}
}

func (t *texts) Fingerprint() string { return t.fingerprint }

// Overlap counts the windows before one whose fields reach into it.
func (t *texts) Overlap() int64 { return max(0, (t.to-t.from-1)/t.stride) }

// OverlapOf counts the windows before one that reach into it with the field alone.
func (t *texts) OverlapOf(field int) int64 { return (length(&t.fields[field]) - 1) / t.stride }

// Verify does nothing: opening reads everything.
func (t *texts) Verify() error { return nil }

func (t *texts) Close() (err error) {
	for _, d := range t.documents {
		err = errors.Join(err, d.file.Close())
	}
	return err
}

// find gives the document and the number in it of a token of a window.
func (t *texts) find(row, token int64) (document int, number int64) {
	if t.across {
		number = row*t.stride + token
		document = sort.Search(len(t.documents), func(i int) bool { return t.documents[i].first > number }) - 1
		return document, number - t.documents[document].first
	}
	document = sort.Search(len(t.documents), func(i int) bool { return t.documents[i].row > row }) - 1
	return document, (row-t.documents[document].row)*t.stride + token
}

func (t *texts) At(row int64, field int) table.Place {
	if !t.characters {
		document, _ := t.find(row, offset(&t.fields[field]))
		return table.Place{File: t.documents[document].path, Row: row + 1}
	}
	return t.ElementAt(row, field, 0)
}

func (t *texts) ElementAt(row int64, field, element int) table.Place {
	document, number := t.find(row, offset(&t.fields[field])+int64(element))
	d := t.documents[document]
	if d.index == nil {
		return table.Place{File: d.path, Row: row + 1}
	}
	p := table.Place{File: d.path}
	m, at, end := d.index.span(number, number)
	line, begin := m.line, m.begin
	text := make([]byte, end-m.at)
	if _, err := d.file.ReadAt(text, m.at); err != nil {
		return p
	}
	for ; at < number; at++ {
		r, size := utf8.DecodeRune(text)
		if text = text[size:]; r == '\n' {
			line, begin = line+1, at+1
		}
	}
	p.Row, p.Char = line, number-begin+1
	return p
}

// runTokens is up to how many tokens of windows that follow each other are read at once.
const runTokens = 16 << 10

func (t *texts) Read(field int, rows []int64, dst []byte) error {
	f := &t.fields[field]
	n, size := length(f), int64(t.Column(field).Type.DType.Size())
	var r reading
	for i := 0; i < len(rows); {
		document, number := t.find(rows[i], offset(f))
		count := t.run(document, rows[i:], n)
		out := dst[int64(i)*n*size : int64(i+count)*n*size]
		i += count
		if count == 1 {
			if err := r.tokens(t, document, number, out, size); err != nil {
				return err
			}
			continue
		}
		need := (int64(count-1)*t.stride + n) * size
		if int64(cap(r.run)) < need {
			r.run = make([]byte, need)
		}
		run := r.run[:need]
		if err := r.tokens(t, document, number, run, size); err != nil {
			return err
		}
		for k := range int64(count) {
			copy(out[k*n*size:(k+1)*n*size], run[k*t.stride*size:])
		}
	}
	return nil
}

// run counts the windows of n tokens that follow each other in one text, as many as are
// read at once.
func (t *texts) run(document int, rows []int64, n int64) int {
	if t.stride > 2*n {
		return 1 // most of what is read would lie between them
	}
	end := t.windows
	if !t.across && document+1 < len(t.documents) {
		end = t.documents[document+1].row
	}
	count := 1
	for count < len(rows) && rows[count] == rows[0]+int64(count) && rows[count] < end && int64(count)*t.stride+n <= runTokens {
		count++
	}
	return count
}

// reading is the memory that reading needs.
type reading struct {
	text []byte
	run  []byte // tokens of windows that follow each other
}

// tokens fills out with the tokens from one of a document on.
func (r *reading) tokens(t *texts, document int, number int64, out []byte, size int64) error {
	for ; len(out) > 0; document, number = document+1, 0 {
		d := t.documents[document]
		take := min(int64(len(out))/size, d.tokens-number)
		if take == 0 {
			continue
		}
		part := out[:take*size]
		var err error
		if d.index == nil {
			err = d.bytes(part, number, int(size))
		} else {
			r.text, err = d.characters(part, number, take, &t.book, r.text)
		}
		if err != nil {
			return err
		}
		out = out[len(part):]
	}
	return nil
}

// bytes writes bytes as little-endian integers of the given size, which fill out.
func (d *document) bytes(out []byte, number int64, size int) error {
	raw := out[len(out)-len(out)/size:] // at the end, so that none is overwritten before it is widened
	if _, err := d.file.ReadAt(raw, number); err != nil {
		return err
	}
	if size == 1 {
		return nil
	}
	if size == 4 {
		for i, c := range raw {
			binary.LittleEndian.PutUint32(out[4*i:4*i+4], uint32(c))
		}
		return nil
	}
	for i, c := range raw {
		binary.LittleEndian.PutUint64(out[8*i:8*i+8], uint64(c))
	}
	return nil
}

// characters writes the numbers that the book gives to characters.
func (d *document) characters(out []byte, number, count int64, b *book, buffer []byte) ([]byte, error) {
	m, at, end := d.index.span(number, number+count)
	if need := int(end - m.at); cap(buffer) < need {
		buffer = make([]byte, need)
	}
	text := buffer[:end-m.at]
	if _, err := d.file.ReadAt(text, m.at); err != nil {
		return buffer, err
	}
	for ; at < number; at++ {
		text = text[width(text):]
	}
	for i := range count {
		r, size := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text)
		}
		binary.LittleEndian.PutUint32(out[4*i:], uint32(b.number(r)))
		text = text[size:]
	}
	return buffer, nil
}

// width is how many bytes the first character takes.
func width(text []byte) int {
	switch c := text[0]; {
	case c < utf8.RuneSelf:
		return 1
	case c < 0xe0:
		return 2
	case c < 0xf0:
		return 3
	}
	return 4
}

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

func (t *texts) Read(field int, rows []int64, dst []byte) error {
	f := &t.fields[field]
	n := length(f)
	size := t.Column(field).Type.DType.Size()
	var buffer []byte
	for _, row := range rows {
		document, number := t.find(row, offset(f))
		for left := n; left > 0; document, number = document+1, 0 {
			d := t.documents[document]
			take := min(left, d.tokens-number)
			if take == 0 {
				continue
			}
			out := dst[:take*int64(size)]
			var err error
			if d.index == nil {
				err = d.bytes(out, number, size)
			} else {
				buffer, err = d.characters(out, number, take, &t.book, buffer)
			}
			if err != nil {
				return err
			}
			dst, left = dst[len(out):], left-take
		}
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

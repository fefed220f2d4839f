package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/flowrun/flowrun/data/arrays"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

const (
	magic = "\x93NUMPY"
	// maxHeader is the longest header that is read. NumPy itself reads no longer one unless
	// it is told to trust the file; those of plain arrays have 118 bytes.
	maxHeader = 10_000
	// maxRank is the most dimensions that NumPy's arrays have.
	maxRank = 64
)

// header is what a file says of its array.
type header struct {
	elem  arrays.Elem
	turn  bool // in column order
	shape ir.Shape
	size  int64 // of all before the elements
}

// bytes is how many bytes the elements have.
func (h *header) bytes() int { return ir.MulSize(h.shape.Numel(), h.elem.Size) }

// readHeader reads the header at the beginning of an array's file.
func readHeader(r io.Reader) (*header, error) {
	var start [12]byte
	n, err := io.ReadFull(r, start[:8])
	if err != nil && !early(err) {
		return nil, err
	}
	if n < len(magic) || string(start[:len(magic)]) != magic {
		return nil, notNPY(start[:n])
	}
	if n < 8 {
		return nil, fmt.Errorf("truncated: it has %d bytes, fewer than the 8 of the magic and the version", n)
	}
	width := 4
	switch major, minor := start[6], start[7]; {
	case major == 1 && minor == 0:
		width = 2
	case (major == 2 || major == 3) && minor == 0:
	default:
		return nil, fmt.Errorf("version %d.%d of the npy format is not supported; versions 1.0, 2.0 and 3.0 are", major, minor)
	}
	if n, err := io.ReadFull(r, start[8:8+width]); err != nil {
		return nil, short(err, "the header's length has %d bytes, but only %d follow", width, n)
	}
	length := int64(binary.LittleEndian.Uint32(start[8:]))
	if length > maxHeader {
		return nil, fmt.Errorf("the header has %d bytes; the limit is %d", length, maxHeader)
	}
	text := make([]byte, length)
	if n, err := io.ReadFull(r, text); err != nil {
		return nil, short(err, "the header should have %d bytes, but only %d follow", length, n)
	}
	p := parser{text: text}
	h, err := p.header()
	if err != nil {
		return nil, fmt.Errorf("in the header: %w", err)
	}
	h.size = int64(8+width) + length
	return h, nil
}

// early reports whether an error is the end of the file.
func early(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func short(err error, format string, args ...any) error {
	if !early(err) {
		return err
	}
	return fmt.Errorf("truncated: "+format, args...)
}

// parser reads a header: the text of a Python dict with three keys. Nothing else of
// Python's syntax is known to it, and nothing is evaluated.
type parser struct {
	text []byte
	at   int
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %w", p.at, fmt.Errorf(format, args...))
}

// header reads {'descr': '<f4', 'fortran_order': False, 'shape': (3, 8), } and blanks.
func (p *parser) header() (*header, error) {
	if !utf8.Valid(p.text) { // versions 1 and 2 are Latin-1, but what is read here is ASCII
		return nil, errors.New("it has characters that only field names could have; structured arrays are not supported")
	}
	h := &header{}
	seen := map[string]bool{}
	if err := p.expect('{'); err != nil {
		return nil, err
	}
	for p.peek() != '}' {
		key, err := p.quoted()
		if err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, p.errorf("%s appears twice", diag.Quote(key))
		}
		seen[key] = true
		if err := p.expect(':'); err != nil {
			return nil, err
		}
		switch key {
		case "descr":
			err = p.descr(h)
		case "fortran_order":
			h.turn, err = p.boolean()
		case "shape":
			h.shape, err = p.shape()
		default:
			err = p.errorf("%s is unknown; expected descr, fortran_order and shape", diag.Quote(key))
		}
		if err != nil {
			return nil, err
		}
		if p.peek() != '}' {
			if err := p.expect(','); err != nil {
				return nil, err
			}
		}
	}
	p.at++
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return nil, fmt.Errorf("%s is missing", key)
		}
	}
	if p.peek(); p.at < len(p.text) {
		return nil, p.errorf("unexpected text after the closing brace")
	}
	n := h.elem.Size
	for _, dim := range h.shape {
		n = ir.MulSize(n, dim)
	}
	if h.shape.Numel() > 0 && int64(n) == int64(^uint(0)>>1) {
		return nil, fmt.Errorf("the shape %s is too large: such an array has more than 2^63 bytes", diag.Cut(h.shape.String()))
	}
	return h, nil
}

// peek skips blanks, and gives the next byte, 0 at the end.
func (p *parser) peek() byte {
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (p *parser) expect(want byte) error {
	if got := p.peek(); got != want {
		return p.errorf("%s; expected %q", shown(got), string(want))
	}
	p.at++
	return nil
}

// shown is a byte in a message.
func shown(c byte) string {
	if c == 0 {
		return "the end"
	}
	return diag.Quote(string([]byte{c}))
}

// quoted reads a text in quotes. None that is known here has an escape sequence.
func (p *parser) quoted() (string, error) {
	quote := p.peek()
	if quote != '\'' && quote != '"' {
		return "", p.errorf("%s; expected a text in quotes", shown(quote))
	}
	for end := p.at + 1; end < len(p.text); end++ {
		switch p.text[end] {
		case '\\', '\n':
			return "", p.errorf("a text with an escape sequence or a line feed")
		case quote:
			text := string(p.text[p.at+1 : end])
			p.at = end + 1
			return text, nil
		}
	}
	return "", p.errorf("a quote that isn't closed")
}

func (p *parser) boolean() (bool, error) {
	p.peek()
	for _, word := range []string{"True", "False"} {
		if rest := p.text[p.at:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			p.at += len(word)
			return word == "True", nil
		}
	}
	return false, p.errorf("fortran_order is neither True nor False")
}

// shape reads (), (3,) or (3, 8).
func (p *parser) shape() (ir.Shape, error) {
	if err := p.expect('('); err != nil {
		return nil, err
	}
	shape := ir.Shape{}
	comma := true // before the next number
	for p.peek() != ')' {
		if !comma {
			return nil, p.errorf("%s in the shape; expected a comma or )", shown(p.peek()))
		}
		begin := p.at
		for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
			p.at++
		}
		n, err := strconv.Atoi(string(p.text[begin:p.at]))
		switch {
		case begin == p.at:
			return nil, p.errorf("%s in the shape; expected an integer that isn't negative", shown(p.peek()))
		case err != nil:
			return nil, p.errorf("the dimension %s is too large", diag.Cut(string(p.text[begin:p.at])))
		}
		if p.at < len(p.text) && p.text[p.at] == 'L' { // as Python 2 wrote it
			p.at++
		}
		if shape = append(shape, n); len(shape) > maxRank {
			return nil, p.errorf("the shape has more than %d dimensions", maxRank)
		}
		if comma = p.peek() == ','; comma {
			p.at++
		}
	}
	if len(shape) == 1 && !comma {
		return nil, p.errorf("the shape is a number in parentheses, not a tuple; expected a comma")
	}
	p.at++
	return shape, nil
}

package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// maxHeader is the longest header accepted, the same as in the reference library:
// enough for about a million tensors.
const maxHeader = 100_000_000

const metadataKey = "__metadata__"

// header is the checked header of a file.
type header struct {
	data     int64 // the file offset of the tensors' bytes
	names    []string
	entries  map[string]*entry
	metadata map[string]string

	checked  bool   // whether the file has checksums
	checksum uint32 // of the data
}

// entry is a tensor's entry in the header.
type entry struct {
	dtype      string  // as written
	typ        ir.Type // DType is Invalid if flowrun doesn't support it
	begin, end int64   // in bytes, relative to header.data
}

// readHeader reads and checks the header of a file of size bytes.
func readHeader(r io.ReaderAt, size int64) (*header, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, fmt.Errorf("not a safetensors file: it has %d bytes, fewer than the 8 of the header's length", size)
	}
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, err
	}
	length, rest := binary.LittleEndian.Uint64(prefix[:]), uint64(size)-8
	switch {
	case length > rest:
		return nil, fmt.Errorf("not a safetensors file, or truncated: the header should have %d bytes, but only %d follow", length, rest)
	case length > maxHeader:
		return nil, fmt.Errorf("the header has %d bytes; the limit is %d", length, maxHeader)
	}
	text := make([]byte, length)
	if length > 0 {
		if _, err := r.ReadAt(text, 8); err != nil {
			return nil, err
		}
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, err
	}
	if err := h.checkHeader(prefix[:], text); err != nil {
		return nil, err
	}
	h.data = 8 + int64(length)
	return h, h.check(size - h.data)
}

// check verifies that the entries fill n bytes of data without gaps or overlaps, and
// that each has the size that its shape requires.
func (h *header) check(n int64) error {
	byPlace := slices.Clone(h.names)
	slices.SortStableFunc(byPlace, func(a, b string) int {
		x, y := h.entries[a], h.entries[b]
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end))
	})
	var at int64
	for i, name := range byPlace {
		e := h.entries[name]
		switch {
		case e.begin > e.end:
			return fmt.Errorf("tensor %s: its data_offsets [%d, %d] are reversed", diag.Quote(name), e.begin, e.end)
		case e.end > n:
			return fmt.Errorf("tensor %s: its data ends at byte %d, but the file has %d bytes of data: it is cut off", diag.Quote(name), e.end, n)
		case e.begin < at:
			return fmt.Errorf("tensor %s: its data begins at byte %d, inside tensor %s, which ends at %d", diag.Quote(name), e.begin, diag.Quote(byPlace[i-1]), at)
		case e.begin > at:
			return fmt.Errorf("tensor %s: its data begins at byte %d; bytes %d to %d belong to no tensor", diag.Quote(name), e.begin, at, e.begin)
		}
		if err := e.checkSize(); err != nil {
			return fmt.Errorf("tensor %s: %w", diag.Quote(name), err)
		}
		at = e.end
	}
	if at < n {
		return fmt.Errorf("bytes %d to %d of the data belong to no tensor", at, n)
	}
	return nil
}

// checkSize compares the shape with the number of bytes, if the dtype's size is known.
func (e *entry) checkSize() error {
	if e.typ.DType == ir.Invalid {
		return nil
	}
	need, overflow := uint64(e.typ.DType.Size()), false
	for _, dim := range e.typ.Shape {
		var high uint64
		high, need = bits.Mul64(need, uint64(dim))
		overflow = overflow || high != 0
	}
	if slices.Contains(e.typ.Shape, 0) {
		need, overflow = 0, false
	}
	if have := uint64(e.end - e.begin); overflow {
		return fmt.Errorf("%s of shape %s needs more than 2^64 bytes; the file has %d for it", e.dtype, diag.Cut(e.typ.Shape.String()), have)
	} else if need != have {
		return fmt.Errorf("%s of shape %s needs %d bytes; the file has %d for it", e.dtype, diag.Cut(e.typ.Shape.String()), need, have)
	}
	return nil
}

// parseHeader parses the header's JSON token by token, because decoding into maps
// would hide duplicate names.
func parseHeader(text []byte) (*header, error) {
	switch {
	case len(text) == 0 || text[0] != '{':
		return nil, errors.New("not a safetensors file: the header doesn't begin with {")
	case !utf8.Valid(text):
		return nil, errors.New("the header is not UTF-8")
	}
	p := parser{json.NewDecoder(bytes.NewReader(text))}
	p.UseNumber()
	h := &header{entries: map[string]*entry{}}
	err := p.object(func(name string) (err error) {
		if name == metadataKey {
			if h.metadata != nil {
				return fmt.Errorf("%s appears twice", metadataKey)
			}
			h.metadata, err = p.metadata()
			return err
		}
		if h.entries[name] != nil {
			return fmt.Errorf("the tensor %s appears twice", diag.Quote(name))
		}
		if h.entries[name], err = p.entry(); err != nil {
			return fmt.Errorf("tensor %s: %w", diag.Quote(name), err)
		}
		return nil
	})
	if err == nil {
		if _, end := p.Token(); end != io.EOF {
			err = errors.New("unexpected data after the closing brace")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("in the header: %w", err)
	}
	h.names = slices.Sorted(maps.Keys(h.entries))
	return h, nil
}

// parser reads the parts of a header from JSON tokens.
type parser struct{ *json.Decoder }

// next returns the next token, which must be of type T.
func next[T json.Token](p parser, want string) (T, error) {
	var none T
	token, err := p.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return none, err
	}
	t, ok := token.(T)
	if !ok {
		return none, fmt.Errorf("%s at byte %d; expected %s", diag.Cut(fmt.Sprint(token)), p.InputOffset(), want)
	}
	return t, nil
}

func (p parser) delim(want json.Delim) error {
	d, err := next[json.Delim](p, want.String())
	if err == nil && d != want {
		err = fmt.Errorf("%s at byte %d; expected %s", d, p.InputOffset(), want)
	}
	return err
}

// object reads an object and calls value for each key to read its value.
func (p parser) object(value func(key string) error) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	for p.More() {
		key, err := next[string](p, "a key")
		if err != nil {
			return err
		}
		if err := value(key); err != nil {
			return err
		}
	}
	return p.delim('}')
}

func (p parser) metadata() (map[string]string, error) {
	m := map[string]string{}
	err := p.object(func(key string) (err error) {
		if _, twice := m[key]; twice {
			return fmt.Errorf("%s: %s appears twice", metadataKey, diag.Quote(key))
		}
		if m[key], err = next[string](p, "a string"); err != nil {
			return fmt.Errorf("%s: %s: %w", metadataKey, diag.Quote(key), err)
		}
		return nil
	})
	return m, err
}

// entry reads {"dtype": "F32", "shape": [16, 8], "data_offsets": [0, 512]}.
func (p parser) entry() (*entry, error) {
	e := &entry{}
	var seen [3]bool
	keys := []string{"dtype", "shape", "data_offsets"}
	err := p.object(func(key string) (err error) {
		i := slices.Index(keys, key)
		if i < 0 {
			return fmt.Errorf("%s is unknown; expected dtype, shape and data_offsets", diag.Quote(key))
		}
		if seen[i] {
			return fmt.Errorf("%s appears twice", key)
		}
		seen[i] = true
		switch key {
		case "dtype":
			e.dtype, err = next[string](p, "a string")
			e.typ.DType = dtypes[e.dtype]
		case "shape":
			e.typ.Shape, err = p.numbers()
		case "data_offsets":
			var at []int
			if at, err = p.numbers(); err == nil && len(at) != 2 {
				err = fmt.Errorf("has %d elements; expected 2", len(at))
			}
			if err == nil {
				e.begin, e.end = int64(at[0]), int64(at[1])
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if i := slices.Index(seen[:], false); err == nil && i >= 0 {
		err = fmt.Errorf("%s is missing", keys[i])
	}
	return e, err
}

// numbers reads a list of non-negative integers.
func (p parser) numbers() ([]int, error) {
	if err := p.delim('['); err != nil {
		return nil, err
	}
	list := []int{}
	for p.More() {
		text, err := next[json.Number](p, "a number")
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(text.String())
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%s is not an integer from 0 to %d", diag.Cut(text.String()), math.MaxInt)
		}
		list = append(list, n)
	}
	return list, p.delim(']')
}

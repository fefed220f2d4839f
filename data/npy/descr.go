package npy

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/data/arrays"
	"github.com/flowrun/flowrun/diag"
)

const supported = "bool, int8 to int64, uint8 to uint64, float16, float32 and float64"

// classes are the kinds of elements that are read, by NumPy's letter, and their sizes.
var classes = map[byte]struct {
	class arrays.Class
	sizes string
}{
	'b': {arrays.Bool, "1"},
	'i': {arrays.Int, "1248"},
	'u': {arrays.Uint, "1248"},
	'f': {arrays.Float, "248"},
}

// others are the kinds of elements that aren't read: what they are, and what to do.
var others = map[byte]struct{ what, help string }{
	'O': {"Python objects, which are pickled, and could run any program when they are loaded", "save numbers, as array.astype(np.float32)"},
	'U': {"texts", "save ids of classes as integers, or the texts in a CSV or JSON Lines file"},
	'S': {"texts", "save ids of classes as integers, or the texts in a CSV or JSON Lines file"},
	'a': {"texts", "save ids of classes as integers, or the texts in a CSV or JSON Lines file"},
	'c': {"complex numbers", "save the real and imaginary parts as arrays of their own"},
	'M': {"times", "save numbers, as (array - start) / np.timedelta64(1, 's')"},
	'm': {"durations", "save numbers, as array / np.timedelta64(1, 's')"},
	'V': {"records or raw bytes", "save each field as an array of its own; bfloat16 can be saved as float32 or in a safetensors file"},
}

// descr reads the type of elements, such as '<f4'.
func (p *parser) descr(h *header) error {
	if p.peek() == '[' || p.peek() == '(' {
		return p.errorf("the elements are records (a structured array); save each field as an array of its own")
	}
	text, err := p.quoted()
	if err != nil {
		return err
	}
	h.elem, err = parseDescr(text)
	return err
}

func parseDescr(text string) (arrays.Elem, error) {
	order, rest := byte(0), text
	if rest != "" && strings.IndexByte("<>|=", rest[0]) >= 0 {
		order, rest = rest[0], rest[1:]
	}
	refuse := func(what, help string) (arrays.Elem, error) {
		return arrays.Elem{}, fmt.Errorf("the dtype %s is not supported (%s); supported are %s: %s", diag.Quote(text), what, supported, help)
	}
	if rest == "" {
		return refuse("it isn't one of NumPy's", "save numbers")
	}
	if other, ok := others[rest[0]]; ok {
		return refuse(other.what, other.help)
	}
	c, ok := classes[rest[0]]
	if !ok {
		return refuse("it isn't one of NumPy's that have a byte order and a size", "save numbers")
	}
	if len(rest) != 2 || strings.IndexByte(c.sizes, rest[1]) < 0 {
		help := "save it as one of them, as array.astype(np.float64)"
		return refuse("its elements have another size", help)
	}
	e := arrays.Elem{Class: c.class, Size: int(rest[1] - '0')}
	switch {
	case order == '=' || order == 0 && e.Size > 1 || order == '|' && e.Size > 1:
		return refuse("it says no byte order", `write "<" or ">" before it`)
	case order == '>':
		e.Big = e.Size > 1
	}
	return e, nil
}

// notNPY says what a file is that isn't an npy file.
func notNPY(head []byte) error {
	if strings.HasPrefix(string(head), "PK\x03\x04") {
		return fmt.Errorf("not an npy file: it is a zip archive, as npz files are; declare npz")
	}
	if strings.HasPrefix(string(head), "\x1f\x8b") {
		return fmt.Errorf("not an npy file: it is compressed with gzip; decompress it")
	}
	if what := arrays.Recognize(string(head)); what != "" {
		return fmt.Errorf("not an npy file: it is %s", what)
	}
	return fmt.Errorf("not an npy file: it begins with %s instead of %s", diag.Quote(string(head[:min(len(head), len(magic))])), diag.Quote(magic))
}

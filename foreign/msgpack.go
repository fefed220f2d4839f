package foreign

import (
	"bytes"
	"encoding/binary"
)

// flax identifies a tree of arrays as flax.serialization writes it: MessagePack maps with
// strings as keys, in which an array is an extension of type 1.
func flax(s Sample) (c Content, ok bool) {
	if !(&packed{text: s.Head}).arrays(0) {
		return c, false
	}
	return Content{"weights of Flax (MessagePack)", inPython + "from flax import serialization, traverse_util; import numpy; " + saveNumPy +
		`d = traverse_util.flatten_dict(serialization.msgpack_restore(open("FILE", "rb").read()), sep="."); save_file({k: numpy.ascontiguousarray(v) for k, v in d.items()}, "OUT")` +
		"; kernels of Dense layers are transposed: a Linear's weight is kernel.T"}, true
}

// packed is a text in MessagePack that is being read.
type packed struct{ text []byte }

// next takes n bytes; nil if there are fewer.
func (p *packed) next(n int) []byte {
	if n < 0 || n > len(p.text) {
		p.text = nil
		return nil
	}
	taken := p.text[:n]
	p.text = p.text[n:]
	return taken
}

// size reads a number of so many bytes.
func (p *packed) size(bytes int) int {
	var padded [8]byte
	copy(padded[8-bytes:], p.next(bytes))
	return int(binary.BigEndian.Uint64(padded[:]))
}

const maxTree = 64 // maps in maps

// arrays reads a map, and reports whether it comes to an array in it.
func (p *packed) arrays(depth int) bool {
	first := p.next(1)
	if first == nil || depth > maxTree {
		return false
	}
	n := 0
	switch b := first[0]; {
	case b&0xf0 == 0x80:
		n = int(b & 0x0f)
	case b == 0xde:
		n = p.size(2)
	case b == 0xdf:
		n = p.size(4)
	}
	for ; n > 0 && len(p.text) > 0; n-- {
		key, ok := p.key()
		if !ok {
			return false
		}
		if bytes.Equal(key, []byte("__msgpack_chunked_array__")) || p.isArray() {
			return true
		}
		switch b := p.first(); {
		case b&0xf0 == 0x80 || b == 0xde || b == 0xdf:
			if p.arrays(depth + 1) {
				return true
			}
		case !p.scalar():
			return false
		}
	}
	return false
}

func (p *packed) first() byte {
	if len(p.text) == 0 {
		return 0xc1 // never used
	}
	return p.text[0]
}

// key reads a string.
func (p *packed) key() ([]byte, bool) {
	b := p.first()
	p.next(1)
	n := 0
	switch {
	case b&0xe0 == 0xa0:
		n = int(b & 0x1f)
	case b == 0xd9:
		n = p.size(1)
	case b == 0xda:
		n = p.size(2)
	default:
		return nil, false
	}
	key := p.next(n)
	return key, key != nil
}

// isArray reports whether an array comes next: a tuple of shape, dtype and bytes.
func (p *packed) isArray() bool {
	for prefix, size := range map[byte]int{0xc7: 1, 0xc8: 2, 0xc9: 4} {
		if p.first() == prefix && len(p.text) > size+2 && p.text[size+1] == 1 && p.text[size+2] == 0x93 {
			return true
		}
	}
	return false
}

// scalar skips a number, nil, a bool or a string; a step's number may stand before the
// arrays.
func (p *packed) scalar() bool {
	b := p.first()
	if _, text := (&packed{p.text}).key(); text {
		p.key()
		return true
	}
	p.next(1)
	switch {
	case b < 0x80 || b >= 0xe0 || b == 0xc0 || b == 0xc2 || b == 0xc3:
	case b == 0xcc || b == 0xd0:
		p.next(1)
	case b == 0xcd || b == 0xd1:
		p.next(2)
	case b == 0xca || b == 0xce || b == 0xd2:
		p.next(4)
	case b == 0xcb || b == 0xcf || b == 0xd3:
		p.next(8)
	default:
		return false
	}
	return true
}

package arrays

import (
	"encoding/binary"
	"sync"

	"github.com/flowrun/flowrun/ir"
)

// Elements of 8 bits, such as those of images, are looked up: there are only 256.

// lookup are the bits of all values of an 8-bit type as elements of a dtype.
type lookup struct {
	bits [256]uint64
	bad  [256]*misfit // of values that the dtype can't hold
	any  bool         // there are such
}

type pair struct {
	from Elem
	to   ir.DType
}

var lookups sync.Map // of *lookup, by pair

// lookupOf makes the table for two types, once.
func lookupOf(from Elem, d ir.DType) *lookup {
	if l, ok := lookups.Load(pair{from, d}); ok {
		return l.(*lookup)
	}
	l := &lookup{}
	for v := range 256 {
		var b [8]byte
		l.bad[v] = convertAll(b[:d.Size()], []byte{byte(v)}, from, d)
		l.bits[v] = binary.LittleEndian.Uint64(b[:])
		l.any = l.any || l.bad[v] != nil
	}
	lookups.Store(pair{from, d}, l)
	return l
}

// convert is convert for elements of 8 bits.
func (l *lookup) convert(dst, src []byte, size int) *misfit {
	if l.any {
		for i, v := range src {
			if bad := l.bad[v]; bad != nil {
				return &misfit{i, bad.message}
			}
		}
	}
	switch size {
	case 1:
		for i, v := range src {
			dst[i] = byte(l.bits[v])
		}
	case 2:
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], uint16(l.bits[v]))
		}
	case 4: // such as pixels as f32: eight at a time, two in a store
		for len(src) >= 8 && len(dst) >= 32 {
			v := binary.LittleEndian.Uint64(src)
			binary.LittleEndian.PutUint64(dst, l.pairs(v))
			binary.LittleEndian.PutUint64(dst[8:], l.pairs(v>>16))
			binary.LittleEndian.PutUint64(dst[16:], l.pairs(v>>32))
			binary.LittleEndian.PutUint64(dst[24:], l.pairs(v>>48))
			src, dst = src[8:], dst[32:]
		}
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], uint32(l.bits[v]))
		}
	default:
		for i, v := range src {
			binary.LittleEndian.PutUint64(dst[8*i:], l.bits[v])
		}
	}
	return nil
}

// pairs are two elements of 4 bytes, from the lowest bytes of v.
func (l *lookup) pairs(v uint64) uint64 { return l.bits[byte(v)] | l.bits[byte(v>>8)]<<32 }

package arrays

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/ir"
)

// misfit is an element that the dtype of a field can't hold.
type misfit struct {
	element int
	message string // "is 300; u8 holds 0 to 255"
}

// chunk is how many elements are converted at a time: few enough for the first cache.
const chunk = 512

// convert writes the elements of src to dst, as little-endian elements of a dtype that
// they fit. It stops at an element that can't be converted.
func convert(dst, src []byte, from Elem, d ir.DType) *misfit {
	if from.same(Of(d)) {
		if from.Class == Bool {
			if i := slices.IndexFunc(src, func(b byte) bool { return b > 1 }); i >= 0 {
				return &misfit{i, fmt.Sprintf("is the byte %d; a bool is 0 or 1", src[i])}
			}
		}
		copy(dst, src)
		if from.Big {
			swap(dst, from.Size)
		}
		return nil
	}
	if from.Size == 1 {
		return lookupOf(from, d).convert(dst, src, d.Size())
	}
	if from.Class == Float && !from.Big && from.Size == 4 && d == ir.F64 {
		widen(dst, src)
		return nil
	}
	if from.Class == Float && !from.Big && from.Size == 8 && d == ir.F32 && narrow(dst, src) {
		return nil
	}
	return convertAll(dst, src, from, d)
}

// widen makes f64 of f32.
func widen(dst, src []byte) {
	for ; len(src) >= 4 && len(dst) >= 8; src, dst = src[4:], dst[8:] {
		binary.LittleEndian.PutUint64(dst, math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(src)))))
	}
}

// narrow makes f32 of f64, and reports whether none became infinite.
func narrow(dst, src []byte) bool {
	largest := uint32(0) // of the magnitudes' bits, which are ordered as they are
	for ; len(src) >= 8 && len(dst) >= 4; src, dst = src[8:], dst[4:] {
		bits := math.Float32bits(float32(math.Float64frombits(binary.LittleEndian.Uint64(src))))
		largest = max(largest, bits&^(1<<31))
		binary.LittleEndian.PutUint32(dst, bits)
	}
	return largest < 0x7f800000
}

// convertAll converts elements of any two types, by way of the widest of their kind.
func convertAll(dst, src []byte, from Elem, d ir.DType) *misfit {
	size := d.Size()
	var ints [chunk]int64
	var floats [chunk]float64
	var swapped [8 * chunk]byte
	for at := 0; at < len(src)/from.Size; at += chunk {
		n := min(chunk, len(src)/from.Size-at)
		in, out := src[at*from.Size:(at+n)*from.Size], dst[at*size:(at+n)*size]
		if from.Big {
			in = swapped[:copy(swapped[:], in)]
			swap(in, from.Size)
		}
		var bad *misfit
		if from.isFloat() {
			loadFloats(floats[:n], in, from)
			bad = storeFloats(out, floats[:n], d)
		} else if bad = loadInts(ints[:n], in, from); bad == nil {
			bad = storeInts(out, ints[:n], d)
		}
		if bad != nil {
			bad.element += at
			return bad
		}
	}
	return nil
}

// swap reverses the bytes of each element.
func swap(b []byte, size int) {
	switch size {
	case 2:
		for ; len(b) >= 2; b = b[2:] {
			b[0], b[1] = b[1], b[0]
		}
	case 4:
		for ; len(b) >= 4; b = b[4:] {
			binary.LittleEndian.PutUint32(b, binary.BigEndian.Uint32(b))
		}
	case 8:
		for ; len(b) >= 8; b = b[8:] {
			binary.LittleEndian.PutUint64(b, binary.BigEndian.Uint64(b))
		}
	}
}

// loadInts reads little-endian integers. One that an int64 can't hold is a misfit.
func loadInts(dst []int64, src []byte, from Elem) *misfit {
	switch signed := from.Class == Int; {
	case from.Size == 1 && signed:
		for i := range dst {
			dst[i] = int64(int8(src[i]))
		}
	case from.Size == 1:
		for i := range dst {
			dst[i] = int64(src[i])
		}
	case from.Size == 2 && signed:
		for i := range dst {
			dst[i] = int64(int16(binary.LittleEndian.Uint16(src[2*i:])))
		}
	case from.Size == 2:
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case from.Size == 4 && signed:
		for i := range dst {
			dst[i] = int64(int32(binary.LittleEndian.Uint32(src[4*i:])))
		}
	case from.Size == 4:
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint32(src[4*i:]))
		}
	default:
		for i := range dst {
			v := binary.LittleEndian.Uint64(src[8*i:])
			if !signed && v > math.MaxInt64 {
				return &misfit{i, fmt.Sprintf("is %d; the largest that can be read is %d", v, math.MaxInt64)}
			}
			dst[i] = int64(v)
		}
	}
	return nil
}

// loadFloats reads little-endian floats, exactly.
func loadFloats(dst []float64, src []byte, from Elem) {
	switch {
	case from.Class == Brain:
		for i := range dst {
			dst[i] = float64(ir.BF16ToF32(binary.LittleEndian.Uint16(src[2*i:])))
		}
	case from.Size == 2:
		for i := range dst {
			dst[i] = float64(ir.F16ToF32(binary.LittleEndian.Uint16(src[2*i:])))
		}
	case from.Size == 4:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
		}
	default:
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		}
	}
}

// storeInts writes integers, exactly or not at all.
func storeInts(dst []byte, src []int64, d ir.DType) *misfit {
	to := Of(d)
	if to.isFloat() {
		return storeAsFloats(dst, src, d)
	}
	least, largest := limits(to)
	for i, v := range src {
		if v < least || v > largest {
			return &misfit{i, fmt.Sprintf("is %d; %s holds %d to %d", v, d, least, largest)}
		}
	}
	switch to.Size {
	case 1:
		for i, v := range src {
			dst[i] = byte(v)
		}
	case 2:
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], uint16(v))
		}
	case 4:
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], uint32(v))
		}
	default:
		for i, v := range src {
			binary.LittleEndian.PutUint64(dst[8*i:], uint64(v))
		}
	}
	return nil
}

// storeAsFloats writes integers as floats. One that a float rounds is a misfit.
func storeAsFloats(dst []byte, src []int64, d ir.DType) *misfit {
	bits := exact(Of(d))
	var floats [chunk]float64
	for i, v := range src {
		if !held(v, bits, d) {
			return &misfit{i, fmt.Sprintf("is %d, which %s can't hold exactly", v, d)}
		}
		floats[i] = float64(v)
	}
	return storeFloats(dst, floats[:len(src)], d)
}

// held reports whether a float with so many binary digits holds an integer exactly.
func held(v int64, digits int, d ir.DType) bool {
	magnitude := uint64(max(v, -v)) // of the least int64 too
	if magnitude>>digits == 0 {
		return true
	}
	if d == ir.F16 && magnitude > 65504 {
		return false
	}
	for magnitude&1 == 0 {
		magnitude >>= 1
	}
	return magnitude>>digits == 0
}

// storeFloats writes floats, rounded to nearest. A number that becomes infinite is a misfit.
func storeFloats(dst []byte, src []float64, d ir.DType) *misfit {
	most := math.Inf(1) // rounds to infinity from here on
	switch d {
	case ir.F64:
		for i, v := range src {
			binary.LittleEndian.PutUint64(dst[8*i:], math.Float64bits(v))
		}
		return nil
	case ir.F32:
		most = 0x1.ffffffp127
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(float32(v)))
		}
	case ir.F16:
		most = 65520
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], ir.F64ToF16(v))
		}
	case ir.BF16:
		most = 0x1.ffp127
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], ir.F64ToBF16(v))
		}
	}
	for i, v := range src {
		if math.Abs(v) >= most && !math.IsInf(v, 0) {
			return &misfit{i, fmt.Sprintf("is %s, which is too large for %s", strconv.FormatFloat(v, 'g', -1, 64), d)}
		}
	}
	return nil
}

package prepared

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/flowrun/flowrun/data/table"
)

// An entry's file:
//
//	records    of one size, example by example: the fields' values, and the origin
//	checksums  of the records' pages, 4 bytes each
//	extra      JSON: what isn't in the records
//	footer     see below
const (
	format     = "flowrun data 1\n\x00"
	footerSize = len(format) + 3*8 + sha256.Size
	originSize = 8 // file << originBits | row
	originBits = 40
)

// extra is what a table has besides its records. Texts are any bytes, which JSON strings
// can't be.
type extra struct {
	Texts map[int][][]byte `json:"texts,omitempty"`
	Files [][]byte         `json:"files,omitempty"`
	Notes [][]byte         `json:"notes,omitempty"`
}

// keyOf is an entry's name: everything that its content depends on.
func keyOf(key string, columns []table.Column) string {
	h := sha256.New()
	part := func(text string) {
		sum := sha256.Sum256([]byte(text))
		h.Write(sum[:])
	}
	part(format)
	part(key)
	for _, c := range columns {
		part(c.Type.String())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// footer ends an entry.
type footer struct {
	records, recordBytes, extraBytes int64
}

// sum covers the key and everything but the records, which the checksums cover.
func (f footer) sum(key string, tail []byte) []byte {
	h := sha256.New()
	h.Write([]byte(key))
	h.Write(f.numbers())
	h.Write(tail)
	return h.Sum(nil)
}

func (f footer) numbers() []byte {
	b := binary.LittleEndian.AppendUint64([]byte(format), uint64(f.records))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.recordBytes))
	return binary.LittleEndian.AppendUint64(b, uint64(f.extraBytes))
}

// finish writes what follows the records.
func finish(w io.Writer, key string, f footer, s sums, x extra) error {
	text, err := json.Marshal(x)
	if err != nil {
		return err
	}
	f.extraBytes = int64(len(text))
	tail := append(s.bytes(), text...)
	for _, b := range [][]byte{tail, f.numbers(), f.sum(key, tail)} {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// errForeign is the error for a file that isn't the entry it should be.
var errForeign = errors.New("not an entry of this key")

// load reads what follows the records of an entry.
func load(file io.ReaderAt, size int64, key string, recordSize int64) (f footer, s sums, x extra, err error) {
	end := make([]byte, footerSize)
	if size < int64(footerSize) {
		return f, nil, x, errForeign
	}
	if _, err := file.ReadAt(end, size-int64(footerSize)); err != nil {
		return f, nil, x, err
	}
	number := func(i int) int64 { return int64(binary.LittleEndian.Uint64(end[len(format)+8*i:])) }
	f = footer{records: number(0), recordBytes: number(1), extraBytes: number(2)}
	left := size - int64(footerSize)
	// Each is compared with the file's size before it is used, so that no sum overflows.
	if !bytes.HasPrefix(end, []byte(format)) || f.recordBytes < 0 || f.recordBytes > left || f.extraBytes < 0 || f.extraBytes > left ||
		f.records < 0 || f.records > f.recordBytes || f.records*recordSize != f.recordBytes {
		return f, nil, x, errForeign
	}
	sumBytes := (f.recordBytes + pageSize - 1) / pageSize * 4
	if f.recordBytes+sumBytes+f.extraBytes != left {
		return f, nil, x, errForeign
	}
	tail := make([]byte, sumBytes+f.extraBytes)
	if _, err := file.ReadAt(tail, f.recordBytes); err != nil {
		return f, nil, x, err
	}
	if !bytes.Equal(f.sum(key, tail), end[footerSize-sha256.Size:]) {
		return f, nil, x, errForeign
	}
	if err := json.Unmarshal(tail[sumBytes:], &x); err != nil {
		return f, nil, x, fmt.Errorf("%w: %w", errForeign, err)
	}
	return f, sumsOf(tail[:sumBytes]), x, nil
}

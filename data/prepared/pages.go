package prepared

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// pageSize is how much one checksum covers: what a system reads of a file at least.
const pageSize = 4096

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sums are the checksums of pages.
type sums []uint32

// add appends the checksums of the pages of p, which begins with a page; only the file's
// last page may be shorter.
func (s sums) add(p []byte) sums {
	for len(p) > 0 {
		n := min(len(p), pageSize)
		s = append(s, crc32.Checksum(p[:n], castagnoli))
		p = p[n:]
	}
	return s
}

// bytes is how they are stored.
func (s sums) bytes() []byte {
	b := make([]byte, 0, 4*len(s))
	for _, v := range s {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// sumsOf reads them back.
func sumsOf(b []byte) sums {
	s := make(sums, len(b)/4)
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return s
}

// pages reads a file, and compares each page that it reads with its checksum.
type pages struct {
	file   io.ReaderAt
	size   int64
	sums   sums
	whole  []byte                              // all of a small file, if it is kept in memory
	differ func(at int64, because error) error // the error for a page that is at a byte
}

// errSum is why a page is wrong that could be read.
var errSum = errors.New("its content has changed")

// scratch holds pages of which only a part is asked for.
var scratch = sync.Pool{New: func() any { return new([scratchSize]byte) }}

// scratchSize is up to how many bytes of pages are read at once only to copy a part of
// them: copying costs less than reading twice.
const scratchSize = 4 * pageSize

// ReadAt implements io.ReaderAt. It may be called from several goroutines.
func (p *pages) ReadAt(dst []byte, at int64) (int, error) {
	if at < 0 {
		return 0, fmt.Errorf("there is no byte %d", at)
	}
	if at >= p.size {
		return 0, io.EOF
	}
	var short error
	if left := p.size - at; int64(len(dst)) > left {
		dst, short = dst[:left], io.EOF
	}
	if p.whole != nil {
		return copy(dst, p.whole[at:]), short
	}
	done := 0
	for done < len(dst) {
		n, err := p.some(dst[done:], at+int64(done))
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, short
}

// some reads the beginning of dst, if not all: with the pages that it begins and ends in,
// if these are few, or as many whole pages as it has room for.
func (p *pages) some(dst []byte, at int64) (int, error) {
	skip := at % pageSize
	page := at - skip
	length := min((skip+int64(len(dst))+pageSize-1)/pageSize*pageSize, p.size-page)
	whole := skip == 0 && int64(len(dst)) == length
	if !whole && length > scratchSize {
		if length = pageSize; skip == 0 {
			length = int64(len(dst)) / pageSize * pageSize
			whole = true
		}
	}
	if whole {
		return int(length), p.compared(dst[:length], at)
	}
	buffer := scratch.Get().(*[scratchSize]byte)
	defer scratch.Put(buffer)
	if err := p.compared(buffer[:length], page); err != nil {
		return 0, err
	}
	return copy(dst, buffer[skip:length]), nil
}

// compared reads whole pages and compares them.
func (p *pages) compared(dst []byte, at int64) error {
	n, err := p.file.ReadAt(dst, at)
	if n < len(dst) {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("it has become shorter")
		}
		return p.differ(at+int64(n), err)
	}
	for len(dst) > 0 {
		n := min(len(dst), pageSize)
		if crc32.Checksum(dst[:n], castagnoli) != p.sums[at/pageSize] {
			return p.differ(at, errSum)
		}
		dst, at = dst[n:], at+int64(n)
	}
	return nil
}

// readAll reads all of the file, piece by piece, until a function says that it is enough.
func (p *pages) readAll(each func(piece []byte) error) error {
	buffer := make([]byte, min(pieceSize, p.size))
	for at := int64(0); at < p.size; at += int64(len(buffer)) {
		buffer = buffer[:min(pieceSize, p.size-at)]
		if err := p.compared(buffer, at); err != nil {
			return err
		}
		if err := each(buffer); err != nil {
			return err
		}
	}
	return nil
}

// pieceSize is how much is read at once where everything is: whole pages.
const pieceSize = 64 * pageSize

package arrays

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
)

const (
	pageBytes = 4096
	readBytes = 64 * pageBytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pages are the bytes of a file with a checksum of each page.
type pages struct {
	file *os.File
	path string
	size int64
	sums []uint32
	sum  string
	pool sync.Pool
}

func newPages(ctx context.Context, f *os.File, path string) (*pages, error) {
	p := &pages{file: f, path: path, pool: sync.Pool{New: func() any { b := make([]byte, readBytes); return &b }}}
	h := sha256.New()
	b := make([]byte, readBytes)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := f.ReadAt(b, p.size)
		h.Write(b[:n])
		for at := 0; at < n; at += pageBytes {
			p.sums = append(p.sums, crc32.Checksum(b[at:min(n, at+pageBytes)], castagnoli))
		}
		p.size += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	p.sum = hex.EncodeToString(h.Sum(nil))
	return p, nil
}

func (p *pages) Size() int64    { return p.size }
func (p *pages) SHA256() string { return p.sum }
func (p *pages) Close() error   { return p.file.Close() }

func (p *pages) ReadAt(dst []byte, at int64) (int, error) {
	b := p.pool.Get().(*[]byte)
	defer p.pool.Put(b)
	done := 0
	for done < len(dst) {
		if at >= p.size {
			return done, io.EOF
		}
		begin := at / pageBytes * pageBytes
		end := min(p.size, begin+readBytes, (at+int64(len(dst)-done)+pageBytes-1)/pageBytes*pageBytes)
		block := (*b)[:end-begin]
		if n, err := p.file.ReadAt(block, begin); n < len(block) {
			if err == io.EOF {
				err = fmt.Errorf("cut short after it was opened")
			}
			return done, fmt.Errorf("%s: %w", p.path, err)
		}
		for i := 0; i < len(block); i += pageBytes {
			if crc32.Checksum(block[i:min(len(block), i+pageBytes)], castagnoli) != p.sums[(begin+int64(i))/pageBytes] {
				return done, fmt.Errorf("%s: changed after it was opened", p.path)
			}
		}
		n := copy(dst[done:], block[at-begin:])
		done, at = done+n, at+int64(n)
	}
	return done, nil
}

package prepared

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// recordSize is the size of a record.
func recordSize(columns []table.Column) int64 {
	size := int64(originSize)
	for _, c := range columns {
		size += int64(c.Type.Bytes())
	}
	return size
}

// writer implements table.Writer.
type writer struct {
	ctx     context.Context
	columns []table.Column
	values  int // bytes of an example's values
	store   *store

	records, bytes int64
	buffer         []byte // what isn't written yet: begins with a page
	sums           sums
	extra          extra
}

func newWriter(ctx context.Context, columns []table.Column, s *store) *writer {
	return &writer{ctx: ctx, columns: columns, values: int(recordSize(columns)) - originSize, store: s,
		buffer: make([]byte, 0, pieceSize), extra: extra{Texts: map[int][][]byte{}}}
}

// Append implements table.Writer.
func (w *writer) Append(values []byte, file int, row int64) error {
	if len(values) != w.values {
		return fmt.Errorf("an example of %d bytes for a table whose examples have %d", len(values), w.values)
	}
	if row < 0 || row >= 1<<originBits || file < 0 || file >= 1<<(64-originBits) {
		return fmt.Errorf("row %d of file %d: a table has at most %d files with rows up to %d", row, file, 1<<(64-originBits), int64(1)<<originBits)
	}
	var origin [originSize]byte
	binary.LittleEndian.PutUint64(origin[:], uint64(file)<<originBits|uint64(row))
	if err := w.put(values); err != nil {
		return err
	}
	if err := w.put(origin[:]); err != nil {
		return err
	}
	w.records++
	return nil
}

// put appends bytes.
func (w *writer) put(p []byte) error {
	for {
		n := min(len(p), cap(w.buffer)-len(w.buffer))
		w.buffer = append(w.buffer, p[:n]...)
		if p = p[n:]; len(p) == 0 {
			return nil
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
}

// flush writes the buffer: whole pages, until the last time.
func (w *writer) flush() error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	w.sums = w.sums.add(w.buffer)
	w.bytes += int64(len(w.buffer))
	_, err := w.store.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

// Texts implements table.Writer.
func (w *writer) Texts(field int, texts []string) { w.extra.Texts[field] = bytesOf(texts) }

// Files implements table.Writer.
func (w *writer) Files(names []string) { w.extra.Files = bytesOf(names) }

// Note implements table.Writer.
func (w *writer) Note(text string) { w.extra.Notes = append(w.extra.Notes, []byte(text)) }

// Hashed implements table.Writer.
func (w *writer) Hashed(path, at, read string) error {
	if at != read {
		return fmt.Errorf("%s: it was changed while it was being read; run again with the file as it is now, and don't write to files in use", diag.CutPath(path))
	}
	return nil
}

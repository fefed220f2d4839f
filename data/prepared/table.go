package prepared

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/flowrun/flowrun/data/table"
)

// Table is a prepared table. It implements table.Prepared.
type Table struct {
	pages
	at      backing
	name    string
	columns []table.Column
	offsets []int64 // of the fields in a record
	record  int64
	records int64
	files   []string
	notes   []string
	runs    sync.Pool // *[]byte, for records that follow each other
}

// runBytes is about how many bytes of records that follow each other are read at once.
const runBytes = 16 * pageSize

func newTable(at backing, name string, columns []table.Column, f footer, s sums, x extra) *Table {
	t := &Table{at: at, name: name, columns: make([]table.Column, len(columns)), offsets: make([]int64, len(columns)),
		record: recordSize(columns), records: f.records, files: textsOf(x.Files), notes: textsOf(x.Notes)}
	t.pages = pages{file: at, size: f.recordBytes, sums: s, differ: func(at int64, because error) error {
		return fmt.Errorf("the prepared data %s was changed while it was being read, at byte %d: %w; run again, and it is prepared again", name[:8], at, because)
	}}
	offset := int64(0)
	for i, c := range columns {
		c.Texts = textsOf(x.Texts[i])
		t.columns[i], t.offsets[i] = c, offset
		offset += int64(c.Type.Bytes())
	}
	n := max(1, runBytes/t.record) * t.record
	t.runs.New = func() any { b := make([]byte, n); return &b }
	return t
}

// compare reads everything, and keeps a small table in memory.
func (t *Table) compare(ctx context.Context, small int64) error {
	var whole []byte
	err := t.readAll(func(piece []byte) error {
		if t.size <= small {
			whole = append(whole, piece...)
		}
		return ctx.Err()
	})
	t.whole = whole
	return err
}

// Len implements table.Table.
func (t *Table) Len() int64 { return t.records }

// Column implements table.Table.
func (t *Table) Column(field int) table.Column { return t.columns[field] }

// Read implements table.Table.
func (t *Table) Read(field int, rows []int64, dst []byte) error {
	size := int64(t.columns[field].Type.Bytes())
	if int64(len(dst)) != size*int64(len(rows)) {
		return fmt.Errorf("%d bytes for %d examples of %d bytes", len(dst), len(rows), size)
	}
	for i := 0; i < len(rows); {
		n, err := t.run(rows[i:])
		if err != nil {
			return err
		}
		to := dst[int64(i)*size : int64(i+n)*size]
		if err := t.readRun(rows[i], n, t.offsets[field], size, to); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// run counts the records that follow each other, as many as are read at once.
func (t *Table) run(rows []int64) (int, error) {
	row, n := rows[0], 1
	if row < 0 || row >= t.records {
		return 0, fmt.Errorf("there is no example %d: there are %d", row, t.records)
	}
	for n < len(rows) && rows[n] == row+int64(n) && row+int64(n) < t.records && int64(n+1)*t.record <= runBytes {
		n++
	}
	return n, nil
}

// ReadFields implements table.Joint.
func (t *Table) ReadFields(fields []int, rows []int64, dst [][]byte) error {
	from, to := t.record, int64(0)
	for k, field := range fields {
		size := int64(t.columns[field].Type.Bytes())
		if int64(len(dst[k])) != size*int64(len(rows)) {
			return fmt.Errorf("%d bytes for %d examples of %d bytes", len(dst[k]), len(rows), size)
		}
		from, to = min(from, t.offsets[field]), max(to, t.offsets[field]+size)
	}
	buffer := t.runs.Get().(*[]byte)
	defer t.runs.Put(buffer)
	for i := 0; i < len(rows); {
		n, err := t.run(rows[i:])
		if err != nil {
			return err
		}
		part := (*buffer)[:int64(n-1)*t.record+max(0, to-from)]
		if _, err := t.ReadAt(part, rows[i]*t.record+from); endless(err, len(part)) != nil {
			return err
		}
		for k, field := range fields {
			size, at := int64(t.columns[field].Type.Bytes()), t.offsets[field]-from
			for j := range int64(n) {
				copy(dst[k][(int64(i)+j)*size:][:size], part[j*t.record+at:])
			}
		}
		i += n
	}
	return nil
}

// readRun reads a field of records that follow each other.
func (t *Table) readRun(row int64, n int, offset, size int64, dst []byte) error {
	if n == 1 {
		_, err := t.ReadAt(dst, row*t.record+offset)
		return endless(err, len(dst))
	}
	buffer := t.runs.Get().(*[]byte)
	defer t.runs.Put(buffer)
	// From the first record's value to the last one's, and not what is around them.
	part := (*buffer)[:int64(n-1)*t.record+size]
	if _, err := t.ReadAt(part, row*t.record+offset); endless(err, len(part)) != nil {
		return err
	}
	for i := range int64(n) {
		copy(dst[i*size:(i+1)*size], part[i*t.record:])
	}
	return nil
}

// endless says that reading nothing isn't beyond the end.
func endless(err error, n int) error {
	if n == 0 {
		return nil
	}
	return err
}

// Origin implements table.Prepared.
func (t *Table) Origin(row int64) (file string, at int64) {
	var b [originSize]byte
	if row < 0 || row >= t.records {
		return "", 0
	}
	if _, err := t.ReadAt(b[:], (row+1)*t.record-originSize); err != nil {
		return "", 0 // whoever reads the values gets the error
	}
	v := binary.LittleEndian.Uint64(b[:])
	if i := v >> originBits; i < uint64(len(t.files)) {
		file = t.files[i]
	}
	return file, int64(v & (1<<originBits - 1))
}

// Notes implements table.Prepared.
func (t *Table) Notes() []string { return t.notes }

// At implements table.Table.
func (t *Table) At(row int64, _ int) table.Place {
	file, at := t.Origin(row)
	return table.Place{File: file, Row: at}
}

// Fingerprint implements table.Table.
func (t *Table) Fingerprint() string { return t.name }

// Verify implements table.Table.
func (t *Table) Verify() error { return t.readAll(func([]byte) error { return nil }) }

// Close implements table.Table.
func (t *Table) Close() error { return t.at.Close() }

package data

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// memory is a table in memory, which a test declares as the kind memory with its number
// as the file.
type memory struct {
	columns []table.Column
	values  [][]byte // by field, of all rows
	rows    int64
	overlap int64
	print   string

	closed  atomic.Int64
	reads   atomic.Int64
	failing atomic.Bool // reading fails

	meet chan struct{} // if it isn't nil, each read waits a little for another that is in progress
	met  atomic.Int64  // pairs of reads at the same time
}

// tables are those that tests have declared.
var tables = map[string]*memory{}

func init() {
	open := func(_ context.Context, in *table.Input) (table.Table, error) {
		t := tables[in.Decl.Files[0].Name]
		if t == nil {
			return nil, errors.New("no such table")
		}
		if t.overlap > 0 {
			return overlapping{t}, nil
		}
		return t, nil
	}
	Kinds = append(Kinds,
		table.Kind{Name: "memory", Open: open},
		table.Kind{Name: "memory-batches", Batches: true, Open: open})
}

func (m *memory) Len() int64                { return m.rows }
func (m *memory) Column(i int) table.Column { return m.columns[i] }
func (m *memory) Fingerprint() string       { return m.print }
func (m *memory) Verify() error             { return nil }
func (m *memory) Close() error              { m.closed.Add(1); return nil }
func (m *memory) At(row int64, i int) table.Place {
	return table.Place{File: "m.csv", Row: row + 2, Column: fmt.Sprint("c", i)}
}

func (m *memory) Read(i int, rows []int64, dst []byte) error {
	m.reads.Add(1)
	if m.failing.Load() {
		return errors.New("the disk is gone")
	}
	if m.meet != nil {
		select {
		case m.meet <- struct{}{}:
		case <-m.meet:
			m.met.Add(1)
		case <-time.After(20 * time.Millisecond):
		}
	}
	size := int64(m.columns[i].Type.Bytes())
	if int64(len(dst)) != size*int64(len(rows)) {
		return fmt.Errorf("%d bytes for %d rows of %d", len(dst), len(rows), size)
	}
	for k, row := range rows {
		copy(dst[int64(k)*size:], m.values[i][row*size:(row+1)*size])
	}
	return nil
}

type overlapping struct{ *memory }

func (o overlapping) Overlap() int64      { return o.overlap }
func (o overlapping) OverlapOf(int) int64 { return o.overlap }

// declared makes a table and its declaration.
type declared struct {
	*table.Decl
	*memory
}

// declare declares a table of n examples.
func declare(t testing.TB, name string, n int64) declared {
	m := &memory{rows: n, print: name}
	tables[t.Name()+name] = m
	t.Cleanup(func() { delete(tables, t.Name()+name) })
	return declared{&table.Decl{Name: name, Kind: "memory", Files: []table.File{{Name: t.Name() + name}}, Batch: 1}, m}
}

// numbers adds a field of numbers.
func (d declared) numbers(name string, typ ir.Type, at func(row int64, element int) float64) declared {
	var b []byte
	for row := range d.rows {
		for e := range typ.Shape.Numel() {
			v := at(row, e)
			switch typ.DType {
			case ir.F32:
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
			case ir.F64:
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
			case ir.F16:
				b = binary.LittleEndian.AppendUint16(b, ir.F64ToF16(v))
			case ir.BF16:
				b = binary.LittleEndian.AppendUint16(b, ir.F64ToBF16(v))
			case ir.I64:
				b = binary.LittleEndian.AppendUint64(b, uint64(int64(v)))
			default:
				b = append(b, byte(v))
			}
		}
	}
	d.Fields = append(d.Fields, table.Field{Name: name, Type: typ})
	d.columns, d.values = append(d.columns, table.Column{Type: typ}), append(d.values, b)
	return d
}

// texts adds a field of classes.
func (d declared) texts(name string, dtype ir.DType, c table.Classes, texts []string, code func(row int64, element int) int, shape ...int) declared {
	var b []byte
	typ := ir.Type{DType: dtype, Shape: shape}
	for row := range d.rows {
		for e := range typ.Shape.Numel() {
			b = binary.LittleEndian.AppendUint32(b, uint32(code(row, e)))
		}
	}
	d.Fields = append(d.Fields, table.Field{Name: name, Type: typ, Classes: &c})
	d.columns = append(d.columns, table.Column{Type: ir.Type{DType: ir.I32, Shape: shape}, Texts: texts})
	d.values = append(d.values, b)
	return d
}

// ids adds a field whose value is the number of the example.
func (d declared) ids(name string) declared {
	return d.numbers(name, ir.Scalar(ir.I64), func(row int64, _ int) float64 { return float64(row) })
}

// opened opens a source that the test closes.
func opened(t testing.TB, d *table.Decl, all []*table.Decl, o Options) *Source {
	t.Helper()
	s, err := tryOpen(t, d, all, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func tryOpen(t testing.TB, d *table.Decl, all []*table.Decl, o Options) (*Source, error) {
	t.Helper()
	if o.Cache == nil {
		o.Cache = prepared.In(t.TempDir())
	}
	return Open(t.Context(), d, all, o)
}

// batch reads a field of i64 numbers.
func batch(t require.TestingT, s *Source, step int64, field string) []int64 {
	typ, ok := s.BatchType(step, field)
	require.True(t, ok)
	dst := make([]byte, typ.Bytes())
	require.NoError(t, s.Batch(step, field, dst))
	return int64s(dst)
}

func int64s(b []byte) []int64 {
	v := make([]int64, len(b)/8)
	for i := range v {
		v[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return v
}

func float32s(b []byte) []float64 {
	v := make([]float64, len(b)/4)
	for i := range v {
		v[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return v
}

func floats(t require.TestingT, s *Source, step int64, field string) []float64 {
	typ, ok := s.BatchType(step, field)
	require.True(t, ok)
	dst := make([]byte, typ.Bytes())
	require.NoError(t, s.Batch(step, field, dst))
	return float32s(dst)
}

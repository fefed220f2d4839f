// Package tabletest opens tables for tests of the kinds of files: without a cache, with
// any file of the disk.
package tabletest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// Files opens any regular file, and lists patterns without "**".
type Files struct{}

// Open implements table.Files.
func (Files) Open(path string) (*os.File, error) { return os.Open(path) }

// Stat implements table.Files.
func (Files) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// List implements table.Files.
func (Files) List(_ context.Context, path string) ([]string, error) {
	found, err := filepath.Glob(path)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return found, err
}

// Input is an input for a declaration with one file for each path.
func Input(d *table.Decl, paths ...string) *table.Input {
	for _, path := range paths {
		d.Files = append(d.Files, table.File{Name: filepath.Base(path), Path: path})
	}
	return &table.Input{Decl: d, Files: Files{}, Prepare: Prepare}
}

// Options are the options of a declaration with these values.
func Options(values map[string]any) table.Options {
	o := table.Options{}
	for key, v := range values {
		o[key] = table.Option{Value: v}
	}
	return o
}

// Prepare makes a table in memory, each time anew. It is a table.Prepare.
func Prepare(_ context.Context, key string, columns []table.Column, fill func(table.Writer) error) (table.Prepared, error) {
	m := &memory{key: key, columns: slices.Clone(columns)}
	for _, c := range columns {
		m.size += c.Type.Bytes()
	}
	if err := fill(m); err != nil {
		return nil, err
	}
	return m, nil
}

// memory is a table in memory.
type memory struct {
	key     string
	columns []table.Column
	size    int
	values  []byte
	file    []int
	at      []int64
	names   []string
	notes   []string
}

func (m *memory) Append(values []byte, file int, row int64) error {
	if len(values) != m.size {
		return fmt.Errorf("an example of %d bytes; expected %d", len(values), m.size)
	}
	m.values = append(m.values, values...)
	m.file, m.at = append(m.file, file), append(m.at, row)
	return nil
}

func (m *memory) Texts(field int, texts []string) { m.columns[field].Texts = texts }
func (m *memory) Files(names []string)            { m.names = names }
func (m *memory) Note(text string)                { m.notes = append(m.notes, text) }

func (m *memory) Hashed(path, at, read string) error {
	if at != read {
		return fmt.Errorf("%s: the file has changed while it was read", path)
	}
	return nil
}

func (m *memory) Len() int64                    { return int64(len(m.at)) }
func (m *memory) Column(field int) table.Column { return m.columns[field] }
func (m *memory) Fingerprint() string           { return m.key }
func (m *memory) Notes() []string               { return m.notes }
func (m *memory) Verify() error                 { return nil }
func (m *memory) Close() error                  { return nil }

func (m *memory) Read(field int, rows []int64, dst []byte) error {
	from := 0
	for _, c := range m.columns[:field] {
		from += c.Type.Bytes()
	}
	size := m.columns[field].Type.Bytes()
	if len(dst) != size*len(rows) {
		return errors.New("dst has another size than the examples")
	}
	for i, row := range rows {
		copy(dst[i*size:], m.values[int(row)*m.size+from:][:size])
	}
	return nil
}

func (m *memory) At(row int64, _ int) table.Place {
	file, at := m.Origin(row)
	return table.Place{File: file, Row: at}
}

func (m *memory) Origin(row int64) (string, int64) { return m.names[m.file[row]], m.at[row] }

// Column gives a field's values of all examples, row-major: a tensor whose first dimension
// counts the examples.
func Column(t testing.TB, from table.Table, field int) *ir.Tensor {
	t.Helper()
	typ := from.Column(field).Type
	all := ir.NewTensor(ir.Type{DType: typ.DType, Shape: append(ir.Shape{int(from.Len())}, typ.Shape...)})
	rows := make([]int64, from.Len())
	for i := range rows {
		rows[i] = int64(i)
	}
	require.NoError(t, from.Read(field, rows, all.Data))
	return all
}

// Floats gives a field's values as float64.
func Floats(t testing.TB, from table.Table, field int) []float64 {
	t.Helper()
	all := Column(t, from, field)
	values := make([]float64, all.Type.Shape.Numel())
	for i := range values {
		values[i] = all.Float(i)
	}
	return values
}

// Texts gives the texts of a field with classes.
func Texts(t testing.TB, from table.Table, field int) []string {
	t.Helper()
	var texts []string
	for _, id := range Floats(t, from, field) {
		texts = append(texts, from.Column(field).Texts[int(id)])
	}
	return texts
}

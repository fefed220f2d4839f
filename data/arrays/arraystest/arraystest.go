// Package arraystest opens kinds of files in tests: any file may be read, and tables are
// prepared in memory.
package arraystest

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// Type makes a type from a dtype's name and a shape.
func Type(dtype string, shape ...int) ir.Type {
	d, ok := ir.ParseDType(dtype)
	if !ok {
		panic("no dtype " + dtype)
	}
	return ir.Type{DType: d, Shape: append(ir.Shape{}, shape...)}
}

// Field declares a field; keys and values of its options follow.
func Field(name string, typ ir.Type, options ...string) table.Field {
	f := table.Field{Name: name, Type: typ, Options: table.Options{}}
	for i := 0; i < len(options); i += 2 {
		f.Options[options[i]] = table.Option{Value: options[i+1]}
	}
	return f
}

// Decl declares a data source whose fields are all in one file.
func Decl(kind table.Kind, path string, fields ...table.Field) *table.Decl {
	return &table.Decl{Name: "d", Kind: kind.Name, Files: []table.File{{Name: path, Path: path}}, Fields: fields}
}

// Open opens a declaration, and completes it before.
func Open(kind table.Kind, d *table.Decl) (table.Table, error) { return OpenInput(kind, Input(d)) }

// OpenInput is Open with an input.
func OpenInput(kind table.Kind, in *table.Input) (table.Table, error) {
	if kind.Complete != nil {
		kind.Complete(in.Decl)
	}
	return kind.Open(context.Background(), in)
}

// Input is what a kind is opened with.
func Input(d *table.Decl) *table.Input {
	return &table.Input{Decl: d, Files: Anywhere{}, Prepare: Prepare}
}

// Read reads all examples of a field.
func Read(t testing.TB, from table.Table, field int) *ir.Tensor {
	typ := from.Column(field).Type
	tensor := ir.NewTensor(ir.Type{DType: typ.DType, Shape: append(ir.Shape{int(from.Len())}, typ.Shape...)})
	rows := make([]int64, from.Len())
	for i := range rows {
		rows[i] = int64(i)
	}
	if err := from.Read(field, rows, tensor.Data); err != nil {
		t.Helper()
		t.Fatal(err)
	}
	return tensor
}

// Anywhere opens any file.
type Anywhere struct{}

func (Anywhere) Open(path string) (*os.File, error)    { return files.Open(path) }
func (Anywhere) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }
func (Anywhere) List(_ context.Context, path string) ([]string, error) {
	list, err := filepath.Glob(path)
	if len(list) == 0 {
		return []string{path}, err
	}
	return list, err
}

// Prepare makes a table in memory.
func Prepare(_ context.Context, _ string, columns []table.Column, fill func(table.Writer) error) (table.Prepared, error) {
	m := &memory{columns: columns}
	if err := fill(m); err != nil {
		return nil, err
	}
	return m, nil
}

// memory is a prepared table in memory.
type memory struct {
	columns []table.Column
	files   []string
	rows    [][]byte
	places  []place
}

type place struct {
	file int
	row  int64
}

func (m *memory) Append(values []byte, file int, row int64) error {
	m.rows = append(m.rows, bytes.Clone(values))
	m.places = append(m.places, place{file, row})
	return nil
}

func (m *memory) Texts(field int, texts []string)     { m.columns[field].Texts = texts }
func (m *memory) Files(names []string)                { m.files = names }
func (m *memory) Note(string)                         {}
func (m *memory) Notes() []string                     { return nil }
func (m *memory) Hashed(path, at, read string) error  { return nil }
func (m *memory) Len() int64                          { return int64(len(m.rows)) }
func (m *memory) Column(field int) table.Column       { return m.columns[field] }
func (m *memory) Fingerprint() string                 { return "" }
func (m *memory) Verify() error                       { return nil }
func (m *memory) Close() error                        { return nil }
func (m *memory) At(row int64, field int) table.Place { return table.Place{} }

func (m *memory) Origin(row int64) (file string, at int64) {
	return m.files[m.places[row].file], m.places[row].row
}

func (m *memory) Read(field int, rows []int64, dst []byte) error {
	at := 0
	for _, c := range m.columns[:field] {
		at += c.Type.Bytes()
	}
	for _, row := range rows {
		dst = dst[copy(dst, m.rows[row][at:at+m.columns[field].Type.Bytes()]):]
	}
	return nil
}

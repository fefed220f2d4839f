package csv

import (
	"bytes"
	"context"
	standard "encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/tabletest"
	"github.com/flowrun/flowrun/ir"
)

// content is a CSV file of about so many bytes: numbers, or of each kind of column some.
func content(size int, mixed bool) []byte {
	random := rand.New(rand.NewPCG(1, 1))
	var b bytes.Buffer
	b.WriteString("a,b,c,d,e,f,g,h\n")
	colours := []string{"red", "green", "\"dark, blue\"", "yellow"}
	for b.Len() < size {
		for i := range 6 {
			if i > 0 {
				b.WriteByte(',')
			}
			if mixed && i >= 3 {
				fmt.Fprintf(&b, "%d", random.IntN(1000000))
			} else {
				b.WriteString(strconv.FormatFloat(random.NormFloat64(), 'f', 6, 64))
			}
		}
		if mixed {
			fmt.Fprintf(&b, ",%s,%t\n", colours[random.IntN(4)], random.IntN(2) == 0)
		} else {
			fmt.Fprintf(&b, ",%.4f,%.4f\n", random.Float64()*100, random.NormFloat64()*1000)
		}
	}
	return b.Bytes()
}

// BenchmarkCSV reads files, each twice as ever, for its hash and for its values, into
// tables that nothing keeps; and only splits one, beside the standard library's reader.
func BenchmarkCSV(b *testing.B) {
	b.Run("numbers", func(b *testing.B) { reading(b, false) })
	b.Run("mixed", func(b *testing.B) { reading(b, true) })
	b.Run("split", splitting)
	b.Run("encoding/csv-split", func(b *testing.B) { standardReading(b, false) })
	b.Run("encoding/csv-numbers", func(b *testing.B) { standardReading(b, true) })
}

func reading(b *testing.B, mixed bool) {
	data := content(20<<20, mixed)
	path := filepath.Join(b.TempDir(), "a.csv")
	require.NoError(b, os.WriteFile(path, data, 0o600))
	d := &table.Decl{Kind: "csv", Options: table.Options{}}
	columns := "abcdefgh"
	if mixed {
		for _, c := range "def" {
			d.Fields = append(d.Fields, table.Field{Name: string(c), Type: ir.Type{DType: ir.I64}})
		}
		d.Fields = append(d.Fields, table.Field{Name: "g", Type: ir.Type{DType: ir.I64}, Classes: &table.Classes{Count: 4, Unknown: -1}},
			table.Field{Name: "h", Type: ir.Type{DType: ir.Bool}})
		columns = "abc"
	}
	var names []string
	for _, c := range columns {
		names = append(names, string(c))
	}
	d.Fields = append(d.Fields, table.Field{Name: "x", Type: ir.Type{DType: ir.F32, Shape: ir.Shape{len(names)}},
		Options: tabletest.Options(map[string]any{"columns": names})})
	in := tabletest.Input(d, path)
	in.Prepare = func(_ context.Context, _ string, _ []table.Column, fill func(table.Writer) error) (table.Prepared, error) {
		if err := fill(nowhere{}); err != nil {
			return nil, err
		}
		return nil, errDone
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := Kind.Open(context.Background(), in)
		require.ErrorIs(b, err, errDone)
	}
}

var errDone = io.EOF

// nowhere keeps nothing.
type nowhere struct{}

func (nowhere) Append([]byte, int, int64) error     { return nil }
func (nowhere) Texts(int, []string)                 {}
func (nowhere) Files([]string)                      {}
func (nowhere) Note(string)                         {}
func (nowhere) Hashed(string, string, string) error { return nil }

func splitting(b *testing.B) {
	data := content(20<<20, false)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r := newReader(bytes.NewReader(data), common)
		require.NoError(b, r.begin())
		for {
			if _, err := r.next(); err == io.EOF {
				break
			}
		}
	}
}

func standardReading(b *testing.B, parse bool) {
	data := content(20<<20, false)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r := standard.NewReader(bytes.NewReader(data))
		r.ReuseRecord = true
		_, err := r.Read()
		require.NoError(b, err)
		for {
			record, err := r.Read()
			if err == io.EOF {
				break
			}
			for _, field := range record {
				if !parse {
					continue
				}
				if _, err := strconv.ParseFloat(field, 32); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

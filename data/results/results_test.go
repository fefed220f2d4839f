package results_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/results"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/ir"
)

var classes = []string{"setosa", "a, \"b\"", ""}

var outputs = []results.Output{
	{Name: "species", Type: ir.Scalar(ir.I64), Classes: classes, IDs: true},
	{Name: "p", Type: ir.Type{DType: ir.F32, Shape: ir.Shape{3}}, Classes: classes},
	{Name: "m", Type: ir.Type{DType: ir.F64, Shape: ir.Shape{2, 1}}},
	{Name: "sure", Type: ir.Scalar(ir.Bool)},
	{Name: "none", Type: ir.Type{DType: ir.F32, Shape: ir.Shape{0}}},
}

// element is the i-th of an output.
func element(output string, i int) float64 {
	switch output {
	case "species", "sure":
		return float64(i % (len(output) / 2))
	case "m":
		return []float64{math.NaN(), math.Inf(-1), 1e300, 0.1, math.Copysign(0, -1), 1 << 60}[i%6]
	}
	return float64(float32(0.1) * float32(i))
}

// written writes examples in batches.
func written(t testing.TB, format string, outputs []results.Output, batches ...int) ([]byte, error) {
	total := 0
	for _, n := range batches {
		total += n
	}
	var b bytes.Buffer
	w, err := results.New(format, &b, outputs, int64(total))
	if err != nil {
		return nil, err
	}
	at := 0
	for _, n := range batches {
		var data [][]byte
		for _, o := range outputs {
			x := ir.NewTensor(ir.Type{DType: o.Type.DType, Shape: append(ir.Shape{n}, o.Type.Shape...)})
			count := o.Type.Shape.Numel()
			for i := range n * count {
				x.SetFloat(i, element(o.Name, at*count+i))
			}
			data = append(data, x.Data)
		}
		at += n
		require.NoError(t, w.Write(n, data))
	}
	require.NoError(t, w.Close())
	return b.Bytes(), nil
}

func TestCSVIsReadBackByEncodingCSV(t *testing.T) {
	text, err := written(t, "csv", outputs, 4, 4, 1)
	require.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"species", "p.setosa", `p.a, "b"`, "p.", "m.0.0", "m.1.0", "sure"}, rows[0])
	require.Len(t, rows, 1+9)
	for i, row := range rows[1:] {
		require.Equal(t, classes[i%3], row[0])
		for j, field := range row[1:6] {
			want := element("p", 3*i+j)
			bits := 32
			if j >= 3 {
				want, bits = element("m", 2*i+j-3), 64
			}
			got, err := strconv.ParseFloat(field, bits)
			require.NoError(t, err)
			require.True(t, got == want || math.IsNaN(got) && math.IsNaN(want), "%v is not %v", got, want)
		}
		require.Equal(t, i%2 != 0, row[6] == "true")
	}
}

func TestLinesAreReadBackByEncodingJSON(t *testing.T) {
	text, err := written(t, "jsonl", outputs, 4, 0, 5)
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(text))
	for i := range 9 {
		var row struct {
			Species string
			P       map[string]float32
			M       [][]*float64
			Sure    bool
			None    []float64
		}
		require.NoError(t, d.Decode(&row))
		require.Equal(t, classes[i%3], row.Species)
		for j, class := range classes {
			require.EqualValues(t, element("p", 3*i+j), row.P[class])
		}
		require.Len(t, row.M, 2)
		for j, m := range row.M {
			if want := element("m", 2*i+j); math.IsNaN(want) || math.IsInf(want, 0) {
				require.Nil(t, m[0])
			} else {
				require.Equal(t, want, *m[0])
			}
		}
		require.Equal(t, i%2 != 0, row.Sure)
		require.NotNil(t, row.None)
	}
	require.ErrorIs(t, d.Decode(&struct{}{}), io.EOF)
	require.Equal(t, 9, strings.Count(string(text), "\n"))
}

func TestSafetensorsAreReadBackAndVerified(t *testing.T) {
	content, err := written(t, "safetensors", outputs, 4, 3)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "y.safetensors")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	got, err := safetensors.Read(path)
	require.NoError(t, err)
	require.Len(t, got, len(outputs))
	for _, o := range outputs {
		require.Equal(t, append(ir.Shape{7}, o.Type.Shape...), got[o.Name].Type.Shape)
		for i := range got[o.Name].Type.Shape.Numel() {
			want := element(o.Name, i)
			require.True(t, got[o.Name].Float(i) == want || math.IsNaN(want), o.Name)
		}
	}
	content[len(content)-1] ^= 1
	require.NoError(t, os.WriteFile(path, content, 0o600))
	_, err = safetensors.Read(path)
	require.ErrorContains(t, err, "corrupt")
}

// What numpy.save writes for the same array.
func TestNPYHasTheBytesThatNumPyWrites(t *testing.T) {
	content, err := written(t, "npy", []results.Output{{Name: "p", Type: ir.Type{DType: ir.F32, Shape: ir.Shape{3}}}}, 1, 1)
	require.NoError(t, err)
	head := "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
	require.Equal(t, head+strings.Repeat(" ", 127-len(head))+"\n", string(content[:128]))
	x := ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{2, 3}})
	for i := range 6 {
		x.SetFloat(i, element("p", i))
	}
	require.Equal(t, x.Data, content[128:])
	content, err = written(t, "npy", []results.Output{{Name: "species", Type: ir.Scalar(ir.I64), Classes: classes, IDs: true}}, 2)
	require.NoError(t, err)
	require.Contains(t, string(content[:128]), "'shape': (2,), }", "ids stay numbers")
}

func TestWhatAFormatCannotHoldIsRefused(t *testing.T) {
	_, err := written(t, "npy", outputs, 1)
	require.EqualError(t, err, "an npy file holds one array, but the model has 5 outputs: write safetensors, csv or jsonl")
	_, err = written(t, "npy", []results.Output{{Name: "y", Type: ir.Scalar(ir.BF16)}}, 1)
	require.EqualError(t, err, "output y is bf16, which NumPy doesn't have: write safetensors, or cast it")
	_, err = written(t, "xml", outputs, 1)
	require.EqualError(t, err, `there is no format "xml"; there are csv, jsonl, npy, safetensors`)
	_, err = written(t, "csv", []results.Output{{Name: "p", Type: ir.Type{DType: ir.F32, Shape: ir.Shape{2}}, Classes: classes}}, 1)
	require.EqualError(t, err, "output p is f32[2] for an example, but there are 3 classes: its last dimension must be as large")

	_, err = results.FormatOf("y.parquet")
	require.EqualError(t, err, "y.parquet: its extension names none of the formats csv, jsonl, npy, safetensors")
	format, err := results.FormatOf("a.b/y.CSV")
	require.NoError(t, err)
	require.Equal(t, "csv", format)
}

func TestAnIDOfNoClassIsAnErrorWithItsExample(t *testing.T) {
	for _, format := range []string{"csv", "jsonl"} {
		w, err := results.New(format, io.Discard, []results.Output{{Name: "y", Type: ir.Scalar(ir.I32), Classes: classes, IDs: true}}, 3)
		require.NoError(t, err)
		require.NoError(t, w.Write(2, [][]byte{ir.FromInt64(ir.I32, ir.Shape{2}, []int64{0, 2}).Data}))
		require.EqualError(t, w.Write(1, [][]byte{ir.FromInt64(ir.I32, ir.Shape{1}, []int64{3}).Data}),
			"example 3: output y is 3, which is the id of no class: there are 3, from 0 on")
	}
}

func TestAnIncompleteArrayIsAnError(t *testing.T) {
	for _, format := range []string{"npy", "safetensors"} {
		w, err := results.New(format, io.Discard, []results.Output{{Name: "y", Type: ir.Scalar(ir.U8)}}, 3)
		require.NoError(t, err)
		require.Error(t, w.Write(1, [][]byte{{1, 2}}))
		require.NoError(t, w.Write(2, [][]byte{{1, 2}}))
		require.EqualError(t, w.Close(), "1 examples are missing")
	}
}

func TestRowsAllocateNothing(t *testing.T) {
	for _, format := range []string{"csv", "jsonl"} {
		w, err := results.New(format, io.Discard, outputs[:4], 0)
		require.NoError(t, err)
		data := [][]byte{make([]byte, 80), make([]byte, 120), make([]byte, 160), make([]byte, 10)}
		for range 2000 { // until the buffer is as large as it gets
			require.NoError(t, w.Write(10, data))
		}
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if err := w.Write(10, data); err != nil {
				t.Fatal(err)
			}
		}), format)
	}
}

package safetensors

import (
	"bytes"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

func TestAFileWrittenByTheReferenceLibraryCanBeRead(t *testing.T) {
	f, err := Open("testdata/python.safetensors")
	require.NoError(t, err)
	defer f.Close()

	want := map[string]*ir.Tensor{
		"h0.weight": ir.FromFloat32(ir.Shape{2, 3}, []float32{0, 1, -2, 0.5, 1e-3, 3e38}),
		"bias":      ir.FromFloat64(ir.F64, ir.Shape{2}, []float64{0.1, -1e300}),
		"half":      ir.FromFloat64(ir.F16, ir.Shape{2}, []float64{1.5, -65504}),
		"brain":     ir.FromFloat64(ir.BF16, ir.Shape{2}, []float64{1, -3}),
		"labels":    ir.FromInt64(ir.I64, ir.Shape{3}, []int64{-1, 1 << 62, 7}),
		"ids":       ir.FromInt64(ir.I32, ir.Shape{}, []int64{-5}),
		"mask":      ir.FromInt64(ir.Bool, ir.Shape{3}, []int64{1, 0, 1}),
		"pixels":    ir.FromInt64(ir.U8, ir.Shape{4}, []int64{0, 1, 2, 255}),
		"empty":     ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{0, 4}}),
	}
	for name, tensor := range want {
		got, err := f.Tensor(name)
		require.NoError(t, err)
		require.Equal(t, tensor, got, name)
	}
	require.Equal(t, slices.Sorted(maps.Keys(want)), f.Names())
	require.Equal(t, map[string]string{"format": "pt", "library": "safetensors 0.8.0 for Python"}, f.Metadata())
}

func TestAnUnsupportedDtypeIsAnErrorOnlyForThatTensor(t *testing.T) {
	path := written(t, `{"depth":{"dtype":"U16","shape":[2],"data_offsets":[0,4]},"pixels":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}`, 6)
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Tensor("depth")
	require.EqualError(t, err, path+`: tensor "depth": its dtype U16 is not supported; supported are BOOL, U8, I32, I64, F16, BF16, F32, F64`)
	_, err = f.Type("depth")
	require.ErrorContains(t, err, "its dtype U16 is not supported")
	_, err = Read(path)
	require.ErrorContains(t, err, "its dtype U16 is not supported")
	pixels, err := f.Tensor("pixels")
	require.NoError(t, err)
	require.Equal(t, ir.NewTensor(ir.Type{DType: ir.U8, Shape: ir.Shape{2}}), pixels)
}

// tensors draws any tensors that a file can hold.
var tensors = rapid.Custom(func(t *rapid.T) map[string]*ir.Tensor {
	return rapid.MapOfN(rapid.String().Filter(func(s string) bool { return s != metadataKey }), rapid.Custom(func(t *rapid.T) *ir.Tensor {
		d := rapid.SampledFrom(slices.Sorted(maps.Values(dtypes))).Draw(t, "dtype")
		shape := ir.Shape(rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "shape"))
		tensor := ir.NewTensor(ir.Type{DType: d, Shape: shape})
		most := byte(255)
		if d == ir.Bool {
			most = 1
		}
		for i := range tensor.Data {
			tensor.Data[i] = rapid.ByteRange(0, most).Draw(t, "byte")
		}
		return tensor
	}), 0, 6).Draw(t, "tensors")
})

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	rapid.Check(t, func(t *rapid.T) {
		want := tensors.Draw(t, "tensors")
		require.NoError(t, Write(path, want))
		got, err := Read(path)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestEveryTensorIsAlignedToItsElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header, _, err := encodeHeader(tensors.Draw(t, "tensors"), nil)
		require.NoError(t, err)
		require.Zero(t, len(header)%8)
		h, err := parseHeader(header[8:])
		require.NoError(t, err)
		for name, e := range h.entries {
			require.Zero(t, e.begin%int64(e.typ.DType.Size()), name)
		}
	})
}

func TestTheBytesOfAFileAreFixed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, Write(path, map[string]*ir.Tensor{
		"b":  ir.FromFloat32(ir.Shape{1, 2}, []float32{1, 2}),
		"a":  ir.FromFloat32(ir.Shape{}, []float32{0}),
		"on": ir.FromInt64(ir.Bool, ir.Shape{1}, []int64{1}),
		"n":  ir.FromInt64(ir.I64, ir.Shape{1}, []int64{3}),
	}))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	// The checksums were computed bit by bit, by an independent program.
	header := `{"__metadata__":{"flowrun.checksum":"crc32c:b8edd7f0:82e16f54","format":"pt"}` +
		`,"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}` +
		`,"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]}` +
		`,"b":{"dtype":"F32","shape":[1,2],"data_offsets":[12,20]}` +
		`,"on":{"dtype":"BOOL","shape":[1],"data_offsets":[20,21]}}`
	require.Equal(t, "\x30\x01\x00\x00\x00\x00\x00\x00"+header+"      "+
		"\x03\x00\x00\x00\x00\x00\x00\x00"+"\x00\x00\x00\x00"+"\x00\x00\x80\x3f\x00\x00\x00\x40"+"\x01", string(got))
}

func TestRowsCanBeReadSeparately(t *testing.T) {
	f, err := Open("testdata/python.safetensors")
	require.NoError(t, err)
	defer f.Close()
	row := make([]byte, 12)
	require.NoError(t, f.ReadAt("h0.weight", row, 12))
	require.Equal(t, ir.FromFloat32(ir.Shape{3}, []float32{0.5, 1e-3, 3e38}).Data, row)
	require.EqualError(t, f.ReadAt("h0.weight", row, 16),
		`testdata/python.safetensors: tensor "h0.weight": bytes 16 to 28 are out of range; it has 24`)
	require.ErrorContains(t, f.ReadAt("h0.weight", row, -1), "bytes -1 to 11 are out of range")
	require.NoError(t, f.ReadAt("h0.weight", nil, 24))
}

func TestTheErrorForAnUnknownNameListsTheNames(t *testing.T) {
	f, err := Open("testdata/python.safetensors")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Tensor("h1.weight")
	require.EqualError(t, err, `testdata/python.safetensors: no tensor "h1.weight"; `+
		`the file has bias, brain, empty, h0.weight, half, ids, labels, mask and 1 more`)
}

func TestABoolThatIsNeither0Nor1IsAnError(t *testing.T) {
	path := written(t, `{"m":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}`, 3)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[len(content)-2] = 7
	require.NoError(t, os.WriteFile(path, content, 0o666))
	_, err = Read(path)
	require.EqualError(t, err, path+`: tensor "m": element 1 is 7; a BOOL must be 0 or 1`)
}

func TestAFileThatShrinksWhileOpenIsAnError(t *testing.T) {
	path := written(t, `{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}`, 12)
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Truncate(path, 70))
	_, err = f.Tensor("x")
	require.EqualError(t, err, path+`: tensor "x": the file was truncated after it was opened`)
}

func TestTheErrorForAFolderOrDeviceNamesIt(t *testing.T) {
	folder := t.TempDir()
	_, err := Open(folder)
	require.EqualError(t, err, "open "+folder+": not a regular file but a folder")
	_, err = Open(filepath.Join(folder, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, filepath.Join(folder, "none"))
}

// file returns the bytes of a file with a header and n zero bytes of data.
func file(header string, n int) []byte {
	prefix := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return slices.Concat(prefix, []byte(header), bytes.Repeat([]byte{0}, n))
}

// write writes such a file.
func written(t *testing.T, header string, n int) string {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	require.NoError(t, os.WriteFile(path, file(header, n), 0o666))
	return path
}

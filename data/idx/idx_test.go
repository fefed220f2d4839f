package idx_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/arrays/arraystest"
	"github.com/flowrun/flowrun/data/idx"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// file is an idx file, written as its description says.
func file(code byte, shape []uint32, elements ...byte) []byte {
	b := []byte{0, 0, code, byte(len(shape))}
	for _, dim := range shape {
		b = binary.BigEndian.AppendUint32(b, dim)
	}
	return append(b, elements...)
}

func zipped(parts ...[]byte) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		_, _ = w.Write(p)
		_ = w.Close()
	}
	return b.Bytes()
}

func save(t testing.TB, content []byte) string {
	path := filepath.Join(t.TempDir(), "x.idx")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func open(path string, typ ir.Type) (table.Table, error) {
	return arraystest.Open(idx.Kind, arraystest.Decl(idx.Kind, path, arraystest.Field("x", typ)))
}

// read opens a file and reads all of it.
func read(t testing.TB, content []byte, typ ir.Type) *ir.Tensor {
	tab, err := open(save(t, content), typ)
	require.NoError(t, err)
	defer tab.Close()
	return arraystest.Read(t, tab, 0)
}

func TestAllSixTypesOfElementsAreRead(t *testing.T) {
	f32 := binary.BigEndian.AppendUint32(nil, math.Float32bits(1.5))
	f64 := binary.BigEndian.AppendUint64(nil, math.Float64bits(-1e300))
	for _, c := range []struct {
		code     byte
		elements []byte
		dtype    string
		want     float64
	}{
		{0x08, []byte{200}, "u8", 200},
		{0x08, []byte{255}, "i32", 255},
		{0x08, []byte{255}, "f32", 255},
		{0x09, []byte{0x80}, "i64", -128},
		{0x09, []byte{0x80}, "f16", -128},
		{0x0B, []byte{0x80, 1}, "i32", -32767},
		{0x0C, []byte{0x80, 0, 0, 1}, "i32", -1<<31 + 1},
		{0x0C, []byte{0x80, 0, 0, 1}, "f64", -1<<31 + 1},
		{0x0D, f32, "f32", 1.5},
		{0x0D, f32, "bf16", 1.5},
		{0x0E, f64, "f64", -1e300},
	} {
		content := file(c.code, []uint32{1}, c.elements...)
		for name, content := range map[string][]byte{"plain": content, "gzip": zipped(content)} {
			x := read(t, content, arraystest.Type(c.dtype))
			require.Equal(t, c.want, x.Float(0), "%#x as %s, %s", c.code, c.dtype, name)
		}
	}
}

func TestRowsAreExamples(t *testing.T) {
	content := file(0x08, []uint32{2, 1, 3}, 1, 2, 3, 4, 5, 6)
	for _, content := range [][]byte{content, zipped(content), zipped(content[:9], content[9:17], nil, content[17:])} {
		tab, err := open(save(t, content), arraystest.Type("u8", 1, 3))
		require.NoError(t, err)
		defer tab.Close()
		require.EqualValues(t, 2, tab.Len())
		dst := make([]byte, 9)
		require.NoError(t, tab.Read(0, []int64{1, 0, 1}, dst))
		require.Equal(t, []byte{4, 5, 6, 1, 2, 3, 4, 5, 6}, dst)
	}
}

func TestEmptyArraysAndExamplesAreRead(t *testing.T) {
	for _, c := range []struct {
		shape []uint32
		typ   ir.Type
	}{
		{[]uint32{0}, arraystest.Type("u8")},
		{[]uint32{0, 3}, arraystest.Type("u8", 3)},
		{[]uint32{3, 0}, arraystest.Type("u8", 0)},
		{[]uint32{3, 2, 0}, arraystest.Type("f32", 2, 0)},
	} {
		for _, content := range [][]byte{file(0x08, c.shape), zipped(file(0x08, c.shape))} {
			x := read(t, content, c.typ)
			require.Equal(t, int(c.shape[0]), x.Type.Shape[0])
			require.Empty(t, x.Data)
		}
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	good := file(0x08, []uint32{2, 2}, 1, 2, 3, 4)
	packed := zipped(good)
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-8] ^= 1 // of the checksum
	short := zipped(good[:len(good)-1])
	for _, c := range []struct {
		content []byte
		want    string
	}{
		{nil, "not an idx file: it has 0 bytes, fewer than the 4 of its magic"},
		{[]byte("\x93NUMPY\x01\x00v\x00"), "not an idx file: it is a NumPy array (.npy)"},
		{[]byte("version https://git-lfs.github.com/spec/v1\n"), "not an idx file: it is a Git LFS pointer to a file that wasn't fetched; run git lfs pull"},
		{[]byte("abcdefgh"), `not an idx file: it begins with "abcd" instead of two zeros`},
		{good[:7], "truncated: 2 dimensions have 8 bytes, but only 3 follow"},
		{good[:len(good)-1], "truncated: u8[2, 2] has 4 bytes of elements, but 3 follow the header"},
		{append(bytes.Clone(good), 0), "u8[2, 2] has 4 bytes of elements, but 5 follow the header; 1 are too many"},
		{file(0x0A, []uint32{1}, 0), "the type of its elements is 0x0A; it must be 0x08 (u8), 0x09 (i8), 0x0B (i16), 0x0C (i32), 0x0D (f32) or 0x0E (f64)"},
		{file(0x0E, []uint32{1 << 31, 1 << 31, 1 << 31}), "the shape [2147483648, 2147483648, 2147483648] is too large: such an array has more than 2^63 bytes"},
		{file(0x08, []uint32{1 << 31, 2, 2}), "truncated: u8[2147483648, 2, 2] has 8589934592 bytes of elements, but 0 follow the header"},
		{packed[:len(packed)-1], "truncated: the compressed bytes end early"},
		{packed[:12], "truncated: the compressed bytes end early"},
		{packed[:2], "truncated: the compressed bytes end early"},
		{flipped, "gzip's checksum or length isn't that of the decompressed bytes: the file is damaged"},
		{append(bytes.Clone(packed), 0), "truncated: the compressed bytes end early"},
		{append(bytes.Clone(packed), "more than a gzip header"...), "the file is damaged, or something that isn't gzip's follows the compressed bytes"},
		{short, "it ends early"},
		{zipped(good, []byte{0}), "there are more bytes than its header says"},
		{zipped(file(0x08, []uint32{1 << 31, 2, 2})), "u8[2147483648, 2, 2] has 8589934592 bytes of elements, which the file's "},
	} {
		path := save(t, c.content)
		_, err := open(path, arraystest.Type("u8", 2))
		require.ErrorContains(t, err, path+": "+c.want)
	}
	require.Equal(t, good[12:], read(t, good, arraystest.Type("u8", 2)).Data)
	require.Equal(t, good[12:], read(t, packed, arraystest.Type("u8", 2)).Data)
}

func TestAFileCutAtAnyByteIsRefused(t *testing.T) {
	good := file(0x0C, []uint32{2, 1}, 1, 2, 3, 4, 5, 6, 7, 8)
	for _, content := range [][]byte{good, zipped(good)} {
		for n := range content {
			_, err := open(save(t, content[:n]), arraystest.Type("i32", 1))
			require.Error(t, err, "cut at %d", n)
		}
	}
}

func TestADeclarationThatDoesNotFitIsReportedWithBothTypes(t *testing.T) {
	path := save(t, file(0x0D, []uint32{1, 2}, make([]byte, 8)...))
	for want, typ := range map[string]ir.Type{
		"field x: the array is f32[1, 2] (1 example of f32[2]); examples of f32[3] need f32[examples, 3]":                                                                   arraystest.Type("f32", 3),
		"field x: the array is f32[1, 2] (1 example of f32[2]); examples of i32[2] need i32[examples, 2]: store integers, or declare f32 and round it in transform":         arraystest.Type("i32", 2),
		"field x: the array is f32[1, 2] (1 example of f32[2]); examples of bool[2] need bool[examples, 2]: store truth values, or declare f32 and compare it in transform": arraystest.Type("bool", 2),
	} {
		_, err := open(path, typ)
		require.EqualError(t, err, path+": "+want)
	}
	_, err := open(path, arraystest.Type("f64", 2))
	require.NoError(t, err)
}

func FuzzFile(f *testing.F) {
	good := file(0x08, []uint32{2, 2}, 1, 2, 3, 4)
	f.Add(good)
	f.Add(zipped(good))
	f.Add(zipped(good[:9], good[9:]))
	f.Add(file(0x0C, []uint32{2}, make([]byte, 8)...))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, typ := range []ir.Type{arraystest.Type("u8", 2), arraystest.Type("i32"), arraystest.Type("f32", 2)} {
			tab, err := open(save(t, content), typ)
			if err != nil {
				require.NotEmpty(t, strings.TrimSpace(err.Error()))
				continue
			}
			if tab.Len()*int64(typ.Bytes()) < 1<<20 {
				arraystest.Read(t, tab, 0)
			}
			require.NoError(t, tab.Close())
		}
	})
}

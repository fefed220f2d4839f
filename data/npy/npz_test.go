package npy_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/arrays/arraystest"
	"github.com/flowrun/flowrun/data/npy"
	"github.com/flowrun/flowrun/data/table"
)

// member is a file of an archive.
type member struct {
	name    string
	content []byte
	method  uint16
}

func packed(t testing.TB, members ...member) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		f, err := w.CreateHeader(&zip.FileHeader{Name: m.name, Method: m.method})
		require.NoError(t, err)
		_, err = f.Write(m.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// raw is an archive with one file whose header says whatever it says.
func raw(t testing.TB, h zip.FileHeader, content []byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&h)
	require.NoError(t, err)
	_, err = f.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func openArchive(path string, fields ...table.Field) (table.Table, error) {
	return arraystest.Open(npy.Archives, arraystest.Decl(npy.Archives, path, fields...))
}

var (
	xs = file(dict("|u1", "(3, 2)"), 1, 2, 3, 4, 5, 6)
	ys = file(dict("<i2", "(3,)"), 7, 0, 8, 0, 9, 0)
)

func TestArraysOfAnArchiveAreFields(t *testing.T) {
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		path := save(t, "d.npz", packed(t, member{"x.npy", xs, method}, member{"labels.npy", ys, method}, member{"notes.txt", []byte("not an array"), method}))
		tab, err := openArchive(path, arraystest.Field("x", arraystest.Type("u8", 2)), arraystest.Field("y", arraystest.Type("i64"), "array", "labels"))
		require.NoError(t, err)
		defer tab.Close()
		require.Equal(t, []byte{1, 2, 3, 4, 5, 6}, arraystest.Read(t, tab, 0).Data)
		y := arraystest.Read(t, tab, 1)
		require.Equal(t, []int64{7, 8, 9}, []int64{y.Int(0), y.Int(1), y.Int(2)})
		require.Equal(t, path+`:3, column "labels"`, tab.At(2, 1).String())
		require.NoError(t, tab.Verify())

		tab, err = openArchive(path, arraystest.Field("y", arraystest.Type("i64"), "array", "labels")) // only what is needed
		require.NoError(t, err)
		require.NoError(t, tab.Close())
		_, err = openArchive(path, arraystest.Field("z", arraystest.Type("u8")))
		require.EqualError(t, err, "field z: "+path+`: no array "z"; the file has labels, x`)
		_, err = openArchive(path, arraystest.Field("x", arraystest.Type("u8", 3)))
		require.EqualError(t, err, path+`: field x: the array "x" is u8[3, 2] (3 examples of u8[2]); examples of u8[3] need u8[examples, 3]`)
	}
}

func TestACompressedArrayInColumnOrderIsTurned(t *testing.T) {
	turned := file(strings.Replace(dict("|u1", "(3, 2)"), "False", "True", 1), 1, 3, 5, 2, 4, 6)
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		tab, err := openArchive(save(t, "d.npz", packed(t, member{"x.npy", turned, method})), arraystest.Field("x", arraystest.Type("u8", 2)))
		require.NoError(t, err)
		defer tab.Close()
		require.Equal(t, []byte{1, 2, 3, 4, 5, 6}, arraystest.Read(t, tab, 0).Data)
	}
}

func TestDamagedArchivesAreRefused(t *testing.T) {
	stored := packed(t, member{"x.npy", xs, zip.Store})
	flipped := bytes.Clone(stored)
	flipped[bytes.Index(stored, []byte{1, 2, 3, 4, 5, 6})+5] ^= 1
	locked := packed(t, member{"x.npy", xs, zip.Store})
	locked[bytes.Index(locked, []byte("PK\x01\x02"))+8] |= 1 // the flag of encryption, in the directory
	huge := file(dict("|u1", "(100000000, 2)"))
	header := zip.FileHeader{Name: "x.npy", CRC32: crc32.ChecksumIEEE(xs), CompressedSize64: uint64(len(xs)), UncompressedSize64: uint64(len(xs))}
	with := func(change func(*zip.FileHeader)) []byte { h := header; change(&h); return raw(t, h, xs) }
	for _, c := range []struct {
		content []byte
		want    string
	}{
		{nil, "not an npz file: it isn't a zip archive"},
		{[]byte("hello"), "not an npz file: it isn't a zip archive"},
		{[]byte("version https://git-lfs.github.com/spec/v1\n"), "not an npz file: it is a Git LFS pointer to a file that wasn't fetched; run git lfs pull"},
		{xs, "not an npz file: it is an npy file; declare npy"},
		{stored[:len(stored)-1], "the zip archive is damaged or truncated"},
		{flipped, `array "x": the checksum (CRC-32) of its bytes isn't the archive's: the file is damaged`},
		{locked, `array "x": it is encrypted; save it without a password`},
		{packed(t, member{"x.npy", xs, zip.Store}, member{"x.npy", xs, zip.Store}), `the archive has "x.npy" twice`},
		{packed(t, member{"x.npy", xs, zip.Store}, member{"y.npy", ys, zip.Store}, member{"y.npy", ys, zip.Deflate}), `the archive has "y.npy" twice`},
		{packed(t), `no array "x"; the file has none`},
		{packed(t, member{"x", xs, zip.Store}), `no array "x"; the file has none`},
		{packed(t, member{"x.npy", []byte("text"), zip.Store}), `array "x": not an npy file: it begins with "text"`},
		{packed(t, member{"x.npy", xs[:len(xs)-1], zip.Deflate}), `array "x": truncated: u8[3, 2] has 6 bytes of elements, but 5 follow the header`},
		{packed(t, member{"x.npy", huge, zip.Deflate}), `array "x": truncated: u8[100000000, 2] has 200000000 bytes of elements, but 0 follow`},
		{with(func(h *zip.FileHeader) { h.Method = 12 }), `array "x": it is compressed by method 12; save it with np.savez or np.savez_compressed`},
		{with(func(h *zip.FileHeader) { h.UncompressedSize64++ }), `bytes, which `},
		{with(func(h *zip.FileHeader) { h.Method = zip.Deflate; h.UncompressedSize64 = 1 << 40 }), `array "x": the archive says that it has 1099511627776 bytes, which `},
		{with(func(h *zip.FileHeader) { h.CompressedSize64 = 1 << 40 }), `array "x": the archive says that it has 1099511627776 compressed bytes; the file has `},
		{with(func(h *zip.FileHeader) { h.CRC32++ }), `array "x": the checksum (CRC-32) of its bytes isn't the archive's`},
		{with(func(h *zip.FileHeader) { h.Method = zip.Deflate }), `array "x": `},
	} {
		path := save(t, "d.npz", c.content)
		_, err := openArchive(path, arraystest.Field("x", arraystest.Type("u8", 2)))
		require.ErrorContains(t, err, path+": ")
		require.ErrorContains(t, err, c.want)
	}
	_, err := openArchive(save(t, "d.npz", with(func(*zip.FileHeader) {})), arraystest.Field("x", arraystest.Type("u8", 2)))
	require.NoError(t, err)
}

// A deflated file that goes on behind the size that the archive gives it, or ends before.
func TestADeflatedArrayHasTheSizeThatTheArchiveSays(t *testing.T) {
	good := packed(t, member{"x.npy", xs, zip.Deflate})
	directory := bytes.Index(good, []byte("PK\x01\x02"))
	for _, by := range []int{-1, 1} {
		b := bytes.Clone(good)
		size := b[directory+24:]
		binary.LittleEndian.PutUint32(size, uint32(len(xs)+by))
		_, err := openArchive(save(t, "d.npz", b), arraystest.Field("x", arraystest.Type("u8", 2)))
		require.ErrorContains(t, err, `array "x": `)
	}
}

func TestAnArchiveCutAtAnyByteIsRefused(t *testing.T) {
	content := packed(t, member{"x.npy", xs, zip.Deflate}, member{"y.npy", ys, zip.Store})
	for n := range content {
		_, err := openArchive(save(t, "d.npz", content[:n]), arraystest.Field("x", arraystest.Type("u8", 2)))
		require.Error(t, err, "cut at %d", n)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(packed(f, member{"x.npy", xs, zip.Deflate}))
	f.Add(packed(f, member{"x.npy", xs, zip.Store}))
	f.Fuzz(func(t *testing.T, content []byte) {
		tab, err := openArchive(save(t, "d.npz", content), arraystest.Field("x", arraystest.Type("u8", 2)))
		if err != nil {
			return
		}
		if tab.Len() < 1<<20 {
			arraystest.Read(t, tab, 0)
		}
		require.NoError(t, tab.Close())
	})
}

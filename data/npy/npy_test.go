package npy_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data/arrays/arraystest"
	"github.com/flowrun/flowrun/data/npy"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// file is an npy file of version 1.0.
func file(header string, elements ...byte) []byte { return version(1, 0, header, elements...) }

func version(major, minor byte, header string, elements ...byte) []byte {
	b := append([]byte("\x93NUMPY"), major, minor)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	return append(append(b, header...), elements...)
}

func dict(descr, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
}

func save(t testing.TB, name string, content []byte) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func open(path string, typ ir.Type) (table.Table, error) {
	return arraystest.Open(npy.Kind, arraystest.Decl(npy.Kind, path, arraystest.Field("x", typ)))
}

func read(t testing.TB, content []byte, typ ir.Type) *ir.Tensor {
	tab, err := open(save(t, "x.npy", content), typ)
	require.NoError(t, err)
	defer tab.Close()
	return arraystest.Read(t, tab, 0)
}

func TestRowsAreExamples(t *testing.T) {
	content := file(dict("<i4", "(3, 2)"), 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0)
	path := save(t, "x.npy", content)
	tab, err := open(path, arraystest.Type("i32", 2))
	require.NoError(t, err)
	defer tab.Close()
	require.EqualValues(t, 3, tab.Len())
	require.Equal(t, table.Column{Type: arraystest.Type("i32", 2)}, tab.Column(0))
	require.Equal(t, path+":2", tab.At(1, 0).String())
	dst := make([]byte, 24)
	require.NoError(t, tab.Read(0, []int64{2, 0, 2}, dst))
	require.Equal(t, []byte{5, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0}, dst)
	require.ErrorContains(t, tab.Read(0, []int64{3}, dst[:8]), "example 4 is out of range: there are 3")
	require.ErrorContains(t, tab.Read(0, []int64{-1}, dst[:8]), "example 0 is out of range: there are 3")
	require.ErrorContains(t, tab.Read(0, []int64{0}, dst[:7]), "1 examples have 8 bytes, the buffer has 7")
}

// Headers that other writers than NumPy make, and NumPy reads.
func TestAnyWayToWriteTheSameHeaderIsRead(t *testing.T) {
	for _, header := range []string{
		"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }                 \n",
		"{'descr':'|u1','fortran_order':False,'shape':(2,)}",
		`{"shape": (2L, 1), "descr": "u1", "fortran_order": False}`,
		"{'shape': ( 2 ,1, ),\n\t'fortran_order' : True , 'descr': '<u1'}",
		"{'descr': '>u1', 'fortran_order': False, 'shape': (2,)}\n",
	} {
		for major := byte(1); major <= 3; major++ {
			typ := arraystest.Type("u8")
			if strings.Contains(header, "1, )") || strings.Contains(header, ", 1)") {
				typ = arraystest.Type("u8", 1)
			}
			require.Equal(t, []byte{7, 9}, read(t, version(major, 0, header, 7, 9), typ).Data, "%d %s", major, header)
		}
	}
}

func TestHeadersThatAreNotPlainAreRefused(t *testing.T) {
	long := "{'descr': '<f4', 'fortran_order': False, 'shape': (" + strings.Repeat("1, ", 65) + ")}"
	for header, want := range map[string]string{
		"":                 `at byte 0: the end; expected "{"`,
		"{":                `at byte 1: the end; expected a text in quotes`,
		"{}":               "descr is missing",
		"[]":               `at byte 0: "["; expected "{"`,
		"{'descr': '<f4'}": "fortran_order is missing",
		"{'descr': '<f4', 'fortran_order': False}": "shape is missing",
		"{'descr': '<f4', 'descr': '<f8'}":         `at byte 24: "descr" appears twice`,
		"{'descr': '<f4', 'more': 1}":              `"more" is unknown`,
		"{'descr': f4}":                            `at byte 10: "f"; expected a text in quotes`,
		"{'descr': '<f4}":                          `at byte 10: a quote that isn't closed`,
		`{'descr': '<\x664'}`:                      `at byte 10: a text with an escape sequence or a line feed`,
		"{'descr': '<f4' 'shape': (1,)}":           `at byte 16: "'"; expected ","`,
		"{'descr' '<f4'}":                          `at byte 9: "'"; expected ":"`,
		"{,}":                                      `at byte 1: ","; expected a text in quotes`,
		"{'fortran_order': 0}":                     `at byte 18: fortran_order is neither True nor False`,
		"{'fortran_order': true}":                  `at byte 18: fortran_order is neither True nor False`,
		"{'fortran_order': __import__('os')}":      `at byte 18: fortran_order is neither True nor False`,
		"{'shape': 3}":                             `at byte 10: "3"; expected "("`,
		"{'shape': [3]}":                           `at byte 10: "["; expected "("`,
		"{'shape': (3)}":                           `at byte 12: the shape is a number in parentheses, not a tuple; expected a comma`,
		"{'shape': (-1,)}":                         `at byte 11: "-" in the shape; expected an integer that isn't negative`,
		"{'shape': (1.5,)}":                        `at byte 12: "." in the shape; expected a comma or )`,
		"{'shape': (1e3,)}":                        `at byte 12: "e" in the shape; expected a comma or )`,
		"{'shape': (1_0,)}":                        `at byte 12: "_" in the shape; expected a comma or )`,
		"{'shape': (3 3)}":                         `at byte 13: "3" in the shape; expected a comma or )`,
		"{'shape': (,)}":                           `at byte 11: "," in the shape; expected an integer that isn't negative`,
		"{'shape': (3,,)}":                         `at byte 13: "," in the shape; expected an integer that isn't negative`,
		"{'shape': (3,":                            `at byte 13: the end in the shape; expected an integer that isn't negative`,
		"{'shape': (99999999999999999999,)}":       `at byte 31: the dimension 99999999999999999999 is too large`,
		dict("<f4", "(4294967296, 4294967296)"):    "the shape [4294967296, 4294967296] is too large: such an array has more than 2^63 bytes",
		dict("<f4", "(1,)") + "1":                  "unexpected text after the closing brace",
		dict("<f4", "(1,)") + "\x00":               "unexpected text after the closing brace",
		"{'descr': [('\xe9', '<f4')]}":             "structured arrays are not supported",
		long:                                       "the shape has more than 64 dimensions",
	} {
		path := save(t, "x.npy", file(header, 0, 0, 0, 0))
		_, err := open(path, arraystest.Type("f32"))
		require.ErrorContains(t, err, path+": in the header: ", header)
		require.ErrorContains(t, err, want, header)
	}
}

func TestOtherDtypesAreRefusedByNameWithWhatToDo(t *testing.T) {
	for descr, want := range map[string]string{
		"'|O'":           `the dtype "|O" is not supported (Python objects, which are pickled, and could run any program when they are loaded)`,
		"'<U5'":          `the dtype "<U5" is not supported (texts)`,
		"'|S5'":          `the dtype "|S5" is not supported (texts)`,
		"'<c8'":          "save the real and imaginary parts as arrays of their own",
		"'<M8[ns]'":      "(times)",
		"'<m8'":          "(durations)",
		"'|V2'":          "bfloat16 can be saved as float32 or in a safetensors file",
		"'<f16'":         `the dtype "<f16" is not supported (its elements have another size)`,
		"'<f1'":          "another size",
		"'|b2'":          "another size",
		"'<i3'":          "another size",
		"'<i0'":          "another size",
		"'<i-4'":         "another size",
		"'<i'":           "another size",
		"''":             "it isn't one of NumPy's",
		"'<'":            "it isn't one of NumPy's",
		"'<x4'":          "it isn't one of NumPy's that have a byte order and a size",
		"'<<f4'":         "it isn't one of NumPy's that have a byte order and a size",
		"'float32'":      "another size",
		"'f4'":           "it says no byte order",
		"'=f4'":          "it says no byte order",
		"'|f4'":          "it says no byte order",
		"[('a', '<f4')]": "the elements are records (a structured array)",
		"('<f4', (2,))":  "the elements are records (a structured array)",
		"'<f4,<i4'":      "another size",
	} {
		_, err := open(save(t, "x.npy", file("{'descr': "+descr+", 'fortran_order': False, 'shape': (1,)}", 0, 0, 0, 0)), arraystest.Type("f32"))
		require.ErrorContains(t, err, want, descr)
	}
	_, err := open(save(t, "x.npy", file(dict("<f4", "(1,)"), 0, 0, 0, 0)), arraystest.Type("f32"))
	require.NoError(t, err)
}

func TestFilesThatAreNoneAreRefused(t *testing.T) {
	good := file(dict("<f4", "(2,)"), make([]byte, 8)...)
	huge := append([]byte("\x93NUMPY\x02\x00"), 0xff, 0xff, 0xff, 0xff)
	for want, content := range map[string][]byte{
		`not an npy file: it begins with "" instead of "\x93NUMPY"`:  nil,
		`not an npy file: it begins with "\x93NUM" instead of`:       good[:4],
		"truncated: it has 6 bytes, fewer than the 8 of the magic":   good[:6],
		"truncated: the header's length has 2 bytes, but only 1":     good[:9],
		"truncated: the header should have 57 bytes, but only 10":    good[:20],
		"truncated: f32[2] has 8 bytes of elements, but 7 follow":    good[:len(good)-1],
		"8 bytes of elements, but 9 follow the header; 1 are too":    append(bytes.Clone(good), 0),
		"version 1.1 of the npy format is not supported":             version(1, 1, dict("<f4", "(2,)")),
		"version 4.0 of the npy format is not supported":             version(4, 0, dict("<f4", "(2,)")),
		"version 0.0 of the npy format is not supported":             version(0, 0, dict("<f4", "(2,)")),
		"the header has 4294967295 bytes; the limit is 10000":        huge,
		"not an npy file: it is a zip archive, as npz files are":     []byte("PK\x03\x04abcd"),
		"not an npy file: it is compressed with gzip; decompress it": []byte("\x1f\x8b\x08abcdefgh"),
		"it is a Git LFS pointer":                                    []byte("version https://git-lfs"),
	} {
		path := save(t, "x.npy", content)
		_, err := open(path, arraystest.Type("f32"))
		require.ErrorContains(t, err, path+": ")
		require.ErrorContains(t, err, want)
	}
	for n := range good {
		_, err := open(save(t, "x.npy", good[:n]), arraystest.Type("f32"))
		require.Error(t, err, "cut at %d", n)
	}
	_, err := open(save(t, "x.npy", good), arraystest.Type("f32"))
	require.NoError(t, err)
}

func TestAScalarHasNoExamples(t *testing.T) {
	_, err := open(save(t, "x.npy", file(dict("<f4", "()"), 0, 0, 0, 0)), arraystest.Type("f32"))
	require.ErrorContains(t, err, "field x: the array is f32[] (no examples); examples of f32[] need f32[examples]")
}

func TestArraysWithoutElementsAreRead(t *testing.T) {
	for shape, typ := range map[string]ir.Type{
		"(0,)": arraystest.Type("f32"), "(0, 3)": arraystest.Type("f32", 3), "(3, 0)": arraystest.Type("f32", 0),
		"(3, 2, 0)": arraystest.Type("f32", 2, 0), "(0, 99999999999, 99999999999)": arraystest.Type("f32", 99999999999, 99999999999),
	} {
		for _, order := range []string{"False", "True"} {
			header := strings.Replace(dict("<f4", shape), "False", order, 1)
			require.Empty(t, read(t, file(header), typ).Data, shape)
		}
	}
	_, err := open(save(t, "x.npy", file(dict("<f4", "(2147483648, 0)"))), arraystest.Type("f32", 0))
	require.ErrorContains(t, err, "the array is f32[2147483648, 0]; of examples without elements there may be 2147483647 at most")
}

// The writer here is NumPy's order by its definition: element [i, j, k] of a C array is at
// (i·J + j)·K + k, of a Fortran array at i + I·(j + J·k). Sizes are around pages of 4 KiB
// and around blocks of 256 KiB.
func TestEitherOrderGivesTheSameExamples(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom([]int{1, 2, 3, 63, 64, 65, 1023, 1024, 1025}).Draw(rt, "n")
		j, k := rapid.IntRange(1, 9).Draw(rt, "j"), rapid.IntRange(1, 9).Draw(rt, "k")
		c, f := make([]byte, 4*n*j*k), make([]byte, 4*n*j*k)
		big := bytes.Clone(c)
		for a := range n {
			for b := range j {
				for d := range k {
					v := uint32(a*j*k + b*k + d)
					binary.LittleEndian.PutUint32(c[4*((a*j+b)*k+d):], v)
					binary.BigEndian.PutUint32(big[4*((a*j+b)*k+d):], v)
					binary.LittleEndian.PutUint32(f[4*(a+n*(b+j*d)):], v)
				}
			}
		}
		shape := fmt.Sprintf("(%d, %d, %d)", n, j, k)
		typ := arraystest.Type("i32", j, k)
		require.Equal(rt, c, read(t, file(dict("<i4", shape), c...), typ).Data)
		require.Equal(rt, c, read(t, file(dict(">u4", shape), big...), typ).Data)
		require.Equal(rt, c, read(t, file(strings.Replace(dict("<i4", shape), "False", "True", 1), f...), typ).Data)
	})
}

// Columns of up to 16 KiB are read whole, about 1 MiB at a time; of others, as many rows as
// make 16 MiB.
func TestColumnsOfAnyLengthAreTurned(t *testing.T) {
	for _, size := range [][2]int{{16 << 10, 2}, {16<<10 + 1, 3}, {3, 1<<20 + 1}, {3, 6 << 20}, {70_000, 300}} {
		n, width := size[0], size[1]
		rows, columns := make([]byte, n*width), make([]byte, n*width)
		for i := range n {
			for j := range width {
				v := byte(i*31 + j*7 + j>>8)
				rows[i*width+j], columns[i+n*j] = v, v
			}
		}
		header := strings.Replace(dict("|u1", fmt.Sprintf("(%d, %d)", n, width)), "False", "True", 1)
		require.True(t, bytes.Equal(rows, read(t, file(header, columns...), arraystest.Type("u8", width)).Data), "%v", size)
	}
}

func TestRowsMayBeReadFromSeveralGoroutines(t *testing.T) {
	const n = 5000
	values := make([]int64, 2*n)
	for i := range values {
		values[i] = int64(i)
	}
	for _, header := range []string{dict("<i8", "(5000, 2)"), strings.Replace(dict("<i8", "(2, 5000)"), "False", "True", 1)} {
		typ := arraystest.Type("f32", 2)
		if strings.Contains(header, "True") {
			typ = arraystest.Type("f32", 5000)
		}
		tab, err := open(save(t, "x.npy", file(header, i64s(values...)...)), typ)
		require.NoError(t, err)
		defer tab.Close()
		want := arraystest.Read(t, tab, 0).Data
		var group sync.WaitGroup
		failed := make(chan int64, 8)
		for k := range 8 {
			group.Go(func() {
				dst := make([]byte, typ.Bytes())
				for i := range tab.Len() {
					row := (i*7 + int64(k)) % tab.Len()
					if tab.Read(0, []int64{row}, dst) != nil || !bytes.Equal(dst, want[row*int64(len(dst)):][:len(dst)]) {
						failed <- row
						return
					}
				}
			})
		}
		group.Wait()
		require.Empty(t, failed)
	}
}

func TestAFileThatChangesWhileInUseGivesOldValuesOrAnError(t *testing.T) {
	const rows = 3 * 1024 // three pages
	content := file(dict("<i4", "(3072,)")+strings.Repeat(" ", 4096-10-56), make([]byte, 4*rows)...)
	for _, change := range []func(path string){
		func(path string) { require.NoError(t, os.Truncate(path, 2*4096)) },
		func(path string) { // the same size and time, other bytes
			info, err := os.Stat(path)
			require.NoError(t, err)
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte{1}, 2*4096)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		},
	} {
		path := save(t, "x.npy", content)
		tab, err := open(path, arraystest.Type("i32"))
		require.NoError(t, err)
		defer tab.Close()
		change(path)
		dst := make([]byte, 4)
		require.NoError(t, tab.Read(0, []int64{0}, dst))
		require.Error(t, tab.Read(0, []int64{1025}, dst))
		require.Error(t, tab.Read(0, []int64{0, 1025}, make([]byte, 8)))
	}
	if runtime.GOOS == "windows" { // there, open files aren't removed
		return
	}
	path := save(t, "x.npy", content)
	tab, err := open(path, arraystest.Type("i32"))
	require.NoError(t, err)
	defer tab.Close()
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, []byte("another"), 0o600))
	arraystest.Read(t, tab, 0) // the old file is still open
}

func TestTheFingerprintIsOfTheContentAndTheFields(t *testing.T) {
	print := func(content []byte, typ ir.Type) string {
		tab, err := open(save(t, "x.npy", content), typ)
		require.NoError(t, err)
		defer tab.Close()
		return tab.Fingerprint()
	}
	i32, i64 := arraystest.Type("i32"), arraystest.Type("i64")
	a, b := file(dict("<i4", "(1,)"), 0, 0, 0, 0), file(dict("<i4", "(1,)"), 1, 0, 0, 0)
	require.Equal(t, print(a, i32), print(a, i32))
	require.NotEqual(t, print(a, i32), print(b, i32))
	require.NotEqual(t, print(a, i32), print(a, i64))
}

func f64s(values ...float64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

func i64s(values ...int64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func TestAValueThatTheFieldCannotHoldIsReportedWithItsExample(t *testing.T) {
	for _, c := range []struct {
		descr, dtype string
		good, bad    []byte // two examples of two elements; in bad it is the last
		want         string
	}{
		{"<i8", "i32", i64s(0, 1, -1<<31, 1<<31-1), i64s(0, 1, 0, 1<<31), "2147483648; i32 holds -2147483648 to 2147483647"},
		{"<i8", "u8", i64s(0, 1, 2, 255), i64s(0, 1, 2, 256), "256; u8 holds 0 to 255"},
		{"<i8", "u8", i64s(0, 1, 2, 0), i64s(0, 1, 2, -1), "-1; u8 holds 0 to 255"},
		{"<i8", "f32", i64s(0, 1, 0, 1<<24), i64s(0, 1, 0, 1<<24+1), "16777217, which f32 can't hold exactly"},
		{"<i8", "f32", i64s(0, 1, 0, 1<<24+2), i64s(0, 1, 0, -1<<24-1), "-16777217, which f32 can't hold exactly"},
		{"<i8", "f64", i64s(0, 1, 0, -1<<63), i64s(0, 1, 0, 1<<53+1), "9007199254740993, which f64 can't hold exactly"},
		{"<i8", "f16", i64s(0, 1, 0, 65504), i64s(0, 1, 0, 65536), "65536, which f16 can't hold exactly"},
		{"<u8", "i64", i64s(0, 1, 0, 1<<63-1), i64s(0, 1, 0, -1), "18446744073709551615; the largest that can be read is 9223372036854775807"},
		{"<f8", "f32", f64s(0, math.Inf(1), math.NaN(), math.MaxFloat32), f64s(0, 1, 0, 1e39), "1e+39, which is too large for f32"},
		{"<f8", "f32", f64s(0, 1, 0, 0x1.fffffefp127), f64s(0, 1, 0, -0x1.ffffffp127), "-3.4028235677973366e+38, which is too large for f32"},
		{"<f8", "f16", f64s(0, 1, 0, 65519), f64s(0, 1, 0, 65520), "65520, which is too large for f16"},
		{"<f8", "bf16", f64s(0, 1, 0, 0x1.fefp127), f64s(0, 1, 0, 0x1.ffp127), "3.39617752923046e+38, which is too large for bf16"},
		{"|b1", "bool", []byte{0, 1, 0, 1}, []byte{0, 1, 0, 2}, "the byte 2; a bool is 0 or 1"},
	} {
		typ := arraystest.Type(c.dtype, 2)
		read(t, file(dict(c.descr, "(2, 2)"), c.good...), typ)
		for _, order := range []string{"False", "True"} {
			path := save(t, "x.npy", file(strings.Replace(dict(c.descr, "(2, 2)"), "False", order, 1), c.bad...))
			_, err := open(path, typ)
			require.EqualError(t, err, path+":2: element [1] is "+c.want)
			var fault *table.Fault
			require.ErrorAs(t, err, &fault)
		}
	}
}

func TestACheckReportsTheFirstBadElementOfEachExample(t *testing.T) {
	values := make([]int64, 3*40_000) // more than a block of 256 KiB
	values[0], values[1], values[59_999], values[119_999] = 300, 301, -1, 256
	path := save(t, "x.npy", file(dict("<i8", "(40000, 3)"), i64s(values...)...))
	in := arraystest.Input(arraystest.Decl(npy.Kind, path, arraystest.Field("x", arraystest.Type("u8", 3))))
	var faults []string
	in.Fault = func(f *table.Fault) error { faults = append(faults, f.Error()); return nil }
	_, err := arraystest.OpenInput(npy.Kind, in)
	require.ErrorIs(t, err, table.ErrFaults)
	require.Equal(t, []string{
		path + ":1: element [0] is 300; u8 holds 0 to 255",
		path + ":20000: element [2] is -1; u8 holds 0 to 255",
		path + ":40000: element [2] is 256; u8 holds 0 to 255",
	}, faults)
}

func TestIdsOfClassesAreChecked(t *testing.T) {
	field := arraystest.Field("y", arraystest.Type("i64"))
	field.Classes = &table.Classes{Count: 3, Unknown: -1}
	path := save(t, "y.npy", file(dict("|u1", "(3,)"), 0, 2, 1))
	tab, err := arraystest.Open(npy.Kind, arraystest.Decl(npy.Kind, path, field))
	require.NoError(t, err)
	defer tab.Close()
	require.Equal(t, table.Column{Type: arraystest.Type("i32"), Texts: []string{"0", "1", "2"}}, tab.Column(0))
	require.Equal(t, []byte{0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0}, arraystest.Read(t, tab, 0).Data)

	path = save(t, "y.npy", file(dict("|u1", "(3,)"), 0, 3, 1))
	_, err = arraystest.Open(npy.Kind, arraystest.Decl(npy.Kind, path, field))
	require.EqualError(t, err, path+":2: the value is 3; the ids of 3 classes are 0 to 2")
	path = save(t, "y.npy", file(dict("<f4", "(1,)"), 0, 0, 0, 0))
	_, err = arraystest.Open(npy.Kind, arraystest.Decl(npy.Kind, path, field))
	require.ErrorContains(t, err, "store the ids of classes as integers")
}

func TestFilesThatFollowEachOtherAreOneArray(t *testing.T) {
	folder := t.TempDir()
	for name, elements := range map[string][]byte{"a.npy": {1, 2}, "b.npy": {}, "c.npy": {3}, "d.npy": {4, 5}} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), file(dict("|u1", fmt.Sprintf("(%d,)", len(elements))), elements...), 0o600))
	}
	tab, err := open(filepath.Join(folder, "*.npy"), arraystest.Type("u8"))
	require.NoError(t, err)
	defer tab.Close()
	require.Equal(t, []byte{1, 2, 3, 4, 5}, arraystest.Read(t, tab, 0).Data)
	dst := make([]byte, 4)
	require.NoError(t, tab.Read(0, []int64{4, 1, 2, 0}, dst))
	require.Equal(t, []byte{5, 2, 3, 1}, dst)
	require.Equal(t, filepath.Join(folder, "d.npy")+":1", tab.At(3, 0).String())
}

// A process may have fewer files open on some systems.
func TestAnArrayMayBeInHundredsOfFiles(t *testing.T) {
	folder := t.TempDir()
	const files = 300
	for i := range files {
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%03d.npy", i)), file(dict("|u1", "(1,)"), byte(i)), 0o600))
	}
	tab, err := open(filepath.Join(folder, "*.npy"), arraystest.Type("u8"))
	require.NoError(t, err)
	defer tab.Close()
	dst := make([]byte, 1)
	for i := range int64(2 * files) {
		row := i * 7 % files
		require.NoError(t, tab.Read(0, []int64{row}, dst))
		require.Equal(t, byte(row), dst[0])
	}
}

func TestEachFieldMayHaveAFile(t *testing.T) {
	x := save(t, "x.npy", file(dict("<f4", "(2, 1)"), make([]byte, 8)...))
	y := save(t, "y.npy", file(dict("|u1", "(2,)"), 1, 2))
	short := save(t, "short.npy", file(dict("|u1", "(1,)"), 1))
	d := &table.Decl{
		Name: "d", Kind: "npy", Files: []table.File{{Field: "x", Path: x}, {Field: "y", Path: y}},
		Fields: []table.Field{arraystest.Field("x", arraystest.Type("f32", 1)), arraystest.Field("y", arraystest.Type("i64"))},
	}
	require.Empty(t, npy.Kind.Check(d))
	tab, err := arraystest.Open(npy.Kind, d)
	require.NoError(t, err)
	defer tab.Close()
	require.EqualValues(t, 2, arraystest.Read(t, tab, 1).Int(1))

	d.Files[1].Path = short
	_, err = arraystest.Open(npy.Kind, d)
	require.EqualError(t, err, short+": field y has 1 examples, and field x has 2; all fields must have the same number")
	d.Fields = d.Fields[:1] // inference without labels looks at no labels
	tab, err = arraystest.Open(npy.Kind, d)
	require.NoError(t, err)
	require.NoError(t, tab.Close())
}

func TestADeclarationIsCheckedWithoutItsFiles(t *testing.T) {
	x, y := arraystest.Field("x", arraystest.Type("f32")), arraystest.Field("y", arraystest.Type("i64"))
	check := func(fields ...table.Field) string {
		var messages []string
		for _, p := range npy.Kind.Check(arraystest.Decl(npy.Kind, "x.npy", fields...)) {
			messages = append(messages, p.Message+": "+p.Help)
		}
		return strings.Join(messages, "\n")
	}
	require.Empty(t, check(x))
	require.Equal(t, "a file of npy contains one array, but there are 2 fields: give each field its file: npy: {x: FILE, y: FILE}", check(x, y))
	d := arraystest.Decl(npy.Kind, "x.npy", x, y)
	d.Files[0].Field = "x"
	require.Equal(t, []table.Problem{{Message: "field y has no file", Help: "add it: npy: {y: FILE}"}}, npy.Kind.Check(d))
	d.Fields = d.Fields[:1]
	require.Empty(t, npy.Kind.Check(d))
	filled := x
	filled.Fill.By = table.FillMean
	require.Equal(t, "field x has fill, but arrays have no missing values: leave it out; a NaN is a value, which transform can replace", check(filled))
	unknown := y
	unknown.Classes = &table.Classes{Count: 2, Unknown: 0}
	require.Equal(t, "field y has an id for unknown texts, but arrays contain ids: leave it out", check(unknown))
	many := y
	many.Classes = &table.Classes{Count: 1<<20 + 1, Unknown: -1}
	require.Equal(t, "field y has 1048577 classes; an array's may be 1048576 at most: leave them out", check(many))
	many.Classes.Count--
	require.Empty(t, check(many))
}

func FuzzFile(f *testing.F) {
	f.Add(file(dict("<f4", "(2, 1)"), make([]byte, 8)...))
	f.Add(file(strings.Replace(dict(">i2", "(2, 2)"), "False", "True", 1), make([]byte, 8)...))
	f.Add(version(3, 0, dict("|b1", "(0,)")))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, typ := range []ir.Type{arraystest.Type("f32", 1), arraystest.Type("i64", 2), arraystest.Type("bool")} {
			tab, err := open(save(t, "x.npy", content), typ)
			if err != nil {
				continue
			}
			if tab.Len() < 1<<20 {
				arraystest.Read(t, tab, 0)
			}
			require.NoError(t, tab.Close())
		}
	})
}

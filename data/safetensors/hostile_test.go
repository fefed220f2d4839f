package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

func TestHostileHeadersAreRejectedWithAReason(t *testing.T) {
	const x = `"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	cases := []struct {
		name, header string
		data         int
		want         string
	}{
		{"no object", `[]`, 0, `not a safetensors file: the header doesn't begin with {`},
		{"empty", ``, 0, `not a safetensors file: the header doesn't begin with {`},
		{"not UTF-8", "{\"\xff\":{}}", 0, `the header is not UTF-8`},
		{"cut off", `{"x":{"dtype":"F32"`, 0, `in the header: tensor "x": unexpected EOF`},
		{"no JSON", `{"x" 1}`, 0, `in the header: tensor "x": invalid character '1' after object key`},
		{"trailing text", `{} {}`, 0, `in the header: unexpected data after the closing brace`},
		{"trailing comma", `{` + x + `,}`, 8, `in the header: invalid character '}'`},
		{"duplicate name", `{` + x + `,` + x + `}`, 16, `in the header: the tensor "x" appears twice`},
		{"duplicate key", `{"x":{"dtype":"F32","dtype":"F32"}}`, 0, `in the header: tensor "x": dtype appears twice`},
		{"duplicate metadata", `{"__metadata__":{},"__metadata__":{}}`, 0, `in the header: __metadata__ appears twice`},
		{"duplicate metadata key", `{"__metadata__":{"a":"1","a":"2"}}`, 0, `in the header: __metadata__: "a" appears twice`},
		{"metadata of numbers", `{"__metadata__":{"a":1}}`, 0, `in the header: __metadata__: "a": 1 at byte 22; expected a string`},
		{"unknown key", `{"x":{"dtype":"F32","strides":[1]}}`, 0, `in the header: tensor "x": "strides" is unknown; expected dtype, shape and data_offsets`},
		{"missing key", `{"x":{"dtype":"F32","shape":[2]}}`, 0, `in the header: tensor "x": data_offsets is missing`},
		{"entry is no object", `{"x":[1]}`, 0, `in the header: tensor "x": [ at byte 6; expected {`},
		{"dtype is null", `{"x":{"dtype":null}}`, 0, `in the header: tensor "x": dtype: <nil> at byte 18; expected a string`},
		{"negative dimension", `{"x":{"dtype":"F32","shape":[-1]}}`, 0, `in the header: tensor "x": shape: -1 is not an integer from 0 to 9223372036854775807`},
		{"fraction", `{"x":{"dtype":"F32","shape":[1.5]}}`, 0, `in the header: tensor "x": shape: 1.5 is not an integer from 0 to 9223372036854775807`},
		{"huge dimension", `{"x":{"dtype":"F32","shape":[1e99]}}`, 0, `1e99 is not an integer`},
		{"text for a dimension", `{"x":{"dtype":"F32","shape":["2"]}}`, 0, `in the header: tensor "x": shape: 2 at byte 32; expected a number`},
		{"three offsets", `{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}`, 8, `in the header: tensor "x": data_offsets: has 3 elements; expected 2`},
		{"backwards", `{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8, `tensor "x": its data_offsets [8, 0] are reversed`},
		{"beyond the end", `{` + x + `}`, 7, `tensor "x": its data ends at byte 8, but the file has 7 bytes of data`},
		{"offset near 2^63", `{"x":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775799,9223372036854775807]}}`, 8, `ends at byte 9223372036854775807, but the file has 8 bytes`},
		{"left over", `{` + x + `}`, 9, `bytes 8 to 9 of the data belong to no tensor`},
		{"hole at the start", `{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8, `tensor "x": its data begins at byte 4; bytes 0 to 4 belong to no tensor`},
		{"hole between", `{` + x + `,"y":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`, 16, `tensor "y": its data begins at byte 12; bytes 8 to 12 belong to no tensor`},
		{"overlap", `{` + x + `,"y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8, `tensor "y": its data begins at byte 4, inside tensor "x", which ends at 8`},
		{"same place", `{` + x + `,"y":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8, `tensor "y": its data begins at byte 0, inside tensor "x", which ends at 8`},
		{"too few bytes", `{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8, `tensor "x": F32 of shape [3] needs 12 bytes; the file has 8 for it`},
		{"too many bytes", `{"x":{"dtype":"F32","shape":[],"data_offsets":[0,8]}}`, 8, `tensor "x": F32 of shape [] needs 4 bytes; the file has 8 for it`},
		{"shape that wraps to 0", `{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0, `tensor "x": F32 of shape [4294967296, 4294967296] needs more than 2^64 bytes; the file has 0 for it`},
		{"shape that wraps to 8", `{"x":{"dtype":"F32","shape":[4611686018427387905,2],"data_offsets":[0,8]}}`, 8, `needs more than 2^64 bytes; the file has 8 for it`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := written(t, c.header, c.data)
			_, err := Open(path)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, path+": ")
			require.False(t, strings.HasSuffix(err.Error(), "\n"))
		})
	}
}

func TestAFalseHeaderLengthIsRejectedBeforeAllocating(t *testing.T) {
	length := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	for want, content := range map[string][]byte{
		"it has 0 bytes, fewer than the 8 of the header's length": {},
		"it has 7 bytes, fewer than the 8 of the header's length": make([]byte, 7),
		"should have 18446744073709551615 bytes, but only 2":      append(length(math.MaxUint64), "{}"...),
		"should have 3 bytes, but only 2 follow":                  append(length(3), "{}"...),
	} {
		_, err := readHeader(bytes.NewReader(content), int64(len(content)))
		require.ErrorContains(t, err, want)
	}

	path := filepath.Join(t.TempDir(), "sparse.safetensors")
	require.NoError(t, os.WriteFile(path, length(maxHeader+1), 0o666))
	require.NoError(t, os.Truncate(path, maxHeader+100))
	_, err := Open(path)
	require.EqualError(t, err, path+": the header has 100000001 bytes; the limit is 100000000")
}

func TestTooManyDimensionsAreAnErrorOnlyForThatTensor(t *testing.T) {
	f, err := Open(written(t, `{"x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`, 4))
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Tensor("x")
	require.ErrorContains(t, err, `tensor "x": shape [1, 1, 1, 1, 1, 1, 1, 1, 1] has 9 dimensions; the limit is 8`)
}

func TestAnEmptyShapeWithHugeDimensionsIsEmpty(t *testing.T) {
	f, err := Open(written(t, `{"x":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}`, 0))
	require.NoError(t, err)
	defer f.Close()
	x, err := f.Tensor("x")
	require.NoError(t, err)
	require.Empty(t, x.Data)
}

// FuzzHeader checks that any input is either rejected or is a file in which every
// tensor is inside the data.
func FuzzHeader(f *testing.F) {
	python, err := os.ReadFile("testdata/python.safetensors")
	require.NoError(f, err)
	f.Add(python)
	f.Add(file(`{}`, 0))
	f.Add(file(`{"x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"y":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}  `, 9))
	f.Add(file(`{"x":{"dtype":"BOOL","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, err := readHeader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		require.Len(t, h.entries, len(h.names))
		var sum int64
		for _, name := range h.names {
			e := h.entries[name]
			require.LessOrEqual(t, int64(0), e.begin)
			require.LessOrEqual(t, e.begin, e.end)
			require.LessOrEqual(t, h.data+e.end, int64(len(content)))
			if e.typ.DType != 0 {
				require.EqualValues(t, e.end-e.begin, e.typ.Bytes())
			}
			sum += e.end - e.begin
		}
		require.EqualValues(t, len(content), h.data+sum)
	})
}

// Messages stay short and free of terminal control sequences, whatever the number and
// names of the tensors.
func TestMessagesAboutHugeOrHostileHeadersAreShortAndPrintable(t *testing.T) {
	long := strings.Repeat("F", 2<<20)
	const wild = `\u001b[2J\u0007\u202e\n\"`
	zeros := strings.Repeat("1,", 1<<20) + "1"
	entry := func(name, dtype, shape string) string {
		return `{"` + name + `":{"dtype":"` + dtype + `","shape":[` + shape + `],"data_offsets":[0,4]}}`
	}
	for what, c := range map[string]struct {
		header string
		ask    string // a tensor to ask for, if the file opens
		want   string
	}{
		"a dtype of 50 MB":              {entry("x", strings.Repeat("F", 50<<20), "1"), "x", `its dtype FFF`},
		"a dtype of control characters": {entry("x", wild, "1"), "x", `its dtype \x1b[2J\a\u202e\n"`},
		"a name of 50 MB":               {entry(long, "F32", "2"), "", "needs 8 bytes"},
		"a name of control characters":  {entry(wild, "F32", "2"), "", `tensor "\x1b[2J\a\u202e\n\""`},
		"such names among others":       {entry(wild, "F32", "1"), "y", `has \x1b[2J`},
		"long names among others":       {entry(long, "F32", "1"), "y", `has FFF`},
		"a name that is asked for":      {entry("x", "F32", "1"), long, `no tensor "FFF`},
		"a key of 2 MB":                 {`{"x":{"` + long + `":1}}`, "", "is unknown"},
		"metadata of 2 MB":              {`{"__metadata__":{"` + long + `":1}}`, "", "expected a string"},
		"a number of 2 MB":              {entry("x", "F32", strings.Repeat("1", 2<<20)), "", "is not an integer"},
		"a token of 2 MB":               {`{"x":{"dtype":"F32","shape":"` + long + `"}}`, "", `expected [`},
		"a million dimensions":          {entry("x", "F32", zeros), "x", "has 1048577 dimensions"},
		"a million dimensions, too big": {entry("x", "F32", zeros+",2"), "", "needs 8 bytes"},
	} {
		f, err := Open(written(t, c.header, 4))
		if err == nil {
			_, err = f.Type(c.ask)
			require.NoError(t, f.Close())
		}
		require.ErrorContains(t, err, c.want, what)
		require.Less(t, len(err.Error()), 1000, what)
		require.Negative(t, strings.IndexFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }), "%s: %q", what, err)
	}

	var many strings.Builder
	many.WriteString("{")
	for i := range 200_000 {
		if i > 0 {
			many.WriteString(",")
		}
		fmt.Fprintf(&many, `"layer.%d.weight":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`, i)
	}
	f, err := Open(written(t, many.String()+"}", 0))
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Type("none")
	require.ErrorContains(t, err, "and 199992 more")
	require.Less(t, len(err.Error()), 1000)
}

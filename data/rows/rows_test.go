package rows_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/arrays/arraystest"
	"github.com/flowrun/flowrun/data/rows"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// file is a safetensors file with one tensor, written as its description says.
func file(t testing.TB, name, dtype, shape string, data ...byte) string {
	header := `{"` + name + `":{"dtype":"` + dtype + `","shape":` + shape + `,"data_offsets":[0,` + strconv.Itoa(len(data)) + `]}}`
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	path := filepath.Join(t.TempDir(), "x.safetensors")
	require.NoError(t, os.WriteFile(path, append(append(b, header...), data...), 0o600))
	return path
}

func open(path string, fields ...table.Field) (table.Table, error) {
	return arraystest.Open(rows.Kind, arraystest.Decl(rows.Kind, path, fields...))
}

func TestElementsOfAllDtypesAreRead(t *testing.T) {
	f64 := binary.LittleEndian.AppendUint64(nil, math.Float64bits(-1e300))
	for _, c := range []struct {
		stored string
		bytes  []byte
		dtype  string
		want   float64
	}{
		{"BOOL", []byte{1}, "bool", 1},
		{"U8", []byte{200}, "u8", 200},
		{"U8", []byte{200}, "f32", 200},
		{"I8", []byte{0x80}, "i32", -128},
		{"U16", []byte{0xff, 0xff}, "i32", 65535},
		{"I16", []byte{0xff, 0x7f}, "f32", 32767},
		{"U32", []byte{0xff, 0xff, 0xff, 0xff}, "i64", 1<<32 - 1},
		{"I32", []byte{0xfe, 0xff, 0xff, 0xff}, "i32", -2},
		{"U64", []byte{1, 0, 0, 0, 0, 0, 0, 0}, "i64", 1},
		{"I64", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "i32", -1},
		{"F16", []byte{0, 0x3e}, "f16", 1.5},
		{"F16", []byte{0, 0x3e}, "f32", 1.5},
		{"BF16", []byte{0xc0, 0x3f}, "bf16", 1.5},
		{"BF16", []byte{0xc0, 0x3f}, "f32", 1.5},
		{"F32", []byte{0, 0, 0xc0, 0x3f}, "f32", 1.5},
		{"F32", []byte{0, 0, 0xc0, 0x3f}, "bf16", 1.5},
		{"F64", f64, "f64", -1e300},
	} {
		tab, err := open(file(t, "x", c.stored, "[1]", c.bytes...), arraystest.Field("x", arraystest.Type(c.dtype)))
		require.NoError(t, err)
		require.Equal(t, c.want, arraystest.Read(t, tab, 0).Float(0), "%s as %s", c.stored, c.dtype)
		require.NoError(t, tab.Close())
	}
}

func TestOtherDtypesAreRefusedByName(t *testing.T) {
	for _, dtype := range []string{"F8_E4M3", "F8_E5M2", "C64", "F4"} {
		path := file(t, "x", dtype, "[1]", 0)
		_, err := open(path, arraystest.Field("x", arraystest.Type("f32")))
		require.EqualError(t, err, "field x: "+path+`: tensor "x": its dtype `+dtype+" is not supported; supported are BOOL, U8 to U64, I8 to I64, F16, BF16, F32, F64")
	}
}

func TestATensorOfAnotherSizeThanItsShapeIsRefused(t *testing.T) {
	for shape, want := range map[string]string{
		"[2]": "U16 of shape [2] needs 4 bytes; the file has 2 for it",
		"[0]": "U16 of shape [0] needs 0 bytes; the file has 2 for it",
		"[9223372036854775807,9223372036854775807]": "needs 9223372036854775807 bytes; the file has 2 for it",
	} {
		_, err := open(file(t, "x", "U16", shape, 0, 0), arraystest.Field("x", arraystest.Type("i32")))
		require.ErrorContains(t, err, want)
	}
	_, err := open(file(t, "x", "U16", "[1]", 0, 0), arraystest.Field("x", arraystest.Type("i32")))
	require.NoError(t, err)
}

func TestABoolIsZeroOrOne(t *testing.T) {
	path := file(t, "x", "BOOL", "[2, 2]", 0, 1, 1, 2)
	_, err := open(path, arraystest.Field("x", arraystest.Type("bool", 2)))
	require.EqualError(t, err, path+`:2, column "x": element [1] is the byte 2; a bool is 0 or 1`)
	_, err = open(path, arraystest.Field("x", arraystest.Type("f32", 2)))
	require.EqualError(t, err, path+`: field x: the tensor "x" is bool[2, 2] (2 examples of bool[2]); examples of f32[2] need f32[examples, 2]: declare bool, and convert it in transform`)
}

func TestFieldsHaveTheSameNumberOfExamples(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.safetensors")
	require.NoError(t, safetensors.Write(path, map[string]*ir.Tensor{
		"x": ir.NewTensor(arraystest.Type("f32", 3, 2)), "y": ir.NewTensor(arraystest.Type("i64", 3)), "short": ir.NewTensor(arraystest.Type("i64", 2)),
	}))
	x := arraystest.Field("x", arraystest.Type("f32", 2))
	tab, err := open(path, x, arraystest.Field("label", arraystest.Type("i64"), "tensor", "y"))
	require.NoError(t, err)
	require.EqualValues(t, 3, tab.Len())
	require.NoError(t, tab.Verify())
	require.NoError(t, tab.Close())
	_, err = open(path, x, arraystest.Field("short", arraystest.Type("i64")))
	require.EqualError(t, err, path+": field short has 2 examples, and field x has 3; all fields must have the same number")
	_, err = open(path, x, arraystest.Field("z", arraystest.Type("i64")))
	require.EqualError(t, err, "field z: "+path+`: no tensor "z"; the file has short, x, y`)
}

// Files that flowrun wrote have a checksum, which only reading all of them can compare.
func TestVerifyComparesTheChecksumOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.safetensors")
	require.NoError(t, safetensors.Write(path, map[string]*ir.Tensor{"x": ir.NewTensor(arraystest.Type("f32", 3))}))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[len(content)-1] ^= 1
	require.NoError(t, os.WriteFile(path, content, 0o600))
	tab, err := open(path, arraystest.Field("x", arraystest.Type("f32")))
	require.NoError(t, err)
	defer tab.Close()
	require.ErrorContains(t, tab.Verify(), "the file is corrupt")
}

const written = `
import json, sys, numpy as np
from safetensors.numpy import save_file
rng = np.random.default_rng(1)
arrays = {k: rng.integers(0, 2, (5, 2, 3)).astype(k) for k in ['bool']}
arrays |= {k: rng.integers(np.iinfo(k).min, np.iinfo(k).max // 2, (5, 2, 3), dtype=k) for k in 'int8 int16 int32 int64 uint8 uint16 uint32 uint64'.split()}
arrays |= {k: rng.standard_normal((5, 2, 3)).astype(k) for k in 'float16 float32 float64'.split()}
save_file(arrays, sys.argv[1])
print(json.dumps({k: [float(v).hex() if a.dtype.kind == 'f' else str(int(v)) for v in a.ravel()] for k, a in arrays.items()}))
`

func TestWhatPythonWritesIsRead(t *testing.T) {
	python := os.Getenv("FLOWRUN_TEST_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import safetensors, numpy").Run(); err != nil {
		t.Skipf("needs Python with safetensors and numpy (%s: %v); scripts/test installs them if it can", python, err)
	}
	path := filepath.Join(t.TempDir(), "d.safetensors")
	out, err := exec.Command(python, "-c", written, path).Output()
	require.NoError(t, err)
	var said map[string][]string
	require.NoError(t, json.Unmarshal(out, &said))
	require.Len(t, said, 12)
	for name, values := range said {
		dtype := "i64"
		if strings.HasPrefix(name, "float") {
			dtype = "f" + name[len("float"):]
		} else if name == "bool" || name == "uint8" {
			dtype = map[string]string{"bool": "bool", "uint8": "u8"}[name]
		}
		tab, err := open(path, arraystest.Field(name, arraystest.Type(dtype, 2, 3)))
		require.NoError(t, err)
		got := arraystest.Read(t, tab, 0)
		for i, text := range values {
			if dtype[0] == 'f' {
				want, err := strconv.ParseFloat(text, 64)
				require.NoError(t, err)
				require.Equal(t, want, got.Float(i), name)
				continue
			}
			want, err := strconv.ParseInt(text, 10, 64)
			require.NoError(t, err)
			require.Equal(t, want, got.Int(i), name)
		}
		require.NoError(t, tab.Close())
	}
}

package npy_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/arrays/arraystest"
	"github.com/flowrun/flowrun/data/npy"
	"github.com/flowrun/flowrun/data/table"
)

// python returns an interpreter with NumPy, or skips the test.
func python(t *testing.T) string {
	path := os.Getenv("FLOWRUN_TEST_PYTHON")
	if path == "" {
		path = "python3"
	}
	if err := exec.Command(path, "-c", "import numpy").Run(); err != nil {
		t.Skipf("needs Python with numpy (%s: %v); scripts/test installs it if it can", path, err)
	}
	return path
}

// written saves arrays of every dtype, byte order, order of dimensions, version and a few
// shapes, as npy and in an npz file, and prints what NumPy says that they are.
const written = `
import itertools, json, sys, numpy as np
from numpy.lib import format
rng = np.random.default_rng(1)
arrays, said = {}, []
def values(dtype, shape):
    n = int(np.prod(shape))
    bits = rng.integers(0, 256, n * dtype.itemsize, dtype=np.uint8)
    a = (bits & 1).astype(dtype) if dtype.kind == 'b' else bits.view(dtype)
    if dtype.kind == 'f': a = np.where(np.isfinite(a), a, np.inf).astype(dtype)
    if dtype.kind == 'u' and dtype.itemsize == 8: a = (a >> np.array(1, dtype)).astype(dtype)
    return a.reshape(shape)
for kind, order, turn, version, shape in itertools.product(
        ['b1', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8'], '<>', 'CF', [(1, 0), (2, 0), (3, 0)],
        [(0,), (1,), (3,), (1, 1), (2, 3), (3, 1, 2), (2, 3, 2), (2, 0)]):
    a = np.asarray(values(np.dtype(order + kind), shape), order=turn)
    name = f'a{len(said)}'
    with open(f'{sys.argv[1]}/{name}.npy', 'wb') as f:
        format.write_array(f, a, version)
    arrays[name] = a
    flat = [float(v).hex() if a.dtype.kind == 'f' else str(int(v)) for v in a.ravel()]
    said.append({'name': name, 'kind': kind, 'shape': shape, 'values': flat})
np.savez(f'{sys.argv[1]}/stored.npz', **arrays)
np.savez_compressed(f'{sys.argv[1]}/deflated.npz', **arrays)
print(json.dumps(said))
`

func TestWhatNumPyWritesIsReadAsNumPyReadsIt(t *testing.T) {
	interpreter, folder := python(t), t.TempDir()
	command := exec.Command(interpreter, "-c", written, folder)
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(t, err)
	var said []struct {
		Name, Kind string
		Shape      []int
		Values     []string
	}
	require.NoError(t, json.Unmarshal(out, &said))
	require.Len(t, said, 12*2*2*3*8)
	dtypes := map[string]string{
		"b1": "bool", "i1": "i32", "i2": "i32", "i4": "i32", "i8": "i64", "u1": "u8", "u2": "i32", "u4": "i64", "u8": "i64",
		"f2": "f16", "f4": "f32", "f8": "f64",
	}
	for _, a := range said {
		field := arraystest.Field("x", arraystest.Type(dtypes[a.Kind], a.Shape[1:]...), "array", a.Name)
		open := func(kind table.Kind, name string) {
			tab, err := arraystest.Open(kind, arraystest.Decl(kind, filepath.Join(folder, name), field))
			require.NoError(t, err)
			defer tab.Close()
			got := arraystest.Read(t, tab, 0)
			require.EqualValues(t, a.Shape, got.Type.Shape)
			for i, text := range a.Values {
				if a.Kind[0] != 'f' {
					want, err := strconv.ParseInt(text, 10, 64)
					require.NoError(t, err)
					require.Equal(t, want, got.Int(i), "%s %s %v", name, a.Kind, a.Shape)
					continue
				}
				want, err := strconv.ParseFloat(text, 64)
				require.NoError(t, err)
				require.Equal(t, math.Float64bits(want), math.Float64bits(got.Float(i)), "%s %s %v", name, a.Kind, a.Shape)
			}
		}
		open(npy.Kind, a.Name+".npy")
	}
	for _, name := range []string{"stored.npz", "deflated.npz"} {
		d := arraystest.Decl(npy.Archives, filepath.Join(folder, name))
		for i := 0; i < len(said); i += 7 { // of equal lengths
			if a := said[i]; a.Shape[0] == 2 {
				d.Fields = append(d.Fields, arraystest.Field(a.Name, arraystest.Type(dtypes[a.Kind], a.Shape[1:]...)))
			}
		}
		tab, err := arraystest.Open(npy.Archives, d)
		require.NoError(t, err)
		defer tab.Close()
		for i := range d.Fields {
			single, err := arraystest.Open(npy.Kind, arraystest.Decl(npy.Kind, filepath.Join(folder, d.Fields[i].Name+".npy"), d.Fields[i]))
			require.NoError(t, err)
			require.Equal(t, arraystest.Read(t, single, 0), arraystest.Read(t, tab, i), "%s %s", name, d.Fields[i].Name)
			require.NoError(t, single.Close())
		}
	}
}

// refused saves what isn't numbers.
const refused = `
import sys, numpy as np
for name, a in {
    'objects': np.array([{}, None], dtype=object), 'texts': np.array(['a']), 'bytes': np.array([b'a']), 'complex': np.zeros(1, 'c8'),
    'times': np.zeros(1, 'M8[s]'), 'durations': np.zeros(1, 'm8[s]'), 'records': np.zeros(1, [('a', 'f4')]),
    'named': np.zeros(1, [('caf\u00e9', 'f4')]), 'void': np.zeros(1, 'V3')}.items():
    np.save(f'{sys.argv[1]}/{name}.npy', a, allow_pickle=True)
`

func TestWhatNumPyWritesThatIsNotNumbersIsRefused(t *testing.T) {
	interpreter, folder := python(t), t.TempDir()
	out, err := exec.Command(interpreter, "-W", "ignore", "-c", refused, folder).CombinedOutput()
	require.NoError(t, err, string(out))
	for name, want := range map[string]string{
		"objects": "Python objects", "texts": "texts", "bytes": "texts", "complex": "complex numbers", "times": "times",
		"durations": "durations", "records": "a structured array", "named": "structured array", "void": "records or raw bytes",
	} {
		_, err := open(filepath.Join(folder, name+".npy"), arraystest.Type("f32"))
		require.ErrorContains(t, err, want, name)
	}
}

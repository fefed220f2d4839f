package safetensors

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// python returns an interpreter with the reference library, or skips the test.
func python(t *testing.T) string {
	path := os.Getenv("FLOWRUN_TEST_PYTHON")
	if path == "" {
		path = "python3"
	}
	if err := exec.Command(path, "-c", "import safetensors, numpy").Run(); err != nil {
		t.Skipf("needs Python with safetensors and numpy (%s: %v); scripts/test installs them if it can", path, err)
	}
	return path
}

// echo reads a file with the reference library and writes it to another.
const echo = `
import sys
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
with safe_open(sys.argv[1], framework="np") as f:
    assert set(f.metadata()) == {"format", "flowrun.checksum"}, f.metadata()
    assert f.metadata()["format"] == "pt", f.metadata()
save_file(load_file(sys.argv[1]), sys.argv[2])
`

func TestFilesSurviveARoundTripThroughPython(t *testing.T) {
	interpreter := python(t)
	want := map[string]*ir.Tensor{
		"h.0.weight": ir.FromFloat32(ir.Shape{2, 3}, []float32{0, 1, -2, 0.5, 1e-3, 3e38}),
		"f64":        ir.FromFloat64(ir.F64, ir.Shape{2, 1}, []float64{0.1, -1e300}),
		"f16":        ir.FromFloat64(ir.F16, ir.Shape{3}, []float64{1.5, -65504, 6e-8}),
		"i64":        ir.FromInt64(ir.I64, ir.Shape{2}, []int64{-1, 1 << 62}),
		"i32":        ir.FromInt64(ir.I32, ir.Shape{}, []int64{-5}),
		"mask":       ir.FromInt64(ir.Bool, ir.Shape{3}, []int64{1, 0, 1}),
		"u8":         ir.FromInt64(ir.U8, ir.Shape{4}, []int64{0, 127, 128, 255}),
		"empty":      ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{0, 4}}),
		`odd "name"`: ir.FromFloat32(ir.Shape{1}, []float32{7}),
	}
	folder := t.TempDir()
	there, back := filepath.Join(folder, "there"), filepath.Join(folder, "back")
	require.NoError(t, Write(there, want))
	out, err := exec.Command(interpreter, "-c", echo, there, back).CombinedOutput()
	require.NoError(t, err, string(out))
	got, err := Read(back)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// numpy has no bfloat16, so only the bytes can be compared.
const brain = `
import sys, safetensors
[(name, t)] = safetensors.deserialize(open(sys.argv[1], "rb").read())
print(name, t["dtype"], t["shape"], bytes(t["data"]).hex())
`

func TestPythonReadsBF16(t *testing.T) {
	interpreter := python(t)
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, Write(path, map[string]*ir.Tensor{"w": ir.FromFloat64(ir.BF16, ir.Shape{2}, []float64{1, -3})}))
	out, err := exec.Command(interpreter, "-c", brain, path).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "w BF16 [2] 803f40c0", string(out[:len(out)-1]))
}

package safetensors

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

var one = map[string]*ir.Tensor{"x": ir.FromFloat32(ir.Shape{1}, []float32{1})}

// requireOnly requires that a folder contains one file and nothing else.
func requireOnly(t *testing.T, path, content string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, content, string(got))
}

func TestAReplacedFileKeepsItsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no file modes")
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	require.NoError(t, os.Chmod(path, 0o664)) // wider than the usual umask allows
	require.NoError(t, Write(path, one))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o664), info.Mode())
}

func TestAWriteProtectedFileIsNotReplaced(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root may write to any file; needs another user")
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o444))
	require.ErrorIs(t, Write(path, one), os.ErrPermission)
	requireOnly(t, path, "old")
}

func TestALinkIsFollowed(t *testing.T) {
	folder := t.TempDir()
	path, link := filepath.Join(folder, "w.safetensors"), filepath.Join(t.TempDir(), "latest")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	if err := os.Symlink(path, link); err != nil {
		t.Skip("can't create symbolic links: ", err)
	}
	require.NoError(t, Write(link, one))
	got, err := Read(path)
	require.NoError(t, err)
	require.Equal(t, one, got)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, os.ModeSymlink, info.Mode().Type())
}

func TestOnlyARegularFileIsReplaced(t *testing.T) {
	folder := t.TempDir()
	require.EqualError(t, Write(folder, one), "cannot write "+folder+": not a regular file")
	if runtime.GOOS != "windows" {
		require.EqualError(t, Write(os.DevNull, one), "cannot write /dev/null: not a regular file")
	}
}

func TestTheErrorForAMissingFolderNamesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "w.safetensors")
	err := Write(path, one)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "cannot write "+path+": ")
}

func TestInvalidTensorsAreRejectedBeforeAnythingIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	f32 := ir.Type{DType: ir.F32, Shape: ir.Shape{2}}
	for want, tensors := range map[string]map[string]*ir.Tensor{
		`tensor "x": f32[2] needs 8 bytes, but has 4`:          {"x": {Type: f32, Data: make([]byte, 4)}},
		`tensor "x": its dtype is invalid`:                     {"x": {}},
		`tensor "__metadata__": the format reserves this name`: {metadataKey: ir.NewTensor(f32)},
		`tensor "\xff": the name is not UTF-8`:                 {"\xff": ir.NewTensor(f32)},
		`tensor "x": shape [-1] has a negative dimension`:      {"x": {Type: ir.Type{DType: ir.F32, Shape: ir.Shape{-1}}}},
	} {
		require.EqualError(t, Write(path, tensors), path+": "+want)
		requireOnly(t, path, "old")
	}
}

func TestMetadataIsReadBackUnchanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	require.NoError(t, WriteWith(path, map[string]*ir.Tensor{"x": ir.ScalarTensor(ir.F32, 1.5)}, map[string]string{"made by": `a "test"`, "a": ""}))
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	m := f.Metadata()
	require.Regexp(t, "^crc32c:[0-9a-f]{8}:[0-9a-f]{8}$", m[checksumKey])
	delete(m, checksumKey)
	require.Equal(t, map[string]string{"format": "pt", "made by": `a "test"`, "a": ""}, m)
	x, err := f.Tensor("x")
	require.NoError(t, err)
	require.Equal(t, 1.5, x.Float(0))
}

//go:build unix

package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file may be replaced by a pipe between the check and the open: that must neither
// block nor succeed.
func TestAPipeThatReplacesAFileIsRejected(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "file")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	require.NoError(t, os.WriteFile(file, []byte("text"), 0o600))
	_, err := open(path, func() (fs.FileInfo, error) { return os.Stat(file) }, func() (*os.File, error) { return os.OpenFile(path, flags, 0) })
	var not NotRegular
	require.ErrorAs(t, err, &not)
	require.EqualError(t, not, "not a regular file but a pipe")
}

func TestOnlyRegularFilesOpen(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600))
	require.NoError(t, os.Symlink("file", filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink(os.DevNull, filepath.Join(dir, "device")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	for name, want := range map[string]string{"file": "", "link": "", "device": "a device", "pipe": "a pipe", ".": "a folder"} {
		for _, open := range []func() (fs.File, error){
			func() (fs.File, error) { return Open(filepath.Join(dir, name)) },
			func() (fs.File, error) { return OpenIn(root, name) },
			func() (fs.File, error) { return Dir(dir).Open(name) },
		} {
			f, err := open()
			if want == "" {
				require.NoError(t, err, name)
				require.NoError(t, f.Close())
				continue
			}
			var not NotRegular
			if !errors.As(err, &not) { // a link out of the root
				require.Equal(t, "device", name)
				require.Error(t, err)
				continue
			}
			require.Equal(t, want, kind(not.Mode))
		}
	}
	_, err = Open(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

package safetensors

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// replaceFile gives the file at path the content that write writes, all of it
// or none.
func replaceFile(path string, write func(io.Writer) error) error {
	mode, exists := fs.FileMode(0o666), false // less the umask
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return errors.New("it is not a regular file")
		}
		mode, exists = info.Mode().Perm(), true
		old, err := os.OpenFile(path, os.O_WRONLY, 0) // renaming would pass over write protection
		if err != nil {
			return err
		}
		old.Close()
	}
	folder := filepath.Dir(path)
	temporary := filepath.Join(folder, ".flowrun-"+rand.Text()+".tmp")
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil && exists {
		err = f.Chmod(mode) // the umask took bits that the old file has
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		if left := os.Remove(temporary); left != nil {
			err = fmt.Errorf("%w (and %s stays behind: %w)", err, temporary, left)
		}
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes a rename in a folder last through a power cut. Windows and
// some file systems have no such call; there the rename has to do.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

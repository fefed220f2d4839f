package files

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// NotRegular is the error for a path that isn't a regular file.
type NotRegular struct{ Mode fs.FileMode }

// Error names what it is instead.
func (e NotRegular) Error() string { return "not a regular file but " + kind(e.Mode) }

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// flags open without waiting for the other end of a pipe. The file is checked again
// once it is open, so that it can't be replaced in between.
const flags = os.O_RDONLY | syscall.O_NONBLOCK

// Open opens a regular file for reading, following links. Anything else fails at once
// with an error that wraps NotRegular.
func Open(path string) (*os.File, error) {
	return open(path, func() (fs.FileInfo, error) { return os.Stat(path) },
		func() (*os.File, error) { return os.OpenFile(path, flags, 0) })
}

// OpenIn is Open for a path inside a folder, which links can't leave.
func OpenIn(folder *os.Root, path string) (*os.File, error) {
	return open(path, func() (fs.FileInfo, error) { return folder.Stat(path) },
		func() (*os.File, error) { return folder.OpenFile(path, flags, 0) })
}

func open(path string, look func() (fs.FileInfo, error), open func() (*os.File, error)) (*os.File, error) {
	// Opening a device may have an effect, so the path is checked before, too.
	if info, err := look(); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: NotRegular{info.Mode()}}
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: NotRegular{info.Mode()}}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Dir is the tree of files in a folder, in which only regular files can be opened and
// folders can be listed.
func Dir(path string) fs.FS { return dir{os.DirFS(path), path} }

type dir struct {
	fs.FS
	path string
}

func (d dir) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return Open(filepath.Join(d.path, filepath.FromSlash(name)))
}

// ReadDir lists a folder.
func (d dir) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS, name) }

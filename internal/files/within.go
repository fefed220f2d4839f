package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Outside is the error for a path that leads out of the folders it must stay in.
type Outside struct {
	Path string // as given
	Real string // what it resolves to; "" if unknown
}

// Error names both.
func (e *Outside) Error() string {
	if e.Real == "" {
		return e.Path + " leads outside"
	}
	return fmt.Sprintf("%s leads to %s", e.Path, e.Real)
}

// OpenWithin opens a regular file for reading that must be in one of the folders after
// all links are resolved; otherwise the error is *Outside. A link may change between
// the check and the open, so the file is opened relative to the folder, which no link
// can leave.
func OpenWithin(dirs []string, path string) (f *os.File, err error) {
	err = within(dirs, path, func(root *os.Root, inside string) error {
		f, err = OpenIn(root, inside)
		return err
	})
	return f, err
}

// within calls f with the one of the folders that a path is in, and its path there.
func within(dirs []string, path string, f func(root *os.Root, inside string) error) error {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return missing(path)
	}
	if failed := new(fs.PathError); err != nil && !errors.As(err, &failed) {
		return fmt.Errorf("%s: %w", path, err) // too many links
	}
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		inside, err := relative(dir, real)
		if err != nil {
			continue // a missing folder contains no file
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		defer root.Close()
		err = f(root, inside)
		if failed := new(fs.PathError); errors.As(err, &failed) {
			failed.Path = path
		}
		return err
	}
	full, err := filepath.Abs(real)
	if err != nil {
		return err
	}
	return &Outside{Path: path, Real: full}
}

// missing is the error for a path that nothing is at, or a link that leads to nothing.
func missing(path string) error {
	if to, err := os.Readlink(path); err == nil {
		return fmt.Errorf("%s is a link to %s: %w", path, to, fs.ErrNotExist)
	}
	return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
}

// relative returns the path relative to a folder of a real path inside it.
func relative(dir, real string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	if real, err = filepath.Abs(real); err != nil {
		return "", err
	}
	inside, err := filepath.Rel(dir, real)
	if err == nil && !filepath.IsLocal(inside) {
		err = &Outside{Path: real, Real: real}
	}
	return inside, err
}

// FolderWithin opens a folder that must be inside another one after all links are
// resolved; otherwise the error is *Outside. If create is true, a missing folder is
// created.
func FolderWithin(base, path string, create bool, fault Fault) (*Folder, error) {
	inside, err := filepath.Rel(base, path)
	if err != nil {
		return nil, err
	}
	switch real, err := filepath.EvalSymlinks(path); {
	case err == nil:
		if inside, err = relative(base, real); err != nil {
			return nil, outside(err, path)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if create {
		if err := root.MkdirAll(inside, 0o777); err != nil {
			return nil, outside(err, path)
		}
	}
	dir, err := root.OpenRoot(inside)
	if err != nil {
		return nil, outside(err, path)
	}
	return &Folder{root: dir, path: path, fault: fault}, nil
}

// CheckLink returns an *Outside error if a name in the folder is a link that leads out
// of base. A missing name, or a link to a missing file inside base, is fine.
func (d *Folder) CheckLink(base, name string) error {
	path := d.Path(name)
	info, err := d.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Type() != fs.ModeSymlink {
		return nil
	}
	if err != nil {
		return err
	}
	real, err := Target(path)
	if err != nil {
		return fmt.Errorf("cannot follow the link %s: %w", path, err)
	}
	_, err = relative(base, real)
	return outside(err, path)
}

// outside turns an error about a path that leads out, *Outside or os.Root's own, into an
// *Outside error with the path as given.
func outside(err error, path string) error {
	var out *Outside
	var failed *fs.PathError
	switch {
	case errors.As(err, &out):
		return &Outside{Path: path, Real: out.Real}
	case errors.As(err, &failed) && failed.Err.Error() == "path escapes from parent": // os.Root has no name for it
		return &Outside{Path: path}
	}
	return err
}

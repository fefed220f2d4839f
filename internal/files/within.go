package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Outside says that a path leads out of the folders that it must stay in.
type Outside struct {
	Path string // as it was named
	Real string // where it leads; "" if that can't be told
}

// Error names both.
func (e *Outside) Error() string {
	if e.Real == "" {
		return e.Path + " leads outside"
	}
	return fmt.Sprintf("%s leads to %s", e.Path, e.Real)
}

// OpenWithin opens a regular file to read that must lie in one of some folders,
// wherever links lead; an *Outside error says that it doesn't. Between the look
// and the opening a link may change: the file is opened from the folder, out of
// which no link leads.
func OpenWithin(dirs []string, path string) (*os.File, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		inside, err := relative(dir, real)
		if err != nil {
			continue // what isn't there holds no file
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		f, err := OpenIn(root, inside)
		if failed := new(fs.PathError); errors.As(err, &failed) {
			failed.Path = path
		}
		return f, err
	}
	full, err := filepath.Abs(real)
	if err != nil {
		return nil, err
	}
	return nil, &Outside{Path: path, Real: full}
}

// relative gives the way from a folder to a real path inside of it.
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

// FolderWithin opens a folder that must lie in another one, wherever links lead;
// an *Outside error says that it doesn't. If create is true, it is made where it
// isn't there.
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

// CheckLink finds out where a name in the folder leads if it is a link: out of
// base is an *Outside error. What isn't there, or nowhere, leads nowhere.
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
		return fmt.Errorf("%s is a link that can't be followed: %w", path, err)
	}
	_, err = relative(base, real)
	return outside(err, path)
}

// outside puts the path that was named into an error that says that it leads out,
// as os.Root's do too.
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

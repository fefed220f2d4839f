package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Folder is an open folder. Names refer to files in it and can't lead out of it. It
// stays the same folder even if its path later refers to another one.
type Folder struct {
	root  *os.Root
	path  string
	fault Fault
	lock  *os.File // nil: not locked
}

// OpenFolder opens a folder; a link to one is followed.
func OpenFolder(path string, fault Fault) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root, path: path, fault: fault}, nil
}

// Path is the folder's path, or the path of a file in it.
func (d *Folder) Path(name ...string) string {
	return filepath.Join(append([]string{d.path}, name...)...)
}

// Close releases the lock and closes the folder.
func (d *Folder) Close() error { return errors.Join(d.Unlock(), d.root.Close()) }

// Entries lists the folder, sorted by name.
func (d *Folder) Entries() ([]fs.DirEntry, error) {
	return fs.ReadDir(d.root.FS(), ".")
}

// Remove removes a file; a missing file is not an error.
func (d *Folder) Remove(name string) error {
	err := d.fault.check(OpRemove, name)
	if err == nil {
		err = d.root.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// leftovers are the names of unfinished files.
var leftovers = regexp.MustCompile(`^` + regexp.QuoteMeta(temporaryPrefix) + `[A-Z2-7]{26}` + regexp.QuoteMeta(temporarySuffix) + `$`)

// Sweep removes unfinished files that a killed process left behind. The folder must be
// locked, because another process may be writing.
func (d *Folder) Sweep() error {
	entries, err := d.Entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && leftovers.MatchString(e.Name()) {
			err = errors.Join(err, d.Remove(e.Name()))
		}
	}
	return err
}

// sync makes the names in the folder durable.
func (d *Folder) sync() error {
	if err := d.fault.check(OpSyncFolder, "."); err != nil {
		return err
	}
	return syncFolder(d.root)
}

// RemoveIfEmpty removes the folder itself if it is empty. A failure is not an error:
// somebody else may be using the folder.
func (d *Folder) RemoveIfEmpty() {
	if here, err := d.root.Stat("."); err == nil {
		if there, err := os.Lstat(d.path); err == nil && os.SameFile(here, there) {
			_ = os.Remove(d.path)
		}
	}
}

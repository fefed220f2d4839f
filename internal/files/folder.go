package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Folder is an open folder. Names are those of its own files: none leads out of
// it. It stays the same folder if its path comes to mean another one.
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

// Path is the folder's path, and that of a file in it.
func (d *Folder) Path(name ...string) string {
	return filepath.Join(append([]string{d.path}, name...)...)
}

// Close gives the lock and the folder back.
func (d *Folder) Close() error { return errors.Join(d.Unlock(), d.root.Close()) }

// Entries lists the folder in the order of names.
func (d *Folder) Entries() ([]fs.DirEntry, error) {
	return fs.ReadDir(d.root.FS(), ".")
}

// Remove removes a file; one that isn't there is no error.
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

// leftovers are names of files that were never finished.
var leftovers = regexp.MustCompile(`^` + regexp.QuoteMeta(temporaryPrefix) + `[A-Z2-7]{26}` + regexp.QuoteMeta(temporarySuffix) + `$`)

// Sweep removes what a process that was killed left behind unfinished. The folder
// must be locked: another process may be writing.
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

// RemoveIfEmpty removes the folder itself if nothing is in it. What keeps it from
// that is no error: somebody else may use it.
func (d *Folder) RemoveIfEmpty() {
	if here, err := d.root.Stat("."); err == nil {
		if there, err := os.Lstat(d.path); err == nil && os.SameFile(here, there) {
			_ = os.Remove(d.path)
		}
	}
}

package files

import (
	"errors"
	"io/fs"
)

// Held reports whether somebody holds the folder's lock, and which process (0 if that is
// unknown). It takes the lock for a moment if nobody does but the file of one who was
// killed is still there. Where there are no locks, that file counts.
func (d *Folder) Held() (pid int, held bool, err error) {
	f, err := OpenIn(d.root, lockName)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	switch err := lockFile(f); {
	case errors.Is(err, errHeld), errors.Is(err, errors.ErrUnsupported):
		return holder(f), true, nil
	case err != nil:
		return 0, false, err
	}
	return 0, false, nil
}

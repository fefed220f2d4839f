package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// lockName is the file that is locked. It exists only while the lock is held.
const lockName = ".lock"

// Locked is the error if another process, or another part of this one, has locked a
// folder.
type Locked struct {
	Path string
	PID  int // of the process; 0 if unknown
}

// Error names the folder and the process that holds the lock.
func (e *Locked) Error() string {
	if e.PID == 0 {
		return e.Path + " is in use by another run"
	}
	return fmt.Sprintf("%s is in use by another run (process %d)", e.Path, e.PID)
}

// errHeld is the error for a file that somebody else has locked.
var errHeld = errors.New("the file is locked")

// glances is how often, and glance how long, a lock is waited for that somebody may hold
// only to see whether anybody does: Held.
const (
	glances = 5
	glance  = 10 * time.Millisecond
)

// Lock locks the folder for this process, until Unlock or the end of the process. If
// somebody else holds the lock, and keeps it for longer than a moment, it returns a
// *Locked error. On file systems without locks it does nothing.
func (d *Folder) Lock() error {
	if err := d.fault.check(OpLock, lockName); err != nil {
		return err
	}
	waits := 0
	for range maxLinks { // each time, another process has just released it
		f, err := d.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return err
		}
		switch err := lockFile(f); {
		case errors.Is(err, errHeld) && waits < glances:
			waits++
			time.Sleep(glance)
			if err := f.Close(); err != nil {
				return err
			}
			continue
		case errors.Is(err, errHeld):
			return errors.Join(&Locked{Path: d.path, PID: holder(f)}, f.Close())
		case err != nil && !errors.Is(err, errors.ErrUnsupported):
			return errors.Join(err, f.Close())
		}
		// The previous holder may have removed the file since it was opened.
		if same, err := d.is(f, lockName); err != nil || !same {
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			continue
		}
		if err := f.Truncate(0); err == nil {
			_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0) // for messages only
		}
		d.lock = f
		return nil
	}
	return &Locked{Path: d.path}
}

// LockFile locks an open file until it is closed, or the process ends. If somebody else
// holds the lock, it returns a *Locked error. On file systems without locks it does nothing.
func LockFile(f *os.File) error {
	switch err := lockFile(f); {
	case errors.Is(err, errHeld):
		return &Locked{Path: f.Name()}
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	default:
		return err
	}
}

// Unlock releases the lock.
func (d *Folder) Unlock() error {
	if d.lock == nil {
		return nil
	}
	// First the name, then the lock: see Lock. Windows doesn't remove open files.
	_ = d.root.Remove(lockName)
	err := d.lock.Close()
	d.lock = nil
	return err
}

// is reports whether a name refers to an open file.
func (d *Folder) is(f *os.File, name string) (bool, error) {
	a, err := f.Stat()
	if err != nil {
		return false, err
	}
	b, err := d.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !b.Mode().IsRegular():
		return false, fmt.Errorf("%s isn't flowrun's lock file: remove it", d.Path(name))
	}
	return os.SameFile(a, b), nil
}

// holder reads which process holds a lock.
func holder(f *os.File) int {
	text, err := io.ReadAll(io.LimitReader(f, 32)) // longer than any process id
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

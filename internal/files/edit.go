package files

import (
	"io/fs"
	"os"
	"syscall"
)

// Lines is a file of a folder to which is appended.
type Lines struct {
	*os.File
	fault Fault
}

// Append opens a regular file for reading and for writing at its end, and makes it if it
// isn't there. Anything else of that name, and a link that leads out of the folder, is an
// error.
func (d *Folder) Append(name string) (*Lines, error) {
	if err := d.fault.check(OpCreate, name); err != nil {
		return nil, err
	}
	f, err := open(d.Path(name), func() (fs.FileInfo, error) { return d.root.Stat(name) }, func() (*os.File, error) {
		return d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NONBLOCK, 0o666)
	})
	if err != nil {
		return nil, err
	}
	return &Lines{f, d.fault}, nil
}

// Open opens a regular file of the folder for reading.
func (d *Folder) Open(name string) (*os.File, error) { return OpenIn(d.root, name) }

// Write appends to the file.
func (l *Lines) Write(p []byte) (int, error) { return faultyWriter{l.File, l.fault}.Write(p) }

// Sync makes what was written lasting.
func (l *Lines) Sync() error {
	if err := l.fault.check(OpSync, l.Name()); err != nil {
		return err
	}
	return l.File.Sync()
}

// Close closes the file.
func (l *Lines) Close() error {
	if err := l.fault.check(OpClose, l.Name()); err != nil {
		l.File.Close()
		return err
	}
	return l.File.Close()
}

package files

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// The name of an unfinished file is the prefix, 26 random letters, and the suffix.
const (
	temporaryPrefix = ".flowrun-"
	temporarySuffix = ".tmp"
)

// Replace writes a temporary file in the folder and renames it once it is complete and
// on disk. Whatever fails, either the complete old file or the complete new one is
// there, and nothing else. A link of that name is replaced, not followed. A
// write-protected file isn't replaced; the permissions of others are kept.
func (d *Folder) Replace(name string, write func(io.Writer) error) error {
	mode, exists, err := d.replaceable(name)
	if err != nil {
		return err
	}
	temporary := temporaryPrefix + rand.Text() + temporarySuffix
	if err := d.fault.check(OpCreate, temporary); err != nil {
		return err
	}
	f, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = d.fill(f, write, mode, exists)
	if err == nil {
		err = d.fault.check(OpRename, name)
	}
	if err == nil {
		err = d.root.Rename(temporary, name)
	}
	if err != nil {
		if left := d.Remove(temporary); left != nil {
			err = fmt.Errorf("%w (and %s could not be removed: %w)", err, d.Path(temporary), left)
		}
		return err
	}
	return d.sync()
}

// fill writes a new file to the disk and closes it.
func (d *Folder) fill(f *os.File, write func(io.Writer) error, mode fs.FileMode, exists bool) error {
	step := func(op Op, do func() error) error {
		if err := d.fault.check(op, f.Name()); err != nil {
			return err
		}
		return do()
	}
	err := write(faultyWriter{f, d.fault})
	if err == nil && exists {
		err = step(OpChmod, func() error { return f.Chmod(mode) }) // the umask may have removed bits that the old file has
	}
	if err == nil {
		err = step(OpSync, f.Sync)
	}
	return errors.Join(err, d.fault.check(OpClose, f.Name()), f.Close())
}

// faultyWriter writes to a file unless a fault makes it fail.
type faultyWriter struct {
	file  *os.File
	fault Fault
}

func (w faultyWriter) Write(p []byte) (int, error) {
	if err := w.fault.check(OpWrite, w.file.Name()); err != nil {
		return 0, err
	}
	return w.file.Write(p)
}

// replaceable reports whether a new file can have this name, and the permissions of
// the file that has it now.
func (d *Folder) replaceable(name string) (mode fs.FileMode, exists bool, err error) {
	const fresh = 0o666 // minus the umask
	info, err := d.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fresh, false, nil
	case err != nil:
		return 0, false, err
	case info.Mode().Type() == fs.ModeSymlink:
		return fresh, false, nil
	case !info.Mode().IsRegular():
		return 0, false, errNotRegular
	}
	old, err := d.root.OpenFile(name, os.O_WRONLY, 0) // a rename would bypass write protection
	if err != nil {
		return 0, false, err
	}
	return info.Mode().Perm(), true, old.Close()
}

var errNotRegular = errors.New("not a regular file")

// Replace is Folder.Replace for a path given by a user: links are followed, even to
// files that don't exist yet.
func Replace(path string, fault Fault, write func(io.Writer) error) error {
	folder, name, err := target(path, fault)
	if err != nil {
		return err
	}
	return errors.Join(folder.Replace(name, write), folder.Close())
}

// CanReplace checks whether Replace could write a file, as far as this can be known
// beforehand, without changing anything.
func CanReplace(path string) error {
	folder, name, err := target(path, nil)
	if err != nil {
		return err
	}
	defer folder.Close()
	if _, _, err := folder.replaceable(name); err != nil {
		return err
	}
	temporary := temporaryPrefix + rand.Text() + temporarySuffix
	f, err := folder.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), folder.Remove(temporary))
}

// target opens the folder of the file that a path resolves to.
func target(path string, fault Fault) (*Folder, string, error) {
	real, err := Target(path)
	if err != nil {
		return nil, "", err
	}
	if info, err := os.Stat(real); err == nil && !info.Mode().IsRegular() {
		return nil, "", errNotRegular
	}
	folder, err := OpenFolder(filepath.Dir(real), fault)
	return folder, filepath.Base(real), err
}

// maxLinks is the longest chain of links that is followed, as on Linux.
const maxLinks = 40

// Target resolves a path to the path of a file, which need not exist; its folder must.
func Target(path string) (string, error) {
	at := path
	for range maxLinks {
		// By hand: Dir and Join remove ".." textually, but the folder before it may be a link.
		dir, name := ".", at
		if i := strings.LastIndexFunc(at, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) }); i >= 0 {
			dir, name = at[:i+1], at[i+1:]
		}
		if name == "" || name == "." || name == ".." {
			return "", errNotRegular
		}
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return "", err
		}
		at = filepath.Join(dir, name)
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Type() != fs.ModeSymlink {
			return at, nil
		}
		if err != nil {
			return "", err
		}
		link, err := os.Readlink(at)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(link) {
			link = dir + string(filepath.Separator) + link
		}
		at = link
	}
	return "", fmt.Errorf("%s: more than %d links in a chain", path, maxLinks)
}

// syncFolder makes a rename durable where folders can be synced: Windows can't do it,
// and some file systems report that they can't.
func syncFolder(root *os.Root) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

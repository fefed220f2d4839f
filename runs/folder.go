package runs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
)

// Folder is the folder of an active run, which is locked as long as it is open.
type Folder struct {
	*files.Folder
	Before *Info       // the run that it holds already; nil if there is none
	made   []string    // the folders that were made for it, the innermost first
	begun  atomic.Bool // the run is to be kept
}

// Open opens and locks the folder of a run, and makes it if it isn't there. A folder that
// holds a run is an error unless that is to be resumed, and so is one with other files
// than a run's; those whose names begin with a dot don't count.
func Open(dir string, resume bool, fault files.Fault) (*Folder, error) {
	if dir == "" {
		return nil, errors.New("the folder's name is empty")
	}
	f := &Folder{}
	var err error
	if f.made, err = makeFolders(dir); err != nil {
		return nil, err
	}
	if f.Folder, err = files.OpenFolder(dir, fault); err != nil {
		return nil, fmt.Errorf("%s can't be opened: %w", dir, reason(err))
	}
	if err := f.take(resume); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// take locks the folder, and looks at what is in it.
func (f *Folder) take(resume bool) error {
	held := new(files.Locked)
	switch err := f.Lock(); {
	case errors.As(err, &held):
		return fmt.Errorf("%w: wait until it ends, or name another folder", held)
	case err != nil:
		return fmt.Errorf("%s can't be written: %w", f.Path(), reason(err))
	}
	if err := f.Sweep(); err != nil {
		return err
	}
	entries, err := f.Entries()
	if err != nil {
		return err
	}
	var others []string
	for _, e := range entries {
		switch name := e.Name(); {
		case name == InfoFile:
			if f.Before, err = f.info(); err != nil {
				return err
			}
		case strings.HasPrefix(name, "."), name == Checkpoints && f.empty(name): // a run that was killed as it began
		default:
			others = append(others, diag.CutPath(name))
		}
	}
	switch {
	case f.Before == nil && len(others) > 0:
		return fmt.Errorf("%s isn't empty, and holds no run: there is %s: name a new folder, or an empty one", f.Path(), diag.Few(others))
	case f.Before != nil && !resume:
		return fmt.Errorf("%s holds a run already, %s of %s: continue it with --resume, or name another folder",
			f.Path(), diag.Cut(cmp.Or(f.Before.Name, "one")), f.Before.Started.Local().Format("2 January 2006, 15:04"))
	}
	return nil
}

// info reads what the folder's run is.
func (f *Folder) info() (*Info, error) {
	text, err := f.read(InfoFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path(InfoFile), reason(err))
	}
	info := new(Info)
	if err := json.Unmarshal(text, info); err != nil {
		return nil, fmt.Errorf("%s doesn't say which run the folder holds: %w", f.Path(InfoFile), reason(err))
	}
	return info, nil
}

// Ended reads how the run ended before, and the text that says so; nil if it hasn't, or
// the text can't be read.
func (f *Folder) Ended() (*Summary, string) {
	text, err := f.read(SummaryFile)
	if err != nil {
		return nil, ""
	}
	s := new(Summary)
	if json.Unmarshal(text, s) != nil {
		return nil, ""
	}
	return s, string(text)
}

// read reads one of the files that are written whole.
func (f *Folder) read(name string) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readSmall(file)
}

// maxSmall bounds the files that are read whole, in bytes.
const maxSmall = 4 << 20

// readSmall reads one of them.
func readSmall(file io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(file, maxSmall+1))
	if err == nil && len(text) > maxSmall {
		err = fmt.Errorf("it is larger than %s", diag.Bytes(maxSmall))
	}
	return text, err
}

// empty reports whether a folder in it has no files but those of locks.
func (f *Folder) empty(name string) bool {
	entries, err := os.ReadDir(f.Path(name))
	return err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".") })
}

// Begin says that the run is kept from now on: Close leaves the folder.
func (f *Folder) Begin() { f.begun.Store(true) }

// Forget removes the files of a run that never began. If there is a checkpoint of it
// nevertheless, they stay, so that it can be continued.
func (f *Folder) Forget() error {
	if f.begun.Load() || f.Before != nil {
		return nil
	}
	if _, err := os.Lstat(f.Path(Checkpoints)); err == nil && !f.empty(Checkpoints) {
		return nil
	}
	var err error
	for _, name := range []string{SummaryFile, WeightsFile, SpecFile, MetricsFile, LogFile, InfoFile} {
		err = errors.Join(err, f.Remove(name))
	}
	return err
}

// Close gives the folder back. Folders that were made for a run that never began are
// removed.
func (f *Folder) Close() error {
	err := f.Unlock()
	if !f.begun.Load() && len(f.made) > 0 {
		f.RemoveIfEmpty()
		for _, dir := range f.made[1:] {
			_ = os.Remove(dir) // unless it is in use
		}
	}
	return errors.Join(err, f.Folder.Close())
}

// WriteText writes one of the files that are written whole.
func (f *Folder) WriteText(name, text string) error {
	err := f.Replace(name, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", f.Path(name), err)
	}
	return nil
}

// WriteInfo writes what the run is.
func (f *Folder) WriteInfo(info Info) error {
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	return f.WriteText(InfoFile, string(text)+"\n")
}

// makeFolders makes a folder, and those that it is in, and gives those that it made, the
// innermost first.
func makeFolders(dir string) (made []string, err error) {
	switch info, err := os.Stat(dir); {
	case err == nil && info.IsDir():
		return nil, nil
	case err == nil:
		return nil, fmt.Errorf("%s isn't a folder: name one, or what isn't there yet", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if to, err := os.Readlink(dir); err == nil {
		return nil, fmt.Errorf("%s is a link to %s, which isn't there: make that folder, or remove the link", dir, to)
	}
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		made = append(made, at)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("%s can't be made: %w", dir, reason(err))
	}
	return made, nil
}

// reason is what went wrong with a file, without its path, which the message has.
func reason(err error) error {
	if failed := new(fs.PathError); errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// State says how far a run has come.
type State string

// The states.
const (
	StateRunning     State = "running"
	StateDone        State = "done"
	StateInterrupted State = "interrupted"
	StateDiverged    State = "diverged" // it ended at an infinite value or NaN
	StateFailed      State = "failed"   // an error ended it
	StateCrashed     State = "crashed"  // it isn't running, and has not said how it ended
	StateDamaged     State = "damaged"  // what it is can't be read
)

// Run is what the folder of a run says. What can't be read is nil or empty, and a problem.
type Run struct {
	Dir     string
	State   State
	PID     int // of the process that runs it; 0: unknown, or none does
	Info    *Info
	Summary *Summary  // nil until it has ended
	Spec    string    // the rendered spec
	Written time.Time // when its metrics were last written
	// Newest and Best are the newest checkpoint and the best one, and Weights the parameters
	// at the end, as paths; "" for none.
	Newest, Best, Weights string
	Problems              []string
	root                  *os.Root
}

// ErrNoRun is the error for a folder that has nothing of a run.
var ErrNoRun = errors.New("no run is in it")

// Look reads the folder of a run, whether it is complete, active, or damaged. Nothing is
// written. Close lets go of it.
func Look(dir string) (*Run, error) {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is no folder", diag.Quote(dir))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	r := &Run{Dir: dir, root: root}
	if !r.has(InfoFile) && !r.has(MetricsFile) && !r.has(SummaryFile) {
		return nil, errors.Join(fmt.Errorf("%s: %w", diag.Quote(dir), ErrNoRun), root.Close())
	}
	r.readInfo()
	held := r.held()
	r.readSummary()
	if text, ok := r.small(SpecFile, true); ok {
		r.Spec = string(text)
	}
	r.findFiles()
	r.State = r.state(held)
	return r, nil
}

// Close lets go of the folder.
func (r *Run) Close() error { return r.root.Close() }

func (r *Run) has(name string) bool {
	_, err := r.root.Lstat(name)
	return err == nil
}

func (r *Run) problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Problems, text) {
		r.Problems = append(r.Problems, text)
	}
}

// small reads a small file; a missing one is a problem if it is needed.
func (r *Run) small(name string, needed bool) (text []byte, ok bool) {
	f, err := files.OpenIn(r.root, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if needed {
			r.problem("%s is missing", name)
		}
		return nil, false
	case err != nil:
		r.problem("%s: %s", name, why(err))
		return nil, false
	}
	defer f.Close()
	if text, err = readSmall(f); err != nil {
		r.problem("%s: %s", name, why(err))
		return nil, false
	}
	return text, true
}

// why is the text of a reason.
func why(err error) string { return reason(err).Error() }

// object reads a JSON file into a value that v points to.
func (r *Run) object(name string, needed bool, v any) bool {
	text, ok := r.small(name, needed)
	if !ok {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a var may be an int of 64 bits
	err := d.Decode(v)
	if err == nil && d.More() {
		err = errors.New("more follows its object")
	}
	if err != nil {
		r.problem("%s can't be read: %s", name, diag.Cut(err.Error()))
		return false
	}
	return true
}

func (r *Run) readInfo() {
	var info Info
	if r.object(InfoFile, true, &info) {
		r.Info = &info
	}
}

func (r *Run) readSummary() {
	var s Summary
	if r.object(SummaryFile, false, &s) {
		r.Summary = &s
	}
}

// held reports whether a process is running it.
func (r *Run) held() bool {
	folder, err := files.OpenFolder(r.Dir, nil)
	if err != nil {
		r.problem("%s", why(err))
		return false
	}
	defer folder.Close()
	pid, held, err := folder.Held()
	if err != nil {
		r.problem("whether it is running can't be found out: %s", why(err))
	}
	r.PID = pid
	return held
}

func (r *Run) state(held bool) State {
	switch {
	case held:
		return StateRunning
	case r.Info == nil && r.Summary == nil, r.Summary == nil && r.has(SummaryFile):
		return StateDamaged
	case r.Summary == nil:
		return StateCrashed
	}
	switch r.Summary.Stopped {
	case Failed:
		return StateFailed
	case "interrupted":
		return StateInterrupted
	case Diverged:
		return StateDiverged
	}
	return StateDone
}

// findFiles finds checkpoints, weights, and how old the metrics are.
func (r *Run) findFiles() {
	if info, err := r.root.Stat(MetricsFile); err == nil {
		r.Written = info.ModTime()
	}
	if info, err := r.root.Stat(WeightsFile); err == nil && info.Mode().IsRegular() {
		r.Weights = r.path(WeightsFile)
	}
	entries, err := fs.ReadDir(r.root.FS(), Checkpoints)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.problem("%s: %s", Checkpoints, why(err))
	}
	newest := int64(-1)
	for _, e := range entries {
		if e.Name() == ir.BestFile {
			r.Best = r.path(Checkpoints + "/" + e.Name())
		}
		if step, is := ir.StepOfFile(e.Name()); is {
			newest = max(newest, step)
		}
	}
	if newest >= 0 {
		r.Newest = r.path(Checkpoints + "/" + ir.CheckpointFile(newest))
	}
}

// path is a file's, as one would give it on the command line.
func (r *Run) path(name string) string { return strings.TrimSuffix(r.Dir, "/") + "/" + name }

// Skipped is a folder that isn't compared, and why.
type Skipped struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// The limits of Find.
const (
	findDepth   = 4     // levels of folders below those that are given
	findEntries = 20000 // folders that are looked at
)

// Find opens the runs at paths: each is the folder of a run, or a folder that has such
// folders in it, directly or a few levels below. A folder that is reached twice counts
// once. Folders without a run are skipped: those that were given, and those beside runs,
// with a reason.
func Find(paths []string) (found []*Run, skipped []Skipped) {
	f := &finding{left: findEntries}
	for _, path := range paths {
		f.any = false
		f.look(path, 0)
		if !f.any {
			f.skip(path, "no run is in it")
		}
	}
	if f.left < 0 {
		f.skip(paths[len(paths)-1], fmt.Sprintf("more than %d folders: name fewer", findEntries))
	}
	return f.found, f.skipped
}

type finding struct {
	found   []*Run
	infos   []fs.FileInfo // of their folders
	skipped []Skipped
	left    int
	any     bool // whether there is something to say of a path
}

func (f *finding) skip(path, why string) {
	f.any = true
	if s := (Skipped{path, why}); !slices.Contains(f.skipped, s) {
		f.skipped = append(f.skipped, s)
	}
}

func (f *finding) look(path string, depth int) {
	f.left--
	if f.left < 0 {
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		f.skip(path, why(err))
		return
	}
	if slices.ContainsFunc(f.infos, func(known fs.FileInfo) bool { return os.SameFile(known, info) }) {
		f.any = true
		return
	}
	r, err := Look(path)
	switch {
	case err == nil:
		f.found, f.infos, f.any = append(f.found, r), append(f.infos, info), true
		return
	case !errors.Is(err, ErrNoRun):
		f.skip(path, why(err))
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		f.skip(path, why(err))
		return
	}
	f.inside(path, entries, depth)
}

// inside looks at the folders in one: first at its own, then at those that links lead to,
// of which only runs count, so that links can't lead in circles.
func (f *finding) inside(path string, entries []fs.DirEntry, depth int) {
	if depth == findDepth {
		return
	}
	prefix := strings.TrimSuffix(path, "/") + "/"
	direct, none := 0, []string(nil) // runs beside which others have none
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		found, skipped := len(f.found), len(f.skipped)
		f.look(prefix+e.Name(), depth+1)
		switch {
		case len(f.found) > found && f.found[found].Dir == prefix+e.Name():
			direct++
		case len(f.found) == found && len(f.skipped) == skipped:
			none = append(none, prefix+e.Name())
		}
	}
	if direct > 0 {
		for _, path := range none {
			f.skip(path, "no run is in it")
		}
	}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 {
			if info, err := os.Stat(prefix + e.Name()); err == nil && info.IsDir() {
				f.look(prefix+e.Name(), findDepth)
			}
		}
	}
}

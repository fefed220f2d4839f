package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// Store is the folder of a run's checkpoints, locked while it is open.
type Store struct {
	base  string
	what  string // the spec's key, before messages; "" if the folder is that of a run
	spec  *ir.Checkpoint
	fault files.Fault

	folder *files.Folder // nil: it isn't there yet
	made   bool          // by this run
	idle   bool          // a run that begins anew hasn't got beyond step 0
	heads  []Head        // of the files of steps, ascending
	broken []error       // why others can't be read; each names its file
	best   bool          // whether there is a best one
	run    Run           // the one that writes; see Begin

	use    sync.Mutex // of the folder: a store may be closed while it writes
	closed bool
}

// ErrClosed is what a closed store gives.
var ErrClosed = errors.New("the folder of checkpoints is closed")

// Open opens and locks a folder that must lie in base, the spec's folder, and
// sweeps it. A folder that isn't there is made by Begin. It fails if the folder, or
// a file in it that a run may write, is a link that leads out of base: a spec
// doesn't decide what is written elsewhere.
func Open(base string, c *ir.Checkpoint, fault files.Fault) (*Store, error) {
	return open(&Store{base: base, spec: c, fault: fault, what: "checkpoint.dir: "})
}

// OpenIn is Open for the checkpoints of a run that is kept in a folder.
func OpenIn(run string, c *ir.Checkpoint, fault files.Fault) (*Store, error) {
	return open(&Store{base: run, spec: c, fault: fault})
}

func open(s *Store) (*Store, error) {
	base, c, fault := s.base, s.spec, s.fault
	folder, err := files.FolderWithin(base, c.Path, false, fault)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = s.take(folder)
	}
	return s, s.explain(err)
}

// explain says what to do about a link that leads out.
func (s *Store) explain(err error) error {
	if out := new(files.Outside); errors.As(err, &out) {
		whose := "the spec's folder"
		if s.what == "" {
			whose = "the run's folder"
		}
		return fmt.Errorf("%s%w, outside %s %s: checkpoints are only written inside it, so remove the link", s.what, out, whose, s.base)
	}
	if held := new(files.Locked); errors.As(err, &held) {
		return fmt.Errorf("%s%w: wait until it ends, or name another folder", s.what, held)
	}
	if err != nil {
		return fmt.Errorf("%s%w", s.what, err)
	}
	return nil
}

// Knows reports whether a run is one that has written a checkpoint in the folder, or that
// such a run has come from.
func (s *Store) Knows(run Run) bool {
	return slices.ContainsFunc(s.heads, func(h Head) bool {
		return h.Run.ID == run.ID || slices.ContainsFunc(h.Run.Parents, func(p Point) bool { return p.ID == run.ID })
	})
}

// take locks a folder and lists it; if that fails, it is closed.
func (s *Store) take(folder *files.Folder) error {
	err := folder.Lock()
	if err == nil {
		err = folder.Sweep()
	}
	if err == nil {
		s.folder = folder
		err = s.list()
	}
	if err != nil {
		s.folder = nil
		return errors.Join(err, folder.Close())
	}
	return nil
}

// list reads the heads of the checkpoints.
func (s *Store) list() error {
	entries, err := s.folder.Entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		step, ours := ir.StepOfFile(e.Name())
		if !ours && e.Name() != ir.BestFile {
			continue
		}
		switch {
		case e.Type() == fs.ModeSymlink:
			if err := s.folder.CheckLink(s.base, e.Name()); err != nil {
				return err
			}
		case !e.Type().IsRegular():
			return fmt.Errorf("%s is not a regular file: move it away", s.folder.Path(e.Name()))
		}
		if e.Name() == ir.BestFile {
			s.best = true
			continue
		}
		file, err := s.open(e.Name())
		if err != nil {
			s.broken = append(s.broken, err)
			continue
		}
		file.Step = step
		s.heads = append(s.heads, file.Head)
		if err := file.Close(); err != nil {
			return err
		}
	}
	slices.SortFunc(s.heads, func(a, b Head) int { return cmp.Compare(a.Step, b.Step) })
	return nil
}

// open opens a file of the folder, which may be a link to one in base.
func (s *Store) open(name string) (*File, error) {
	path := s.folder.Path(name)
	file, err := files.OpenWithin([]string{s.base}, path)
	if err != nil {
		return nil, err
	}
	return newFile(path, file)
}

// Close gives the folder back, once what is being written to it is there. A run that
// hasn't got beyond its beginning leaves no checkpoint, and no folder that was made
// for it.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	s.use.Lock()
	defer s.use.Unlock()
	s.closed = true
	if s.folder == nil {
		return nil
	}
	var err error
	if s.idle && len(s.heads) == 1 {
		err = s.folder.Remove(ir.CheckpointFile(0))
		s.heads = nil
	}
	err = errors.Join(err, s.folder.Unlock())
	if s.made && len(s.heads) == 0 {
		s.folder.RemoveIfEmpty()
	}
	err = errors.Join(err, s.folder.Close())
	s.folder = nil
	return err
}

// path is the file of a step's checkpoint; "" if there is none that Close leaves.
func (s *Store) path(step int64) string {
	s.use.Lock()
	defer s.use.Unlock()
	if s.folder == nil || s.idle || !slices.ContainsFunc(s.heads, func(h Head) bool { return h.Step == step }) {
		return ""
	}
	return s.folder.Path(ir.CheckpointFile(step))
}

// states reads those of a step's checkpoint; nil if there is none.
func (s *Store) states(step int64) (_ map[string]*ir.Tensor, err error) {
	s.use.Lock()
	defer s.use.Unlock()
	if s.folder == nil || s.closed || !slices.ContainsFunc(s.heads, func(h Head) bool { return h.Step == step }) {
		return nil, nil
	}
	file, err := s.open(ir.CheckpointFile(step))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	states, _, err := file.Read()
	return states, err
}

// Empty reports whether there is nothing to resume from.
func (s *Store) Empty() bool { return len(s.heads) == 0 && len(s.broken) == 0 && !s.best }

// Describe names the newest checkpoint, or what there is instead.
func (s *Store) Describe() string {
	if len(s.heads) > 0 {
		return fmt.Sprintf("the newest of step %d", s.tip().Step)
	}
	if len(s.broken) > 0 {
		return s.broken[0].Error()
	}
	return ir.BestFile
}

// tip is the newest checkpoint of the run made last.
func (s *Store) tip() Head {
	return slices.MaxFunc(s.heads, func(a, b Head) int {
		if a.Run.Order != b.Run.Order {
			return cmp.Compare(a.Run.Order, b.Run.Order)
		}
		return cmp.Compare(a.Step, b.Step)
	})
}

// ErrNone says that there is no checkpoint to resume from.
var ErrNone = errors.New("there is no checkpoint")

// Newest opens the newest checkpoint of the run made last. If a damaged file
// makes that unknown, the error names the newest complete one.
func (s *Store) Newest() (*File, error) {
	if s.folder == nil || len(s.heads) == 0 && len(s.broken) == 0 {
		if s.best {
			return nil, fmt.Errorf("%w in %s but the best: name it with --resume=%s", ErrNone, s.spec.Path, s.folder.Path(ir.BestFile))
		}
		return nil, fmt.Errorf("%w in %s", ErrNone, s.spec.Path)
	}
	if len(s.broken) > 0 {
		return nil, s.instead(s.broken[0], nil)
	}
	tip := s.tip()
	for _, h := range s.heads {
		if h.Run.Order == tip.Run.Order && h.Run.ID != tip.Run.ID {
			return nil, fmt.Errorf("%s and %s in %s belong to two runs, and it is unknown which is newer: name one with --resume=FILE",
				ir.CheckpointFile(h.Step), ir.CheckpointFile(tip.Step), s.spec.Path)
		}
	}
	file, err := s.open(ir.CheckpointFile(tip.Step))
	if err != nil {
		return nil, err
	}
	file.Step, file.store = tip.Step, s
	return file, nil
}

// instead adds to a checkpoint's error which other one to resume from: the newest
// complete one before it, of its run or the runs that it came from. before
// is nil if the checkpoint doesn't say which those are.
func (s *Store) instead(why error, before *Head) error {
	var run Run
	switch {
	case before != nil:
		run = before.Run
	case len(s.heads) > 0:
		run = s.tip().Run
	}
	for _, h := range slices.Backward(s.heads) {
		if before != nil && h.Step >= before.Step || !run.holds(h.point()) {
			continue
		}
		if s.whole(ir.CheckpointFile(h.Step)) {
			return fmt.Errorf("%w; the one before is complete: resume from it with --resume=%s", why, s.folder.Path(ir.CheckpointFile(h.Step)))
		}
	}
	return fmt.Errorf("%w; there is no complete one before it", why)
}

// whole reports whether all of a checkpoint can be read.
func (s *Store) whole(name string) bool {
	file, err := s.open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	_, _, err = file.Read()
	return err == nil
}

package checkpoint

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// Begin says which run writes from now on, and makes the folder if need be: one
// that is new, or the run of the checkpoint that it resumes from. If that is the
// newest of the run made last, it is the same run; else this one goes back, and is
// another. It is another too if the checkpoint doesn't say of which run it is.
func (s *Store) Begin(run Run, from *Head) (another, goesBack bool, err error) {
	s.run, s.idle = run, from == nil
	if from != nil {
		last := from.Run.Order
		for _, h := range s.heads {
			last = max(last, h.Run.Order)
			goesBack = goesBack || h.Run.Order > from.Run.Order || h.Run.ID == from.Run.ID && h.Step > from.Step
		}
		another = goesBack || from.Run.ID == ""
		if s.run = from.Run; another {
			s.run = from.Run.child(from.Step, last+1)
		}
	}
	if s.folder != nil {
		return another, goesBack, nil
	}
	folder, err := files.FolderWithin(s.base, s.spec.Path, true, s.fault)
	if err == nil {
		s.made = true
		err = s.take(folder)
	}
	return another, goesBack, s.explain(err)
}

// Others lists the files of runs that this one doesn't come from, of later steps
// than the one that it resumes from: those that it will replace as it gets there.
func (s *Store) Others(step int64) (names []string) {
	for _, h := range s.heads {
		if h.Step > step && h.Run.ID != s.run.ID {
			names = append(names, ir.CheckpointFile(h.Step))
		}
	}
	return names
}

// Best opens the best checkpoint; nil if there is none that can be read.
func (s *Store) Best() *File {
	if !s.best {
		return nil
	}
	file, err := s.open(ir.BestFile)
	if err != nil {
		return nil
	}
	return file
}

// Content is what a checkpoint holds.
type Content struct {
	Head
	Tensors map[string]*ir.Tensor // what isn't a state has Memory before its name
	Best    bool                  // it is the best so far
}

// Write writes the checkpoint of a step, after that of the best if this is it: what
// the file of the step says to be the best is there. Then it removes what isn't
// kept any more.
func (s *Store) Write(c Content) error {
	s.use.Lock()
	defer s.use.Unlock()
	if s.closed {
		return ErrClosed
	}
	c.Run = s.run
	s.idle = s.idle && c.Step == 0
	metadata := c.metadata()
	if c.Best {
		if err := safetensors.WriteIn(s.folder, ir.BestFile, c.Tensors, metadata); err != nil {
			return err
		}
		s.best = true
	}
	if err := safetensors.WriteIn(s.folder, ir.CheckpointFile(c.Step), c.Tensors, metadata); err != nil {
		return err
	}
	s.heads = slices.DeleteFunc(s.heads, func(h Head) bool { return h.Step == c.Step })
	at, _ := slices.BinarySearchFunc(s.heads, c.Step, func(h Head, step int64) int { return cmp.Compare(h.Step, step) })
	s.heads = slices.Insert(s.heads, at, c.Head)
	return s.prune(c.Step)
}

// prune removes what isn't kept once the checkpoint of a step is there, of this run
// and of those that it comes from. Kept are the newest that are due, and the one of
// the step, which may come between because the run ends there: it gives way to the
// next one, so that a run that was interrupted leaves the same files as one that
// wasn't. Kept is also the newest that is finite, however old it is; that of step 0
// stands only until there is another finite one. Those of other runs are left alone.
func (s *Store) prune(step int64) error {
	kept := s.kept(step)
	for _, h := range slices.Clone(s.heads) {
		if h.Step > step || !s.run.holds(h.point()) || kept[h.Step] {
			continue
		}
		if err := s.folder.Remove(ir.CheckpointFile(h.Step)); err != nil {
			return err
		}
		s.heads = slices.DeleteFunc(s.heads, func(o Head) bool { return o.Step == h.Step })
	}
	return nil
}

// kept are the steps up to one whose checkpoints are kept.
func (s *Store) kept(step int64) map[int64]bool {
	kept := map[int64]bool{}
	keep := func(wanted func(Head) bool, most int64) {
		for _, h := range slices.Backward(s.heads) {
			if int64(len(kept)) < most && h.Step <= step && s.run.holds(h.point()) && wanted(h) {
				kept[h.Step] = true
			}
		}
	}
	keep(func(h Head) bool { return h.Step == step && h.Step > 0 }, s.spec.Keep)
	keep(func(h Head) bool { return h.Step%s.spec.Every == 0 && h.Step > 0 }, s.spec.Keep)
	keep(func(h Head) bool { return h.Step > 0 }, s.spec.Keep)
	for _, h := range slices.Backward(s.heads) {
		if h.Finite && h.Step <= step && s.run.holds(h.point()) {
			kept[h.Step] = true
			break
		}
	}
	return kept
}

package checkpoint

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// Begin says which run writes from now on, and makes the folder if need be: one
// that begins anew, or the run of a checkpoint that it goes on from. If that is the
// newest of the run made last, it is the same run; else this one goes back, and is
// another. It reports whether it is another.
func (s *Store) Begin(run Run, from *Head) (goesBack bool, err error) {
	s.run, s.idle = run, from == nil
	if from != nil {
		last := from.Run.Order
		behind := from.Run.ID == ""
		for _, h := range s.heads {
			last = max(last, h.Run.Order)
			behind = behind || h.Run.Order > from.Run.Order || h.Run.ID == from.Run.ID && h.Step > from.Step
		}
		if s.run = from.Run; behind {
			s.run = from.Run.child(from.Step, last+1)
		}
		goesBack = behind
	}
	if s.folder != nil {
		return goesBack, nil
	}
	folder, err := files.FolderWithin(s.base, s.path, true, s.fault)
	if err == nil {
		s.made = true
		err = s.take(folder)
	}
	return goesBack, s.explain(err)
}

// Others lists the files of runs that this one doesn't come from, of later steps
// than the one from which it goes on: those that it replaces as it gets there.
func (s *Store) Others(step int64) (names []string) {
	for _, h := range s.heads {
		if h.Step > step && h.Run.ID != s.run.ID {
			names = append(names, FileName(h.Step))
		}
	}
	return names
}

// Best opens the best checkpoint; nil if there is none that can be read.
func (s *Store) Best() *File {
	if !s.best {
		return nil
	}
	file, err := s.open(BestFile)
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
		if err := safetensors.WriteIn(s.folder, BestFile, c.Tensors, metadata); err != nil {
			return err
		}
		s.best = true
	}
	if err := safetensors.WriteIn(s.folder, FileName(c.Step), c.Tensors, metadata); err != nil {
		return err
	}
	s.heads = slices.DeleteFunc(s.heads, func(h Head) bool { return h.Step == c.Step })
	at, _ := slices.BinarySearchFunc(s.heads, c.Step, func(h Head, step int64) int { return cmp.Compare(h.Step, step) })
	s.heads = slices.Insert(s.heads, at, c.Head)
	return s.prune(c.Step)
}

// prune keeps the newest checkpoints up to a step of this run and of those that it
// comes from, and of them the newest that is finite, however old it is. That of step
// 0 stands only until there is another finite one. Those of other runs are left alone.
func (s *Store) prune(step int64) error {
	newest, finite := int64(0), false
	for _, h := range slices.Backward(slices.Clone(s.heads)) {
		if h.Step > step || !s.run.holds(h.point()) {
			continue
		}
		keep := newest < s.keep && h.Step > 0 || h.Finite && !finite
		newest++
		finite = finite || h.Finite
		if keep {
			continue
		}
		if err := s.folder.Remove(FileName(h.Step)); err != nil {
			return err
		}
		s.heads = slices.DeleteFunc(s.heads, func(o Head) bool { return o.Step == h.Step })
	}
	return nil
}

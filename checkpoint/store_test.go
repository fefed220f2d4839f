package checkpoint

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

func begun(t *testing.T, dir string, keep int64) *Store {
	t.Helper()
	s, err := Open(dir, &ir.Checkpoint{Path: filepath.Join(dir, "c"), Every: 1, Keep: keep}, nil)
	require.NoError(t, err)
	run, err := NewRun("facts", bytes.NewBufferString(dir))
	require.NoError(t, err)
	_, _, err = s.Begin(run, nil)
	require.NoError(t, err)
	return s
}

func put(t *testing.T, s *Store, step int64, finite bool) {
	t.Helper()
	require.NoError(t, s.Write(Content{Head: Head{Step: step, Facts: "[]", Finite: finite},
		Tensors: map[string]*ir.Tensor{"step": ir.ScalarTensor(ir.I64, step)}}))
}

func steps(t *testing.T, dir string) (list []int64) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "c"))
	require.NoError(t, err)
	for _, e := range entries {
		if step, ours := ir.StepOfFile(e.Name()); ours {
			list = append(list, step)
		}
	}
	return list
}

// The newest are kept, and the newest finite one; of step 0 only if there is no other.
func TestTheNewestAreKeptAndTheNewestFiniteOne(t *testing.T) {
	for _, c := range []struct {
		finite string // of steps 0, 1, …: F or a dot
		keep   int64
		want   []int64
	}{
		{"F", 2, []int64{0}},
		{"FF", 2, []int64{1}},
		{"FFFF", 2, []int64{2, 3}},
		{"F...", 2, []int64{0, 2, 3}},
		{"FF...", 2, []int64{1, 3, 4}},
		{"FFF...", 2, []int64{2, 4, 5}},
		{"FF.F..", 1, []int64{3, 5}},
		{"FF.F", 1, []int64{3}},
		{"FF.F.", 1, []int64{3, 4}},
		{"FF..F", 3, []int64{2, 3, 4}},
		{"....", 2, []int64{2, 3}},
		{"FF.F...F", 2, []int64{6, 7}},
	} {
		dir := t.TempDir()
		s := begun(t, dir, c.keep)
		for step, flag := range c.finite {
			put(t, s, int64(step), flag == 'F')
		}
		require.Equal(t, c.want, steps(t, dir), "%+v", c)
		if len(c.finite) > 1 {
			require.NoError(t, s.Close())
		}

		// The same in two parts: what the files say is enough.
		for at := 2; at < len(c.finite); at++ {
			dir := t.TempDir()
			s := begun(t, dir, c.keep)
			for step, flag := range c.finite {
				if step == at {
					require.NoError(t, s.Close())
					var err error
					s, err = Open(dir, &ir.Checkpoint{Path: filepath.Join(dir, "c"), Every: 1, Keep: c.keep}, nil)
					require.NoError(t, err)
					f, err := s.Newest()
					require.NoError(t, err)
					require.EqualValues(t, at-1, f.Step)
					another, _, err := s.Begin(f.Run, &f.Head)
					require.NoError(t, err)
					require.False(t, another)
					require.NoError(t, f.Close())
				}
				put(t, s, int64(step), flag == 'F')
			}
			require.Equal(t, c.want, steps(t, dir), "%+v in two parts, from %d on", c, at)
			require.NoError(t, s.Close())
		}
	}
}

func TestAClosedStoreWritesNothing(t *testing.T) {
	dir := t.TempDir()
	s := begun(t, dir, 2)
	put(t, s, 0, true)
	put(t, s, 1, true)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Write(Content{Head: Head{Step: 2}}), ErrClosed)
	require.Equal(t, []int64{1}, steps(t, dir))
}

func TestOnlyRegularFilesAreCheckpoints(t *testing.T) {
	for _, name := range []string{ir.CheckpointFile(10), ir.BestFile} {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "c", name), 0o777))
		_, err := Open(dir, &ir.Checkpoint{Path: filepath.Join(dir, "c"), Every: 1, Keep: 2}, nil)
		require.EqualError(t, err, fmt.Sprintf("checkpoint.dir: %s is not a regular file: move it away", filepath.Join(dir, "c", name)))
		require.NoFileExists(t, filepath.Join(dir, "c", ".lock"))
	}
}

// Two runs that both say to have been the first: nobody knows which was made last.
func TestTheNewestOfTwoUnrelatedRunsIsUnknown(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for i, d := range []string{dir, other} {
		s := begun(t, d, 2)
		put(t, s, int64(10*(i+1)), true)
		require.NoError(t, s.Close())
	}
	content, err := os.ReadFile(filepath.Join(other, "c", ir.CheckpointFile(20)))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c", ir.CheckpointFile(20)), content, 0o666))
	s, err := Open(dir, &ir.Checkpoint{Path: filepath.Join(dir, "c"), Every: 1, Keep: 2}, nil)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Newest()
	require.ErrorContains(t, err, "belong to two runs, and it is unknown which is newer")
}

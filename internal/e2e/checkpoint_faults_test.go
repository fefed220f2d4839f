package e2e_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/internal/hooks"
	"github.com/flowrun/flowrun/internal/runtest"
)

var errDisk = errors.New("the disk is gone")

// A fault at every operation on every file of a run in turn: the run ends with the error,
// all files are complete, and the resumed run has the same bits and finally the same
// files as one without a fault.
func TestAFailureOfAnyFileOperationLosesNothing(t *testing.T) {
	spec := func() string {
		return line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 2, keep: 2, best: {metric: loss}}")
	}
	read := func(path string) map[string]string {
		dir, all := filepath.Join(filepath.Dir(path), "checkpoints"), map[string]string{}
		for _, name := range filesIn(t, dir) {
			content, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			all[name] = fmt.Sprintf("%x", sha256.Sum256(content))
		}
		return all
	}
	whole := spec()
	var ops []files.Op
	s := runtest.StartedIn(hooks.With(t.Context(), files.Fault(func(op files.Op, _ string) error { ops = append(ops, op); return nil })), t, whole)
	_, want := runtest.Ran(t, s, 8)
	require.NoError(t, s.Close())
	for _, op := range []files.Op{files.OpLock, files.OpCreate, files.OpWrite, files.OpSync, files.OpClose, files.OpRename, files.OpSyncFolder, files.OpRemove} {
		require.Contains(t, ops, op)
	}

	for at := range ops {
		path, n, failed := spec(), 0, files.Op("")
		p, err := flowrun.Load(path)
		require.NoError(t, err)
		s, err := p.Start(hooks.With(t.Context(), files.Fault(func(op files.Op, _ string) error {
			if n++; n-1 == at {
				failed = op
				return errDisk
			}
			return nil
		})))
		var got []string
		if err == nil {
			_, err = s.Run(context.Background(), flowrun.MaxSteps(8), flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
				if !r.Last {
					got = append(got, fmt.Sprint(r.Step, r.Loss, r.Metrics))
				}
				return nil
			}}))
			require.ErrorIs(t, err, errDisk, "%d: %s", at, failed)
			if closed := s.Close(); closed != nil { // removing files at the end may fail
				require.ErrorIs(t, closed, errDisk)
			}
		}
		require.ErrorIs(t, err, errDisk, "%d: %s", at, failed)
		require.Equal(t, ops[at], failed)

		r, rest, _ := ranTo(t, path, 8, flowrun.ResumeOrStart())
		step := int64(0)
		if r != nil {
			step = r.Step
		}
		got = got[:min(step, int64(len(got)))]
		for _, r := range rest {
			got = append(got, fmt.Sprint(r.Step, r.Loss, r.Metrics))
		}
		for i, r := range want {
			require.Equal(t, fmt.Sprint(r.Step, r.Loss, r.Metrics), got[i], "%d: %s", at, failed)
		}
		// If removing older checkpoints failed or didn't happen after the last one was
		// written, there is one too many until the next one.
		now, then := read(path), read(whole)
		if step == 8 {
			for name, content := range then {
				require.Equal(t, content, now[name], name)
			}
			continue
		}
		require.Equal(t, then, now, "%d: %s", at, failed)
	}
}

// Any observer may fail; the last checkpoint is written nevertheless, and the error is
// returned once.
func TestAFailingObserverEndsTheRunWithALastCheckpoint(t *testing.T) {
	for _, first := range []bool{true, false} {
		path := line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 10}")
		s := runtest.Started(t, path)
		boom := errors.New("boom")
		last, failures := 0, 0
		observers := []flowrun.RunOption{
			flowrun.Observe(flowrun.Observer{Every: 7, Observe: func(flowrun.Record) error { failures++; return boom }}),
			flowrun.Observe(flowrun.Observer{Observe: func(r flowrun.Record) error {
				require.True(t, r.Last)
				require.EqualValues(t, 7, r.Step)
				last++
				return boom
			}}),
		}
		if !first {
			slices.Reverse(observers)
		}
		summary, err := s.Run(context.Background(), observers...)
		require.EqualError(t, err, "boom")
		require.EqualValues(t, 7, summary.Steps)
		require.Equal(t, 1, last)
		require.Equal(t, 1, failures, "what has failed isn't asked again")
		require.NoError(t, s.Close())
		r, _, _ := ranTo(t, path, 8, flowrun.Resume(""))
		require.EqualValues(t, 7, r.Step)
	}
}

func TestObservedOutputIsSyncedBeforeTheCheckpoint(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 5}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	s := runtest.Started(t, path)
	var seen int64
	var synced []int64
	_, err := s.Run(context.Background(), flowrun.MaxSteps(12), flowrun.Observe(flowrun.Observer{Every: 1,
		Observe: func(r flowrun.Record) error { seen = r.Step; return nil },
		Sync: func() error {
			require.NoFileExists(t, stepFile(dir, seen))
			synced = append(synced, seen)
			return nil
		}}))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, []int64{5, 10, 12}, synced)

	boom := errors.New("boom")
	again := runtest.Started(t, path, flowrun.Resume(""))
	_, err = again.Run(context.Background(), flowrun.MaxSteps(30), flowrun.Observe(flowrun.Observer{Sync: func() error { return boom }, Observe: func(flowrun.Record) error { return nil }}))
	require.EqualError(t, err, "boom")
	require.NoError(t, again.Close())
	require.FileExists(t, stepFile(dir, 15), "it is written all the same")
}

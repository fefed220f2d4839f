package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
)

const everything = `eval: {data: others, every: 7, metrics: {loss: loss}}
  early_stop: {metric: eval.loss, patience: 1000}
  clip_grad_norm: 1.0
  accumulate: 3
  checkpoint: {every: 10, keep: 2, best: {metric: eval.loss}}`

// 1000 steps at once, and 500 plus 500 more from a checkpoint of step 500, which is in
// the middle of an accumulation.
func TestAResumedRunIsBitIdenticalToAnUninterruptedOne(t *testing.T) {
	keys := strings.Replace(everything, "every: 10", "every: 250", 1)
	adam := "{AdamW: {lr: 0.01 * 0.999 ** step}}"
	straight := runtest.Started(t, line(t, adam, keys))
	_, want := runtest.Ran(t, straight, 1000)

	path := line(t, adam, keys)
	first := runtest.Started(t, path)
	_, got := runtest.Ran(t, first, 500)
	require.NoError(t, first.Close())
	second := runtest.Started(t, path, flowrun.Resume(""))
	require.EqualValues(t, 500, second.Resumed().Step)
	require.Empty(t, second.Resumed().Differences)
	_, rest := runtest.Ran(t, second, 1000)
	require.Equal(t, fmt.Sprint(want), fmt.Sprint(append(got, rest...)))
	require.Equal(t, runtest.Weights(t, straight), runtest.Weights(t, second))
	for _, state := range straight.Plan().Graph.States {
		require.Equal(t, tensor(t, straight, state.Name), tensor(t, second, state.Name), state.Name)
	}
}

func TestTheNewestAndTheBestCheckpointsAreKept(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.1}}", everything)
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	s := runtest.Started(t, path)
	runtest.Ran(t, s, 34)
	require.NoError(t, s.Close())
	names := func() []string { return filesIn(t, dir) }
	require.Equal(t, []string{"best.safetensors", "step-000000030.safetensors", "step-000000034.safetensors"}, names())

	p, err := flowrun.Load(path)
	require.NoError(t, err)
	_, err = p.Start(context.Background())
	require.ErrorContains(t, err, "has checkpoints of an earlier run, the newest of step 34")

	again := runtest.Started(t, path, flowrun.Resume(filepath.Join(dir, "best.safetensors")))
	require.EqualValues(t, 30, again.Resumed().Step, "that of 34 has the same evaluation, which is no better")
	require.True(t, again.Resumed().GoesBack)
	require.Equal(t, []string{"step-000000034.safetensors"}, again.Resumed().Replaces)
	_, records := runtest.Ran(t, again, 40)
	require.Len(t, records, 10)
	require.NoError(t, again.Close())
	require.Equal(t, []string{"best.safetensors", "step-000000030.safetensors", "step-000000034.safetensors", "step-000000040.safetensors"},
		names(), "that of 34 is of the other run")
}

// filesIn lists a folder.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAnInterruptedRunLeavesACheckpoint(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.1}}", everything)
	s := runtest.Started(t, path)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := s.Run(ctx, flowrun.Observe(flowrun.Observer{Every: 13, Observe: func(flowrun.Record) error { cancel(); return nil }}))
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(filepath.Dir(path), "checkpoints", "step-000000013.safetensors"))
}

func TestTheErrorForAnUnsuitableCheckpointGivesTheReason(t *testing.T) {
	path := line(t, "{SGD: {lr: lr}}", everything)
	s := runtest.Started(t, path)
	runtest.Ran(t, s, 10)
	require.NoError(t, s.Close())
	dir := filepath.Dir(path)
	good := filepath.Join(dir, "checkpoints", "step-000000010.safetensors")
	resume := func(spec, file string, load ...flowrun.LoadOption) (*flowrun.Session, error) {
		p, err := flowrun.Load(spec, load...)
		require.NoError(t, err)
		return p.Start(context.Background(), flowrun.Resume(file))
	}
	bytes, err := os.ReadFile(good)
	require.NoError(t, err)
	cut := filepath.Join(dir, "cut.safetensors")
	require.NoError(t, os.WriteFile(cut, bytes[:len(bytes)-9], 0o666))
	_, err = resume(path, cut)
	require.ErrorContains(t, err, "cut.safetensors")
	require.ErrorContains(t, err, "the file has")

	plain := filepath.Join(dir, "weights.safetensors")
	learned, err := flowrun.ReadTensors(good)
	require.NoError(t, err)
	require.NoError(t, flowrun.WriteTensors(plain, learned))
	_, err = resume(path, plain)
	require.ErrorContains(t, err, "not a flowrun checkpoint; to start from its parameters, use --weights")

	_, err = resume(line(t, "{SGD: {lr: 0.1}}"), "")
	require.ErrorContains(t, err, "no train.checkpoint that names a folder")
	_, err = resume(line(t, "{SGD: {lr: 0.1}}", everything), "")
	require.ErrorContains(t, err, "there is no checkpoint in")

	other, err := resume(path, good, flowrun.With("lr", "0.2"), flowrun.WithSeed(9))
	require.NoError(t, err)
	require.Equal(t, []string{"seed was 3 and is 9", "vars.lr was 0.1 and is 0.2"}, other.Resumed().Differences)
	require.NoError(t, other.Close())

	_, err = resume(line(t, "{AdamW: {lr: lr}}", everything), good)
	require.ErrorContains(t, err, "train.optimizer was {SGD: {lr: lr}} and is {AdamW: {lr: lr}}; it lacks optimizer.h.weight.m, f32[3, 1]")
}

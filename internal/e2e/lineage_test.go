package e2e_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// ranTo starts a spec, runs it to a step, closes it, and returns the session's
// resumption, the records, and all states after the last step.
func ranTo(t *testing.T, path string, steps int64, options ...flowrun.StartOption) (*flowrun.Resumption, []flowrun.Record, map[string]*flowrun.Tensor) {
	t.Helper()
	s := runtest.Started(t, path, options...)
	r := s.Resumed()
	_, records := runtest.Ran(t, s, steps)
	states := map[string]*flowrun.Tensor{}
	for _, st := range s.Plan().Graph.States {
		states[st.Name] = value(t, s, st.Name)
	}
	require.NoError(t, s.Close())
	return r, records, states
}

func value(t *testing.T, s *flowrun.Session, name string) *flowrun.Tensor {
	t.Helper()
	v, err := s.Get(name)
	require.NoError(t, err)
	return v
}

func resumeError(t *testing.T, path string, options ...flowrun.StartOption) error {
	t.Helper()
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), options...)
	if err == nil {
		require.NoError(t, s.Close())
	}
	return err
}

func stepFile(dir string, step int64) string {
	return filepath.Join(dir, fmt.Sprintf("step-%09d.safetensors", step))
}

func change(t *testing.T, path, old, now string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), old, now, 1)), 0o666))
}

func TestResumeContinuesTheNewestRunNotTheLargestStep(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.01}}", "checkpoint: {every: 10}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	ranTo(t, path, 50)
	content, err := os.ReadFile(stepFile(dir, 50))
	require.NoError(t, err)
	good := filepath.Join(filepath.Dir(path), "good.safetensors")
	require.NoError(t, os.WriteFile(good, content, 0o666))
	r, _, _ := ranTo(t, path, 120, flowrun.Resume(""))
	require.False(t, r.GoesBack)
	require.Empty(t, r.Replaces)

	change(t, path, "3 * x + 1", "5 * x - 2")
	r, _, at95 := ranTo(t, path, 95, flowrun.Resume(good))
	require.True(t, r.GoesBack)
	require.Equal(t, []string{"step-000000100.safetensors", "step-000000110.safetensors", "step-000000120.safetensors"}, r.Replaces)
	abandoned, err := os.ReadFile(stepFile(dir, 110))
	require.NoError(t, err)
	require.Equal(t, []string{"step-000000080.safetensors", "step-000000090.safetensors", "step-000000095.safetensors",
		"step-000000100.safetensors", "step-000000110.safetensors", "step-000000120.safetensors"}, filesIn(t, dir))

	s := runtest.Started(t, path, flowrun.Resume(""))
	require.EqualValues(t, 95, s.Resumed().Step)
	require.False(t, s.Resumed().GoesBack, "it is the end of the run made last")
	for name, want := range at95 {
		require.Equal(t, want, value(t, s, name), name)
	}
	runtest.Ran(t, s, 105)
	require.NoError(t, s.Close())
	require.Equal(t, []string{"step-000000090.safetensors", "step-000000100.safetensors", "step-000000105.safetensors",
		"step-000000110.safetensors", "step-000000120.safetensors"}, filesIn(t, dir), "100 is this run's now")
	still, err := os.ReadFile(stepFile(dir, 110))
	require.NoError(t, err)
	require.Equal(t, abandoned, still)
}

// Whichever checkpoint a run is resumed from, it becomes the newest run.
func TestAnAbandonedRunCanBeResumed(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.01}}", "checkpoint: {every: 10, keep: 2}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	ranTo(t, path, 40)
	ranTo(t, path, 35, flowrun.Resume(stepFile(dir, 30)))
	r, _, _ := ranTo(t, path, 45, flowrun.Resume(stepFile(dir, 40))) // the end of the first run
	require.True(t, r.GoesBack)
	r, _, _ = ranTo(t, path, 46, flowrun.Resume(""))
	require.EqualValues(t, 45, r.Step)
	require.False(t, r.GoesBack)
	r, _, _ = ranTo(t, path, 47, flowrun.Resume(stepFile(dir, 46))) // its end, by name
	require.False(t, r.GoesBack)
}

// Files from versions without lineages can be resumed like others.
func TestACheckpointWithoutALineageCanBeResumed(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.01}}", "checkpoint: {every: 10}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	_, _, want := ranTo(t, path, 40)
	require.NoError(t, os.RemoveAll(dir))
	ranTo(t, path, 30)
	for _, step := range []int64{10, 20, 30} {
		f, err := safetensors.Open(stepFile(dir, step))
		require.NoError(t, err)
		tensors, err := f.All()
		require.NoError(t, err)
		require.NoError(t, f.Close())
		old := map[string]string{}
		for _, key := range []string{"flowrun.checkpoint", "flowrun.spec"} {
			old[key] = f.Metadata()[key]
		}
		delete(tensors, "step.nonfinite")
		require.NoError(t, safetensors.WriteWith(stepFile(dir, step), tensors, old))
	}
	r, _, got := ranTo(t, path, 40, flowrun.Resume(""))
	require.EqualValues(t, 30, r.Step)
	require.False(t, r.GoesBack)
	require.Equal(t, want, got)
	require.Equal(t, []string{"step-000000020.safetensors", "step-000000030.safetensors", "step-000000040.safetensors"}, filesIn(t, dir))
	r, _, _ = ranTo(t, path, 50, flowrun.Resume(""))
	require.EqualValues(t, 40, r.Step)
}

// A rewound run is the newest from its start, not only from its first checkpoint.
func TestARewoundRunIsTheNewestFromItsStart(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.01}}", "checkpoint: {every: 10, keep: 9}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	ranTo(t, path, 40)
	ranTo(t, path, 33, flowrun.Resume(stepFile(dir, 30)))
	s := runtest.Started(t, path, flowrun.Resume(stepFile(dir, 20)))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Run(ctx)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	r, _, _ := ranTo(t, path, 25, flowrun.Resume(""))
	require.EqualValues(t, 20, r.Step)
	r, _, _ = ranTo(t, path, 26, flowrun.Resume(""))
	require.EqualValues(t, 25, r.Step)
	require.Equal(t, []string{"step-000000030.safetensors", "step-000000033.safetensors", "step-000000040.safetensors"}, r.Replaces)
}

// Removed checkpoints make no difference: retention counts a run's own checkpoints and
// those of its ancestors.
func TestRetentionCountsOnlyCheckpointsOfTheSameRun(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.01}}", "checkpoint: {every: 10, keep: 2}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	ranTo(t, path, 40)
	require.Equal(t, []string{"step-000000030.safetensors", "step-000000040.safetensors"}, filesIn(t, dir))
	ranTo(t, path, 35, flowrun.Resume(stepFile(dir, 30)))
	require.Equal(t, []string{"step-000000030.safetensors", "step-000000035.safetensors", "step-000000040.safetensors"}, filesIn(t, dir))
	ranTo(t, path, 60, flowrun.Resume(""))
	require.Equal(t, []string{"step-000000050.safetensors", "step-000000060.safetensors"}, filesIn(t, dir))
}

// An interrupted and resumed run leaves the same files as an uninterrupted one, byte for
// byte, including their lineage. It stops by itself, by patience.
func TestAResumedRunLeavesTheSameFilesAsAnUninterruptedOne(t *testing.T) {
	keys := []string{`eval: {data: others, every: 5, metrics: {loss: loss}}`, `early_stop: {metric: eval.loss, patience: 23, min_delta: 0.01}`,
		`checkpoint: {every: 4, keep: 3, best: {metric: eval.loss}}`}
	spec := func() string {
		path := line(t, "{AdamW: {lr: 0.05}}", keys...)
		change(t, path, "max_steps: 40", "max_steps: 4000")
		return path
	}
	content := func(path string) map[string]string {
		dir, all := filepath.Join(filepath.Dir(path), "checkpoints"), map[string]string{}
		for _, name := range filesIn(t, dir) {
			text, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			all[name] = fmt.Sprintf("%x", sha256.Sum256(text))
		}
		return all
	}
	whole := spec()
	s := runtest.Started(t, whole)
	summary, want := runtest.Ran(t, s, 0)
	require.NoError(t, s.Close())
	require.EqualValues(t, "early_stop", summary.Stopped)
	require.Greater(t, summary.Steps, int64(40))

	parts := spec()
	_, got, _ := ranTo(t, parts, 8)
	for _, stop := range []int64{12, 20, 32, 40, 0} {
		r, more, _ := ranTo(t, parts, stop, flowrun.Resume(""))
		require.EqualValues(t, len(got), r.Step)
		got = append(got, more...)
	}
	require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
	require.Equal(t, content(whole), content(parts))
}

func TestTheBestCheckpointIsKeptAfterRewinding(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 10, keep: 9, best: {metric: loss}}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	best := filepath.Join(dir, "best.safetensors")
	ranTo(t, path, 40)
	want, err := os.ReadFile(best)
	require.NoError(t, err)
	ranTo(t, path, 30, flowrun.Resume(stepFile(dir, 10))) // its 20 and 30 are better than 10, and worse than 40
	got, err := os.ReadFile(best)
	require.NoError(t, err)
	require.Equal(t, want, got)
	ranTo(t, path, 60, flowrun.Resume(""))
	got, err = os.ReadFile(best)
	require.NoError(t, err)
	require.NotEqual(t, want, got, "what is better replaces it")

	change(t, path, "metric: loss", "metric: y")
	r, _, _ := ranTo(t, path, 70, flowrun.Resume(""))
	require.Equal(t, []string{"best.safetensors (the best by min loss; from now on it is by min y)"}, r.Replaces)
}

func TestResumeOrStartStartsInAnEmptyFolder(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 10, best: {metric: loss}}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	r, _, _ := ranTo(t, path, 10, flowrun.ResumeOrStart())
	require.Nil(t, r)
	r, _, _ = ranTo(t, path, 20, flowrun.ResumeOrStart())
	require.EqualValues(t, 10, r.Step)
	for _, step := range []int64{10, 20} {
		require.NoError(t, os.Remove(stepFile(dir, step)))
	}
	for _, option := range []flowrun.StartOption{flowrun.ResumeOrStart(), flowrun.Resume("")} {
		require.ErrorContains(t, resumeError(t, path, option), "but the best: name it with --resume="+filepath.Join(dir, "best.safetensors"))
	}
	require.ErrorContains(t, resumeError(t, path), "has checkpoints of an earlier run, best.safetensors")
	require.ErrorContains(t, resumeError(t, line(t, "{SGD: {lr: 0.05}}"), flowrun.ResumeOrStart()), "has no train.checkpoint that names a folder")
}

func TestTheErrorForACorruptCheckpointNamesThePreviousOne(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 10, keep: 9}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	ranTo(t, path, 40)
	damage := func(step int64, at int) {
		content, err := os.ReadFile(stepFile(dir, step))
		require.NoError(t, err)
		if at < 0 {
			at += len(content)
		}
		content[at] ^= 4
		require.NoError(t, os.WriteFile(stepFile(dir, step), content, 0o666))
	}
	damage(40, -1) // in the data
	err := resumeError(t, path, flowrun.Resume(""))
	require.ErrorContains(t, err, stepFile(dir, 40)+": ")
	require.ErrorContains(t, err, "the one before is complete: resume from it with --resume="+stepFile(dir, 30))
	damage(30, -1)
	require.ErrorContains(t, resumeError(t, path, flowrun.Resume("")), "--resume="+stepFile(dir, 20))
	damage(40, 60) // and in the header
	err = resumeError(t, path, flowrun.ResumeOrStart())
	require.ErrorContains(t, err, stepFile(dir, 40)+": ")
	require.ErrorContains(t, err, "--resume="+stepFile(dir, 20))
	damage(20, 0)
	damage(10, 100)
	require.ErrorContains(t, resumeError(t, path, flowrun.Resume("")), "there is no complete one before it")
	require.ErrorContains(t, resumeError(t, path), "has checkpoints of an earlier run")
}

func TestASecondRunInACheckpointFolderIsRejected(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 10}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	first := runtest.Started(t, path)
	require.ErrorContains(t, resumeError(t, path), dir+" is in use by another run (process ", "also before its first checkpoint")
	runtest.Ran(t, first, 10)
	for _, option := range []flowrun.StartOption{flowrun.Resume(""), flowrun.Resume(stepFile(dir, 10)), flowrun.ResumeOrStart()} {
		require.ErrorContains(t, resumeError(t, path, option), "is in use by another run")
	}
	require.Equal(t, []string{".lock", "step-000000010.safetensors"}, filesIn(t, dir))
	require.NoError(t, first.Close())
	leftover := filepath.Join(dir, ".flowrun-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp")
	require.NoError(t, os.WriteFile(leftover, nil, 0o666))
	require.NoError(t, resumeError(t, path, flowrun.Resume("")))
	require.Equal(t, []string{"step-000000010.safetensors"}, filesIn(t, dir), "what a killed run left is swept")
}

func TestARunThatFailsToStartLeavesNoFiles(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 10}")
	require.NoError(t, resumeError(t, path))
	require.Error(t, resumeError(t, path, flowrun.WithWeights(flowrun.Weights{Tensors: map[string]*flowrun.Tensor{}})))
	s := runtest.Started(t, path)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Run(ctx)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, []string{"line.yaml"}, filesIn(t, filepath.Dir(path)))
}

// A checkpoint folder, and every file in it that a run may write, as a link.
func TestCheckpointsDoNotFollowLinksOutOfTheSpecsFolder(t *testing.T) {
	for _, name := range []string{"checkpoints", "best.safetensors", "step-000000010.safetensors", "step-000000777.safetensors"} {
		for kind, target := range map[string]string{"a file": "precious", "nothing": "none", "a folder": "."} {
			t.Run(name+" to "+kind, func(t *testing.T) {
				path := line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 10, best: {metric: loss}}")
				outside := t.TempDir()
				require.NoError(t, os.WriteFile(filepath.Join(outside, "precious"), []byte("precious"), 0o666))
				link := filepath.Join(filepath.Dir(path), name)
				if name != "checkpoints" {
					dir := filepath.Join(filepath.Dir(path), "checkpoints")
					require.NoError(t, os.Mkdir(dir, 0o777))
					link = filepath.Join(dir, name)
				}
				if err := os.Symlink(filepath.Join(outside, target), link); err != nil {
					t.Skip("no symbolic links here: ", err)
				}
				for _, options := range [][]flowrun.StartOption{{}, {flowrun.ResumeOrStart()}, {flowrun.Resume("")}} {
					err := resumeError(t, path, options...)
					require.Error(t, err)
					if name != "checkpoints" {
						require.ErrorContains(t, err, link+" leads to "+filepath.Join(outside, target))
						require.ErrorContains(t, err, "outside the spec's folder")
					}
				}
				require.Equal(t, []string{"precious"}, filesIn(t, outside))
				content, err := os.ReadFile(filepath.Join(outside, "precious"))
				require.NoError(t, err)
				require.Equal(t, "precious", string(content))
			})
		}
	}
}

func TestALinkInTheCheckpointFolderIsReplacedNotFollowed(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.05}}", "checkpoint: {every: 10, keep: 9, best: {metric: loss}}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	ranTo(t, path, 20)
	mine := filepath.Join(filepath.Dir(path), "mine.safetensors")
	content, err := os.ReadFile(stepFile(dir, 20))
	require.NoError(t, err)
	for _, name := range []string{stepFile(dir, 20), filepath.Join(dir, "best.safetensors")} {
		require.NoError(t, os.WriteFile(mine, content, 0o666))
		require.NoError(t, os.Remove(name))
		if err := os.Symlink(filepath.Join("..", "mine.safetensors"), name); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	r, _, _ := ranTo(t, path, 20, flowrun.Resume(stepFile(dir, 10)))
	require.True(t, r.GoesBack)
	ranTo(t, path, 40, flowrun.Resume(""))
	for _, name := range []string{stepFile(dir, 20), filepath.Join(dir, "best.safetensors")} {
		info, err := os.Lstat(name)
		require.NoError(t, err)
		require.True(t, info.Mode().IsRegular(), name)
	}
	got, err := os.ReadFile(mine)
	require.NoError(t, err)
	require.Equal(t, content, got)
}

// A checkpoint can be used wherever weights can: for an evaluation, and to start from.
func TestWeightsCanBeReadFromACheckpoint(t *testing.T) {
	path := line(t, "{AdamW: {lr: 0.05}}", everything)
	s := runtest.Started(t, path)
	runtest.Ran(t, s, 20)
	learned := runtest.Weights(t, s)
	require.NoError(t, s.Close())
	file := stepFile(filepath.Join(filepath.Dir(path), "checkpoints"), 20)
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	got, err := p.ReadWeights(file)
	require.NoError(t, err)
	require.Equal(t, learned, got.Tensors)
	x := map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{4, 1}, []float32{1, 2, 3, 4})}
	want, err := p.Infer(context.Background(), x, flowrun.WithWeights(flowrun.Weights{Tensors: learned}))
	require.NoError(t, err)
	out, err := p.Infer(context.Background(), x, flowrun.WithWeights(got))
	require.NoError(t, err)
	require.Equal(t, want, out)

	init := line(t, "{SGD: {lr: 0.05}}", "init: {safetensors: step-000000020.safetensors}")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(init), filepath.Base(file)), content, 0o666))
	require.Equal(t, learned, runtest.Weights(t, runtest.Started(t, init)))

	all, err := flowrun.ReadTensors(file)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(n string) bool { return strings.HasPrefix(n, "optimizer.") }))
}

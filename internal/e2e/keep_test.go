package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/internal/hooks"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/report"
	kept "github.com/flowrun/flowrun/runs"
)

// keptFiles are the contents of a run's folder that don't hold times.
func keptFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	for _, name := range filesIn(t, dir) {
		if name == kept.InfoFile || name == kept.LogFile || name == kept.SummaryFile {
			continue
		}
		if name == kept.Checkpoints {
			for _, inner := range filesIn(t, filepath.Join(dir, name)) {
				contents[name+"/"+inner] = textOf(t, filepath.Join(dir, name, inner))
			}
			continue
		}
		contents[name] = textOf(t, filepath.Join(dir, name))
	}
	return contents
}

func textOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// readSummary reads a run's summary.
func readSummary(t *testing.T, dir string) (s kept.Summary) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(textOf(t, filepath.Join(dir, kept.SummaryFile))), &s))
	return s
}

// keptIn runs a spec to a step, kept in a folder "kept" beside it.
func keptIn(ctx context.Context, path string, steps int64, options ...flowrun.StartOption) (dir string, err error) {
	dir = filepath.Join(filepath.Dir(path), "kept")
	p, err := flowrun.Load(path)
	if err != nil {
		return dir, err
	}
	s, err := p.Start(ctx, append([]flowrun.StartOption{flowrun.KeepIn(dir, "flowrun", "run"), flowrun.LogEvery(1)}, options...)...)
	if err != nil {
		return dir, err
	}
	_, err = s.Run(context.Background(), flowrun.MaxSteps(steps))
	return dir, errors.Join(err, s.Close())
}

const keepsBest = "checkpoint: {every: 2, keep: 2, best: {metric: loss}}"

// A fault at every operation on every file of a kept run in turn: it ends with the error,
// and the run that is then continued, or started, leaves what one without a fault does.
func TestAFailureOfAnyFileOperationOfAKeptRunLosesNothing(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{keepsBest, ""} {
		whole := line(t, "{SGD: {lr: 0.05}}", keys)
		var ops []files.Op
		dir, err := keptIn(hooks.With(t.Context(), files.Fault(func(op files.Op, _ string) error { ops = append(ops, op); return nil })), whole, 6)
		require.NoError(t, err)
		want := keptFiles(t, dir)
		for at := range ops {
			path, n, name := line(t, "{SGD: {lr: 0.05}}", keys), 0, ""
			dir, err := keptIn(hooks.With(t.Context(), files.Fault(func(op files.Op, file string) error {
				if n++; n-1 == at {
					name = string(op) + " " + file
					return errDisk
				}
				return nil
			})), path, 6)
			require.ErrorIs(t, err, errDisk, name)
			if strings.Contains(name, kept.InfoFile) || strings.Contains(name, kept.SpecFile) {
				require.NoDirExists(t, dir, "%s: nothing has begun", name)
			}
			if _, err := os.Stat(filepath.Join(dir, kept.SummaryFile)); err == nil && !strings.HasPrefix(name, "close") && !strings.HasPrefix(name, "sync folder") {
				require.Equal(t, kept.Failed, readSummary(t, dir).Stopped, name)
				require.Contains(t, readSummary(t, dir).Message, errDisk.Error(), name)
			}
			dir, err = keptIn(t.Context(), path, 6, flowrun.ResumeOrStart())
			require.NoError(t, err, name)
			got := keptFiles(t, dir)
			for file := range want {
				if file == kept.MetricsFile && strings.HasPrefix(name, "write") && strings.Contains(name, kept.MetricsFile) && got[file] != want[file] {
					require.Subset(t, strings.Split(want[file], "\n"), strings.Split(got[file], "\n"), name)
					require.Contains(t, textOf(t, filepath.Join(dir, kept.LogFile)), "the log has a gap", "what couldn't be written is lost, and said so")
					continue
				}
				require.Equal(t, want[file], got[file], "%s: %s", name, file)
			}
			require.EqualValues(t, "max_steps", readSummary(t, dir).Stopped, name)
			require.NoFileExists(t, filepath.Join(dir, ".lock"))
		}
	}
}

// A run that goes on after any number of interruptions leaves the files of one that wasn't
// interrupted, with the same best.
func TestAKeptRunThatWasInterruptedLeavesTheSameFiles(t *testing.T) {
	t.Parallel()
	for _, keys := range [][]string{
		{keepsBest}, {""},
		{"early_stop: {metric: loss, patience: 30, min_delta: 0.5}"},
		{"eval: {data: others, every: 4, batches: 2, metrics: {loss: loss}}", "checkpoint: {every: 3, best: {metric: eval.loss}}"},
	} {
		whole := line(t, "{SGD: {lr: 0.05}}", keys...)
		dir, err := keptIn(t.Context(), whole, 13)
		require.NoError(t, err)
		path := line(t, "{SGD: {lr: 0.05}}", keys...)
		for _, at := range []int64{1, 4, 7, 13} {
			_, err := keptIn(t.Context(), path, at, flowrun.ResumeOrStart())
			require.NoError(t, err)
		}
		again := filepath.Join(filepath.Dir(path), "kept")
		want, got := keptFiles(t, dir), keptFiles(t, again)
		if keys[0] == "" || strings.Contains(keys[0], "early_stop") { // --max-steps is an end of its own, not chance
			require.Equal(t, want, got)
		}
		require.Equal(t, want[kept.MetricsFile], got[kept.MetricsFile])
		require.Equal(t, want[kept.WeightsFile], got[kept.WeightsFile])
		require.Equal(t, readSummary(t, dir).Metrics, readSummary(t, again).Metrics)
		var info kept.Info
		require.NoError(t, json.Unmarshal([]byte(textOf(t, filepath.Join(again, kept.InfoFile))), &info))
		require.Len(t, info.Resumed, 3)
		require.Equal(t, []string{"flowrun", "run"}, info.Command)
	}
}

// A loop over settings that is run again resumes runs that are done, which changes nothing
// in what it cost to get there.
func TestAKeptRunWithNothingLeftToDoKeepsItsSummary(t *testing.T) {
	path := line(t, "{SGD: {lr: 0.05}}", keepsBest)
	dir, err := keptIn(t.Context(), path, 6)
	require.NoError(t, err)
	before := textOf(t, filepath.Join(dir, kept.SummaryFile))
	require.EqualValues(t, 6, readSummary(t, dir).Steps)
	_, err = keptIn(t.Context(), path, 6, flowrun.Resume(""))
	require.NoError(t, err)
	require.Equal(t, before, textOf(t, filepath.Join(dir, kept.SummaryFile)))

	_, err = keptIn(t.Context(), path, 8, flowrun.Resume(""))
	require.NoError(t, err)
	require.EqualValues(t, 2, readSummary(t, dir).Steps)
	_, err = keptIn(t.Context(), path, 6, flowrun.Resume(filepath.Join(dir, kept.Checkpoints, "step-000000006.safetensors")))
	require.NoError(t, err)
	require.EqualValues(t, 6, readSummary(t, dir).Step, "it ended elsewhere")
}

// The best is found again in the records, which are those of all steps.
func TestTheBestIsTheLeastOfWhatWasSeen(t *testing.T) {
	for _, c := range []struct {
		keys   []string
		metric string
		every  int64
		file   bool
	}{
		{[]string{"checkpoint: {every: 3, best: {metric: loss}}"}, "loss", 3, true},
		{[]string{"checkpoint: {every: 2, best: {metric: loss}}", "early_stop: {metric: y, patience: 100}"}, "loss", 2, true},
		{[]string{"early_stop: {metric: loss, patience: 100, min_delta: 0.7}"}, "loss", 1, false},
		{[]string{"checkpoint: {every: 3}", "early_stop: {metric: y, patience: 100, mode: max}"}, "y", 1, false},
		{[]string{"eval: {data: others, batches: 1, every: 4, metrics: {y: mean(y), loss: loss}}"}, "eval.loss", 4, false},
	} {
		path := line(t, "{SGD: {lr: 0.09}}", c.keys...)
		p, err := flowrun.Load(path)
		require.NoError(t, err)
		at := -1
		for i, name := range p.Metrics() {
			if name == c.metric {
				at = i
			}
		}
		var want *kept.Best
		for _, to := range []int64{7, 12} { // the second is resumed
			s := runtest.Started(t, path, flowrun.KeepIn(filepath.Join(filepath.Dir(path), "kept")), flowrun.ResumeOrStart())
			summary, records := runtest.Ran(t, s, to)
			for _, r := range records {
				if r.Step%c.every != 0 && r.Step != to {
					continue
				}
				v := r.Metrics[at]
				if want == nil || c.metric == "y" && v > want.Value || c.metric != "y" && v < want.Value {
					want = &kept.Best{Metric: c.metric, Mode: map[bool]string{true: "max", false: "min"}[c.metric == "y"], Value: v, Step: r.Step}
				}
			}
			if c.file {
				want.File = filepath.Join(filepath.Dir(path), "kept", "checkpoints", "best.safetensors")
				require.FileExists(t, want.File)
			}
			require.Equal(t, want, s.Result(summary, nil).Best)
			require.NoError(t, s.Close())
		}
	}
	s := runtest.Started(t, line(t, "{SGD: {lr: 0.05}}"))
	summary, _ := runtest.Ran(t, s, 3)
	require.Nil(t, s.Result(summary, nil).Best, "nothing says which value is better")
}

func TestAKeptRunThatDivergedSaysSoInItsLogAndSummary(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	summary, s := diverged(t, diverging(t, "log_every: 1"), flowrun.KeepIn(dir))
	require.NoError(t, s.Close())
	d := summary.Divergence
	require.Equal(t, stepFile(filepath.Join(dir, kept.Checkpoints), d.Sound), d.Checkpoint)
	require.Contains(t, textOf(t, filepath.Join(dir, kept.LogFile)), " diverged: "+report.Divergence(d)+"\n(help: ")
	var end struct {
		Stopped, Message string
		Step             int64
		NonFinite        struct {
			Step       int64
			Sound      int64 `json:"sound_step"`
			Checkpoint string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(textOf(t, filepath.Join(dir, kept.SummaryFile))), &end))
	require.Equal(t, []any{"nonfinite", report.Divergence(d), d.Sound}, []any{end.Stopped, end.Message, end.Step})
	require.Equal(t, []any{d.Step, d.Sound, d.Checkpoint}, []any{end.NonFinite.Step, end.NonFinite.Sound, end.NonFinite.Checkpoint})
	require.Equal(t, weightsAt(t, d.Checkpoint), weightsAt(t, filepath.Join(dir, kept.WeightsFile)))
}

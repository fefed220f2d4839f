//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/runs"
)

// A run that is killed while it runs, and goes on, leaves the files of one that wasn't.
func TestAKilledRunGoesOnAsIfItHadNot(t *testing.T) {
	if racetest.Enabled {
		t.Skip("the process is the same, and slower")
	}
	src := content(t, endless(t))
	spec := file(t, "net.yaml", strings.Replace(src, "every: 1000000000", "every: 5000, keep: 2, best: {metric: loss}", 1))
	out := filepath.Join(t.TempDir(), "r")
	flags := []string{"run", spec, "--set", "lr=0.00001"}
	c, says := program(t, append(flags, "--out", out)...)
	require.NoError(t, c.Start())
	newest := func() (step int64) {
		entries, _ := os.ReadDir(filepath.Join(out, runs.Checkpoints))
		for _, e := range entries {
			digits := strings.TrimSuffix(strings.TrimPrefix(e.Name(), "step-"), ".safetensors")
			if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
				step = max(step, n)
			}
		}
		return step
	}
	within(t, "it has checkpoints", func() bool { return newest() >= 10000 })
	code, _, refused := flowrunWith(t, append(flags, "--out", out, "--resume")...)
	require.Equal(t, exitFailed, code)
	require.Contains(t, refused, "is in use by another run (process "+strconv.Itoa(c.Process.Pid)+")")
	require.NoError(t, c.Process.Kill())
	_ = c.Wait()
	require.NoFileExists(t, filepath.Join(out, runs.SummaryFile), says)

	end := strconv.FormatInt(newest()+7500, 10)
	code, _, errors := flowrunWith(t, append(flags, "--out", out, "--resume", "--max-steps", end)...)
	require.Equal(t, exitDone, code, errors)
	whole := filepath.Join(t.TempDir(), "whole")
	code, _, errors = flowrunWith(t, append(flags, "--out", whole, "--max-steps", end)...)
	require.Equal(t, exitDone, code, errors)
	for _, name := range []string{runs.MetricsFile, runs.WeightsFile, "checkpoints/best.safetensors", "checkpoints/step-" + strings.Repeat("0", 9-len(end)) + end + ".safetensors"} {
		require.Equal(t, content(t, filepath.Join(whole, name)), content(t, filepath.Join(out, name)), name)
	}
	want, got := readJSON[runs.Summary](t, filepath.Join(whole, runs.SummaryFile)), readJSON[runs.Summary](t, filepath.Join(out, runs.SummaryFile))
	require.Equal(t, string(want.Metrics), string(got.Metrics))
	require.Equal(t, want.Best.Value, got.Best.Value)
	require.Equal(t, want.Best.Step, got.Best.Step)
}

func TestAFolderThatCannotBeWrittenIsRefused(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o555))
	for _, out := range []string{dir, filepath.Join(dir, "new")} {
		code, _, says := flowrunWith(t, net(t, ""), "--out", out)
		require.Equal(t, exitFailed, code)
		require.Contains(t, says, "permission denied")
		require.Contains(t, says, out)
	}
}

// Pipes, folders and links in the places of a run's files end it with a message, not a wait.
func TestForeignThingsInARunsFolderAreRefused(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		runs.MetricsFile: func(path string) error { return syscall.Mkfifo(path, 0o666) },
		runs.LogFile:     func(path string) error { return os.Mkdir(path, 0o777) },
		runs.InfoFile:    func(path string) error { return syscall.Mkfifo(path, 0o666) },
		runs.SpecFile:    func(path string) error { return syscall.Mkfifo(path, 0o666) },
		runs.Checkpoints: func(path string) error { return os.Symlink(t.TempDir(), path) },
	} {
		spec, out := net(t, ""), filepath.Join(t.TempDir(), "r")
		code, _, says := flowrunWith(t, spec, "--out", out)
		require.Equal(t, exitDone, code, says)
		require.NoError(t, os.RemoveAll(filepath.Join(out, name)))
		require.NoError(t, make(filepath.Join(out, name)))
		code, _, says = flowrunWith(t, spec, "--out", out, "--resume")
		require.Equal(t, exitFailed, code, "%s: %s", name, says)
		require.Contains(t, says, name)
	}
}

//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// endless is the net without an end, with checkpoints that are never due.
func endless(t *testing.T) string {
	t.Helper()
	src, err := os.ReadFile(mathNet)
	require.NoError(t, err)
	text := strings.Replace(string(src), "max_steps: 200000", "max_steps: 2000000000", 1)
	return file(t, "net.yaml", strings.Replace(text, "lr: 0.1", "lr: 0.0", 1)+"  checkpoint: {every: 1000000000}\n")
}

// within waits until something holds, for as long as a busy machine may take.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(end), what)
	}
}

func TestASignalEndsARunWithCheckpointWeightsAndACompleteLog(t *testing.T) {
	for _, signals := range [][]os.Signal{{os.Interrupt}, {syscall.SIGTERM}, {syscall.SIGHUP}, {syscall.SIGPIPE},
		{syscall.SIGHUP, syscall.SIGHUP, syscall.SIGHUP}} { // a terminal that goes away
		spec := endless(t)
		dir := filepath.Dir(spec)
		log, saved := filepath.Join(dir, "log.jsonl"), filepath.Join(dir, "w.safetensors")
		c, out := program(t, spec, "--log-every=1", "--log", log, "--save", saved)
		require.NoError(t, c.Start())
		within(t, "it runs", func() bool { info, err := os.Stat(log); return err == nil && info.Size() > 0 })
		for _, s := range signals {
			require.NoError(t, c.Process.Signal(s))
		}
		ends(t, c)
		require.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), "%v: %s", signals, out)
		require.FileExists(t, saved)
		names := entries(t, filepath.Join(dir, "checkpoints"))
		require.Len(t, names, 1)
		lines := strings.Split(strings.TrimSuffix(content(t, log), "\n"), "\n")
		var last struct{ Step int }
		require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
		require.Equal(t, last.Step, len(lines))
		require.Equal(t, fmt.Sprintf("step-%09d.safetensors", last.Step), names[0])
	}
}

func TestAnIgnoredHUPStaysIgnored(t *testing.T) {
	if _, err := os.Stat("/usr/bin/nohup"); err != nil {
		t.Skip("needs nohup")
	}
	spec := endless(t)
	log := filepath.Join(filepath.Dir(spec), "log.jsonl")
	c, out := program(t, spec, "--log-every=1", "--log", log)
	c.Args = append([]string{"/usr/bin/nohup", c.Path}, c.Args[1:]...)
	c.Path = "/usr/bin/nohup"
	require.NoError(t, c.Start())
	size := func() int64 {
		info, err := os.Stat(log)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	within(t, "it runs", func() bool { return size() > 0 })
	require.NoError(t, c.Process.Signal(syscall.SIGHUP))
	before := size()
	within(t, "it runs on", func() bool { return size() > before })
	require.NoError(t, c.Process.Signal(os.Interrupt))
	ends(t, c)
	require.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), out.String())
}

// The reader of a pipe goes away, as head does.
func TestAClosedPipeEndsARunWithItsCheckpointAndTheError(t *testing.T) {
	spec := endless(t)
	saved := filepath.Join(filepath.Dir(spec), "w.safetensors")
	c, _ := program(t, spec, "--save", saved)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	var says bytes.Buffer
	c.Stdout, c.Stderr = w, &says
	require.NoError(t, c.Start())
	require.NoError(t, w.Close())
	_, err = r.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, r.Close())
	ends(t, c)
	require.Equal(t, exitFailed, c.ProcessState.ExitCode(), says.String())
	require.Equal(t, 1, strings.Count(says.String(), "broken pipe"), says.String())
	require.FileExists(t, saved)
	names := entries(t, filepath.Join(filepath.Dir(spec), "checkpoints"))
	require.Len(t, names, 1)
	require.NotEqual(t, "step-000000000.safetensors", names[0])
}

// Standard output that the shell appends to a file is appended to, also by the name
// /dev/stdout; and it is no place for weights.
func TestALogOnStandardOutputIsAppendedToIt(t *testing.T) {
	spec := net(t, "")
	path := filepath.Join(t.TempDir(), "out.txt")
	for _, name := range []string{"/dev/stdout", path} {
		require.NoError(t, os.WriteFile(path, []byte("before\n"), 0o666))
		out, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		require.NoError(t, err)
		c, _ := program(t, spec, "--log", name, "--max-steps", "2")
		c.Stdout = out
		require.NoError(t, c.Run())
		require.NoError(t, out.Close())
		text := content(t, path)
		require.True(t, strings.HasPrefix(text, "before\n"), text)
		require.Contains(t, text, "\n{\"step\":2,")
		require.Contains(t, text, "max_steps reached")
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	defer out.Close()
	c, _ := program(t, spec, "--save", path)
	c.Stdout = out
	require.Error(t, c.Run())
	require.Equal(t, exitUsage, c.ProcessState.ExitCode())
}

// A pipe takes a log; one that nobody reads is refused and not waited for.
func TestALogCanBeWrittenToAPipe(t *testing.T) {
	spec := net(t, "")
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o666))
	code, _, says := flowrunWith(t, spec, "--log", pipe, "--max-steps", "2")
	require.Equal(t, exitFailed, code)
	require.Contains(t, says, "--log: "+pipe+" is a pipe that nobody reads")
	r, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer r.Close()
	code, _, says = flowrunWith(t, spec, "--log-every=1", "--log", pipe, "--max-steps", "2")
	require.Equal(t, exitDone, code, says)
	text := make([]byte, 1000)
	n, err := r.Read(text)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(text[:n]), "\n"))
}

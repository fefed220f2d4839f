package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/racetest"
)

// onTerminal runs a command line on a terminal, which script (of util-linux)
// provides.
func onTerminal(t *testing.T, env []string, args ...string) string {
	t.Helper()
	script, err := exec.LookPath("script")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("needs util-linux's script")
	}
	program, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	c := exec.Command(script, "--quiet", "--return", "--command", "'"+strings.Join(append([]string{program}, args...), "' '")+"'", "/dev/null")
	c.Env = append(os.Environ(), asProgram+"=1", "NO_COLOR=", "TERM=xterm")
	c.Env = append(c.Env, env...)
	out, _ := c.CombinedOutput()
	return string(out)
}

func TestADumbTerminalGetsNoControlSequencesAndNoProgressLine(t *testing.T) {
	broken := file(t, "a.yaml", misspelt)
	drawnOver := func(out string) bool { return strings.Contains(strings.ReplaceAll(out, "\r\n", "\n"), "\r") }

	out := onTerminal(t, nil, "validate", broken)
	require.Contains(t, out, "\x1b[1;31merror[unknown-function]\x1b[0m")
	steps := "30000"
	if racetest.Enabled {
		steps = "3000" // which last as long
	}
	out = onTerminal(t, nil, mathNet, "--max-steps", steps)
	require.True(t, drawnOver(out), "a terminal gets one line of progress: %q", out)

	out = onTerminal(t, []string{"NO_COLOR=1"}, "validate", broken)
	require.Contains(t, out, "error[unknown-function]")
	require.NotContains(t, out, "\x1b")
	for _, dumb := range []string{"TERM=dumb", "TERM="} {
		out = onTerminal(t, []string{dumb}, "validate", broken)
		require.Contains(t, out, "error[unknown-function]")
		require.NotContains(t, out, "\x1b", dumb)
		out = onTerminal(t, []string{dumb}, "run", broken)
		require.Contains(t, out, "error[unknown-function]")
		require.NotContains(t, out, "\x1b", dumb)
		out = onTerminal(t, []string{dumb}, mathNet, "--max-steps", "2000")
		require.Contains(t, out, "step 1,000/2,000")
		require.False(t, drawnOver(out), "%s: %q", dumb, out)
		require.NotContains(t, out, "\x1b", dumb)
	}
}

// What a file is called is part of messages.
func TestErrorsContainNoControlSequences(t *testing.T) {
	for _, args := range [][]string{{"run", "gone\x1b[2J.yaml"}, {"validate", "\x1b]0;title\a.yaml"}, {"fmt", "a\x9bm.yaml"}, {mathNet, "--weights", "w\x1b[31m.safetensors"},
		{mathNet, "--set", "\x1b[1m"}, {"\x1b[1m"}, {"rules", "\x1b[1m"}, {"modules", "\x1b[1m"}, {"kernels", "\x1b[1m"}} {
		code, out, errors := flowrunWith(t, args...)
		require.NotEqual(t, exitDone, code)
		require.NotContains(t, out+errors, "\x1b", "%q", args)
		require.NotContains(t, out+errors, "\x9b", "%q", args)
	}
}

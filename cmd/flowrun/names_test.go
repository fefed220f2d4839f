package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// "--weights $W" without W must not infer with initial values, nor "--save $S" train for
// hours and keep nothing.
func TestAnEmptyNameOfAFileIsRefused(t *testing.T) {
	spec := filepath.Join(t.TempDir(), "s.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(untrainedModel), 0o600))
	for _, c := range [][]string{
		{"run", spec, "--save="}, {spec, "--save", ""}, {"run", spec, "--weights="}, {"run", spec, "--log="}, {"run", spec, "--tensorboard="}, {"run", spec, "--resume="},
		{"infer", spec, "--weights", ""}, {"infer", spec, "--in", ""}, {"infer", spec, "--out", ""}, {"infer", spec, "--vars", ""}, {"infer", spec, "--allow-read", ""},
		{"generate", spec, "--prompt", "1", "--weights", ""}, {"generate", spec, "--prompt-file", ""},
	} {
		code, out, problems := flowrunWith(t, c...)
		require.Equal(t, exitUsage, code, "%v: %s", c, problems)
		require.Regexp(t, `^flowrun: --[a-z-]+ takes the name of a (file|folder), and the one that was given is empty\n$`, problems, "%v", c)
		require.Empty(t, out)
	}
	code, _, problems := flowrunWith(t, "generate", spec, "--prompt", "1", "--device", "")
	require.Equal(t, exitDone, code, problems)
}

package syntax

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyShellExpansionsAreReported(t *testing.T) {
	for path, want := range map[string]string{
		"~": "~", "~/x": "~", "~ada/x": "~ada", `~\x`: "~", "a/$HOME": "$HOME", "${DATA}/x": "${DATA}", "${A:-b}/x": "${A:-b}", "$(pwd)/x": "$(pwd)", "%TEMP%/x": "%TEMP%",
		"x~": "", "a/~/b": "", "~x.yaml": "", "x$": "", "a$1": "", "100%.yaml": "", "50%_a 60%": "", "x.safetensors": "", "~$lock.yaml": "$lock",
	} {
		help := expandHelp(path)
		if want == "" {
			require.Empty(t, help, path)
			continue
		}
		require.Equal(t, "`"+want+"` isn't expanded; write the path relative to this file", help)
	}
}

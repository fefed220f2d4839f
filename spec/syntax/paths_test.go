package syntax

import (
	"path/filepath"
	"strings"
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

// What it says can be copied to the command line as it stands.
func TestTheFolderToAllowIsThatOfTheFile(t *testing.T) {
	for _, c := range [][3]string{
		{"s.yaml", "/usr/share/datasets/fashion-mnist/train.gz", "/usr/share/datasets/fashion-mnist"},
		{"s.yaml", "/data/*/x.csv", "/data"}, {"s.yaml", "/data/2023/*.csv", "/data/2023"}, {"s.yaml", "/data/**/a[0-9]/x.csv", "/data"},
		{"s.yaml", "../x.csv", ".."}, {"a/b/s.yaml", "../../x.csv", "."}, {"/w/a/s.yaml", "../x/y.csv", "/w/x"},
		{"s.yaml", "/my data/x.csv", `"/my data"`}, {"s.yaml", "/" + strings.Repeat("x", 1000) + "/y", "DIR"},
		{"s.yaml", "/" + strings.Repeat("x", 900) + "/y", "/" + strings.Repeat("x", 900)},
	} {
		want := "move the file, or allow its folder with --allow-read " + c[2]
		require.Equal(t, filepath.FromSlash(want), allowHelp(filepath.FromSlash(c[0]), c[1]))
	}
	for _, name := range []string{"/x.csv", "/*/x.csv"} {
		require.Equal(t, "move the file into the spec's folder", allowHelp("s.yaml", name), name)
	}
}

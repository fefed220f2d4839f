//go:build unix

package runs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPipeInARunIsNoWaitingForEver(t *testing.T) {
	dir := runFolder(t, map[string]string{InfoFile: someInfo, SpecFile: ""})
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, MetricsFile), 0o600))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, SummaryFile)))
	r, err := Look(dir)
	require.NoError(t, err)
	defer r.Close()
	require.Nil(t, r.Series())
	require.Nil(t, r.Last())
	require.Contains(t, strings.Join(r.Problems, "\n"), "summary.json: path escapes from parent")
	require.Contains(t, strings.Join(r.Problems, "\n"), "metrics.jsonl: not a regular file but a pipe")
}

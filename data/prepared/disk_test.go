package prepared

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/files"
)

// Each creation and each write of a disk fails in turn, and then all after it.
func TestWhateverFailsATableIsWhole(t *testing.T) {
	for _, firstTemporary := range []bool{false, true} {
		for after := range 12 {
			folder := t.TempDir()
			m := drawn(twoFields, 2*pieceSize/24, 3)
			c := In(folder)
			left := after
			c.fault = func(op files.Op, name string) error {
				if firstTemporary && (op == files.OpCreate && name == "temporary" || op == files.OpWrite && !strings.HasPrefix(name, folder)) {
					return syscall.EROFS
				}
				if left--; left < 0 {
					return syscall.ENOSPC
				}
				return nil
			}
			var told []string
			made, err := c.Prepare(func(text string) { told = append(told, text) })(t.Context(), "k", twoFields, m.fill)
			require.NoError(t, err)
			requireSame(t, m, made, all(len(m.values)))
			names, err := os.ReadDir(folder)
			require.NoError(t, err)
			if len(told) > 0 {
				require.Len(t, told, 1)
				require.Contains(t, told[0], "prepared again at each start: no space left on device")
				require.Empty(t, names)
			} else {
				require.Len(t, names, 1)
			}
			require.NoError(t, made.Close())
		}
	}
}

func TestMemoryIsBoundedWhereNoDiskTakesATable(t *testing.T) {
	for n, fits := range map[int]bool{2 * blockSize / 24: false, blockSize / 24: true} {
		c := In("")
		c.memory = blockSize + blockSize/2
		c.fault = func(files.Op, string) error { return syscall.EROFS }
		m := drawn(twoFields, n, 1)
		made, err := c.Prepare(nil)(t.Context(), "k", twoFields, m.fill)
		if fits {
			require.NoError(t, err)
			requireSame(t, m, made, all(n))
			require.NoError(t, made.Close())
		} else {
			require.ErrorContains(t, err, "there is no room for the prepared data: read-only file system")
			require.ErrorContains(t, err, "more than 1 MiB would be kept in memory")
			require.ErrorContains(t, err, "free some of the disk, or set FLOWRUN_CACHE to a folder on another one")
		}
	}
}

func TestAFullDiskIsNotedAndTheTableIsWhole(t *testing.T) {
	dir := t.TempDir()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs to mount a small disk: Linux, as root")
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a small disk: %v: %s", err, strings.TrimSpace(string(out)))
	}
	defer func() { require.NoError(t, exec.Command("umount", dir).Run()) }()
	m := drawn(twoFields, 100_000, 1)
	var told []string
	made, err := In(filepath.Join(dir, "data")).Prepare(func(text string) { told = append(told, text) })(t.Context(), "k", twoFields, m.fill)
	require.NoError(t, err)
	requireSame(t, m, made, all(100_000))
	require.NoError(t, made.Close())
	require.Len(t, told, 1)
	names, err := os.ReadDir(filepath.Join(dir, "data"))
	require.NoError(t, err)
	require.Empty(t, names)
}

package files

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhoHoldsAFoldersLockIsKnownWithoutTakingIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("locks of one process don't exclude each other there")
	}
	d := opened(t, nil)
	_, held, err := d.Held()
	require.NoError(t, err)
	require.False(t, held, "there is no lock")
	other, err := OpenFolder(d.Path(), nil)
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, other.Lock())
	pid, held, err := d.Held()
	require.NoError(t, err)
	require.True(t, held)
	require.Equal(t, os.Getpid(), pid)
	require.NoError(t, other.Unlock())
	put(t, d.Path(lockName), "1\n")
	_, held, err = d.Held()
	require.NoError(t, err)
	require.False(t, held, "who had it was killed")
	require.NoError(t, other.Lock(), "asking leaves it free")
}

func TestALookAtALockKeepsNobodyFromTakingIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("locks of one process don't exclude each other there")
	}
	d := opened(t, nil)
	put(t, d.Path(lockName), "1\n") // of one that was killed
	f, err := OpenIn(d.root, lockName)
	require.NoError(t, err)
	require.NoError(t, lockFile(f), "as Held does it")
	taken := make(chan error)
	go func() { taken <- d.Lock() }()
	time.Sleep(glance / 2)
	require.NoError(t, f.Close())
	require.NoError(t, <-taken)
	require.NoError(t, d.Unlock())
}

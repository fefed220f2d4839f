package buildcache

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/cache"
	"github.com/stretchr/testify/require"
)

// ownCache returns a separate cache with a limit.
func ownCache(t *testing.T, limit int64) Cache {
	t.Helper()
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	c := New("driver")
	c.folder.Limit = limit
	return c
}

// contents returns n bytes that depend on i.
func contents(i, n int) []byte { return bytes.Repeat([]byte{byte(i)}, n) }

func key(i int) string { return Key(fmt.Sprint(i)) }

func TestAnEntryIsFoundOnlyByItsKey(t *testing.T) {
	c := ownCache(t, Limit)
	require.Nil(t, c.Load(key(1)))
	c.Store(key(1), contents(1, 100))
	c.Store(key(2), contents(2, 1))
	c.Store(key(3), nil)
	require.Equal(t, contents(1, 100), c.Load(key(1)))
	require.Equal(t, contents(2, 1), New("driver").Load(key(2)), "in another program")
	require.Nil(t, c.Load(key(3)))
	require.Nil(t, New("other").Load(key(1)))
	require.NotEqual(t, Key("a", "bc"), Key("ab", "c"))
	Cache{}.Store(key(1), contents(1, 1))
	require.Nil(t, Cache{}.Load(key(1)))
}

func TestACorruptOrForeignFileIsNotAnEntry(t *testing.T) {
	c := ownCache(t, 1<<20)
	c.Store(key(1), contents(1, 1000))
	path := filepath.Join(c.folder.Path, key(1))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := range len(whole) {
		require.NoError(t, os.WriteFile(path, whole[:cut], 0o600))
		require.Nil(t, c.Load(key(1)), "the first %d bytes", cut)
	}
	for bit := range 8 * len(whole) {
		if bit%7 == 0 {
			flipped := bytes.Clone(whole)
			flipped[bit/8] ^= 1 << (bit % 8)
			require.NoError(t, os.WriteFile(path, flipped, 0o600))
			require.Nil(t, c.Load(key(1)), "bit %d", bit)
		}
	}
	require.NoError(t, os.Truncate(path, 2<<20))
	require.Nil(t, c.Load(key(1)), "larger than all of the cache may be")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o700))
	require.Nil(t, c.Load(key(1)), "a folder")
	c.Store(key(1), contents(1, 10))
	require.Nil(t, c.Load(key(1)), "which can't be replaced")
	left, err := os.ReadDir(c.folder.Path)
	require.NoError(t, err)
	require.Len(t, left, 1, "and nothing unfinished stays")
}

func TestARenamedEntryIsIgnored(t *testing.T) {
	c := ownCache(t, Limit)
	c.Store(key(1), contents(1, 100))
	require.NoError(t, os.Rename(filepath.Join(c.folder.Path, key(1)), filepath.Join(c.folder.Path, key(2))))
	require.Nil(t, c.Load(key(2)))
	c.Store(key(2), contents(2, 100))
	require.Equal(t, contents(2, 100), c.Load(key(2)), "it is replaced")
}

func TestOthersCantWriteToTheCache(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and owners are Unix's")
	}
	t.Setenv("FLOWRUN_CACHE", filepath.Join(t.TempDir(), "new"))
	c := New("driver")
	c.Store(key(1), contents(1, 100))
	for _, folder := range []string{filepath.Dir(c.folder.Path), c.folder.Path} {
		info, err := os.Stat(folder)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), folder)
	}
	path := filepath.Join(c.folder.Path, key(1))
	for _, mode := range []os.FileMode{0o620, 0o602, 0o666, 0o666 | os.ModeSticky} { // writable by others
		require.NoError(t, os.Chmod(path, mode))
		require.Nil(t, c.Load(key(1)), mode)
	}
	require.NoError(t, os.Chmod(path, 0o644))
	require.NotNil(t, c.Load(key(1)), "others may read it")

	require.NoError(t, os.Chmod(c.folder.Path, 0o777))
	require.NotNil(t, c.Load(key(1)), "the user's own folder")
	info, err := os.Stat(c.folder.Path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "is closed to others")

	elsewhere := filepath.Join(t.TempDir(), "entry")
	require.NoError(t, os.Rename(path, elsewhere))
	require.NoError(t, os.Symlink(elsewhere, path))
	require.Nil(t, c.Load(key(1)), "a link")
	require.NoError(t, os.Remove(path))
	moved := c.folder.Path + "-moved"
	require.NoError(t, os.Rename(c.folder.Path, moved))
	require.NoError(t, os.Rename(elsewhere, filepath.Join(moved, key(1))))
	require.NoError(t, os.Symlink(moved, c.folder.Path))
	require.Nil(t, c.Load(key(1)), "a folder behind a link")
	c.Store(key(2), contents(2, 100))
	require.NoFileExists(t, filepath.Join(moved, key(2)))
}

func TestFilesOfOthersAreNeitherReadNorWritten(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() != 0 {
		t.Skip("needs to change the owner of files: Unix, as root")
	}
	c := ownCache(t, Limit)
	c.Store(key(1), contents(1, 100))
	path := filepath.Join(c.folder.Path, key(1))
	require.NoError(t, os.Chown(path, 12345, 0))
	require.Nil(t, c.Load(key(1)))
	c.Store(key(1), contents(1, 100))
	require.NotNil(t, c.Load(key(1)), "it is replaced")
	require.NoError(t, os.Chown(c.folder.Path, 12345, 0))
	require.Nil(t, c.Load(key(1)))
	c.Store(key(2), contents(2, 100))
	require.NoFileExists(t, filepath.Join(c.folder.Path, key(2)))
}

// A pipe with an entry's name must not block.
func TestAPipeIsIgnored(t *testing.T) {
	c := ownCache(t, Limit)
	c.Store(key(1), contents(1, 100))
	path := filepath.Join(c.folder.Path, key(2))
	if exec.Command("mkfifo", path).Run() != nil {
		t.Skip("needs mkfifo")
	}
	require.Nil(t, c.Load(key(2)))
	c.Store(key(2), contents(2, 100))
	require.NotNil(t, c.Load(key(2)))
}

func TestTheLeastRecentlyUsedEntriesAreRemoved(t *testing.T) {
	const size = 1000 + sha256.Size
	c := ownCache(t, 16*size)
	age := func(i, hours int) {
		then := time.Now().Add(-time.Duration(hours) * time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(c.folder.Path, key(i)), then, then))
	}
	for i := range 16 {
		c.Store(key(i), contents(i, 1000))
		age(i, 100-i)
	}
	for _, i := range []int{0, 3} {
		require.NotNil(t, c.Load(key(i)), "nothing is removed that there is room for")
	}
	foreign := filepath.Join(c.folder.Path, "README")
	require.NoError(t, os.WriteFile(foreign, make([]byte, 100*size), 0o600))
	fresh, stale := filepath.Join(c.folder.Path, cache.Unfinished+"1"), filepath.Join(c.folder.Path, cache.Unfinished+"2")
	for _, path := range []string{fresh, stale} {
		require.NoError(t, os.WriteFile(path, make([]byte, 100*size), 0o600))
	}
	old := time.Now().Add(-2 * cache.Abandoned)
	require.NoError(t, os.Chtimes(stale, old, old))

	New := New("driver") // as in a program that has not stored anything yet
	New.folder.Limit = c.folder.Limit
	New.Store(key(16), contents(16, 1000))
	var kept []int
	for i := range 17 {
		if c.Load(key(i)) != nil {
			kept = append(kept, i)
		}
	}
	require.Equal(t, []int{0, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, kept, "three quarters, with those used lately")
	require.FileExists(t, foreign)
	require.FileExists(t, fresh, "another program may be writing it")
	require.NoFileExists(t, stale)
}

func TestAPartNeverGrowsBeyondItsLimit(t *testing.T) {
	const limit = 100_000
	c := ownCache(t, limit)
	for i := range 300 {
		c.Store(key(i), contents(i, 500+i*37%5000))
		require.LessOrEqual(t, c.folder.Total(), int64(limit))
	}
	require.NotNil(t, c.Load(key(299)), "the latest is there")
	c.Store(key(300), contents(0, limit))
	require.Nil(t, c.Load(key(300)), "what is larger than the limit isn't kept")
	require.NotNil(t, c.Load(key(299)), "and removes nothing")
}

// Programs store, load and remove concurrently: loaded entries are complete.
func TestProgramsCanShareAFolder(t *testing.T) {
	first := ownCache(t, 50_000)
	var wg sync.WaitGroup
	wrong := make(chan string, 8)
	for p := range 8 {
		wg.Go(func() {
			c := New("driver")
			c.folder.Limit = first.folder.Limit
			for round := range 100 {
				i := (round*7 + p*3) % 40
				if got := c.Load(key(i)); got == nil {
					c.Store(key(i), contents(i, 1000+i*100))
				} else if !bytes.Equal(got, contents(i, 1000+i*100)) {
					wrong <- fmt.Sprintf("program %d read %d bytes for entry %d", p, len(got), i)
					return
				}
			}
		})
	}
	wg.Wait()
	close(wrong)
	for w := range wrong {
		t.Error(w)
	}
}

func TestAReadOnlyFolderIsStillRead(t *testing.T) {
	c := ownCache(t, Limit)
	c.Store(key(1), contents(1, 100))
	if runtime.GOOS != "windows" && os.Geteuid() != 0 {
		require.NoError(t, os.Chmod(c.folder.Path, 0o500))
		defer os.Chmod(c.folder.Path, 0o700)
		c.Store(key(2), contents(2, 100))
		require.Nil(t, c.Load(key(2)))
		require.NotNil(t, c.Load(key(1)))
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	t.Setenv("FLOWRUN_CACHE", file) // not a folder
	none := New("driver")
	none.Store(key(1), contents(1, 100))
	require.Nil(t, none.Load(key(1)))
}

// A full disk: one of 1 MiB, if the test may mount it.
func TestAFullDiskLeavesNothingHalfWritten(t *testing.T) {
	dir := t.TempDir()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs to mount a small disk: Linux, as root")
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a small disk: %v: %s", err, strings.TrimSpace(string(out)))
	}
	defer func() { require.NoError(t, exec.Command("umount", dir).Run()) }()
	t.Setenv("FLOWRUN_CACHE", dir)
	c := New("driver")
	for i := range 20 {
		c.Store(key(i), contents(i, 100_000))
	}
	kept := 0
	for i := range 20 {
		if got := c.Load(key(i)); got != nil {
			require.Equal(t, contents(i, 100_000), got)
			kept++
		}
	}
	require.Greater(t, kept, 5)
	require.Less(t, kept, 11)
	files, err := os.ReadDir(c.folder.Path)
	require.NoError(t, err)
	require.Len(t, files, kept, "nothing unfinished stays")
}

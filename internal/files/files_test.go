package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// opened opens a new folder.
func opened(t *testing.T, fault Fault) *Folder {
	t.Helper()
	d, err := OpenFolder(t.TempDir(), fault)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func put(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o666))
}

// holds requires that a folder contains exactly these files with these contents.
func holds(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		got[e.Name()] = string(content)
	}
	require.Equal(t, want, got)
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Skip("can't create symbolic links: ", err)
	}
}

var errFault = errors.New("a fault of the test")

// Whichever operation fails, either the complete old file or the complete new one is
// there, no other file, and the failure is reported.
func TestAFailedReplaceLeavesTheOldOrTheNewFile(t *testing.T) {
	for _, exists := range []bool{false, true} {
		var ops []Op
		for at := 0; ; at++ {
			n := 0
			var failed Op
			d := opened(t, func(op Op, _ string) error {
				if at == 0 {
					ops = append(ops, op)
				}
				n++
				if n == at {
					failed = op
					return errFault
				}
				return nil
			})
			want := map[string]string{}
			if exists {
				put(t, d.Path("f"), "old")
				want["f"] = "old"
			}
			err := d.Replace("f", text("new"))
			if at > 0 && failed == "" {
				require.NoError(t, err)
				break
			}
			if at == 0 {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, errFault, failed)
			if failed == OpSyncFolder {
				want["f"] = "new"
			}
			holds(t, d.Path(), want)
		}
		steps := []Op{OpCreate, OpWrite, OpSync, OpClose, OpRename, OpSyncFolder}
		if exists {
			steps = []Op{OpCreate, OpWrite, OpChmod, OpSync, OpClose, OpRename, OpSyncFolder}
		}
		require.Equal(t, steps, ops, "in this order: only synced files are renamed")
	}
}

func TestATemporaryFileThatCannotBeRemovedIsNamed(t *testing.T) {
	d := opened(t, func(op Op, _ string) error {
		if op == OpSync || op == OpRemove {
			return fmt.Errorf("no %s", op)
		}
		return nil
	})
	err := d.Replace("f", text("new"))
	require.ErrorContains(t, err, "no sync (and "+d.Path(temporaryPrefix))
	require.ErrorContains(t, err, "could not be removed: no remove)")
}

func TestAWriterThatFailsLeavesTheOldFile(t *testing.T) {
	d := opened(t, nil)
	put(t, d.Path("f"), "old")
	require.ErrorIs(t, d.Replace("f", func(w io.Writer) error {
		_, err := io.WriteString(w, "half of the n")
		require.NoError(t, err)
		content, _ := os.ReadFile(d.Path("f"))
		require.Equal(t, "old", string(content), "while the new one is written")
		return errFault
	}), errFault)
	holds(t, d.Path(), map[string]string{"f": "old"})
}

func TestALinkInAFolderIsReplacedAndAUsersLinkIsFollowed(t *testing.T) {
	d, elsewhere := opened(t, nil), t.TempDir()
	real := filepath.Join(elsewhere, "real")
	put(t, real, "precious")
	link(t, real, d.Path("l"))
	require.NoError(t, d.Replace("l", text("new")))
	holds(t, elsewhere, map[string]string{"real": "precious"})
	holds(t, d.Path(), map[string]string{"l": "new"})

	link(t, filepath.Join(elsewhere, "later"), d.Path("dangling"))
	link(t, "dangling", d.Path("chain"))
	require.NoError(t, CanReplace(d.Path("chain")))
	holds(t, elsewhere, map[string]string{"real": "precious"})
	require.NoError(t, Replace(d.Path("chain"), nil, text("new")))
	holds(t, elsewhere, map[string]string{"real": "precious", "later": "new"})
	info, err := os.Lstat(d.Path("chain"))
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, info.Mode().Type())
}

// The ".." of a link is the parent of the link's real folder, not of its name.
func TestALinkIsResolvedFromItsRealFolder(t *testing.T) {
	top := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(top, "a", "b"), 0o777))
	link(t, filepath.Join("a", "b"), filepath.Join(top, "short"))
	link(t, filepath.Join("..", "up"), filepath.Join(top, "a", "b", "l"))
	require.NoError(t, Replace(filepath.Join(top, "short", "l"), nil, text("new")))
	holds(t, filepath.Join(top, "a", "b"), map[string]string{"l": "new"})
	content, err := os.ReadFile(filepath.Join(top, "a", "up"))
	require.NoError(t, err)
	require.Equal(t, "new", string(content))

	link(t, "round", filepath.Join(top, "round"))
	_, err = Target(filepath.Join(top, "round"))
	require.ErrorContains(t, err, "links in a chain")
}

func TestOnlyRegularFilesAreReplaced(t *testing.T) {
	d := opened(t, nil)
	require.NoError(t, os.Mkdir(d.Path("sub"), 0o777))
	for _, path := range []string{d.Path("sub"), d.Path("sub") + "/", d.Path("sub") + "/..", os.DevNull} {
		require.ErrorIs(t, CanReplace(path), errNotRegular, path)
		require.ErrorIs(t, Replace(path, nil, text("new")), errNotRegular, path)
	}
	require.ErrorIs(t, d.Replace("sub", text("new")), errNotRegular)
	require.ErrorIs(t, CanReplace(d.Path("none", "f")), fs.ErrNotExist)
}

func TestCanReplaceChangesNothing(t *testing.T) {
	d := opened(t, nil)
	put(t, d.Path("f"), "old")
	require.NoError(t, CanReplace(d.Path("f")))
	require.NoError(t, CanReplace(d.Path("g")))
	holds(t, d.Path(), map[string]string{"f": "old"})
}

func TestAFolderStaysWithinAnother(t *testing.T) {
	base, elsewhere := t.TempDir(), t.TempDir()
	for name, target := range map[string]string{
		"out":         elsewhere,
		"relative":    filepath.Join("..", filepath.Base(elsewhere)),
		"dangling":    filepath.Join(elsewhere, "none"),
		"up":          "..",
		"dangling up": filepath.Join("..", "none"),
	} {
		path := filepath.Join(base, name)
		link(t, target, path)
		for _, create := range []bool{false, true} {
			_, err := FolderWithin(base, path, create, nil)
			require.Error(t, err, name)
			if errors.Is(err, fs.ErrNotExist) {
				require.False(t, create, name)
				continue
			}
		}
		require.NoError(t, os.Remove(path))
	}
	holds(t, elsewhere, map[string]string{})
	require.NoFileExists(t, filepath.Join(filepath.Dir(base), "none"))

	require.NoError(t, os.MkdirAll(filepath.Join(base, "real", "deep"), 0o777))
	link(t, filepath.Join(base, "real"), filepath.Join(base, "inside"))
	d, err := FolderWithin(base, filepath.Join(base, "inside", "deep"), false, nil)
	require.NoError(t, err)
	require.NoError(t, d.Replace("f", text("new")))
	require.NoError(t, d.Close())
	holds(t, filepath.Join(base, "real", "deep"), map[string]string{"f": "new"})

	_, err = FolderWithin(base, filepath.Join(base, "new", "deep"), false, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	d, err = FolderWithin(base, filepath.Join(base, "new", "deep"), true, nil)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.DirExists(t, filepath.Join(base, "new", "deep"))
}

func TestLinksOutAreDetectedEvenIfTheyDangle(t *testing.T) {
	d, elsewhere := opened(t, nil), t.TempDir()
	put(t, d.Path("file"), "x")
	link(t, filepath.Join(elsewhere, "none"), d.Path("dangling"))
	link(t, "file", d.Path("inside"))
	link(t, d.Path("file"), d.Path("absolute"))
	link(t, "none", d.Path("nowhere"))
	for _, name := range []string{"file", "inside", "absolute", "nowhere", "missing"} {
		require.NoError(t, d.CheckLink(d.Path(), name), name)
	}
	var out *Outside
	require.ErrorAs(t, d.CheckLink(d.Path(), "dangling"), &out)
	require.Equal(t, d.Path("dangling"), out.Path)
}

func TestFilesAreOpenedOnlyInAllowedFolders(t *testing.T) {
	base, allowed, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	for _, dir := range []string{base, allowed, elsewhere} {
		put(t, filepath.Join(dir, "f"), dir)
		link(t, filepath.Join(dir, "f"), filepath.Join(base, "to-"+filepath.Base(dir)))
	}
	dirs := []string{base, allowed, filepath.Join(base, "none")}
	for _, dir := range []string{base, allowed} {
		f, err := OpenWithin(dirs, filepath.Join(base, "to-"+filepath.Base(dir)))
		require.NoError(t, err)
		content, err := io.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, dir, string(content))
		require.NoError(t, f.Close())
	}
	var out *Outside
	_, err := OpenWithin(dirs, filepath.Join(base, "to-"+filepath.Base(elsewhere)))
	require.ErrorAs(t, err, &out)
	_, err = OpenWithin(dirs, base)
	require.ErrorContains(t, err, "not a regular file")
	_, err = OpenWithin(dirs, filepath.Join(base, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestALockedFolderCannotBeLockedAgain(t *testing.T) {
	first := opened(t, nil)
	require.NoError(t, first.Lock())
	second, err := OpenFolder(first.Path(), nil)
	require.NoError(t, err)
	defer second.Close()
	var held *Locked
	require.ErrorAs(t, second.Lock(), &held)
	require.Equal(t, os.Getpid(), held.PID)
	require.EqualError(t, held, fmt.Sprintf("%s is in use by another run (process %d)", first.Path(), os.Getpid()))
	require.NoError(t, first.Unlock())
	require.NoError(t, second.Lock())
	require.ErrorAs(t, first.Lock(), &held)
	require.NoError(t, second.Unlock())
	if runtime.GOOS != "windows" {
		holds(t, first.Path(), map[string]string{})
	}
}

// A killed process leaves its lock file behind, unlocked.
func TestAnAbandonedLockFileCanBeLocked(t *testing.T) {
	d := opened(t, nil)
	put(t, d.Path(lockName), "1\n")
	require.NoError(t, d.Lock())
}

// Between opening the lock file and locking it, another process may have removed it:
// the locked file must be the one that others open.
func TestALockOnARemovedFileDoesNotCount(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows doesn't remove open files")
	}
	d := opened(t, nil)
	f, err := os.Create(d.Path(lockName))
	require.NoError(t, err)
	defer f.Close()
	same, err := d.is(f, lockName)
	require.NoError(t, err)
	require.True(t, same)
	require.NoError(t, os.Remove(d.Path(lockName)))
	same, err = d.is(f, lockName)
	require.NoError(t, err)
	require.False(t, same)
	put(t, d.Path(lockName), "")
	same, err = d.is(f, lockName)
	require.NoError(t, err)
	require.False(t, same)
}

func TestALockThatIsALinkIsNotWrittenTo(t *testing.T) {
	d := opened(t, nil)
	put(t, d.Path("f"), "precious")
	link(t, "f", d.Path(lockName))
	require.ErrorContains(t, d.Lock(), "remove it")
	content, err := os.ReadFile(d.Path("f"))
	require.NoError(t, err)
	require.Equal(t, "precious", string(content))
}

func TestSweepRemovesOnlyUnfinishedFiles(t *testing.T) {
	d := opened(t, nil)
	unfinished := temporaryPrefix + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + temporarySuffix
	put(t, d.Path(unfinished), "half")
	keep := map[string]string{"f": "1", ".flowrun-mine.tmp": "2", unfinished + "x": "3", "x" + unfinished: "4"}
	for name, content := range keep {
		put(t, d.Path(name), content)
	}
	require.NoError(t, d.Sweep())
	holds(t, d.Path(), keep)
}

func TestDirListsFoldersAndOpensOnlyFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o777))
	put(t, filepath.Join(dir, "sub", "f"), "content")
	link(t, os.DevNull, filepath.Join(dir, "sub", "device"))
	entries, err := fs.ReadDir(Dir(dir), "sub")
	require.NoError(t, err)
	require.Len(t, entries, 2)
	content, err := fs.ReadFile(Dir(dir), "sub/f")
	require.NoError(t, err)
	require.Equal(t, "content", string(content))
	_, err = Dir(dir).Open("sub")
	require.ErrorContains(t, err, "not a regular file but a folder")
	_, err = Dir(dir).Open("sub/device")
	require.ErrorContains(t, err, "not a regular file but a device")
}

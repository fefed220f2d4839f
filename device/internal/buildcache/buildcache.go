// Package buildcache keeps kernels that drivers have built on disk, so that a
// program builds each of them once.
//
// An entry's key is a hash of all that it was built from, so an entry is never
// out of date. Its file begins with a hash of key and contents; if that is wrong,
// there is no entry. The least recently used are removed when a part exceeds its limit.
//
// What is in the cache is code that will be run. So nobody but the user may write to
// a part's folder or to an entry's file; others' are ignored.
//
// If the cache can't be read or written, kernels are built each time, and nothing
// fails. Any number of programs may use a folder at once, without locks: an entry
// appears whole, by renaming.
package buildcache

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Limit is how large a driver's part may grow, in bytes: some thousand kernels.
const Limit = 256 << 20

// Cache is a driver's part of the cache. The zero Cache keeps nothing.
type Cache struct {
	folder string // "" where there is none
	limit  int64
	room   *atomic.Int64 // bytes that may be stored before the part is looked at again
}

// New gives a driver's part, in the folder FLOWRUN_CACHE or the user's cache folder.
func New(driver string) Cache {
	folder := os.Getenv("FLOWRUN_CACHE")
	if folder == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return Cache{}
		}
		folder = filepath.Join(user, "flowrun")
	}
	return Cache{folder: filepath.Join(folder, driver), limit: Limit, room: new(atomic.Int64)}
}

// format is the version of the files' format, and part of every key.
const format = "2"

// Key hashes what a built kernel depends on.
func Key(parts ...string) string {
	h := sha256.New()
	for _, part := range append([]string{format}, parts...) {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// isKey tells an entry's file from what others have put into the folder.
func isKey(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == sha256.Size
}

// Load gives an entry's contents, or nil.
func (c Cache) Load(key string) []byte {
	if c.folder == "" || !private(c.folder) {
		return nil
	}
	path := filepath.Join(c.folder, key)
	file, info, ok := openOwn(path)
	if !ok {
		return nil
	}
	defer file.Close()
	if info.Size() <= sha256.Size || info.Size() > c.limit {
		return nil
	}
	text := make([]byte, info.Size())
	if _, err := io.ReadFull(file, text); err != nil {
		return nil
	}
	sum := sumOf(key, text[sha256.Size:])
	if !bytes.Equal(sum[:], text[:sha256.Size]) {
		return nil
	}
	c.used(path, info)
	return text[sha256.Size:]
}

// private reports whether a folder is one that others can't put files into. The
// user's own is made so.
func private(folder string) bool {
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() || !own(info) {
		return false
	}
	return info.Mode().Perm()&byOthers == 0 || os.Chmod(folder, 0o700) == nil
}

// openOwn opens a regular file of the user's that others can't write. What was opened
// is checked, not what has the name a moment later.
func openOwn(path string) (*os.File, os.FileInfo, bool) {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil, nil, false
	}
	file, err := os.OpenFile(path, os.O_RDONLY|openOnly, 0)
	if err != nil {
		return nil, nil, false
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || !own(info) || info.Mode().Perm()&byOthers != 0 {
		file.Close()
		return nil, nil, false
	}
	return file, info, true
}

// sumOf is the hash that an entry's file begins with. The key is in it: another
// entry under this name would be another kernel.
func sumOf(key string, contents []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(key+"\n"), contents...))
}

// used notes that an entry was of use. The time of a file's change tells it, as not
// every file system keeps when a file was read; to the hour is good enough.
func (c Cache) used(path string, info os.FileInfo) {
	if now := time.Now(); now.Sub(info.ModTime()) > time.Hour {
		_ = os.Chtimes(path, now, now) // not one's own file: it only looks older than it is
	}
}

// Store writes an entry: to a file of its own that then takes the entry's place,
// so that two programs may write at once and a reader never sees half.
func (c Cache) Store(key string, contents []byte) {
	if c.folder == "" || len(contents) == 0 || int64(len(contents)) > c.limit-sha256.Size ||
		os.MkdirAll(c.folder, 0o700) != nil || !private(c.folder) {
		return
	}
	if c.room.Add(-int64(len(contents))) < 0 {
		c.room.Store(c.prune(int64(len(contents))))
	}
	file, err := os.CreateTemp(c.folder, unfinished)
	if err != nil {
		return
	}
	sum := sumOf(key, contents)
	_, err = file.Write(append(sum[:], contents...))
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(c.folder, key))
	}
	if err != nil {
		os.Remove(file.Name())
	}
}

// unfinished is how the names of files begin that become entries once they are
// whole.
const unfinished = "new-"

// abandoned is after what time an unfinished file has nobody who finishes it.
const abandoned = time.Hour

// file is a file of the cache.
type file struct {
	path  string
	bytes int64
	used  time.Time
}

// prune makes room for so many bytes: where the part would grow beyond its limit,
// what was used least recently is removed until it is at three quarters, and what
// programs that ended early have left is removed in any case. Files that aren't the
// cache's own stay, and aren't counted. It gives how many bytes may be stored until
// it should look again, which is less than there is room for, as other programs
// store too.
func (c Cache) prune(wanted int64) (room int64) {
	entries, total := c.files()
	if total+wanted > c.limit {
		slices.SortFunc(entries, func(a, b file) int {
			return cmp.Or(a.used.Compare(b.used), strings.Compare(a.path, b.path))
		})
		for _, f := range entries {
			if total+wanted <= c.limit/4*3 {
				break
			}
			if err := os.Remove(f.path); err == nil || errors.Is(err, fs.ErrNotExist) { // another program may have been faster
				total -= f.bytes
			}
		}
	}
	return min(c.limit-total-wanted, c.limit/16)
}

// files lists the entries, and removes what is abandoned.
func (c Cache) files() (entries []file, total int64) {
	all, err := os.ReadDir(c.folder)
	if err != nil {
		return nil, 0
	}
	for _, e := range all {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		f := file{filepath.Join(c.folder, e.Name()), info.Size(), info.ModTime()}
		switch {
		case isKey(e.Name()):
			entries = append(entries, f)
			total += f.bytes
		case strings.HasPrefix(e.Name(), unfinished) && time.Since(f.used) > abandoned:
			_ = os.Remove(f.path) // if it can't be, it is no worse than before
		}
	}
	return entries, total
}

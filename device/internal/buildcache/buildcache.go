// Package buildcache keeps kernels that drivers have built on disk, so that each is built
// only once.
//
// An entry's key is a hash of everything it was built from, so an entry never becomes
// stale. Its file begins with a hash of key and contents; if that is wrong, the entry is
// ignored. When a driver's part exceeds its limit, the least recently used entries are
// removed.
//
// The entries are code that will be run. So only the user may be able to write to the
// folder and to an entry's file; others are ignored.
//
// If the cache can't be read or written, kernels are built each time, and nothing fails.
// Any number of programs may share a folder without locks: entries appear atomically, by
// renaming.
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

// Limit is the size limit of a driver's part in bytes: some thousand kernels.
const Limit = 256 << 20

// Cache is a driver's part of the cache. The zero Cache stores nothing.
type Cache struct {
	folder string // "" if there is none
	limit  int64
	room   *atomic.Int64 // bytes that may be stored before the next prune
}

// New returns a driver's part, in the folder FLOWRUN_CACHE or the user's cache folder.
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

// format is the version of the file format, and part of every key.
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

// isKey distinguishes entries from other files in the folder.
func isKey(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == sha256.Size
}

// Load returns an entry's contents, or nil.
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

// private reports whether only the user can put files into a folder. The user's own
// folder is made private.
func private(folder string) bool {
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() || !own(info) {
		return false
	}
	return info.Mode().Perm()&byOthers == 0 || os.Chmod(folder, 0o700) == nil
}

// openOwn opens a regular file of the user's that others can't write. It checks the
// opened file, not the name, which may refer to another file a moment later.
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

// sumOf is the hash at the start of an entry's file. It covers the key, so that a renamed
// entry isn't mistaken for another kernel.
func sumOf(key string, contents []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(key+"\n"), contents...))
}

// used records that an entry was used, in its modification time, since not all file
// systems keep access times. A precision of an hour is enough.
func (c Cache) used(path string, info os.FileInfo) {
	if now := time.Now(); now.Sub(info.ModTime()) > time.Hour {
		_ = os.Chtimes(path, now, now) // on failure the file only looks older than it is
	}
}

// Store writes an entry to a temporary file and renames it, so that concurrent writers
// don't conflict and a reader never sees half an entry.
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

// unfinished is the prefix of temporary files' names.
const unfinished = "new-"

// abandoned is the age after which nobody is still writing a temporary file.
const abandoned = time.Hour

// file is a file in the cache.
type file struct {
	path  string
	bytes int64
	used  time.Time
}

// prune makes space for an entry. If the part would exceed its limit, the least recently
// used entries are removed until it is at three quarters; abandoned temporary files are
// removed in any case. Files that aren't the cache's stay, and don't count. It returns
// how many bytes may be stored until the next prune, which is less than the free space
// since other programs store too.
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
			if err := os.Remove(f.path); err == nil || errors.Is(err, fs.ErrNotExist) { // another program may have removed it
				total -= f.bytes
			}
		}
	}
	return min(c.limit-total-wanted, c.limit/16)
}

// files lists the entries, and removes abandoned files.
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
			_ = os.Remove(f.path) // failure does no harm
		}
	}
	return entries, total
}

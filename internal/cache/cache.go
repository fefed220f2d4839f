// Package cache has folders of files that can be made again: kernels that drivers have
// built, tables made from data. What is in a file, and how a wrong one is recognized, is
// for those who keep files there.
//
// Only the user may be able to write to a folder and to an entry's file; others are
// ignored. Any number of programs may share a folder without locks: entries appear
// atomically, by renaming. When a folder exceeds its limit, the least recently used
// entries are removed.
package cache

import (
	"cmp"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Folder is a folder of entries. An entry's name is a SHA-256 in hexadecimal digits.
type Folder struct {
	Path  string // "": there is none, and nothing is kept
	Limit int64  // bytes of all entries
}

// In is a part of the folder FLOWRUN_CACHE, or of the user's cache folder.
func In(part string, limit int64) Folder {
	folder := os.Getenv("FLOWRUN_CACHE")
	if folder == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return Folder{}
		}
		folder = filepath.Join(user, "flowrun")
	}
	return Folder{Path: filepath.Join(folder, part), Limit: limit}
}

// isEntry distinguishes entries from other files in the folder.
func isEntry(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == 32
}

// Open opens an entry, and records that it is used. It reports false for what the user
// alone couldn't have written.
func (f Folder) Open(name string) (*os.File, fs.FileInfo, bool) {
	if f.Path == "" || !private(f.Path) {
		return nil, nil, false
	}
	path := filepath.Join(f.Path, name)
	file, info, ok := openOwn(path)
	if !ok {
		return nil, nil, false
	}
	used(path, info)
	return file, info, true
}

// Create creates a temporary file, for reading and writing; Publish gives it its name.
// Whoever gives it up removes it.
func (f Folder) Create() (*os.File, error) {
	if f.Path == "" {
		return nil, errors.New("the user has no cache folder; set FLOWRUN_CACHE")
	}
	if err := os.MkdirAll(f.Path, 0o700); err != nil {
		return nil, err
	}
	if !private(f.Path) {
		return nil, &fs.PathError{Op: "open", Path: f.Path, Err: errors.New("not a folder that belongs to the user alone")}
	}
	return os.CreateTemp(f.Path, Unfinished)
}

// Publish makes a temporary file an entry, at once and in place of an older one.
func (f Folder) Publish(temporary, name string) error {
	return os.Rename(temporary, filepath.Join(f.Path, name))
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
func openOwn(path string) (*os.File, fs.FileInfo, bool) {
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

// used records that an entry was used, in its modification time, since not all file
// systems keep access times. A precision of an hour is enough.
func used(path string, info fs.FileInfo) {
	if now := time.Now(); now.Sub(info.ModTime()) > time.Hour {
		_ = os.Chtimes(path, now, now) // on failure the file only looks older than it is
	}
}

// Unfinished is the prefix of temporary files' names.
const Unfinished = "new-"

// Abandoned is the age after which nobody is still writing a temporary file.
const Abandoned = time.Hour

// file is a file in the cache.
type file struct {
	path  string
	bytes int64
	used  time.Time
}

// Prune makes space for an entry. If the folder would exceed its limit, the least recently
// used entries are removed until it is at three quarters; abandoned temporary files are
// removed in any case. Files that aren't the cache's stay, and don't count. It returns
// how many bytes may be stored until the next prune, which is less than the free space
// since other programs store too.
func (f Folder) Prune(wanted int64) (room int64) {
	entries, total := f.files()
	if total+wanted > f.Limit {
		slices.SortFunc(entries, func(a, b file) int {
			return cmp.Or(a.used.Compare(b.used), strings.Compare(a.path, b.path))
		})
		for _, e := range entries {
			if total+wanted <= f.Limit/4*3 {
				break
			}
			if err := os.Remove(e.path); err == nil || errors.Is(err, fs.ErrNotExist) { // another program may have removed it
				total -= e.bytes
			}
		}
	}
	return min(f.Limit-total-wanted, f.Limit/16)
}

// Total is what all entries take, in bytes.
func (f Folder) Total() int64 {
	_, total := f.files()
	return total
}

// files lists the entries, and removes abandoned files.
func (f Folder) files() (entries []file, total int64) {
	all, err := os.ReadDir(f.Path)
	if err != nil {
		return nil, 0
	}
	for _, e := range all {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		at := file{filepath.Join(f.Path, e.Name()), info.Size(), info.ModTime()}
		switch {
		case isEntry(e.Name()):
			entries = append(entries, at)
			total += at.bytes
		case strings.HasPrefix(e.Name(), Unfinished) && time.Since(at.used) > Abandoned:
			_ = os.Remove(at.path) // failure does no harm
		}
	}
	return entries, total
}

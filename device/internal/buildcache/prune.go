package buildcache

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

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
			if os.Remove(f.path) == nil || !exists(f.path) { // another program may have been faster
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

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

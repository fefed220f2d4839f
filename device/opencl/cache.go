package opencl

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// cache keeps built programs on disk, by the hash of all that they were built
// from, so an entry is never out of date. A file is a hash of its contents and
// the contents; one that was torn, or damaged since, is as good as none. The
// cache saves time and nothing else: where it can't be written, programs are
// built each time.
type cache struct{ folder string } // "" where there is none

// newCache keeps the cache in the folder that FLOWRUN_CACHE names, or where the
// system keeps users' caches.
func newCache() cache {
	folder := os.Getenv("FLOWRUN_CACHE")
	if folder == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return cache{}
		}
		folder = filepath.Join(user, "flowrun")
	}
	return cache{filepath.Join(folder, "opencl")}
}

// cacheKey hashes what a built program depends on.
func (d *Device) cacheKey(text, options string) string {
	h := sha256.New()
	for _, part := range []string{"1", text, options, d.info.Description, d.info.vendor, d.info.Version, d.info.Driver, fmt.Sprint(d.maxGroup)} {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// load gives an entry's contents, or nil.
func (c cache) load(key string) []byte {
	if c.folder == "" {
		return nil
	}
	file, err := os.ReadFile(filepath.Join(c.folder, key))
	if err != nil || len(file) <= sha256.Size {
		return nil
	}
	sum := sha256.Sum256(file[sha256.Size:])
	if !bytes.Equal(sum[:], file[:sha256.Size]) {
		return nil
	}
	return file[sha256.Size:]
}

// store writes an entry: to a file of its own that then takes the entry's
// place, so that two programs may write at once and a reader never sees half.
func (c cache) store(key string, contents []byte) {
	if c.folder == "" || len(contents) == 0 || os.MkdirAll(c.folder, 0o755) != nil {
		return
	}
	file, err := os.CreateTemp(c.folder, "new-")
	if err != nil {
		return
	}
	sum := sha256.Sum256(contents)
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

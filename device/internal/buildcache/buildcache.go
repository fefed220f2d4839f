// Package buildcache keeps kernels that drivers have built on disk, so that each is built
// only once.
//
// An entry's key is a hash of everything it was built from, so an entry never becomes
// stale. Its file begins with a hash of key and contents; if that is wrong, the entry is
// ignored. The folder is one of package cache: bounded, shared by programs, and the
// user's alone, since the entries are code that will be run.
//
// If the cache can't be read or written, kernels are built each time, and nothing fails.
package buildcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"sync/atomic"

	"github.com/flowrun/flowrun/internal/cache"
)

// Limit is the size limit of a driver's part in bytes: some thousand kernels.
const Limit = 256 << 20

// Cache is a driver's part of the cache. The zero Cache stores nothing.
type Cache struct {
	folder cache.Folder
	room   *atomic.Int64 // bytes that may be stored before the next prune
}

// New returns a driver's part.
func New(driver string) Cache {
	return Cache{folder: cache.In(driver, Limit), room: new(atomic.Int64)}
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

// Load returns an entry's contents, or nil.
func (c Cache) Load(key string) []byte {
	file, info, ok := c.folder.Open(key)
	if !ok {
		return nil
	}
	defer file.Close()
	if info.Size() <= sha256.Size || info.Size() > c.folder.Limit {
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
	return text[sha256.Size:]
}

// sumOf is the hash at the start of an entry's file. It covers the key, so that a renamed
// entry isn't mistaken for another kernel.
func sumOf(key string, contents []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(key+"\n"), contents...))
}

// Store writes an entry to a temporary file and renames it, so that concurrent writers
// don't conflict and a reader never sees half an entry.
func (c Cache) Store(key string, contents []byte) {
	if len(contents) == 0 || int64(len(contents)) > c.folder.Limit-sha256.Size {
		return
	}
	file, err := c.folder.Create()
	if err != nil {
		return
	}
	if c.room.Add(-int64(len(contents))) < 0 {
		c.room.Store(c.folder.Prune(int64(len(contents))))
	}
	sum := sumOf(key, contents)
	_, err = file.Write(append(sum[:], contents...))
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = c.folder.Publish(file.Name(), key)
	}
	if err != nil {
		os.Remove(file.Name())
	}
}
